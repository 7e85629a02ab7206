//! Counts and names in every form, and what is refused.

use super::*;
use crate::class_name::ClassNameError;
use crate::testing::{self, is, npy};

fn with_file<T>(text: impl AsRef<[u8]>, read: impl FnOnce(&Path) -> T) -> T {
    testing::with_file("classes", text, read)
}

fn counts_in(text: impl AsRef<[u8]>) -> Result<Vec<u64>> {
    with_file(text, |file| read_named_counts(&file.into(), 3, None))
}

#[test]
fn every_format_gives_the_same_counts() {
    for text in [
        "500\n0\n5\n",
        "500\r\n0\r\n5\r\n\r\n",
        "500,0,5",
        " 500 , 0 , 5 \n",
        "count\n500\n0\n5\n",
        "count\n500,0,5\n",
        "class,count\n2,5\n0,500\n1,0\n",
        "class,freq,count\n2,0.01,5\n0,0.99,500\n1,0,0\n",
        "class,count,freq\n2,5,1%\n0,500,99%\n1,0,0%\n",
        "[500, 0, 5]",
        " [500,\n 0, 5]\n",
        "\u{feff}500\n0\n5",
        "500 0 5\n",
        "500\t0\t5\n",
        "5.000000000000000000e+02\n0.0\n5e0\n",
        "[500.0, 0, 5]",
        "[500 0\n 5]\n",
        "[500.   0.   5.]",
        "tensor([500, 0, 5])",
        "array([500, 0, 5], dtype=int64)",
        "{\"2\": 5, \"0\": 500, \"1\": 0}",
        "{\"counts\": [500, 0, 5]}",
        "{0: 500, 2: 5, 1: 0}",
        "Counter({0: 500, 2: 5, 1: 0})\n",
        "defaultdict(<class 'int'>, {0: 500, 2: 5, 1: 0})",
        "label,count\n0,500\n2,5\n1,0\n",
        ",count\n0,500\n2,5\n1,0\n",
        "\"class\",\"count\"\n\"2\",\"5\"\n\"0\",\"500\"\n\"1\",\"0\"\n",
        "n_images;class_id\n500;0\n5;2\n0;1\n",
        ",label,count\n0,0,500\n1,2,5\n2,1,0\n",
        "2 5\n0 500\n1 0\n",
        "class,name,count\n2,cat,5\n0,ant,500\n1,bee,0\n",
        "id,name,train,test\n2,cat,5,9\n0,ant,500,9\n1,bee,0,9\n",
        "class,count\n2,5\n0,500\n1,0\ntotal,505\n",
        "class,count\n2,5\n0,500\n1,0\nGrand Total,505\n",
        "class,count\n2,5\n0,500\n1,0\nGesamt,505\n",
        "[{\"class\": 2, \"count\": 5}, {\"class\": 0, \"count\": 500}, {\"class\": 1, \"count\": 0}]",
        "label\n0    500\n2      5\n1      0\nName: count, dtype: int64\n",
        "2: 5\n0: 500\n1: 0\n",
        "Class 2: 5 images\nClass 0: 500 images\nClass 1: 0 images\n",
        "{\"class 2\": 5, \"class 0\": 500, \"class 1\": 0}",
        "[[2, 5], [0, 500], [1, 0]]",
        "[[2, 0, 1], [5, 500, 0]]",
        "[(0, 500), (2, 5), (1, 0)]\n",
        "OrderedDict([(0, 500), (2, 5), (1, 0)])",
        "Counter({np.int64(0): np.int64(500), np.int64(2): np.int64(5), np.int64(1): np.int64(0)})",
        "[(np.int64(5), 2), (np.int64(500), 0), (np.int64(0), 1)]",
        "{0: tensor(500), 2: tensor(5), 1: tensor(0)}",
        "(array([0, 1, 2]), array([500, 0, 5]))",
        "(array([1, 0, 2]), array([  0, 500,   5]))",
    ] {
        assert_eq!(counts_in(text).unwrap(), [500, 0, 5], "{text:?}");
    }
}

#[test]
fn bad_counts_are_refused_with_their_place() {
    let cases: [(&[u8], &str, &str); 29] = [
        (b"500\n5\n1\n506\n", "the last count: 506, the sum", "Count"),
        (b"count\n500\n5\n1\n", "whether they are in the order", "CountOrder"),
        (b"class,count\n0,5\n1,6\n2,1\ntotal,13\n", "class \"total\"", "CountClass"),
        (b"500\n-3\n5\n", "line 2: \"-3\"", "Count"),
        (b"500\n3.5\n5\n", "line 2: \"3.5\"", "Count"),
        (b"500\n\n5\n", "2 training counts", "ClassCountMismatch, found: 2"),
        (b"500\n+5\n5\n", "line 2: \"+5\"", "Count"),
        (b"500,x,5\n", "line 1, column 2: \"x\"", "Count"),
        (b"count\n500\nx\n5\n", "line 3: \"x\"", "Count"),
        (b"500,1\n5,3\n", "line 1: \"500,1\"", "SeveralCounts"),
        (b"500 480\n5 6\n", "one count a line", "SeveralCounts"),
        (b"500;480;5;6\n", "line 1: \"500;480;5;6\"", "SeveralCounts"),
        (b"500\t480\n", "500,480,5", "SeveralCounts"),
        // Either column holds every class once.
        (b"0,1\n1,0\n2,2\n", "line 1: \"0,1\"", "SeveralCounts"),
        (b"{\"0\": 5, \"1\": 6.5, \"2\": 1}", "entry \"1\"", "Count"),
        (b"99999999999999999999\n1\n1\n", "line 1", "Count"),
        (b"500\n5\n", "2 training counts", "ClassCountMismatch, found: 2"),
        (b"[500, 5]", "2 training counts", "ClassCountMismatch, found: 2"),
        (b"[500, 5, -1]", "entry 2", "Count"),
        (b"[500, 5, \"6\"]", "\"6\"", "Count"),
        (b"[500, 5,", "line 1, column 8", "Json"),
        (b"[500,\n5 6 x]", "entry 3: \"x\"", "Count"),
        (b"0\n0\n0\n", "sum to 0", "CountSum"),
        (b"18446744073709551615\n1\n1\n", "more than 64 bits", "CountSum"),
        (b"class,count\n0,5\n0,6\n2,1\n", "line 3: class \"0\" is there twice", "CountClass"),
        (b"class,count\n0,5\n3,6\n", "line 3: class \"3\" is not", "CountClass"),
        (b"class,count\n0,5\n2,6\n", "class 1 is missing", "CountClass"),
        (b"class,count\n0,5,6\n", "line 2: 3 fields", "CsvRowLength"),
        (b"500\n\xff\n5\n", "byte 4", "NotText, byte: 4"),
    ];
    for (text, place, variant) in cases {
        let error = counts_in(text).unwrap_err();
        assert!(is(&error, variant), "{}: {error:?}", String::from_utf8_lossy(text));
        assert!(error.to_string().contains(place), "{}: {error}", String::from_utf8_lossy(text));
        assert!(error.to_string().contains("classes: "), "the file is named: {error}");
    }
}

#[test]
fn names_are_one_a_line() {
    let names =
        with_file("  T-shirt/top \nTrouser\nPullover, red\n\n", |file| read_class_names(&file.into(), 3)).unwrap();
    assert_eq!(names, ["T-shirt/top", "Trouser", "Pullover, red"]);
    let error = with_file("a\n\nc\n", |file| read_class_names(&file.into(), 3)).unwrap_err();
    assert!(matches!(error, InputError::ClassName { line: 2, problem: ClassNameError::Empty, .. }), "{error}");
    for text in [" ", "\n\n"] {
        let error = with_file(text, |file| read_names(&file.into())).unwrap_err();
        assert!(matches!(error, InputError::ClassName { line: 1, problem: ClassNameError::Empty, .. }), "{error}");
    }
    let error = with_file("a\nb\u{202e}c\n", |file| read_class_names(&file.into(), 2)).unwrap_err();
    assert!(matches!(error, InputError::ClassName { line: 2, .. }), "{error}");
    assert!(error.to_string().contains("U+202E"), "{error}");
    let long = with_file(format!("{}\nb\n", "x".repeat(201)), |file| read_class_names(&file.into(), 2)).unwrap_err();
    assert!(matches!(long, InputError::ClassName { line: 1, .. }), "{long}");
    assert!(long.to_string().contains("201 characters"), "{long}");
    let error = with_file("a\nb\n", |file| read_class_names(&file.into(), 3)).unwrap_err();
    assert!(matches!(error, InputError::ClassCountMismatch { found: 2, expected: 3, .. }), "{error}");
    let error = with_file(b"a\n\xe9\n", |file| read_class_names(&file.into(), 2)).unwrap_err();
    assert!(matches!(error, InputError::NotText { byte: 2, .. }), "{error}");
}

#[test]
fn counts_stand_by_names_where_they_are_known() {
    let names = ["ant", "bee", "cat"].map(str::to_owned);
    for text in [
        "{\"cat\": 5, \"ant\": 500, \"bee\": 0}",
        "class,count\ncat,5\nant,500\nbee,0\n",
        "cat,5\nant,500\nbee,0\n",
        "cat 5\nant 500\nbee 0\n",
        "cat: 5\nant: 500\nbee: 0\n",
        "cat: 5 samples\nant: 500 samples\nbee: 0 samples\n",
        "500\tant\n0\tbee\n5\tcat\n",
        "[[\"cat\", 5], [\"ant\", 500], [\"bee\", 0]]",
        "[('cat', 5), ('ant', 500), ('bee', 0)]",
        "Counter({'ant': 500, 'cat': 5, 'bee': 0})",
    ] {
        let counts = with_file(text, |file| read_named_counts(&file.into(), 3, Some(&names))).unwrap();
        assert_eq!(counts, [500, 0, 5], "{text}");
        let error = counts_in(text).unwrap_err().to_string();
        assert!(error.contains("`class-names`"), "{error}");
    }
}

#[test]
fn pairs_that_could_be_read_both_ways_are_refused() {
    for text in ["[[0, 1], [1, 2], [2, 0]]", "[(0, 1), (1, 2), (2, 0)]", "0,1\n1,2\n2,0\n"] {
        assert!(counts_in(text).is_err(), "{text}");
    }
}

#[test]
fn a_class_is_told_by_its_name_before_the_number_in_it() {
    let names = ["class 2", "class 0", "class 1"].map(str::to_owned);
    let counts = |text: &str| with_file(text, |file| read_named_counts(&file.into(), 3, Some(&names)));
    assert_eq!(counts("class 2: 5\nclass 0: 500\nclass 1: 7\n").unwrap(), [5, 500, 7]);
    assert!(counts("Class 2: 5\nClass 0: 500\nClass 1: 7\n").is_err());
}

#[test]
fn names_with_brackets_are_no_numbers_and_open_brackets_are_not_sought_again() {
    let names = ["conv(2)", "np(1)", "a, b"].map(str::to_owned);
    let text = "{'conv(2)': 7, 'np(1)': 8, 'a, b': 9}";
    let counts = with_file(text, |file| read_named_counts(&file.into(), 3, Some(&names))).unwrap();
    assert_eq!(counts, [7, 8, 9]);
    // With a search to the end from each bracket this takes minutes.
    assert!(counts_in(format!("[{}]", "np.a(".repeat(1 << 20))).is_err());
}

#[test]
fn a_list_of_the_images_is_counted() {
    let list = "train/a 1.jpg 2\ntrain/b.JPEG 0\ntrain/c.png 2\n";
    assert_eq!(counts_in(list).unwrap(), [1, 0, 2]);
    for list in [
        "filename,label\na.jpg,2\nb.jpg,0\nc.png,2\n",
        ",file,label\n0,a.jpg,2\n1,b.jpg,0\n2,c.png,2\n",
        "label,file\n2,a.jpg\n0,b.jpg\n2,c.png\n",
    ] {
        assert_eq!(counts_in(list).unwrap(), [1, 0, 2], "{list}");
    }
    let error = counts_in("a.jpg 0\nb.jpg 3\n").unwrap_err().to_string();
    assert!(error.contains("line 2: class \"3\""), "{error}");
}

#[test]
fn arrays_of_numpy_are_counts() {
    let bytes: Vec<u8> = [500_u16, 0, 5].into_iter().flat_map(u16::to_le_bytes).collect();
    assert_eq!(counts_in(npy("<u2", "(3,)", &bytes)).unwrap(), [500, 0, 5]);
    let bytes: Vec<u8> = [500.0_f32, 0.5, 5.0].into_iter().flat_map(f32::to_le_bytes).collect();
    let error = counts_in(npy("<f4", "(3,)", &bytes)).unwrap_err().to_string();
    assert!(error.contains("entry 1: \"0.5\" is not a count"), "{error}");
}

#[test]
fn names_have_numbers_or_an_order() {
    for text in [
        "ant\nbee\ncat\n",
        "[\"ant\", \"bee\", \"cat\"]",
        "{\"cat\": 2, \"ant\": 0, \"bee\": 1}",
        "{\"2\": \"cat\", \"0\": \"ant\", \"1\": \"bee\"}",
        "{\"class_to_idx\": {\"cat\": 2, \"ant\": 0, \"bee\": 1}}",
        "{\"0\": [\"n1\", \"ant\"], \"1\": [\"n2\", \"bee\"], \"2\": [\"n3\", \"cat\"]}",
        "0 ant\n1 bee\n2 cat\n",
        "2,cat\n1,bee\n0,ant",
        "idx,name\n2,cat\n1,bee\n0,ant",
        "name,idx\ncat,2\nbee,1\nant,0\n",
        "1 ant\n2 bee\n3 cat\n",
        "\"ant\"\n\"bee\"\n\"cat\"\n",
        "['ant', 'bee', 'cat']",
        "{'cat': 2, 'ant': 0, 'bee': 1}",
        "{2: 'cat', 0: 'ant', 1: 'bee'}",
    ] {
        let names = with_file(text, |file| read_class_names(&file.into(), 3)).unwrap();
        assert_eq!(names, ["ant", "bee", "cat"], "{text}");
    }
    for (text, problem) in [
        ("{\"cat\": 2, \"ant\": 0}", "are not 0 to 1"),
        ("{\"cat\": \"x\"}", "neither"),
        ("[\"cat\", 3]", "entry 1"),
        ("[\"\"]", "empty"),
        ("0 ant\n2 cat\n", "class 1 is missing before 2"),
    ] {
        let error = with_file(text, |file| read_class_names(&file.into(), 2)).unwrap_err().to_string();
        assert!(error.contains(problem), "{text}: {error}");
    }
}

#[test]
fn counts_of_another_split_are_refused_by_their_name() {
    for text in [
        "class,test_count\n0,500\n1,0\n2,5\n",
        "class,val\n0,500\n1,0\n2,5\n",
        "class,val,test\n0,500,3\n1,0,3\n2,5,3\n",
        "numTest,label\n500,0\n0,1\n5,2\n",
        "label,support\n0,500\n1,0\n2,5\n",
        "holdout\n500\n0\n5\n",
        "# class,valid_images\n0,500\n1,0\n2,5\n",
        "   test_count\n0    500\n1      0\n2      5\n",
        " class | eval\n-------+------\n     0 |  500\n     1 |    0\n     2 |    5\n(3 rows)\n",
        "{\"test_counts\": [500, 0, 5]}",
        "{\"val\": {\"0\": 500, \"1\": 0, \"2\": 5}}",
        "{\"counts\": {\"dev\": [500, 0, 5]}}",
        "{\"val\": [500, 0, 5], \"test\": [5, 5, 5]}",
        "{\"class\": [0, 1, 2], \"test\": [500, 0, 5]}",
        "[{\"class\": 0, \"test\": 500}, {\"class\": 1, \"test\": 0}, {\"class\": 2, \"test\": 5}]",
        "test/a.jpg 0\ntest/b.jpg 0\nval_256/c.jpg 2\n",
    ] {
        let error = counts_in(text).unwrap_err().to_string();
        let says =
            if text.contains("support") { "the samples that were tested" } else { "another split than the training" };
        assert!(error.contains(says), "{text}: {error}");
    }
    for text in [
        "class,test,train\n0,9,500\n1,9,0\n2,9,5\n",
        "class,count,n_train\n0,509,500\n1,9,0\n2,14,5\n",
        "{\"train\": {\"0\": 500, \"1\": 0, \"2\": 5}, \"val\": {\"0\": 9, \"1\": 9}}",
        "{\"dataset\": \"A\", \"test\": [9, 9, 9], \"train_counts\": [500, 0, 5]}",
        "{\"0\": {\"train\": 500, \"test\": 9}, \"1\": {\"train\": 0, \"test\": 9}, \"2\": {\"train\": 5, \"test\": 9}}",
    ] {
        assert_eq!(counts_in(text).unwrap(), [500, 0, 5], "{text}");
    }
}

#[test]
fn the_place_of_a_line_is_no_class() {
    for name in ["rank", "Rank", "order", "position", "#"] {
        let error = counts_in(format!("{name},count\n0,500\n1,7\n2,5\n")).unwrap_err().to_string();
        assert!(error.contains("is the place of a line"), "{name}: {error}");
    }
    let counts = counts_in("rank,class,count\n0,2,5\n1,0,500\n2,1,0\n").unwrap();
    assert_eq!(counts, [500, 0, 5]);
}

#[test]
fn an_index_is_no_class_beside_a_column_that_may_be_one() {
    let names = ["ant", "bee", "cat"].map(str::to_owned);
    let read = |text: &str| with_file(text, |file| read_named_counts(&file.into(), 3, Some(&names)));
    assert_eq!(read(",species,count\n0,cat,500\n1,ant,7\n2,bee,5\n").unwrap(), [7, 5, 500]);
    assert_eq!(counts_in(",species,count\n0,2,500\n1,0,7\n2,1,5\n").unwrap(), [7, 5, 500]);
    assert_eq!(counts_in(",count,weight\n0,500,0.1\n1,7,2.5\n2,5,3.5\n").unwrap(), [500, 7, 5]);
    // As older pandas writes value_counts().
    assert_eq!(counts_in(",label\n2,500\n0,7\n1,5\n").unwrap(), [7, 5, 500]);
    assert_eq!(counts_in("index,label\n2,500\n0,7\n1,5\n").unwrap(), [7, 5, 500]);
}

#[test]
fn numbers_of_classes_and_labels_of_samples_are_no_counts() {
    for (text, says) in [
        ("name,idx\nant,0\nbee,1\ncat,2\n", "by its name a column of classes"),
        ("{\"ant\": 0, \"cat\": 2, \"bee\": 1}", "class_to_idx"),
        ("label\n0\n2\n1\n0\n", "\"label\" is by its name a column of classes"),
        (
            "0\n2\n1\n0\n",
            "4 numbers below 3 are the labels of samples, not counts; give how many there are of each, as np.bincount(labels)",
        ),
        ("[0, 2, 1, 0, 0]", "np.bincount"),
        ("ant\nbee\nant\nant\n", "collections.Counter"),
    ] {
        let error = counts_in(text).unwrap_err().to_string();
        assert!(error.contains(says), "{text}: {error}");
    }
}

#[test]
fn counts_that_fall_without_classes_are_asked_about_under_any_name_of_counts() {
    for name in ["n", "count", "num_images", "Images", "freq", "total", "size", "number of samples", "train"] {
        let error = counts_in(format!("{name}\n500\n7\n5\n")).unwrap_err();
        assert!(is(&error, "CountOrder"), "{name}: {error}");
        assert_eq!(counts_in(format!("{name}\n7\n500\n5\n")).unwrap(), [7, 500, 5]);
    }
    let error = counts_in("[{\"count\": 500}, {\"count\": 7}, {\"count\": 5}]").unwrap_err();
    assert!(is(&error, "CountOrder"), "{error}");
    for text in ["500\n7\n5\n", "[500, 7, 5]", "# counts\n500\n7\n5\n", "{\"count\": [500, 7, 5]}"] {
        assert_eq!(counts_in(text).unwrap(), [500, 7, 5], "{text}");
    }
}

#[test]
fn marks_that_may_part_thousands_are_asked_about() {
    for (text, says) in [
        ("500.000\n300.000\n5.000\n", "\"500.000\" may mean 500 or 500000"),
        ("5.000\n300\n12\n", "\"5.000\" may mean 5 or 5000"),
        ("1.250\n300\n12\n", "\"1.250\" may mean 1.25 or 1250"),
        ("500,000\n300,000\n5,000\n", "\"500,000\" may mean 500 or 500000"),
        ("class;count\n0;1,500\n1;300\n2;12\n", "\"1,500\" may mean 1.5 or 1500"),
        ("class,count\n0,\"1,500\"\n1,300\n2,12\n", "\"1,500\" may mean 1.5 or 1500"),
        ("{0: 5.000, 1: 300, 2: 12}", "\"5.000\" may mean 5 or 5000"),
        ("{\"0\": \"5.000\", \"1\": \"300\", \"2\": \"12\"}", "\"5.000\" may mean 5 or 5000"),
    ] {
        let error = counts_in(text).unwrap_err().to_string();
        assert!(error.contains(says), "{text}: {error}");
    }
    assert_eq!(counts_in("500.0\n0.000\n5.00\n").unwrap(), [500, 0, 5]);
}

#[test]
fn tables_are_read_as_pandas_r_and_databases_write_them() {
    for text in [
        "{\"label\":{\"0\":2,\"1\":0,\"2\":1},\"count\":{\"0\":5,\"1\":500,\"2\":0}}",
        "{\"0\":{\"label\":2,\"count\":5},\"1\":{\"label\":0,\"count\":500},\"2\":{\"label\":1,\"count\":0}}",
        "{\"columns\":[\"label\",\"count\"],\"index\":[0,1,2],\"data\":[[2,5],[0,500],[1,0]]}",
        "{\"columns\":[\"count\"],\"index\":[2,0,1],\"data\":[[5],[500],[0]]}",
        "{\"name\":\"count\",\"index\":[2,0,1],\"data\":[5,500,0]}",
        "{\"schema\":{\"fields\":[]},\"data\":[{\"index\":0,\"label\":2,\"count\":5},{\"index\":1,\"label\":0,\"count\":500},{\"index\":2,\"label\":1,\"count\":0}]}",
        "{\"label\":2,\"count\":5}\n{\"label\":0,\"count\":500}\n{\"label\":1,\"count\":0}\n",
        "{\"classes\": [2, 0, 1], \"counts\": [5, 500, 0]}",
        "{\"count\": {\"2\": 5, \"0\": 500, \"1\": 0}}",
        "{\"2\": \"5\", \"0\": \"500\", \"1\": \"0\"}",
        "[\"500\", \"0\", \"5\"]",
        "[[\"class\", \"count\"], [2, 5], [0, 500], [1, 0]]",
        // R: print and write.table of a data frame, print of table(), write.csv(table()).
        "  class   n\n1     2   5\n2     0 500\n3     1   0\n",
        "\"class\" \"n\"\n\"1\" 2 5\n\"2\" 0 500\n\"3\" 1 0\n",
        "labels\n  0   1   2 \n500   0   5 \n",
        "\n  2   0   1 \n  5 500   0 \n",
        "\"\",\"Var1\",\"Freq\"\n\"1\",\"2\",5\n\"2\",\"0\",500\n\"3\",\"1\",0\n",
        "# A tibble: 3 x 2\n  class     n\n  <dbl> <int>\n1     2     5\n2     0   500\n3     1     0\n",
        // psql, mysql, Markdown.
        " class | count \n-------+-------\n     2 |     5\n     0 |   500\n     1 |     0\n(3 rows)\n",
        "+-------+-----+\n| class | n   |\n+-------+-----+\n|     2 |   5 |\n|     0 | 500 |\n|     1 |   0 |\n+-------+-----+\n",
        "| class | n |\n|---|---:|\n| 2 | 5 |\n| 0 | 500 |\n| 1 | 0 |\n",
        // pandas: a frame as it is printed.
        "   label  count\n0      2      5\n1      0    500\n2      1      0\n",
        "       count\nlabel       \n2          5\n0        500\n1          0\n",
    ] {
        assert_eq!(counts_in(text).unwrap(), [500, 0, 5], "{text}");
    }
}

#[test]
fn names_are_read_in_objects_calls_and_lists_of_images() {
    let names = ["ant", "bee", "sea cat"].map(str::to_owned);
    for text in [
        "{\"classes\": [\"sea cat\", \"ant\", \"bee\"], \"counts\": [2, 1, 3]}",
        "[{\"class\": \"sea cat\", \"count\": 2}, {\"class\": \"ant\", \"count\": 1}, {\"count\": 3, \"class\": \"bee\"}]",
        "Counter({np.str_('sea cat'): 2, np.str_('bee'): np.int64(3), np.str_(\"ant\"): 1})",
        "image,label\n0.jpg,ant\n1.jpg,bee\n2.jpg,bee\n3.jpg,sea cat\n4.jpg,bee\n5.jpg,sea cat\n",
    ] {
        let read = |names| with_file(text, |file| read_named_counts(&file.into(), 3, names));
        assert_eq!(read(Some(&names[..])).unwrap(), [1, 3, 2], "{text}");
        let error = read(None).unwrap_err().to_string();
        assert!(error.contains("the names of the classes in their order are not known here"), "{text}: {error}");
        assert!(error.contains("`class-names`"), "{error}");
    }
}

#[test]
fn what_is_no_number_is_named() {
    for (text, says) in [
        ("{\"0\": [8, 100], \"1\": [5, 100], \"2\": [3, 100]}", "entry \"0\": a list is not a count"),
        ("{\"0\": 5, \"1\": null, \"2\": 7}", "entry \"1\": null is not a count"),
        ("{\"0\": 5, \"1\": {\"a\": 1}, \"2\": 7}", "entry \"1\": an object is not a count"),
    ] {
        let error = counts_in(text).unwrap_err().to_string();
        assert!(error.contains(says), "{text}: {error}");
    }
}

#[test]
fn what_is_no_count_is_called_by_its_name() {
    let names = ["ant", "bee", "cat", "dog"].map(str::to_owned);
    let report = "              precision    recall  f1-score   support\n\n         ant       0.50      0.50      0.50        12\n\n    accuracy                           0.50        60\n";
    let support = "is what scikit-learn calls the samples that were tested; give the number of training samples";
    let labels = "give how many there are of each, as np.bincount(labels) or collections.Counter(labels) counts";
    let numbers = "these are the numbers of the classes, as class_to_idx has them, not counts";
    for (text, sentence) in [
        ("5.000\n4000\n30\n20\n", "line 1: \"5.000\" may mean 5 or 5000; write the one that is meant without a mark"),
        ("5,000\n4,000\n30\n20\n", "line 1: \"5,000\" may mean 5 or 5000"),
        ("500\n4,000\n30\n20\n", "line 2: \"4,000\" may mean 4 or 4000"),
        ("ant 0\nbee 1\ncat 2\ndog 3\n", numbers),
        ("0\n1\n2\n3\n", numbers),
        ("ant,1\nbee,2\ncat,3\ndog,4\n", numbers),
        ("{'ant': 0, 'bee': 1, 'cat': 2, 'dog': 3}", numbers),
        ("class,support\n0,5\n1,4\n2,3\n3,9\n", support),
        (report, support),
        ("{\"ant\": {\"precision\": 0.5, \"support\": 5}, \"accuracy\": 0.5}", support),
        ("{\"a.jpg\": 3, \"b.jpg\": 1, \"c.jpg\": 1, \"d.jpg\": 0, \"e.jpg\": 2, \"f.jpg\": 2}", labels),
        (
            "{\"a.jpg\": \"ant\", \"b.jpg\": \"ant\", \"c.jpg\": \"cat\", \"d.jpg\": \"dog\", \"e.jpg\": \"dog\"}",
            labels,
        ),
        ("[\"ant\", \"cat\", \"cat\", \"dog\", \"bee\"]", labels),
        ("id,label\n0,3\n1,0\n2,0\n3,1\n4,2\n", labels),
        ("id,label\na,ant\nb,ant\nc,cat\nd,bee\ne,dog\n", labels),
        ("label\n3\n0\n0\n1\n2\n", labels),
    ] {
        let error = with_file(text, |file| read_named_counts(&file.into(), 4, Some(&names))).unwrap_err().to_string();
        assert!(error.contains(sentence) && !error.contains("is not a count"), "{text}: {error}");
    }
}

#[test]
fn what_is_called_other_than_counts_is_refused() {
    let names = "weight class_weight effective_num cumsum precision recall f1 correct errors pixels synthetic removed \
                 unlabeled";
    for name in names.split(' ') {
        for text in [
            format!("class,{name}\n0,5\n1,7\n2,9\n"),
            format!("{name}\n5\n7\n9\n"),
            format!("{{\"{name}\": [5, 7, 9]}}"),
            format!("{{\"class\": [0, 1, 2], \"{name}\": [5, 7, 9]}}"),
        ] {
            let error = counts_in(&text).unwrap_err().to_string();
            assert!(
                error.contains(&format!("\"{name}\" is by its name no number of training samples")),
                "{text}: {error}"
            );
        }
    }
    let error = counts_in("class,rank\n0,1\n1,5\n2,3\n").unwrap_err().to_string();
    assert!(error.contains("\"rank\" is by its name the place of a line"), "{error}");
    let error = counts_in("class,total,val\n0,509,9\n1,16,9\n2,14,9\n").unwrap_err().to_string();
    assert!(error.contains("\"total\" beside \"val\" may count more than the training samples"), "{error}");
    assert_eq!(counts_in("class,total,val,train\n0,509,9,500\n1,9,9,0\n2,14,9,5\n").unwrap(), [500, 0, 5]);
    assert_eq!(counts_in("class,count,weight\n0,500,1\n1,0,2\n2,5,3\n").unwrap(), [500, 0, 5]);
}

#[test]
fn images_of_the_training_beside_others_are_refused() {
    for text in ["train/a.jpg 0\nvalid/b.jpg 1\n", "d/train/a.jpg 0\nd/train/c.jpg 1\nd/test/b.jpg 1\n"] {
        let error = counts_in(text).unwrap_err().to_string();
        assert!(error.contains("beside others in \"train\"; keep the lines of the training images alone"), "{error}");
    }
    assert_eq!(counts_in("d/train/a.jpg 0\nd/train/test/b.jpg 1\n").unwrap(), [1, 1, 0]);
}

#[test]
fn counts_in_front_of_names_are_read_as_uniq_prints_them() {
    let names = ["sea cat", "Fiat 500", "dog"].map(str::to_owned);
    let read = |text: &str, names: &[String]| with_file(text, |file| read_named_counts(&file.into(), 3, Some(names)));
    assert_eq!(read("    500 Fiat 500\n    404 sea cat\n      3 dog\n", &names).unwrap(), [404, 500, 3]);
    let plain = ["cat", "dog", "ant"].map(str::to_owned);
    assert_eq!(read("    500 cat\n    404 dog\n      3 ant\n", &plain).unwrap(), [500, 404, 3]);
    assert_eq!(read("  500 cat\n  404 dog\n    3 ant\n  907 total\n", &plain).unwrap(), [500, 404, 3]);
}

#[test]
fn counts_are_read_as_python_assigns_and_logs_them() {
    for text in [
        "cls_num_list = [500, 0, 5]",
        "cls num list:\n[500, 0, 5]\n",
        "cls num list:\n[500, 0, 5]\nEpoch 0, loss 2.3\n",
        "counts = np.array([500, 0, 5])",
        "img_num_per_cls: {0: 500, 2: 5, 1: 0}",
    ] {
        assert_eq!(counts_in(text).unwrap(), [500, 0, 5], "{text}");
    }
    let error = counts_in("val_counts = [500, 0, 5]").unwrap_err().to_string();
    assert!(error.contains("another split than the training"), "{error}");
}

/// `pickle.dump` of NumPy's numbers and texts: `scalar(dtype('i8'), bytes)`.
#[test]
fn numbers_and_texts_of_numpy_are_classes_and_counts() {
    let scalar = |kind: &str, bytes: &[u8]| {
        let dtype =
            [b"cnumpy\ndtype\nX", &(kind.len() as u32).to_le_bytes()[..], kind.as_bytes(), b"\x89\x88\x87R"].concat();
        let bytes = [b"B", &(bytes.len() as u32).to_le_bytes()[..], bytes].concat();
        [b"cnumpy._core.multiarray\nscalar\n", &dtype[..], &bytes, b"\x86R"].concat()
    };
    let integer = |number: i64| scalar("i8", &number.to_le_bytes());
    let text = |name: char| scalar("U1", &u32::from(name).to_le_bytes());
    let dictionary = |entries: [(Vec<u8>, i64); 3]| {
        let entries = entries.into_iter().flat_map(|(key, count)| [key, integer(count)].concat()).collect::<Vec<u8>>();
        [b"\x80\x03}(", &entries[..], b"u."].concat()
    };
    let counts = dictionary([(integer(2), 5), (integer(0), 500), (integer(1), 0)]);
    assert_eq!(counts_in(counts).unwrap(), [500, 0, 5]);
    let names = ["a", "b", "c"].map(str::to_owned);
    let counts = dictionary([(text('c'), 5), (text('a'), 500), (text('b'), 0)]);
    let read = with_file(counts, |file| read_named_counts(&file.into(), 3, Some(&names)));
    assert_eq!(read.unwrap(), [500, 0, 5]);
    let list = [b"\x80\x03](", &[integer(500), integer(0), integer(5)].concat()[..], b"e."].concat();
    assert_eq!(counts_in(list).unwrap(), [500, 0, 5]);
}
