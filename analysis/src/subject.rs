//! The subject of an analysis: the scores of one model on its training and test data, and what is
//! known about the model.

use car_spectral::bounds::Architecture;
use ndarray::{Array1, ArrayView1, Axis};

use crate::Result;
use crate::results::{Source, Warning};
use car_spectral_formats::predictions::{Block, Logits};

/// The scores of one data split with their labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Scored {
    /// Scores [N, K].
    pub logits: Logits,
    /// Labels `[N]`, each below K.
    pub labels: Array1<usize>,
}

impl Scored {
    /// Gives scores and labels to `take` block by block; nothing without scores.
    pub(crate) fn for_each_block(
        &self,
        mut take: impl FnMut(Block<'_>, ArrayView1<'_, usize>) -> Result<()>,
    ) -> Result<()> {
        self.logits.for_each_block(|first, block| {
            let rows = match block {
                Block::F32(scores) => scores.nrows(),
                Block::F64(scores) => scores.nrows(),
            };
            take(block, self.labels.slice_axis(Axis(0), (first..first + rows).into()))
        })
    }
}

/// One model to be analysed.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Name shown in tables and plots, unique among the subjects.
    pub name: String,
    /// The origin of the scores.
    pub source: Source,
    /// Names of the classes, one a class.
    pub class_names: Vec<String>,
    /// Training images of each class; `None` if unknown.
    pub train_counts: Option<Vec<u64>>,
    /// The architecture, as far as T3 needs to know it.
    pub architecture: Architecture,
    /// Scores on the training images in evaluation mode, without augmentation; `None` if not given.
    pub train: Option<Scored>,
    /// Scores on the test images.
    pub test: Scored,
    /// Tells whether it was said what the scores are, so that their look is not in question.
    pub scores_said: bool,
    /// Warnings of when the files were read.
    pub warnings: Vec<Warning>,
}

impl Subject {
    /// A model of which nothing is known but its scores on the test images.
    pub fn new(name: String, test: Scored) -> Self {
        Self {
            name,
            source: Source::default(),
            class_names: Vec::new(),
            train_counts: None,
            architecture: Architecture::Unknown,
            train: None,
            test,
            scores_said: false,
            warnings: Vec::new(),
        }
    }

    /// The file that it came from, or else its name.
    pub(crate) fn file(&self) -> &str {
        self.source.files.first().map_or(&self.name, |file| &file.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::DataFile;

    #[test]
    fn a_subject_is_called_after_its_file() {
        let test = Scored { logits: Logits::F64(ndarray::array![[0.0, 1.0]]), labels: ndarray::array![1] };
        let mut subject = Subject::new("a".to_owned(), test);
        assert_eq!(subject.file(), "a");
        let path = "runs/a.safetensors".to_owned();
        subject.source.files = vec![DataFile { role: "weights".to_owned(), path, bytes: 1, sha256: String::new() }];
        assert_eq!(subject.file(), "runs/a.safetensors");
    }
}
