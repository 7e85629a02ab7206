//! Words on weights that another program kept.

use std::path::PathBuf;

use car_spectral_formats::weights::{MatrixRows, Rename};
use car_spectral_runs::settings::Classifier;

/// Words on files of weights that do not describe themselves.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ForeignWeights {
    /// Key of the one set of weights to take from a file of several, or a word that their names
    /// begin with.
    pub key: Option<String>,
    /// Beginnings of names to change.
    pub renames: Vec<Rename>,
    /// Tensors or modules to leave out.
    pub leave_out: Vec<String>,
    /// The last layer; none: linear, if it has a bias.
    pub classifier: Option<Classifier>,
    /// Rows of its matrix, where the file does not say.
    pub classifier_rows: Option<MatrixRows>,
    /// A second file, with the last layer.
    pub classifier_file: Option<PathBuf>,
    /// Side of the patches of `vit-*`; none: as the weights say.
    pub patch: Option<usize>,
    /// Hidden widths of `mlp`; none: as the weights say.
    pub hidden: Option<Vec<usize>>,
    /// Side to which images are resized before the network.
    pub resolution: Option<usize>,
}

impl ForeignWeights {
    /// The first setting that is given, by name.
    #[cfg(any(feature = "torch", feature = "onnx"))]
    pub(super) fn first_given(&self) -> Option<&'static str> {
        let given = [
            ("key", self.key.is_some()),
            ("rename", !self.renames.is_empty()),
            ("leave-out", !self.leave_out.is_empty()),
            ("classifier", self.classifier.is_some()),
            ("classifier-rows", self.classifier_rows.is_some()),
            ("classifier-file", self.classifier_file.is_some()),
            ("patch", self.patch.is_some()),
            ("hidden", self.hidden.is_some()),
            ("resolution", self.resolution.is_some()),
        ];
        given.into_iter().find(|(_, given)| *given).map(|(name, _)| name)
    }
}
