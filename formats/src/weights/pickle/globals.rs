//! Objects that a name in a pickle stands for: the few that tensors and plain containers need, and
//! the inert ones beside them.
//!
//! None of them is ever called here. Those of the first table have a meaning of their own in this
//! reader; those of [`INERT`] are values that people keep beside the weights and that are passed
//! over unbuilt. Everything else is refused.

use std::sync::LazyLock;

use crate::ElementType;

/// A name on the allow-list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::weights) enum Global {
    /// A class of dictionaries: `dict`, `OrderedDict`, `Counter`.
    Dictionary,
    /// `collections.defaultdict`, whose first argument is a factory.
    DefaultDictionary,
    /// `list`.
    List,
    /// `tuple`.
    Tuple,
    /// `torch._utils._rebuild_tensor`: storage, offset, shape, strides.
    RebuildTensor,
    /// `_rebuild_tensor_v2`: and whether it needs gradients, hooks, metadata.
    RebuildTensorV2,
    /// `_rebuild_tensor_v3`: as before with an element type in front of the metadata, on a storage
    /// of bytes.
    RebuildTensorV3,
    /// `_rebuild_parameter`: tensor, whether it needs gradients, hooks.
    RebuildParameter,
    /// `_rebuild_parameter_with_state`: and attributes.
    RebuildParameterWithState,
    /// A class of typed storages.
    Storage(ElementType),
    /// The class of storages of bytes.
    UntypedStorage,
    /// A `torch.dtype`.
    ElementType(ElementType),
    /// Passed over: an index into [`INERT`].
    Inert(u8),
    /// On no list; kept so that the walk can go on and find the others.
    Refused,
}

const MEANT: &[(&str, Global)] = &[
    ("collections.OrderedDict", Global::Dictionary),
    ("collections.Counter", Global::Dictionary),
    ("builtins.dict", Global::Dictionary),
    ("__builtin__.dict", Global::Dictionary),
    ("collections.defaultdict", Global::DefaultDictionary),
    ("builtins.list", Global::List),
    ("__builtin__.list", Global::List),
    ("builtins.tuple", Global::Tuple),
    ("__builtin__.tuple", Global::Tuple),
    ("torch._utils._rebuild_tensor", Global::RebuildTensor),
    ("torch._utils._rebuild_tensor_v2", Global::RebuildTensorV2),
    ("torch._utils._rebuild_tensor_v3", Global::RebuildTensorV3),
    ("torch._utils._rebuild_parameter", Global::RebuildParameter),
    ("torch._utils._rebuild_parameter_with_state", Global::RebuildParameterWithState),
    ("torch.UntypedStorage", Global::UntypedStorage),
    ("torch.storage.UntypedStorage", Global::UntypedStorage),
];

/// Types of elements by the names that torch has for them, with their typed storages (module
/// `torch`, in old files also `torch.cuda`); the wide unsigned ones have none.
const ELEMENTS: &[(&str, &str, ElementType)] = &[
    ("float16", "HalfStorage", ElementType::F16),
    ("bfloat16", "BFloat16Storage", ElementType::BF16),
    ("float32", "FloatStorage", ElementType::F32),
    ("float64", "DoubleStorage", ElementType::F64),
    ("int8", "CharStorage", ElementType::I8),
    ("int16", "ShortStorage", ElementType::I16),
    ("int32", "IntStorage", ElementType::I32),
    ("int64", "LongStorage", ElementType::I64),
    ("uint8", "ByteStorage", ElementType::U8),
    ("uint16", "", ElementType::U16),
    ("uint32", "", ElementType::U32),
    ("uint64", "", ElementType::U64),
    ("bool", "BoolStorage", ElementType::Bool),
];

/// Values beside the weights: constructing one in Python touches nothing but its arguments, and
/// here none is built. From `typing` on settings and callbacks of training programs.
const BESIDE: &str = "
    __builtin__.set __builtin__.frozenset builtins.int builtins.float builtins.bool builtins.str builtins.bytes
    builtins.complex builtins.range builtins.slice builtins.object __builtin__.int __builtin__.long
    __builtin__.float __builtin__.bool __builtin__.str __builtin__.unicode __builtin__.complex
    __builtin__.object _codecs.encode copyreg._reconstructor copy_reg._reconstructor argparse.Namespace
    types.SimpleNamespace collections.deque functools.partial datetime.datetime datetime.date datetime.time
    datetime.timedelta datetime.timezone decimal.Decimal fractions.Fraction uuid.UUID pathlib.Path
    pathlib.PosixPath pathlib.WindowsPath pathlib.PurePosixPath pathlib.PureWindowsPath pathlib._local.PosixPath
    pathlib._local.WindowsPath pathlib._local.PurePosixPath pathlib._local.PureWindowsPath numpy.dtype
    numpy.ndarray numpy.bool_ numpy.int32 numpy.int64 numpy.float16 numpy.float32 numpy.float64 numpy.str_
    numpy.core.multiarray.scalar numpy.core.multiarray._reconstruct numpy._core.multiarray.scalar
    numpy._core.multiarray._reconstruct numpy.core.numeric._frombuffer numpy._core.numeric._frombuffer
    torch.Size torch.device torch.serialization._get_layout torch.storage.TypedStorage
    torch.torch_version.TorchVersion
    typing.Any easydict.EasyDict yacs.config.CfgNode fvcore.common.config.CfgNode addict.addict.Dict munch.Munch
    omegaconf.dictconfig.DictConfig omegaconf.listconfig.ListConfig omegaconf.base.ContainerMetadata
    omegaconf.base.Metadata omegaconf.nodes.AnyNode lightning.fabric.utilities.data.AttributeDict
    lightning.pytorch.utilities.parsing.AttributeDict lightning_fabric.utilities.data.AttributeDict
    pytorch_lightning.utilities.parsing.AttributeDict
    pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint
    pytorch_lightning.callbacks.early_stopping.EarlyStopping
";

/// The names of values that are passed over.
pub(super) static INERT: LazyLock<Vec<&str>> = LazyLock::new(|| {
    // They have their own instructions or are named by this reader.
    let own = ["bytes", "builtins.set", "builtins.frozenset", "an integer of more than 64 bits"];
    own.into_iter().chain(BESIDE.split_ascii_whitespace()).collect()
});

/// No name on a list is longer.
const LONGEST_NAME: usize = 64;

impl Global {
    /// A value of bytes.
    pub(super) const BYTES: u8 = 0;
    /// A set.
    pub(super) const SET: u8 = 1;
    /// A frozen set.
    pub(super) const FROZEN_SET: u8 = 2;
    /// An integer of more than 64 bits.
    pub(super) const LONG: u8 = 3;

    /// Whether an inert name makes an object without calling its class.
    pub(super) fn is_reconstructor(name: u8) -> bool {
        INERT.get(usize::from(name)).is_some_and(|name| name.ends_with("._reconstructor"))
    }

    /// What `module.name` stands for.
    pub(super) fn of(module: &str, name: &str) -> Self {
        if module.len().saturating_add(name.len()) > LONGEST_NAME {
            return Self::Refused;
        }
        let global = format!("{module}.{name}");
        if let Some((_, meaning)) = MEANT.iter().find(|(known, _)| *known == global) {
            return *meaning;
        }
        let known = |(kind, class, element): &(&str, &str, ElementType)| match module {
            "torch" if *kind == name => Some(Self::ElementType(*element)),
            "torch" | "torch.cuda" if *class == name && !name.is_empty() => Some(Self::Storage(*element)),
            _ => None,
        };
        if let Some(known) = ELEMENTS.iter().find_map(known) {
            return known;
        }
        // The table has fewer than 256 entries; a name without a dot is none that a pickle can spell.
        let inert = INERT.iter().position(|known| *known == global && known.contains('.'));
        inert.map_or(Self::Refused, |index| Self::Inert(index as u8))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_named_indices_are_those_of_the_table() {
        assert_eq!(INERT[usize::from(Global::BYTES)], "bytes");
        assert_eq!(INERT[usize::from(Global::SET)], "builtins.set");
        assert_eq!(INERT[usize::from(Global::FROZEN_SET)], "builtins.frozenset");
        assert!(INERT[usize::from(Global::LONG)].contains("64 bits"));
        assert!(INERT.len() < 256);
        assert!(INERT.iter().chain(MEANT.iter().map(|(name, _)| name)).all(|name| name.len() <= LONGEST_NAME));
    }

    #[test]
    fn names_near_allowed_ones_are_refused() {
        for (module, name) in [
            ("torch", "FloatStorage "),
            ("torch\r", "FloatStorage"),
            ("torch.cuda.cuda", "FloatStorage"),
            ("torch.storage", "_load_from_bytes"),
            ("torch", "FloatStorage.from_file"),
            ("torch", "load"),
            ("torch.hub", "load"),
            ("builtins", "getattr"),
            ("builtins", "bytearray"),
            ("builtins", "eval"),
            ("", "FloatStorage"),
            ("", "bytes"),
            ("torch", ""),
            ("torch.cuda", ""),
            ("torch.cuda", "float32"),
            ("", ""),
            ("torch", "ComplexFloatStorage"),
            ("torch", "QInt8Storage"),
            ("torch._utils", "_rebuild_sparse_tensor"),
            ("torch._utils", "_rebuild_qtensor"),
            ("torch._tensor", "_rebuild_from_type_v2"),
        ] {
            assert_eq!(Global::of(module, name), Global::Refused, "{module}.{name}");
        }
        assert_eq!(Global::of("torch", "FloatStorage"), Global::Storage(ElementType::F32));
        assert_eq!(Global::of("torch.cuda", "HalfStorage"), Global::Storage(ElementType::F16));
        assert_eq!(Global::of("torch", "int64"), Global::ElementType(ElementType::I64));
        // As Python's import does: "torch" has the attribute "cuda.HalfStorage" by STACK_GLOBAL's dots, an odd
        // spelling.
        assert_eq!(Global::of("torch", "cuda.HalfStorage"), Global::Refused);
        assert!(matches!(Global::of("argparse", "Namespace"), Global::Inert(_)));
    }
}
