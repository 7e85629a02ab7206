//! Matrices in every form, and what is refused.

use ndarray::array;

use super::*;
use crate::testing::{archive, npy, with_file};

fn read(text: impl AsRef<[u8]>, orientation: Option<Orientation>) -> Result<Confusion> {
    with_file("matrix", text, |path| read_confusion(path, orientation))
}

/// 50 of 52 samples of class 0 are right, and 45 of 48 of class 1, 7 of 9 of class 2.
#[test]
fn every_form_gives_the_same_counts() {
    let expected = array![[50, 3, 0], [2, 45, 2], [0, 0, 7]];
    let names = ["ant", "bee", "cat"].map(str::to_owned).to_vec();
    for (text, named) in [
        ("50,2,0\n3,45,0\n0,2,7\n", false),
        ("50 2 0\n3 45 0\n0 2 7\n", false),
        ("5.0e1;2;0\n3;45;0\n0;2;7\n", false),
        ("0,1,2\n50,2,0\n3,45,0\n0,2,7\n", false),
        (",0,1,2\n0,50,2,0\n1,3,45,0\n2,0,2,7\n", false),
        ("ant,bee,cat\n50,2,0\n3,45,0\n0,2,7\n", true),
        (",ant,bee,cat\nant,50,2,0\nbee,3,45,0\ncat,0,2,7\n", true),
        ("true,ant,bee,cat\nbee,3,45,0\nant,50,2,0\ncat,0,2,7\n", true),
        (",ant,bee,cat,All\nant,50,2,0,52\nbee,3,45,0,48\ncat,0,2,7,9\nAll,53,49,7,109\n", true),
        ("[[50, 2, 0], [3, 45, 0], [0, 2, 7]]", false),
        ("[[50  2  0]\n [ 3 45  0]\n [ 0  2  7]]\n", false),
        ("[[50.  2.  0.]\n [ 3. 45.  0.]\n [ 0.  2.  7.]]\n", false),
        ("{\"confusion_matrix\": [[50, 2, 0], [3, 45, 0], [0, 2, 7]], \"labels\": [\"ant\", \"bee\", \"cat\"]}", true),
        (
            "{\"ant\":{\"ant\":50,\"bee\":2,\"cat\":0},\"bee\":{\"cat\":0,\"bee\":45,\"ant\":3},\"cat\":{\"ant\":0,\"bee\":2,\"cat\":7}}",
            true,
        ),
    ] {
        let found = read(text, Some(Orientation::RowsAreTrue)).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(found.counts, expected, "{text}");
        assert_eq!(found.names, named.then(|| names.clone()), "{text}");
    }
    let other = read("50,3,0\n2,45,2\n0,0,7\n", Some(Orientation::ColumnsAreTrue)).unwrap();
    assert_eq!(other.counts, expected);
    let (labels, predicted) = other.samples();
    assert_eq!(labels.len(), 109);
    assert_eq!(labels.iter().filter(|&&class| class == 2).count(), 9);
    assert_eq!(labels.iter().zip(&predicted).filter(|(label, predicted)| (**label, **predicted) == (2, 1)).count(), 2);
}

#[test]
fn printed_and_cross_tables_are_read() {
    let expected = array![[50, 3, 0], [2, 45, 2], [0, 0, 7]];
    for text in [
        "array([[50,  2,  0],\n       [ 3, 45,  0],\n       [ 0,  2,  7]])",
        "tensor([[50,  2,  0],\n        [ 3, 45,  0],\n        [ 0,  2,  7]], device='cuda:0')\n",
        "tensor([[50.,  2.,  0.],\n        [ 3., 45.,  0.],\n        [ 0.,  2.,  7.]])\n",
        "x          ant  bee  cat\n---------  ---  ---  ---\nant         50    2    0\nbee          3   45    0\ncat          0    2    7\n\n\
         (3 rows affected)\n",
        "+-----+-----+-----+-----+\n| x   | ant | bee | cat |\n+-----+-----+-----+-----+\n| ant |  50 |   2 |   0 |\n\
         | bee |   3 |  45 |   0 |\n| cat |   0 |   2 |   7 |\n+-----+-----+-----+-----+\n3 rows in set (0.00 sec)\n",
        "     ant  bee  cat\nant   50    2    0\nbee    3   45    0\ncat    0    2    7\n",
        "Predicted   0   1  2\nActual              \n0          50   2  0\n1           3  45  0\n2           0   2  7\n",
        "Predicted   0   1  2  All\nActual                   \n0  50  2  0  52\n1  3  45  0  48\n2  0  2  7  9\nAll 53 49 7 109\n",
        ",2,0,1\n2,7,0,2\n0,0,50,2\n1,0,3,45\n",
        ",1,2,3\n1,50,2,0\n2,3,45,0\n3,0,2,7\n",
        ",pred_ant,pred_bee,pred_cat\ntrue_ant,50,2,0\ntrue_bee,3,45,0\ntrue_cat,0,2,7\n",
        "Actual,0,1,2\n0,50,2,0\n1,3,45,0\n2,0,2,7\n",
        "Confusion matrix:\n[[50  2  0]\n [ 3 45  0]\n [ 0  2  7]]\n",
        "Confusion matrix: [[50  2  0]\n [ 3 45  0]\n [ 0  2  7]]\n",
        "Confusion matrix:\n     ant  bee  cat\nant   50    2    0\nbee    3   45    0\ncat    0    2    7\n",
        "tf.Tensor(\n[[50  2  0]\n [ 3 45  0]\n [ 0  2  7]], shape=(3, 3), dtype=int32)\n",
        "\nC =\n\n    50     2     0\n     3    45     0\n     0     2     7\n",
        "=== Confusion Matrix ===\n\n  a  b  c   <-- classified as\n 50  2  0 |  a = ant\n  3 45  0 |  b = bee\n  0  2  7 |  c = cat\n",
        "confusion matrix,,,\n,ant,bee,cat\nant,50,2,0\nbee,3,45,0\ncat,0,2,7\n",
        "| | ant | bee | cat |\n|---|---|---|---|\n| ant | 50 | 2 | 0 |\n| bee | 3 | 45 | 0 |\n| cat | 0 | 2 | 7 |\n",
        "{\"Digit\": 5, \"Matrix\": [[\"ant\", [[\"ant\", 50], [\"bee\", 2], [\"cat\", 0]]], [\"bee\", [[\"ant\", 3], [\"bee\", 45], [\"cat\", 0]]], [\"cat\", [[\"ant\", 0], [\"bee\", 2], [\"cat\", 7]]]]}",
        "{\"Matrix\": [[0, [[0, 50], [1, 2], [2, 0]]], [1, [[0, 3], [1, 45], [2, 0]]], [2, [[0, 0], [1, 2], [2, 7]]]]}",
    ] {
        let found = read(text, Some(Orientation::RowsAreTrue)).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(found.counts, expected, "{text}");
    }
    let found = read("Predicted,0,1\n0,5,1\n1,2,7\n", None).unwrap();
    assert_eq!((found.counts, found.notes.len()), (array![[5, 1], [2, 7]], 1));
    // Weka's, and a title above the columns, say which way they lie; the title of a model does not.
    let (weka, titled) = ("a b <-- classified as\n5 1 | a = x y\n2 7 | b = z\n", ",a,b\na,5,1\nb,2,7\n");
    assert_eq!(read(weka, None).unwrap().names.unwrap(), ["x y", "z"]);
    assert_eq!(read(weka, None).unwrap().counts, array![[5, 2], [1, 7]]);
    assert_eq!(read(format!("Predicted class,,\n{titled}"), None).unwrap().counts, array![[5, 2], [1, 7]]);
    assert_eq!(read(format!("True,,\n{titled}"), None).unwrap().counts, array![[5, 1], [2, 7]]);
    for title in ["Predictions of a", "Prediction results", "Actual run", "actual numbers"] {
        let said = read(format!("{title},,\n{titled}"), None).unwrap_err().to_string();
        assert!(said.contains("symmetric") || said.contains("orientation"), "{title}: {said}");
    }
    for (text, problem) in [
        (weka.repeat(2), "several matrices"),
        ("C =\n\n   1.0e+03 *\n\n    2.0000    1.0000\n         0    3.0000\n".to_owned(), "factor of all its numbers"),
    ] {
        let said = read(&text, Some(Orientation::RowsAreTrue)).unwrap_err().to_string();
        assert!(said.contains(problem), "{said}");
    }
    // Class 2 was never predicted, so a cross table has no column for it.
    let found = read("Actual,0,1\n0,50,2\n1,3,45\n2,0,9\n", Some(Orientation::RowsAreTrue)).unwrap();
    assert_eq!(found.counts, array![[50, 3, 0], [2, 45, 9], [0, 0, 0]]);
    assert!(found.notes[0].contains("was taken for \"2\""), "{:?}", found.notes);
}

#[test]
fn arrays_of_numpy_are_read_by_their_shape() {
    let names: Vec<u8> = "ab".chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
    let (matrix, names) = (npy("|u1", "(1, 2, 2)", &[5, 1, 2, 7]), npy("<U1", "(2,)", &names));
    let npz = archive(&[("cm.npy", &matrix), ("c.npy", &names)], true);
    let found = read(npz, Some(Orientation::RowsAreTrue)).unwrap();
    assert_eq!(found.counts, array![[5, 2], [1, 7]]);
    assert_eq!(found.names.unwrap(), ["a", "b"]);
}

#[test]
fn whole_numbers_that_may_be_no_counts_have_a_note() {
    let notes = |text: &str| {
        let found = read(text, Some(Orientation::RowsAreTrue)).unwrap();
        [found.notes, found.doubts].concat()
    };
    for (text, word) in [
        ("96,4\n6,94\n", "the samples of every class add up to 100"),
        ("1,0\n0,1\n", "add up to 1:"),
        ("50,2,0,52\n3,45,0,48\n0,2,7,9\n53,49,7,109\n", "are left out"),
    ] {
        assert!(notes(text).iter().any(|note| note.contains(word)), "{text}: {:?}", notes(text));
    }
    assert!(notes("50,2\n3,45\n").is_empty());
    let hundred =
        |row: usize| (0..20).map(|column| if column == row { "81" } else { "1" }).collect::<Vec<_>>().join(",");
    assert!(notes(&(0..20).map(hundred).collect::<Vec<_>>().join("\n")).is_empty(), "a hundred samples a class");
    let wide = format!("Actual,0\n{}", (0..20_000).map(|row| format!("{row},1\n")).collect::<String>());
    assert!(matches!(read(wide, Some(Orientation::RowsAreTrue)), Err(InputError::Budget { .. })));
}

#[test]
fn what_is_open_is_asked_and_what_is_wrong_is_told() {
    assert_eq!(read("5,1\n1,7\n", None).unwrap().counts, array![[5, 1], [1, 7]]);
    let error = read("5,1\n2,7\n", None).unwrap_err().to_string();
    assert!(error.contains("rows add up to 6, 9") && error.contains("columns to 7, 8"), "{error}");
    for (text, problem) in [
        ("0.9,0.1\n0.2,0.8\n", "row 0, column 0: 0.9 is not a count"),
        ("5,-1\n2,7\n", "row 0, column 1: -1"),
        ("5,1,2\n2,7,3\n", "2 rows and 3 columns"),
        ("0,0\n0,0\n", "0 samples"),
        ("5,1\n2,9000000\n", "9000008 samples"),
        ("a,b\nc,d\n", "line 2"),
        (",a,b\na,5,1\nc,2,7\n", "row \"c\""),
        ("{\"a\": 3}", "no square"),
        ("96%,4%\n6%,94%\n", "row 0, column 0: \"96%\" is not a count"),
        (",a,b,Total\na,5,1,6\nb,2,7,8\n", "row 1: its sum is given as 8"),
        (",a,b,Total\na,5,1,6\nb,2,7,9\nTotal,7,9,16\n", "row 2: its sum is given as 9"),
        ("Predicted,0,1\n0,5,1\n1,2,7\n", "mean columns-are-true"),
        ("pred\\true,0,1\n0,5,1\n1,2,7\n", "mean columns-are-true"),
        (",true_a,true_b\npred_a,5,1\npred_b,2,7\n", "mean columns-are-true"),
    ] {
        let error = read(text, Some(Orientation::RowsAreTrue)).unwrap_err().to_string();
        assert!(error.contains(problem), "{text}: {error}");
    }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn classes_are_put_into_the_order_of_other_names_by_their_own() {
    let found = read(",ant,bee,cat\nant,50,2,0\nbee,3,45,0\ncat,0,2,7\n", Some(Orientation::RowsAreTrue)).unwrap();
    let order = |given: &[&str]| found.clone().in_order_of(names(given));
    let turned = order(&["cat", "ant", "bee"]).unwrap();
    assert_eq!(turned.counts, array![[7, 0, 0], [0, 50, 3], [2, 2, 45]]);
    assert_eq!(turned.names.unwrap(), ["cat", "ant", "bee"]);
    assert!(turned.notes[0].contains("order of `class-names`"), "{:?}", turned.notes);
    let same = order(&["ant", "bee", "cat"]).unwrap();
    assert_eq!((same.counts, same.notes.len()), (found.counts.clone(), 0));
    let error = order(&["ant", "bee", "dog"]).unwrap_err().to_string();
    assert!(error.contains("\"cat\" in the matrix alone, \"dog\" in"), "{error}");
    // Numbers are those of the classes, from 0 or 1.
    for text in [",0,1\n0,5,1\n1,2,7\n", ",2,1\n2,7,2\n1,1,5\n", "0,1\n5,1\n2,7\n", "5,1\n2,7\n"] {
        let found = read(text, Some(Orientation::RowsAreTrue)).unwrap().in_order_of(names(&["b", "a"])).unwrap();
        assert_eq!((found.counts, found.names.unwrap()), (array![[5, 2], [1, 7]], names(&["b", "a"])), "{text}");
    }
    // Two classes of one name cannot be told apart, unless nothing has to be moved.
    let twice = read("crane,crane,bee\n5,1,0\n2,7,0\n0,0,3\n", Some(Orientation::RowsAreTrue)).unwrap();
    assert_eq!(twice.counts, array![[5, 2, 0], [1, 7, 0], [0, 0, 3]]);
    assert_eq!(twice.clone().in_order_of(names(&["crane", "crane", "bee"])).unwrap().counts, twice.counts);
    assert!(twice.in_order_of(names(&["crane", "bee", "crane"])).unwrap_err().to_string().contains("is there twice"));
}

/// What `DataFrame.to_json()` writes of [[50, 2, 0], [3, 45, 0], [0, 2, 7]] under names that are
/// not in their order.
#[test]
fn frames_in_json_keep_rows_and_names() {
    let (cat, ant, bee) =
        (r#"{"cat":7,"ant":0,"bee":2}"#, r#"{"cat":0,"ant":50,"bee":2}"#, r#"{"cat":0,"ant":3,"bee":45}"#);
    let named = |row: &str, name: &str| row.replacen('{', &format!("{{\"Actual\":\"{name}\","), 1);
    let index = |row: &str, name: &str| row.replacen('{', &format!("{{\"index\":\"{name}\","), 1);
    let columns =
        r#"{"cat":{"cat":7,"ant":0,"bee":0},"ant":{"cat":0,"ant":50,"bee":3},"bee":{"cat":2,"ant":2,"bee":45}}"#;
    for (text, orientation) in [
        (format!("[{cat},{ant},{bee}]"), Orientation::RowsAreTrue),
        (format!("{cat}\n{ant}\n{bee}\n"), Orientation::RowsAreTrue),
        (format!("[{},{},{}]", named(cat, "cat"), named(bee, "bee"), named(ant, "ant")), Orientation::RowsAreTrue),
        (format!(r#"{{"cat":{cat},"ant":{ant},"bee":{bee}}}"#), Orientation::RowsAreTrue),
        (format!(r#"{{"matrix":{{"cat":{cat},"ant":{ant},"bee":{bee}}},"accuracy":0.9}}"#), Orientation::RowsAreTrue),
        (columns.to_owned(), Orientation::ColumnsAreTrue),
        (
            r#"{"columns":["cat","ant","bee"],"index":["ant","bee","cat"],"data":[[0,50,2],[0,3,45],[7,0,2]]}"#
                .to_owned(),
            Orientation::RowsAreTrue,
        ),
        (
            format!(
                r#"{{"schema":{{"fields":[]}},"data":[{},{},{}]}}"#,
                index(cat, "cat"),
                index(ant, "ant"),
                index(bee, "bee")
            ),
            Orientation::RowsAreTrue,
        ),
        (r#"{"cat":[7,0,2],"ant":[0,50,2],"bee":[0,3,45]}"#.to_owned(), Orientation::RowsAreTrue),
    ] {
        let found = read(&text, Some(orientation)).unwrap_or_else(|error| panic!("{text}: {error}"));
        let found = found.in_order_of(names(&["ant", "bee", "cat"])).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(found.counts, array![[50, 3, 0], [2, 45, 2], [0, 0, 7]], "{text}");
        // In a list of rows, and where rows and columns are named apart, nothing is open.
        let is_open = text.starts_with("{\"cat\":{\"cat\"") && !text.contains('\n')
            || ["{\"matrix", "{\"cat\":["].iter().any(|start| text.starts_with(start));
        let is_told = found.notes.iter().any(|note| note.contains("the outer keys are taken for the rows"));
        assert_eq!(is_told, is_open, "{text}");
    }
    let numbers = r#"[{"0":5,"1":1},{"0":2,"1":7}]"#;
    let found = read(numbers, Some(Orientation::RowsAreTrue)).unwrap();
    assert_eq!((found.counts, found.names, found.notes), (array![[5, 2], [1, 7]], None, vec![]));
    let numbers = r#"{"columns":[1,0],"index":[1,0],"data":[[7,2],[1,5]]}"#;
    assert_eq!(read(numbers, Some(Orientation::RowsAreTrue)).unwrap().counts, array![[5, 2], [1, 7]]);
    let error = read(columns, None).unwrap_err().to_string();
    assert!(error.contains("Its rows (the outer keys; DataFrame.to_json() has the columns outside) add up"), "{error}");
    let symmetric = read(r#"{"a":{"a":5,"b":1},"b":{"a":1,"b":7}}"#, None).unwrap();
    assert!(symmetric.notes.is_empty(), "{:?}", symmetric.notes);
}

/// The order of a pickled dictionary is not known here.
#[test]
fn pickled_rows_need_names_on_both_sides() {
    // {'b': [5, 1], 'a': [2, 7]}
    let lists = b"\x80\x02}(X\x01\0\0\0b](K\x05K\x01eX\x01\0\0\0a](K\x02K\x07eu.";
    assert!(read(lists, Some(Orientation::RowsAreTrue)).is_err());
    // {'b': {'b': 5, 'a': 1}, 'a': {'b': 2, 'a': 7}}
    let named = b"\x80\x02}(X\x01\0\0\0b}(X\x01\0\0\0bK\x05X\x01\0\0\0aK\x01uX\x01\0\0\0a}(X\x01\0\0\0bK\x02X\x01\0\0\0aK\x07uu.";
    let found = read(named, Some(Orientation::RowsAreTrue)).unwrap();
    assert_eq!((found.counts, found.names.unwrap()), (array![[7, 1], [2, 5]], names(&["a", "b"])));
    // {'m': [[5, 1], [2, 7]], 'names': ['b', 'a']}
    let beside = b"\x80\x02}(X\x01\0\0\0m](](K\x05K\x01e](K\x02K\x07eeX\x05\0\0\0names](X\x01\0\0\0bX\x01\0\0\0aeu.";
    let found = read(beside, Some(Orientation::RowsAreTrue)).unwrap();
    assert_eq!((found.counts, found.names.unwrap()), (array![[5, 2], [1, 7]], names(&["b", "a"])));
    // [[5, 1], [2, 7]]
    let rows = b"\x80\x02](](K\x05K\x01e](K\x02K\x07ee.";
    assert_eq!(read(rows, Some(Orientation::RowsAreTrue)).unwrap().counts, array![[5, 2], [1, 7]]);
}

#[test]
fn a_line_for_each_pair_is_read_where_its_header_says_which_class_is_true() {
    for (text, orientation) in [
        ("Actual,Predicted,n\na,a,5\na,b,1\nb,a,2\nb,b,7\n", Orientation::RowsAreTrue),
        ("Prediction,Truth,n\na,a,5\nb,a,1\na,b,2\nb,b,7\n", Orientation::ColumnsAreTrue),
        (",Prediction,Reference,Freq\n0,a,a,5\n1,b,a,1\n2,a,b,2\n3,b,b,7\n", Orientation::ColumnsAreTrue),
        ("true_class\tpred_class\tn\n1\t0\t2\n1\t1\t7\n0\t0\t5\n0\t1\t1\n", Orientation::RowsAreTrue),
    ] {
        for orientation in [None, Some(orientation)] {
            let found = read(text, orientation).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(found.counts, array![[5, 2], [1, 7]], "{text}");
        }
    }
    let matrix = "Actual,Predicted a,Predicted b\nActual a,5,1\nActual b,2,7\n";
    assert_eq!(read(matrix, None).unwrap().counts, array![[5, 2], [1, 7]]);
    // Pairs without samples may be left out.
    let found = read("true,predicted,count\na,b,1\na,a,5\nb,b,7\n", None).unwrap();
    assert_eq!((found.counts, found.names.unwrap()), (array![[5, 0], [1, 7]], names(&["a", "b"])));
    for (text, problem) in [
        ("Var1,Var2,Freq\na,a,5\na,b,1\nb,a,2\nb,b,7\n", "a line for each pair of classes (long form)"),
        ("true,pred,n\na,a,5\na,a,1\n", "it is there twice"),
        ("true,pred,n\na,a,x\n", "line 2, column 3"),
    ] {
        let error = read(text, Some(Orientation::RowsAreTrue)).unwrap_err().to_string();
        assert!(error.contains(problem), "{text}: {error}");
    }
}

#[test]
fn a_table_as_r_prints_it_says_which_way_it_lies() {
    let table = "          Reference\nPrediction  ant  bee\n       ant    5    2\n       bee    1    7\n";
    let full = format!("Confusion Matrix and Statistics\n\n{table}\nOverall Statistics\n\n  Accuracy : 0.8\n");
    for text in [table, &full] {
        let found = read(text, None).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!((found.counts, found.names.unwrap()), (array![[5, 2], [1, 7]], names(&["ant", "bee"])));
    }
}

#[test]
fn rates_in_any_decimal_parts_are_doubted() {
    let said = |text: &str| {
        let found = read(text, Some(Orientation::RowsAreTrue)).unwrap();
        (found.doubts.concat(), found.notes.concat())
    };
    assert!(said("900,60,41\n0,998,2\n1,0,999\n").0.contains("add up to nearly 1000"));
    assert!(said("9,1,0\n2,8,0\n0,0,10\n").0.contains("add up to 10:"));
    // A test set of a thousand images a class is ordinary: no doubt, a word.
    let (doubts, notes) = said("900,60,40\n0,998,2\n1,0,999\n");
    assert!(doubts.is_empty() && notes.contains("add up to 1000, as in a test set of equal classes"), "{notes}");
    assert_eq!(said("900,100\n2,998\n"), (String::new(), String::new()));
}

#[test]
fn thousands_are_not_taken_for_fractions() {
    for (text, place) in [
        ("12,000;1,000\n2,000;9,000\n", "row 0, column 0: \"12,000\" is a number of thousands"),
        ("12;1,000\n2;9,000\n", "row 0, column 1: \"1,000\""),
        (",a,b\na,12,1\nb,2,9.000\n", "row 1, column 1: \"9.000\""),
        ("12.000 1.000\n2.000 9.000\n", "row 0, column 0"),
    ] {
        let error = read(text, Some(Orientation::RowsAreTrue)).unwrap_err().to_string();
        assert!(error.contains(place), "{text}: {error}");
    }
    // As numpy.savetxt(..., fmt='%.3f') writes it.
    assert_eq!(read("12.000 0.000\n2.000 9.000\n", Some(Orientation::RowsAreTrue)).unwrap().counts[(0, 0)], 12);
}

/// The matrix of the classes ant, bee, cat in the order cat, ant, bee of its rows, and ant, bee,
/// cat or cat, ant, bee of its columns.
#[test]
fn lists_beside_a_matrix_order_its_rows_and_columns() {
    let expected = array![[50, 3, 0], [2, 45, 2], [0, 0, 7]];
    let (rows, both) = ("[[0, 2, 7], [50, 2, 0], [3, 45, 0]]", "[[7, 0, 2], [0, 50, 2], [0, 3, 45]]");
    let turned = r#"["cat", "ant", "bee"]"#;
    let sorted = r#"["ant", "bee", "cat"]"#;
    for text in [
        format!(r#"{{"z": {rows}, "x": {sorted}, "y": {turned}}}"#),
        format!(r#"{{"data": [{{"z": {rows}, "x": {sorted}, "y": {turned}, "type": "heatmap"}}], "layout": {{}}}}"#),
        format!(r#"{{"matrix": {rows}, "row_labels": {turned}, "col_labels": {sorted}}}"#),
        format!(r#"{{"matrix": {rows}, "rows": {turned}, "columns": {sorted}, "class_names": {sorted}}}"#),
        format!(r#"{{"matrix": {rows}, "true_labels": {turned}, "pred_labels": {sorted}}}"#),
        format!(r#"{{"matrix": {rows}, "rows": [2, 0, 1], "cols": [0, 1, 2]}}"#),
        format!(r#"{{"matrix": {both}, "y": {turned}}}"#),
        format!(r#"{{"labels": [2, 0, 1], "matrix": {both}}}"#),
        format!(r#"{{"labels": ["2", "0", "1"], "matrix": {both}}}"#),
        format!(r#"{{"classes": [2, 0, 1], "matrix": {both}, "support": [52, 48, 9]}}"#),
        format!(r#"{{"note": ["a", "b"], "names": {turned}, "matrix": {both}}}"#),
        format!(r#"{{"matrix": {both}, "class_to_idx": {{"ant": 1, "bee": 2, "cat": 0}}}}"#),
        format!(r#"{{"matrix": {both}, "id2label": {{"0": "cat", "1": "ant", "2": "bee"}}}}"#),
        format!("[{both}, {turned}]"),
        format!("[{both}, [2, 0, 1]]"),
        format!(
            r#"{{"labels": {turned}, "matrix": [[7, 0, 2, 9], [0, 50, 2, 52], [0, 3, 45, 48], [7, 53, 49, 109]]}}"#
        ),
    ] {
        let found = read(&text, Some(Orientation::RowsAreTrue)).unwrap_or_else(|error| panic!("{text}: {error}"));
        let found = found.in_order_of(names(&["ant", "bee", "cat"])).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(found.counts, expected, "{text}");
    }
    let true_columns = format!(r#"{{"matrix": {rows}, "true_labels": {sorted}, "pred_labels": {turned}}}"#);
    let found = read(&true_columns, Some(Orientation::ColumnsAreTrue)).unwrap();
    assert_eq!(found.counts, expected.t());
    assert!(read(&true_columns, None).unwrap_err().to_string().contains("which way does the matrix lie?"));
    for (text, problem) in [
        (
            format!(r#"{{"m": {both}, "labels": [2, 0, 1], "names": {sorted}}}"#),
            r#""labels", "names" beside the matrix"#,
        ),
        (
            format!(r#"{{"m": {both}, "labels": {turned}, "names": {sorted}}}"#),
            r#""labels", "names" beside the matrix"#,
        ),
        (format!(r#"{{"m": {both}, "rank": [2, 0, 1]}}"#), r#""rank" beside the matrix may be the order"#),
        (format!(r#"{{"m": {rows}, "x": {sorted}, "y": ["cat", "ant", "dog"]}}"#), r#"the row "dog" has no column"#),
    ] {
        let error = read(&text, Some(Orientation::RowsAreTrue)).map(|found| found.names).unwrap_err().to_string();
        assert!(error.contains(problem), "{text}: {error}");
    }
    // Numbers that are no classes, or are theirs in order, change nothing.
    for beside in ["[0, 1, 2]", "[9, 9, 9]", "[0.5, 0.7, 0.9]", "[0, 0, 1, 2]"] {
        let text = format!(r#"{{"matrix": [[50, 2, 0], [3, 45, 0], [0, 2, 7]], "labels": {beside}}}"#);
        let found = read(&text, Some(Orientation::RowsAreTrue)).unwrap();
        assert_eq!((found.counts, found.names), (expected.clone(), None), "{text}");
    }
    // Classes of other numbers are others.
    let text = format!(r#"{{"matrix": {both}, "labels": [3, 5, 7]}}"#);
    let found = read(&text, Some(Orientation::RowsAreTrue)).unwrap();
    assert!(found.in_order_of(names(&["ant", "bee", "cat"])).is_err());
}

#[test]
fn arrays_beside_a_matrix_order_its_rows_and_columns() {
    let texts =
        |names: &str| npy("<U1", "(2,)", &names.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect::<Vec<u8>>());
    let matrix = npy("|u1", "(2, 2)", &[2, 7, 5, 1]);
    for (rows, columns) in [(texts("ba"), texts("ab")), (npy("|u1", "(2,)", &[1, 0]), npy("|u1", "(2,)", &[0, 1]))] {
        let npz = archive(&[("cm.npy", &matrix), ("rows.npy", &rows), ("cols.npy", &columns)], true);
        let found = read(npz, Some(Orientation::RowsAreTrue)).unwrap().in_order_of(names(&["a", "b"])).unwrap();
        assert_eq!(found.counts, array![[5, 2], [1, 7]]);
    }
    // ([[7, 2], [1, 5]], [1, 0])
    let tuple = b"\x80\x02](](K\x07K\x02e](K\x01K\x05ee](K\x01K\x00e\x86.";
    assert_eq!(read(tuple, Some(Orientation::RowsAreTrue)).unwrap().counts, array![[5, 2], [1, 7]]);
}

#[test]
fn numbers_that_are_the_names_of_the_classes_are_no_places() {
    let given = names(&["0", "1", "10", "2"]);
    // Of classes 0, 1, 2 and 10 all, with 4, 3, 7 and 9 samples.
    let sums = |text: &str, given: &[String]| {
        let found = read(text, Some(Orientation::RowsAreTrue)).unwrap().in_order_of(given.to_vec()).unwrap();
        found.counts.sum_axis(ndarray::Axis(0)).to_vec()
    };
    let three = names(&["1", "0", "2"]);
    for (text, expected) in [
        (",0,1,2\n0,4,0,1\n1,0,3,0\n2,0,1,6\n", [3, 5, 7]),
        (",1,0,2\n1,3,0,0\n0,0,4,1\n2,1,0,6\n", [3, 5, 7]),
        (r#"{"labels": ["1", "0", "2"], "m": [[3, 0, 0], [0, 4, 1], [1, 0, 6]]}"#, [3, 5, 7]),
        // Numbers as such are those of the classes.
        (r#"{"labels": [1, 0, 2], "m": [[3, 0, 0], [0, 4, 1], [1, 0, 6]]}"#, [5, 3, 7]),
        ("4,0,1\n0,3,0\n0,1,6\n", [5, 3, 7]),
    ] {
        assert_eq!(sums(text, &three), expected, "{text}");
    }
    assert_eq!(sums(",0,1,10,2\n0,4,0,0,0\n1,0,3,0,0\n10,0,0,9,0\n2,0,0,0,7\n", &given), [4, 3, 9, 7]);
    assert_eq!(sums(",00,01\n00,4,0\n01,0,3\n", &names(&["01", "00"])), [3, 4]);
    let wide = |order: &[usize]| {
        let line = |row: &usize| {
            order
                .iter()
                .map(|column| if row == column { format!(",{}", row + 1) } else { ",0".to_owned() })
                .collect::<String>()
        };
        let header: String = order.iter().map(|class| format!(",{class}")).collect();
        header + "\n" + &order.iter().map(|row| format!("{row}{}\n", line(row))).collect::<String>()
    };
    let order = [0, 1, 10, 2, 3, 4, 5, 6, 7, 8, 9];
    let given: Vec<String> = order.iter().map(usize::to_string).collect();
    assert_eq!(sums(&wide(&order), &given), [1, 2, 11, 3, 4, 5, 6, 7, 8, 9, 10]);
}

/// A sum is known by its numbers: people call it in their own language.
#[test]
fn sums_are_left_out_whatever_they_are_called_and_wherever_they_stand() {
    let expected = array![[50, 3, 0], [2, 45, 2], [0, 0, 7]];
    let both = |name: &str| format!("x,0,1,2,{name}\n0,50,2,0,52\n1,3,45,0,48\n2,0,2,7,9\n{name},53,49,7,109\n");
    let cases = [
        both("Grand Total"),
        both("Gesamt"),
        both("\u{3a3}"),
        both("n"),
        "x,0,1,2,Grand Total\n0,50,2,0,52\n1,3,45,0,48\n2,0,2,7,9\n".to_owned(),
        "x,0,1,2\n0,50,2,0\n1,3,45,0\n2,0,2,7\nColumn total,53,49,7\n".to_owned(),
        ",Total,0,1,2\nTotal,109,53,49,7\n0,52,50,2,0\n1,48,3,45,0\n2,9,0,2,7\n".to_owned(),
        "Actual,Predicted,n\n0,0,50\n0,1,2\n0,2,0\n0,all of them,52\n1,0,3\n1,1,45\n1,2,0\n1,all of them,48\n2,0,0\n2,1,2\n\
         2,2,7\n2,all of them,9\nall of them,0,53\nall of them,1,49\nall of them,2,7\nall of them,all of them,109\n"
            .to_owned(),
        "{\"columns\": [0, 1, 2, \"Sum of all\"], \"index\": [0, 1, 2, \"Sum of all\"], \"data\": [[50, 2, 0, 52], [3, 45, 0, 48], \
         [0, 2, 7, 9], [53, 49, 7, 109]]}"
            .to_owned(),
    ];
    for text in cases {
        let found = read(&text, Some(Orientation::RowsAreTrue)).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(found.counts, expected, "{text}");
        assert!(found.notes.iter().any(|note| note.contains("sums of the others and is left out")), "{text}");
    }
    let two = read(",neg,pos,Alles\nneg,143,17,160\npos,5,35,40\nAlles,148,52,200\n", Some(Orientation::RowsAreTrue));
    assert_eq!(two.unwrap().counts, array![[143, 5], [17, 35]]);
    // A class that is taken for all others as often as these are right is one still.
    let class = ",a,b,c\na,1,0,0\nb,0,1,0\nc,1,1,0\n";
    assert_eq!(read(class, Some(Orientation::RowsAreTrue)).unwrap().counts.nrows(), 3);
    let off = both("Grand Total").replace("109", "108");
    assert!(read(off, Some(Orientation::RowsAreTrue)).unwrap().counts.nrows() == 4, "sums of nothing are classes");
}

#[test]
fn a_corner_says_which_way_a_table_lies_only_where_it_is_known_whose_word_it_is() {
    // What pandas prints above a frame whose columns have a name.
    let printed = "Predicted   a  b\na           5  1\nb           2  7\n";
    assert!(read(printed, None).unwrap_err().to_string().contains("orientation"));
    assert_eq!(read(printed, Some(Orientation::RowsAreTrue)).unwrap().counts, array![[5, 2], [1, 7]]);
    for corner in ["Predicted \u{2192}", "Predicted ->", "Prediction (columns)", "Predicted across", "Actual \u{2193}"]
    {
        let found = read(format!("{corner},a,b\na,5,1\nb,2,7\n"), None).unwrap();
        assert_eq!(found.counts, array![[5, 2], [1, 7]], "{corner}");
    }
    for corner in ["Reference (across)", "Actual \u{2192}", "pred (rows)", "Predicted \u{2193} / Actual \u{2192}"] {
        let found = read(format!("{corner},a,b\na,5,1\nb,2,7\n"), None).unwrap();
        assert_eq!(found.counts, array![[5, 1], [2, 7]], "{corner}");
    }
}
