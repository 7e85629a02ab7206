//! Programs written by hand: what each instruction does, and what is refused.

use std::path::Path;

use super::*;
use crate::budget::Budget;
use crate::weights::WeightsError;
use crate::{ElementType, InputError};

fn walk_as(program: &[u8], ids: PersistentIds) -> Result<Pickle, InputError> {
    load(Path::new("w.pt"), "data.pkl", program, 0, ids, &mut Budget::of(program.len()))
}

fn walk(program: &[u8]) -> Result<Pickle, InputError> {
    walk_as(program, PersistentIds::Zip)
}

/// The value as Python's `repr` would show it, for values without tensors.
fn shown(pickle: &Pickle, value: Value) -> String {
    let heap = &pickle.heap;
    let list = |items: &[Value]| items.iter().map(|&item| shown(pickle, item)).collect::<Vec<_>>().join(", ");
    match value {
        Value::Text(text) => format!("{:?}", heap.spelled(text)),
        Value::Integer(integer) => integer.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::Float(number) => format!("{number:?}"),
        Value::List(_) => format!("[{}]", list(heap.items(value).unwrap())),
        Value::Tuple(_) => format!("({})", list(heap.items(value).unwrap())),
        Value::Dictionary(_) => {
            let entries = heap.entries(value).unwrap().iter();
            let mut entries: Vec<String> =
                entries.map(|(&key, &value)| format!("{}: {}", heap.key(key), shown(pickle, value))).collect();
            entries.sort();
            format!("{{{}}}", entries.join(", "))
        }
        other => match other.passed_over() {
            Some(name) => format!("<{name}>"),
            None => format!("{other:?}"),
        },
    }
}

fn result(program: &[u8]) -> String {
    let pickle = walk(program).unwrap_or_else(|error| panic!("{}: {error}", program.escape_ascii()));
    assert_eq!(pickle.end, program.len());
    shown(&pickle, pickle.value)
}

fn assert_results(cases: &[(&[u8], &str)]) {
    for (program, expected) in cases {
        assert_eq!(result(program), *expected, "{}", program.escape_ascii());
    }
}

/// The right sides are what `pickle.loads(program, encoding="utf-8")` gives in CPython 3.11.
#[test]
fn instructions_do_what_python_does() {
    let cases: [(&[u8], &str); 38] = [
        (b"N.", "None"),
        (b"\x88.", "true"),
        (b"I01\n.", "true"),
        (b"I00\n.", "false"),
        (b"I-12\n.", "-12"),
        (b"I1\n.", "1"),
        (b"L5L\n.", "5"),
        (b"L-5\n.", "-5"),
        (b"K\xff.", "255"),
        (b"M\xff\xff.", "65535"),
        (b"J\xff\xff\xff\xff.", "-1"),
        (b"\x8a\x00.", "0"),
        (b"\x8a\x01\xff.", "-1"),
        (b"\x8a\x02\xff\x00.", "255"),
        (b"\x8b\x02\x00\x00\x00\x00\x80.", "-32768"),
        (b"\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x80\x00.", "<an integer of more than 64 bits>"),
        (b"\x8a\x11\x05\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00.", "5"),
        (
            b"\x8a\x11\x05\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01.",
            "<an integer of more than 64 bits>",
        ),
        (b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", "Magic"),
        (b"L119547037146038801333356L\n.", "Magic"),
        (b"F1.5\n.", "1.5"),
        (b"G\x3f\xf8\x00\x00\x00\x00\x00\x00.", "1.5"),
        (b"S'text'\n.", "\"text\""),
        (b"U\x02\xc3\xa9.", "\"\u{e9}\""),
        (b"V\xe9\\u00e9\\x\\\\u0041\n.", "\"\u{e9}\u{e9}\\\\x\\\\\\\\u0041\""),
        (b"V\\U0001f600\n.", "\"\u{1f600}\""),
        (b"\x8c\x01a.", "\"a\""),
        (b"C\x01a.", "<bytes>"),
        (b"(K\x01K\x02l.", "[1, 2]"),
        (b"](K\x01K\x02eK\x03a.", "[1, 2, 3]"),
        (b"(VaK\x01Va\nK\x02d.", "{aK\x01Va: 2}"),
        (b"}(X\x01\x00\x00\x00aK\x01X\x01\x00\x00\x00aK\x02u.", "{a: 2}"),
        (b"}(K\x01K\x05\x88K\x06G\x3f\xf0\x00\x00\x00\x00\x00\x00K\x07u.", "{1: 7}"),
        (b"K\x01K\x02\x86K\x03\x85\x86.", "((1, 2), (3))"),
        (b"K\x01(K\x02K\x031.", "1"),
        (b"K\x01K\x020.", "1"),
        (b"\x8f(K\x01\x90.", "<builtins.set>"),
        (b"ccollections\nOrderedDict\n](](X\x01\x00\x00\x00aK\x01ee\x85R.", "{a: 1}"),
    ];
    assert_results(&cases);
}

/// W1: Python shares what the memo holds.
#[test]
fn what_the_memo_holds_is_shared() {
    let cases: [(&[u8], &str); 7] = [
        // Changed between PUT and GET, after GET, through DUP.
        (b"}q\x00X\x01\x00\x00\x00aK\x01sh\x00\x86.", "({a: 1}, {a: 1})"),
        (b"}q\x00h\x00X\x01\x00\x00\x00aK\x01s\x86.", "({a: 1}, {a: 1})"),
        (b"]2K\x01a\x86.", "([1], [1])"),
        (b"]q\x00h\x00K\x01a0.", "[1]"),
        (b"]\x94K\x01ah\x00\x86.", "([1], [1])"),
        // `dict(d)` and `list(l)` are copies.
        (b"}q\x00cbuiltins\ndict\nh\x00\x85RX\x01\x00\x00\x00aK\x01s\x86.", "({}, {a: 1})"),
        (b"]q\x00cbuiltins\nlist\nh\x00\x85RK\x01a\x86.", "([], [1])"),
    ];
    assert_results(&cases);
}

#[test]
fn inert_values_are_passed_over_by_name() {
    let cases: [(&[u8], &str); 6] = [
        (b"cargparse\nNamespace\n)R}X\x02\x00\x00\x00lrK\x01sb.", "<argparse.Namespace>"),
        (b"cargparse\nNamespace\n)\x81}b.", "<argparse.Namespace>"),
        (b"cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(Vf8\nI00\nI01\ntRC\x08\x00\x00\x00\x00\x00\x00\x00\x00tR.", "<numpy.core.multiarray.scalar>"),
        (b"cfunctools\npartial\ncbuiltins\nint\n\x85R(N)NNtb.", "<functools.partial>"),
        (b"ctorch\nSize\n((K\x01K\x02ttR.", "<torch.Size>"),
        (b"ccollections\ndefaultdict\ncbuiltins\nlist\n\x85RX\x01\x00\x00\x00aK\x01s.", "{a: 1}"),
    ];
    assert_results(&cases);
}

#[test]
fn names_by_every_road_are_refused_by_name() {
    let cases: [(&[u8], &str, usize); 10] = [
        (b"cposix\nsystem\n(Vx\ntR.", "\"posix.system\"", 0),
        (b"\x80\x02cos\nsystem\nq\x00X\x01\x00\x00\x00x\x85R.", "\"os.system\"", 2),
        (b"\x80\x04\x8c\x05posix\x8c\x06system\x93)R.", "\"posix.system\"", 17),
        (b"\x80\x04X\x05\x00\x00\x00posixU\x06system\x93)R.", "\"posix.system\"", 20),
        (b"Vposix\nVsystem\n\x93)R.", "\"posix.system\"", 15),
        (b"V\\u0070osix\nVsystem\n\x93)R.", "\"posix.system\"", 20),
        (b"(Vx\niposix\nsystem\n.", "\"posix.system\"", 4),
        (b"(cposix\nsystem\nVx\no.", "\"posix.system\"", 1),
        // Refused although the pickle is cut off, or garbage follows.
        (b"cposix\nsystem\n", "\"posix.system\"", 0),
        (b"c__builtin__\neval\n\xff\xff", "\"__builtin__.eval\"", 0),
    ];
    for (program, name, byte) in cases {
        match walk(program) {
            Err(InputError::Weights(WeightsError::RefusedGlobal { globals, place, .. })) => {
                assert_eq!(globals, name);
                assert_eq!(place, format!("data.pkl, byte {byte}"));
            }
            other => panic!("{}: {other:?}", program.escape_ascii()),
        }
    }
}

#[test]
fn several_refused_names_are_listed_once_each() {
    let error = walk(b"(cos\nsystem\ncos\nsystem\nccollections\nOrderedDict\nc__main__\nNet\nt.").unwrap_err();
    assert!(
        matches!(&error, InputError::Weights(WeightsError::RefusedGlobal { globals, .. }) if globals == r#""os.system", "__main__.Net""#)
    );
}

#[test]
fn what_cannot_be_told_is_refused() {
    let cases: [(&[u8], &str); 17] = [
        (b"\x80\x04\x8c\x05torch)\x93.", "STACK_GLOBAL"),
        (b"\x80\x02\x82\x01.", "name number 1"),
        (b"(ctorch\nSize\no.", "OBJ"),
        (b"(itorch\nSize\n.", "INST"),
        (b"\x80\x05\x97.", "buffer"),
        (b"\x80\x02ccollections\nOrderedDict\n)R)R.", "REDUCE"),
        (b"\x80\x02}\x88\x88.", "left on the stack"),
        (b"\x80\x02ccollections\nOrderedDict\n)R}X\x01\x00\x00\x00aK\x01sb.", "BUILD"),
        (b"ccollections\nOrderedDict\n)R}K\x05K\x01sb.", "BUILD"),
        (b"ctorch\nFloatStorage\n)R.", "class of a storage"),
        (b"cargparse\nNamespace\n)R)R.", "REDUCE"),
        (b"K\x01K\x02a.", "no list"),
        (b"]K\x01K\x02s.", "no dictionary"),
        // numpy.str_("a") equals "a".
        (b"}cnumpy.core.multiarray\nscalar\n)RK\x01s.", "key"),
        (b"S'a\\x62'\n.", "STRING"),
        (b"S'a\n.", "STRING"),
        (b"ctorch._utils\n_rebuild_parameter\n(K\x01\x88NtR.", "no tensor"),
    ];
    for (program, problem) in cases {
        let error = match walk(program) {
            Err(error) => error,
            Ok(_) => panic!("{} was read", program.escape_ascii()),
        };
        let refused = matches!(
            error,
            InputError::Weights(WeightsError::RefusedPickle { .. })
                | InputError::Weights(WeightsError::RefusedGlobal { .. })
        );
        assert!(refused, "{}: {error}", program.escape_ascii());
        let by_extension =
            matches!(error, InputError::Weights(WeightsError::RefusedGlobal { .. })) && program[2] == 0x82;
        assert!(error.to_string().contains(problem) || by_extension, "{}: {error}", program.escape_ascii());
        assert!(error.to_string().contains("data.pkl, byte "), "{error}");
    }
}

#[test]
fn damage_is_told_with_its_byte() {
    let cases: [(&[u8], &str); 16] = [
        (b"", "byte 0"),
        (b"\x80\x02", "byte 2"),
        (b"\x80\x06N.", "byte 0"),
        (b"N\xff.", "byte 1"),
        (b".", "byte 0"),
        (b"h\x07.", "byte 0"),
        (b"gx\n.", "byte 0"),
        (b"I0x10\n.", "byte 0"),
        (b"I010\n.", "byte 0"),
        (b"I1_0\n.", "byte 0"),
        (b"V\\ud800\n.", "byte 0"),
        (b"(K\x01K\x02K\x03u.", "byte 7"),
        (b"u.", "byte 0"),
        (b"X\xff\xff\xff\xff", "byte 0"),
        (b"X\x01\x00\x00\x00\xff.", "byte 0"),
        (b"N(\x85.", "byte 2"),
    ];
    for (program, place) in cases {
        let error = walk(program).unwrap_err();
        let damage = matches!(error, InputError::Damaged { .. } | InputError::Truncated { .. });
        assert!(damage, "{}: {error}", program.escape_ascii());
        assert!(error.to_string().contains(&format!("data.pkl, {place}:")), "{}: {error}", program.escape_ascii());
    }
}

fn reference(class: &str, key: &str, elements: &str, more: &str) -> String {
    format!("(Vstorage\nctorch\n{class}\nV{key}\nVcpu\nI{elements}\n{more}tQ")
}

#[test]
fn storages_are_collected_and_their_references_checked() {
    let float = |key: &str, elements: &str| reference("FloatStorage", key, elements, "");
    let program = format!("({}{}t.", float("0", "5"), reference("UntypedStorage", "1", "7", ""));
    let pickle = walk(program.as_bytes()).unwrap();
    let stored: Vec<(Option<ElementType>, u64)> =
        pickle.heap.storages.iter().map(|storage| (storage.element, storage.elements)).collect();
    assert_eq!(stored, [(Some(ElementType::F32), 5), (None, 7)]);

    let pairs = [
        format!("{}.", float("0", "-5")),
        format!("({}{}t.", float("0", "5"), float("0", "6")),
        // W11: of equal size, and of another type.
        format!("({}{}t.", reference("HalfStorage", "0", "5", ""), reference("BFloat16Storage", "0", "5", "")),
        format!("{}.", reference("FloatStorage", "0", "5", "N")),
        format!("{}.", reference("Size", "0", "5", "")),
        "Vtext\nQ.".to_owned(),
        "Ptext\n.".to_owned(),
    ];
    for program in pairs {
        assert!(walk(program.as_bytes()).is_err(), "{program}");
    }
    // W4: the sixth field of a legacy file.
    let legacy = |more: &str| {
        walk_as(format!("{}.", reference("FloatStorage", "0", "5", more)).as_bytes(), PersistentIds::Legacy)
    };
    legacy("N").unwrap();
    assert!(legacy("(V1\nI0\nI5\nt").is_err());
    assert!(walk_as(format!("{}.", float("0", "5")).as_bytes(), PersistentIds::None).is_err());
}

fn view(arguments: &str) -> Result<Pickle, InputError> {
    let storage = reference("FloatStorage", "0", "6", "");
    walk(format!("ctorch._utils\n_rebuild_tensor_v2\n({storage}{arguments}tR.").as_bytes())
}

#[test]
fn tensors_are_views_of_their_storages_and_nothing_more() {
    let pickle = view("I1\n(I2\nI2\nt(I2\nI1\ntI01\n}").unwrap();
    assert_eq!(
        pickle.heap.tensors,
        [View { storage: 0, element: ElementType::F32, offset: 1, shape: vec![2, 2], strides: vec![2, 1] }]
    );
    view("I0\n(I6\nt(I1\ntI00\nN}").unwrap();
    let cases = [
        ("I0\n(I7\nt(I1\ntI00\nN", "beyond storage"),
        ("I5\n(I2\nt(I1\ntI00\nN", "beyond storage"),
        ("I0\n(I2\nt(I-1\ntI00\nN", "non-negative"),
        ("I0\n(I-2\nt(I1\ntI00\nN", "non-negative"),
        ("I-1\n(I2\nt(I1\ntI00\nN", "does not write"),
        ("I0\n(I2\nt(I1\nI1\ntI00\nN", "strides"),
        ("I0\n(I2\nt(I1\ntI00\n(Vhook\nNd", "hooks"),
        // W2: a negated or conjugated view.
        ("I0\n(I2\nt(I1\ntI00\nN(Vneg\nI01\nd", "\"neg\""),
        ("I0\n(I2\nt(I1\ntI00\nN(Vconj\nI00\nd", "\"conj\""),
        ("I0\n(I2\nt(I1\ntI00\nNNN", "does not write"),
        ("I0\n(I2\nt(I1\nt", "does not write"),
        ("I0\nF2\n(I1\ntI00\nN", "does not write"),
        ("I0\n(I4611686018427387904\nI4611686018427387904\nt(I4\nI4\ntI00\nN", "beyond storage"),
    ];
    for (arguments, problem) in cases {
        let error = view(arguments).unwrap_err().to_string();
        assert!(error.contains(problem), "{arguments:?}: {error}");
    }
    // D1: a rank beyond any use.
    let axes = "I1\n".repeat(65);
    let error = view(&format!("I0\n({axes}t({axes}tI00\nN")).unwrap_err().to_string();
    assert!(error.contains("65 axes"), "{error}");
}

#[test]
fn steps_and_memory_are_bounded_by_the_file() {
    let bombs: [Vec<u8>; 4] = [
        b"(".repeat(4_000_000),
        b"]".repeat(4_000_000),
        b"N0".repeat(4_000_000),
        // One long tuple, copied into a list again and again.
        [&b"("[..], &b"N".repeat(10_000), b"tq\x000", &b"cbuiltins\nlist\nh\x00\x85R".repeat(2_000)].concat(),
    ];
    for bomb in bombs {
        let error = load(Path::new("w"), "p", &bomb, 0, PersistentIds::Zip, &mut Budget::of(5000)).unwrap_err();
        assert!(matches!(error, InputError::Budget { .. }), "{error}");
    }
}

#[test]
fn deep_nesting_and_cycles_take_no_stack() {
    let mut program = b"]".to_vec();
    program.extend(b"\x85".repeat(500_000));
    program.push(b'.');
    walk_with_room(&program);
    walk_with_room(b"]q\x00h\x00a.");
    walk_with_room(b"}q\x00X\x01\x00\x00\x00ah\x00s.");
}

fn walk_with_room(program: &[u8]) {
    load(Path::new("w"), "p", program, 0, PersistentIds::Zip, &mut Budget::of(1 << 24)).unwrap();
}

/// `{"probs": pandas.DataFrame()}`, `pandas.DataFrame()` and `{"probs": numpy.ma.MaskedArray()}`.
#[test]
fn the_line_that_converts_tables_and_masked_arrays_fits_what_holds_them() {
    let line = |program: &[u8]| {
        load(Path::new("w.pkl"), "data.pkl", program, 0, PersistentIds::None, &mut Budget::of(program.len()))
            .unwrap_err()
            .to_string()
    };
    let in_dictionary = line(b"\x80\x02}X\x05\0\0\0probscpandas\nDataFrame\n)\x81s.");
    assert!(in_dictionary.contains("pickle.dump(f(pickle.load(open('w.pkl', 'rb')))"), "{in_dictionary}");
    assert!(line(b"\x80\x02cpandas\nDataFrame\n)\x81.").contains("pandas.read_pickle('w.pkl').to_csv"));
    let masked = line(b"\x80\x02}X\x05\0\0\0probscnumpy.ma\nMaskedArray\n)\x81s.");
    assert!(masked.contains("numpy.ma.filled(o.astype(float), numpy.nan)"), "{masked}");
}
