//! Words of a column's name, or of a key above counts, on what stands below it.

use crate::words::{Words, words_of};

/// What is below a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Says {
    /// Classes.
    Class,
    /// Lines numbered as an index numbers them, which may be classes: no name, or `index`.
    Index,
    /// The place of a line, such as its rank.
    Rank,
    Counts,
    /// Counts that are called those of the training.
    TrainingCounts,
    /// Something else of each class, such as a weight.
    NoCount,
    /// Something of the test or validation samples.
    OtherSplit,
    /// Nothing that is known.
    Nothing,
}

const CLASS: Words = Words("class classes cls label labels target targets category categories id idx name names y");
const RANK: Words = Words("rank ranking rk order position pos place row line nr no");
const TRAINING: Words = Words("train training");
/// `support` is what scikit-learn calls the number of the samples that it was given to test.
const OTHER_SPLITS: Words = Words("test testing val valid validation eval evaluation holdout dev support");
const COUNT: Words = Words(
    "count counts cnt frequency frequencies freq samples images imgs examples instances items occurrences size sizes \
     total",
);
/// What stands beside classes and is no number of training samples.
const NO_COUNTS: Words = Words(
    "weight weights weighting effective cumsum cum cumulative precision recall f1 fscore iou dice auc ap map acc \
     accuracy score scores loss prob probs probability prior priors share ratio fraction percent percentage pct rate \
     mean std median correct incorrect wrong error errors mistakes predicted predictions pred preds pixels pixel \
     synthetic generated augmented removed deleted discarded dropped unlabeled unlabelled missing",
);
/// Words of a number, which may be that of a class, too.
const NUMBER: Words = Words("n num number nb");
/// What stands beside those.
const BESIDE: Words = Words("of per in the class cls label image img sample set split data list");

impl Says {
    pub(super) fn of(name: &str) -> Self {
        let name = name.trim();
        match name {
            "" | "index" | "Index" => return Self::Index,
            "#" => return Self::Rank,
            // A series of pandas without a name.
            "0" => return Self::Counts,
            _ => {}
        }
        let words = words_of(name);
        let joined = words.concat();
        let any = |known: Words| words.iter().any(|word| known.contains(word));
        let all = |known: &[Words]| words.iter().all(|word| known.iter().any(|known| known.contains(word)));
        // `class number` is a class, `number per class` a count.
        let counts = all(&[COUNT, NUMBER, TRAINING, BESIDE])
            && (any(COUNT)
                || any(NUMBER) && (any(Words("per of")) || !any(BESIDE))
                || all(&[TRAINING, NUMBER, Words("set split data")]));
        match any(TRAINING) {
            _ if words.is_empty() => Self::Nothing,
            _ if any(NO_COUNTS) || NO_COUNTS.contains(&joined) => Self::NoCount,
            true if counts => Self::TrainingCounts,
            false if any(OTHER_SPLITS) => Self::OtherSplit,
            false if counts => Self::Counts,
            _ if all(&[CLASS, NUMBER]) => Self::Class,
            _ if all(&[RANK]) => Self::Rank,
            _ => Self::Nothing,
        }
    }

    pub(super) fn counts(self) -> bool {
        matches!(self, Self::Counts | Self::TrainingCounts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_they_are_names_of() {
        for (says, names) in [
            (Says::Class, "class,Label,class_id,classId,target name,category".split(',')),
            (
                Says::Counts,
                "n,count,num_images,numImages,number of images,samples-per-class,Freq,size,total,0".split(','),
            ),
            (Says::TrainingCounts, "train,n_train,trainCount,images (train),training set size,train_images".split(',')),
            (
                Says::OtherSplit,
                "test,test_count,numTest,val,valid images,val2017,Eval,holdout,dev set,support".split(','),
            ),
            (Says::Rank, "rank,#,Order,position,row no".split(',')),
            (Says::Index, ",index".split(',')),
            (Says::Nothing, "species,image_id,testament,train_label,train_image,evaluator,develop,()".split(',')),
            (
                Says::NoCount,
                "weight,class_weight,effective_num,cumsum,cum_sum,precision,f1,f1-score,train_acc,n_correct,errors,\
                 pixels,num_pixels,synthetic,Removed,unlabeled,train_weights"
                    .split(','),
            ),
        ] {
            for name in names {
                assert_eq!(Says::of(name), says, "{name}");
            }
        }
        assert_eq!(Says::of("class number"), Says::Class);
        assert_eq!(Says::of("number per class"), Says::Counts);
        assert_eq!(Says::of("trainval"), Says::Nothing);
        assert_eq!(Says::of("train_val_images"), Says::Nothing);
    }
}
