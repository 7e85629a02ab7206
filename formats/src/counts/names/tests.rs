//! Names in every form.

use super::*;
use crate::testing::{archive, npy, with_file};

fn read(text: impl AsRef<[u8]>) -> Result<Vec<String>> {
    with_file("names", text, |file| read_names(&file.into()))
}

#[test]
fn a_number_beside_a_name_is_its_class_whatever_stands_between() {
    for line in [
        "N=S",
        "N = S",
        "S=N",
        "S = N",
        "N -> S",
        "S -> N",
        "N) S",
        "N. S",
        "N.S",
        "[N] S",
        "N - S",
        "class N: S",
        "class_N S",
        "#N S",
        "S (N)",
        "S: N",
        "S   N",
        "S N",
        "N   S",
        "N: 'S'",
        "N: S,",
        "- N: S",
        "'N': S",
        "\"N\": 'S'",
        "N|S",
        "\"N\",\"S\"",
        "\"S\",\"N\"",
        "N,S",
        "S,N",
    ] {
        let lines = |first: usize| {
            let line =
                |(name, number): (&str, usize)| line.replace('S', name).replace('N', &(number + first).to_string());
            [("cat", 2), ("ant", 0), ("bee", 1)].map(line).join("\n")
        };
        for text in [lines(0), lines(1)] {
            let found = read(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(found, ["ant", "bee", "cat"], "{text}");
        }
    }
}

#[test]
fn names_stand_in_tables_and_lists_of_other_programs() {
    for text in [
        "class_id,class_name,count\n2,cat,5\n0,ant,500\n1,bee,7\n",
        "class_name,class_id,count\ncat,2,5\nant,0,500\nbee,1,7\n",
        "2,cat,5\n0,ant,500\n1,bee,7\n",
        ",id,name\n0,2,cat\n1,0,ant\n2,1,bee\n",
        ",name\n0,ant\n1,bee\n2,cat\n",
        "wnid,idx,name\nn3,2,cat\nn1,0,ant\nn2,1,bee\n",
        "   id  name\n0   2   cat\n1   0   ant\n2   1   bee\n",
        "2    cat\n0    ant\n1    bee\ndtype: object\n",
        "|id|name|\n|---|---|\n|2|cat|\n|0|ant|\n|1|bee|\n",
        "\"id\";\"name\"\n\"2\";\"cat\"\n\"0\";\"ant\"\n\"1\";\"bee\"\n",
        "- ant\n- bee\n- cat\n",
        "'ant',\n'bee',\n'cat',\n",
        "'ant',\n'bee',\n'cat'\n",
        "class\nant\nbee\ncat\n",
        "# three\nant\nbee\ncat\n",
        "ant, bee, cat\n",
        "ant bee cat\n",
        "nc: 3\nnames:\n  2: cat\n  0: ant  # an insect\n  1: bee\ntrain: a\n",
        "names:\n- ant\n- bee\n- cat\nnc: 3\n",
        "nc: 3\nnames: ['ant', 'bee', 'cat']\ntrain: a\n",
        "names: [ant, bee, cat]\n",
        "classes:\n  cat: 2\n  ant: 0\n  bee: 1\n",
        "CLASSES = ('ant', 'bee', 'cat')\n",
        "('ant', 'bee', 'cat')",
        "['ant' 'bee'\n 'cat']",
        "array(['ant', 'bee',\n       'cat'], dtype='<U3')",
        "[np.str_('ant'), np.str_('bee'), np.str_('cat')]",
        "Index(['ant', 'bee',\n       'cat'],\n      dtype='str')",
        "ClassLabel(names=['ant', 'bee', 'cat'], id=None)",
        "OrderedDict([('cat', 2), ('ant', 0), ('bee', 1)])",
        "[(0, 'ant'), (1, 'bee'), (2, 'cat')]",
        "[\"ant\", 'bee', \"cat\"]",
        "{\"id2label\": {\"2\": \"cat\", \"0\": \"ant\", \"1\": \"bee\"}, \"label2id\": {\"ant\": 0}, \"hidden\": 3}",
        "{\"cat\": \"2\", \"ant\": \"0\", \"bee\": \"1\"}",
        "{\"2\": {\"name\": \"cat\"}, \"0\": {\"name\": \"ant\"}, \"1\": {\"name\": \"bee\"}}",
        "{\"cat\": {\"id\": 2, \"count\": 5}, \"ant\": {\"id\": 0, \"count\": 5}, \"bee\": {\"id\": 1, \"count\": 5}}",
        "{\"categories\": [{\"id\": 3, \"name\": \"cat\"}, {\"id\": 1, \"name\": \"ant\"}, {\"id\": 2, \"name\": \"bee\"}]}",
        "{\"id\":2,\"name\":\"cat\"}\n{\"id\":0,\"name\":\"ant\"}\n{\"id\":1,\"name\":\"bee\"}\n",
        "[[2, \"cat\"], [0, \"ant\"], [1, \"bee\"]]",
        "{\"id\":{\"0\":2,\"1\":0,\"2\":1},\"name\":{\"0\":\"cat\",\"1\":\"ant\",\"2\":\"bee\"}}",
        "{\"columns\":[\"id\",\"name\"],\"index\":[0,1,2],\"data\":[[2,\"cat\"],[0,\"ant\"],[1,\"bee\"]]}",
    ] {
        let found = read(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(found, ["ant", "bee", "cat"], "{text}");
    }
}

#[test]
fn numbers_within_names_stay_there() {
    for text in [
        "707-320\n727-200\n737-200\n",
        "Class 1 lever\nClass 2 lever\nClass 3 lever\n",
        "class 2\nclass 0\nclass 1\n",
        "type 1\ntype 2\ntype 4\n",
        "3.5 mm\n4.5 mm\n7.5 mm\n",
        "Pullover, red\nT-shirt/top\nDress (long)\n",
        "it's\n'twas\nno\n",
    ] {
        assert_eq!(read(text).unwrap(), text.lines().collect::<Vec<_>>(), "{text}");
    }
    for (text, problem) in [
        ("0,2,cat\n1,0,ant\n2,1,bee\n", "two columns are the numbers of all classes"),
        ("id,name\n0,ant\n0,bee\n", "class 0 is there twice"),
        ("cat=3\nant=0\nbee=1\n", "class 2 is missing before 3"),
        ("[3, 4]", "a list of numbers"),
    ] {
        let error = read(text).unwrap_err().to_string();
        assert!(error.contains(problem), "{text}: {error}");
    }
}

#[test]
fn names_are_read_where_numpy_and_pickle_put_them() {
    let texts: Vec<u8> = "antbee".chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
    assert_eq!(read(npy("<U3", "(2,)", &texts)).unwrap(), ["ant", "bee"]);
    assert!(read(npy("|u1", "(2,)", &[0, 1])).unwrap_err().to_string().contains("a list of numbers"));
    // ['b', 'a'] and {'b': 0, 'a': 1}
    assert_eq!(read(b"\x80\x02](X\x01\0\0\0bX\x01\0\0\0ae.").unwrap(), ["b", "a"]);
    assert_eq!(read(b"\x80\x02}(X\x01\0\0\0bK\x00X\x01\0\0\0aK\x01u.").unwrap(), ["b", "a"]);
}

#[test]
fn names_stand_in_the_one_array_of_texts_of_an_archive() {
    let texts = |names: [&str; 2]| {
        let characters = names.iter().flat_map(|name| name.chars()).flat_map(|c| u32::from(c).to_le_bytes());
        npy("<U3", "(2,)", &characters.collect::<Vec<u8>>())
    };
    let counts = npy("<i8", "(2,)", &[0; 16]);
    let (first, second) = (texts(["ant", "bee"]), texts(["cat", "dog"]));
    for members in [&[("names.npy", &first[..])][..], &[("counts.npy", &counts[..]), ("names.npy", &first)]] {
        assert_eq!(read(archive(members, true)).unwrap(), ["ant", "bee"]);
    }
    for members in [&[("a.npy", &first[..]), ("b.npy", &second)][..], &[("counts.npy", &counts)]] {
        let error = read(archive(members, true)).unwrap_err().to_string();
        assert!(error.contains("neither a list nor an object"), "{error}");
    }
    // `torch.save(["ant", "bee"], FILE)`.
    let pickle = b"\x80\x02](X\x03\0\0\0antX\x03\0\0\0beee.";
    let saved = archive(&[("names/data.pkl", pickle), ("names/version", b"3\n")], false);
    assert_eq!(read(saved).unwrap(), ["ant", "bee"]);
}

#[test]
fn names_are_read_as_fastai_and_hugging_face_keep_them() {
    use super::read_names;
    let read = |text: &str| crate::testing::with_file("names", text, |file| read_names(&file.into()));
    assert_eq!(read("(#3) ['ant','bee','cat']").unwrap(), ["ant", "bee", "cat"]);
    let both =
        |second: &str| format!(r#"{{"id2label": {{"0": "ant", "1": "bee"}}, "label2id": {{{second}}}, "x": 3}}"#);
    assert_eq!(read(&both(r#""ant": 0, "bee": 1"#)).unwrap(), ["ant", "bee"]);
    let error = read(&both(r#""ant": 1, "bee": 0"#)).unwrap_err().to_string();
    assert!(error.contains("class 0 is \"ant\" in id2label and \"bee\" in label2id"), "{error}");
    assert_eq!(
        read(r#"{"fine_label_names": ["ant", "bee"], "coarse_label_names": ["insect"]}"#).unwrap(),
        ["ant", "bee"]
    );
}

/// {b'label_names': [b'ant']}
#[test]
fn names_in_bytes_are_refused_with_the_line_that_writes_them() {
    let pickle = b"\x80\x03}C\x0blabel_names]C\x03antas.";
    let error =
        crate::testing::with_file("meta", pickle, |file| super::read_names(&file.into())).unwrap_err().to_string();
    assert!(error.contains("d[b'label_names']"), "{error}");
}

#[test]
fn names_are_found_in_descriptions_of_data() {
    let hugging_face = r#"{"description": "x", "features": {"image": {"_type": "Image"},
        "label": {"names": ["ant", "bee", "cat"], "_type": "ClassLabel"}}, "splits": {"train": {"num_examples": 5}}}"#;
    let card = "dataset_info:\n  features:\n  - name: image\n    dtype: image\n  - name: label\n    dtype:\n      \
                class_label:\n        names:\n          '0': ant\n          '1': bee\n          '2': cat\n  splits:\n  - x\n";
    let map = "item {\n  id: 1\n  name: 'ant'\n}\nitem {\n  name: \"cat\"\n  id: 3\n}\n\nitem { id: 2, display_name: 'bee' }\n";
    let openmmlab = r#"{"metainfo": {"classes": ["ant", "bee", "cat"]}, "data_list": []}"#;
    for text in [hugging_face, card, map, openmmlab] {
        assert_eq!(read(text).unwrap_or_else(|error| panic!("{text}: {error}")), ["ant", "bee", "cat"], "{text}");
    }
    let both = hugging_face
        .replace("\"image\": {", "\"fine\": {\"names\": [\"a\", \"b\"], \"_type\": \"ClassLabel\"}, \"image\": {");
    let two_blocks = format!("{card}{card}");
    for (text, problem) in [
        (both.as_str(), "neither \"description\""),
        (&two_blocks, "class"),
        ("item {\n  id: 1\n}\n", "without an id or a name"),
        ("item {\n  id: 1\n name: 'dog\\'s'\n}\n", "a backslash"),
        ("item {\n  id: 1\n name: 'a'\n}\nitem {\n  id: 1\n name: 'b'\n}\n", "there twice"),
        ("<View>\n<Choice value=\"cat\"/>\n</View>\n", "is no name of a class"),
        ("enum Class {\nant,\nbee\n}\n", "\"}\" is no name of a class"),
    ] {
        match read(text) {
            Err(error) => assert!(error.to_string().contains(problem), "{text}: {error}"),
            // Lines of text, whose number will not be that of the classes.
            Ok(names) => assert!(problem == "class" && names.len() > 20, "{text}: {names:?}"),
        }
    }
}

/// Each key a blank deeper than the one above: looked at line by line below each, the test would
/// not end.
#[test]
fn nested_keys_cost_no_more_than_others() {
    let text: String = (0..3000).map(|depth| format!("{}names:\n", " ".repeat(depth))).collect();
    assert_eq!(read(&text).unwrap().len(), 2998);
}

#[test]
fn numbers_that_tell_the_classes_apart_are_part_of_their_names() {
    let stars = ["1 star", "2 stars", "3 stars", "4 stars", "5 stars"];
    assert_eq!(read(stars.join("\n")).unwrap(), stars);
    assert_eq!(read("0 fingers\n1 finger\n2 fingers\n").unwrap(), ["0 fingers", "1 finger", "2 fingers"]);
    assert_eq!(read("0 crane\n1 dog\n2 crane\n3 cat\n").unwrap(), ["crane", "dog", "crane", "cat"]);
}
