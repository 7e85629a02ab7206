//! Words on a data set beside its folder.

use std::path::PathBuf;

use crate::ClassOrder;

/// The place where the images of a data set are listed, the numbering of its classes, and what may
/// be absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// List of the training images; `None` looks for it in the folder. Of
    /// [`DataKind::List`](crate::DataKind) only.
    pub train_list: Option<PathBuf>,
    /// List of the test images, also of an image folder.
    pub test_list: Option<PathBuf>,
    /// Order of an image folder's classes; [`ClassOrder::Text`] unless said.
    pub class_order: Option<ClassOrder>,
    /// Tells whether the training images may be absent.
    pub test_alone: bool,
}
