//! Printed tables whose columns go on below, in every reader.

use crate::InputError;
use crate::confusion::read_confusion;
use crate::counts::read_named_counts;
use crate::predictions::{PredictionSource, read};
use crate::testing::{is, with_file};

fn assert_are_wrapped<T>(texts: &[(&str, u64)], read: impl Fn(&std::path::Path) -> Result<T, InputError>) {
    for (text, line) in texts {
        let error = with_file("a.txt", text, &read).map(|_| ()).unwrap_err();
        assert!(is(&error, &format!("Wrapped, line: {line}")), "{text}: {error}");
    }
}

#[test]
fn columns_that_go_on_below_are_refused_by_their_line() {
    let scores = [
        (
            "   label  logit_0  logit_1  \\\n0      1      0.1      0.2   \n1      0      0.3      0.1   \n\n\
             \u{20}  logit_2  logit_3  \n0      0.5      0.6  \n1      0.5      0.6  \n",
            1,
        ),
        (
            "  label logit_0\n1     1     0.1\n2     0     0.3\n  logit_1 logit_2\n1     0.5     0.6\n2     0.5     0.6\n",
            4,
        ),
        ("  label logit_0\n1     1     0.1\n  logit_1 logit_2 logit_3\n1     0.5     0.6     0.7\n", 3),
    ];
    assert_are_wrapped(&scores, |file| read(&PredictionSource::File(file.to_path_buf())));
    let matrices = [
        ("     a  b  \\\na  50  2   \nb   3 45   \nc   3 45   \n\n   c  \na  4  \nb  5  \nc  6  \n", 1),
        ("    a  b\na  50  2\nb   3 45\nc   3 45\n    c\na  4\nb  5\nc  6\n", 5),
    ];
    assert_are_wrapped(&matrices, |file| read_confusion(file, None));
    let counts = [
        ("   class  count  \\\n0      0     60   \n1      1     48   \n\n   test  \n0    5  \n1    5  \n", 1),
        ("  class count\n1     0    60\n2     1    48\n  test seen\n1    5    5\n2    5    5\n", 4),
    ];
    assert_are_wrapped(&counts, |file| read_named_counts(&file.into(), 2, None));
}
