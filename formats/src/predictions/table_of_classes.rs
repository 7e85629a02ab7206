//! Columns of a table that hold a class for each sample in place of scores.

use super::names::{LABEL_NAMES, is_predicted, plain};
use crate::Result;
use crate::table::Table;
use crate::words::Words;

/// What people call predicted classes where nothing else can be the scores.
pub(super) const GUESSES: Words = Words(
    "output outputs out yhat y_hat ypred guess guesses guessed estimate estimates estimated result results answer \
     answers decision decisions response assigned assignment classified",
);

/// What people call true classes and nothing else.
const TRUTH: Words = Words(
    "gt gts gt_label gt_labels gt_class gt_classes y_true ytrue true truth ground_truth groundtruth true_labels \
     true_label true_class actual_class actual_label gold gold_label gold_labels reference references actual actuals obs",
);

/// Whether a column is called as predicted classes are.
pub(super) fn is_guess(name: &str) -> bool {
    is_predicted(name) || GUESSES.contains(&plain(name))
}

/// Of two columns that are called as labels are, the true and the predicted classes, if the names
/// say which is which: `gt` and `label`.
pub(super) fn truth_and_guess(called: [(usize, &str); 2]) -> Option<[usize; 2]> {
    let is_truth = |name: &str| TRUTH.contains(&plain(name));
    let is_label = |name: &str| matches!(plain(name).as_str(), "label" | "labels" | "class" | "classes" | "category");
    match called {
        [(truth, a), (guess, b)] | [(guess, b), (truth, a)] if is_truth(a) && is_label(b) => Some([truth, guess]),
        _ => None,
    }
}

/// Whether a name is one of labels.
pub(super) fn is_label(name: &str) -> bool {
    LABEL_NAMES.contains(&plain(name))
}

/// Whether all fields of the columns are whole numbers from 0, or all are texts.
pub(super) fn hold_classes(table: &Table<'_>, columns: [usize; 2]) -> Result<bool> {
    let (mut whole, mut texts) = (true, true);
    table.for_each(|_, fields| {
        for field in columns.iter().filter_map(|&column| fields.get(column)) {
            match table.number(field) {
                Some(number) => {
                    texts = false;
                    whole &= number.fract() == 0.0 && number >= 0.0;
                }
                None => whole = false,
            }
        }
        Ok(())
    })?;
    Ok(whole != texts)
}

#[cfg(test)]
mod tests {
    use crate::predictions::{Logits, PredictionSource, Reading, read_as};
    use crate::testing::with_file;

    fn found(table: &str, keys: &str, names: &[&str]) -> Result<(Vec<usize>, Vec<usize>), String> {
        with_file("p.csv", table, |file| {
            let keys = if keys.is_empty() { Default::default() } else { keys.parse().unwrap() };
            let class_names = (!names.is_empty()).then(|| names.iter().map(|&name| name.to_owned()).collect());
            let reading = Reading { keys, class_names, ..Reading::default() };
            let read = read_as(&PredictionSource::File(file.to_path_buf()), &reading).map_err(|e| e.to_string())?;
            assert!(matches!(read.logits, Logits::Classes(_)), "{table}");
            Ok((read.labels.to_vec(), read.logits.predicted()))
        })
    }

    const RIGHT: ([usize; 3], [usize; 3]) = ([0, 2, 1], [0, 1, 1]);

    fn right() -> Result<(Vec<usize>, Vec<usize>), String> {
        Ok((RIGHT.0.to_vec(), RIGHT.1.to_vec()))
    }

    #[test]
    fn two_columns_of_classes_are_told_by_usual_names_or_keys() {
        let names: &[&str] = &["cat", "dog", "emu"];
        for header in ["target,output", "y,yhat", "y,y_hat", "label,guess", "gt,label", "Truth,Estimate", "true,class"]
        {
            assert_eq!(found(&format!("{header}\n0,0\n2,1\n1,1\n"), "", &[]), right(), "{header}");
            assert_eq!(found(&format!("{header}\ncat,cat\nemu,dog\ndog,dog\n"), "", names), right(), "{header}");
            let halves = found(&format!("{header}\n0,0.5\n2,1\n1,1\n"), "", &[]).unwrap_err();
            let both = halves.contains("several columns can be the labels");
            assert!(halves.contains("1 class(es)") || both, "{header}: {halves}");
        }
        assert_eq!(found("label,gt\n0,0\n1,2\n1,1\n", "", &[]), right());
        assert_eq!(found("a,b,c\n0,0,7\n1,2,7\n1,1,7\n", "logits=a,labels=b", &[]), right());
        assert_eq!(found("target,label\n0,0\n2,1\n1,1\n", "logits=label,labels=target", &[]), right());
        assert_eq!(found("target,label\n0,0\n2,1\n1,1\n", "labels=target", &[]), right());
        assert_eq!(found("label,pred,latency_ms\n0,0,7.5\n2,1,7\n1,1,7\n", "", &[]), right());
    }

    #[test]
    fn what_may_be_scores_or_either_is_asked_for() {
        let either = found("target,label\n0,0\n2,1\n1,1\n", "", &[]).unwrap_err();
        assert!(either.contains("several columns can be the labels: \"target\", \"label\""), "{either}");
        let mixed = found("label,guess\n0,cat\n2,dog\n", "", &[]).unwrap_err();
        assert!(mixed.contains("1 class(es)"), "{mixed}");
        let keyed = found("label,guess\n0,0.5\n2,1\n", "logits=guess", &[]).unwrap_err();
        assert!(keyed.contains("1 class(es)"), "{keyed}");
        let none = found("label,guess\n0,0\n2,1\n", "logits=scores", &[]).unwrap_err();
        assert!(none.contains("no column \"scores\""), "{none}");
    }
}
