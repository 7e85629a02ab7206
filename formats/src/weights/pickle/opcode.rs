//! The instructions of a pickle by the names that CPython gives them (Lib/pickletools.py, protocols
//! 0 to 5).

macro_rules! opcodes {
    ($($name:ident = $byte:literal,)+) => {
        /// One instruction.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Opcode {
            $($name,)+
        }

        impl Opcode {
            /// The instruction of a byte, if there is one.
            pub(super) fn of(byte: u8) -> Option<Self> {
                match byte {
                    $($byte => Some(Self::$name),)+
                    _ => None,
                }
            }

            #[cfg(test)]
            pub(super) const ALL: &'static [Self] = &[$(Self::$name,)+];
        }
    };
}

opcodes! {
    Proto = 0x80, Frame = 0x95, Stop = b'.',
    // Names.
    Global = b'c', StackGlobal = 0x93, Ext1 = 0x82, Ext2 = 0x83, Ext4 = 0x84,
    // Calls.
    Inst = b'i', Obj = b'o', Reduce = b'R', NewObj = 0x81, NewObjEx = 0x92, Build = b'b',
    // References to what lies outside the pickle.
    PersId = b'P', BinPersId = b'Q', NextBuffer = 0x97, ReadonlyBuffer = 0x98,
    // Plain values.
    None = b'N', NewTrue = 0x88, NewFalse = 0x89, Int = b'I', BinInt = b'J', BinInt1 = b'K', BinInt2 = b'M',
    Long = b'L', Long1 = 0x8a, Long4 = 0x8b, Float = b'F', BinFloat = b'G', String = b'S', BinString = b'T',
    ShortBinString = b'U', Unicode = b'V', ShortBinUnicode = 0x8c, BinUnicode = b'X', BinUnicode8 = 0x8d,
    BinBytes = b'B', ShortBinBytes = b'C', BinBytes8 = 0x8e, ByteArray8 = 0x96,
    // Containers.
    Mark = b'(', EmptyTuple = b')', Tuple = b't', Tuple1 = 0x85, Tuple2 = 0x86, Tuple3 = 0x87, EmptyList = b']',
    List = b'l', Append = b'a', Appends = b'e', EmptyDict = b'}', Dict = b'd', SetItem = b's', SetItems = b'u',
    EmptySet = 0x8f, AddItems = 0x90, FrozenSet = 0x91,
    // Stack and memo.
    Pop = b'0', PopMark = b'1', Dup = b'2', Get = b'g', BinGet = b'h', LongBinGet = b'j', Put = b'p', BinPut = b'q',
    LongBinPut = b'r', Memoize = 0x94,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `len(pickletools.opcodes)` is 68.
    #[test]
    fn every_instruction_of_cpython_has_one_byte() {
        assert_eq!(Opcode::ALL.len(), 68);
        let known: Vec<Opcode> = (0..=u8::MAX).filter_map(Opcode::of).collect();
        assert_eq!(known.len(), 68);
        assert!(Opcode::ALL.iter().all(|opcode| known.contains(opcode)));
    }
}
