//! Flags on stored predictions: what is said of them, matrices in their place, and keeping them.

use std::path::PathBuf;

use car_spectral_formats::confusion::Orientation;
use car_spectral_formats::predictions::{Keys, Reading, Scores};
use clap::Args;

/// What is said of stored predictions.
#[derive(Debug, Args)]
pub(super) struct StoredArguments {
    /// Confusion matrices of counts instead of predictions: CSV with or without names, .npy, JSON,
    /// or as Python prints them. What needs scores is left out
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["data", "train_predictions"])]
    pub confusion: Vec<PathBuf>,

    /// Files that `count` wrote of one model's test predictions; they are added up. What needs
    /// scores is left out, and the margins are those that were counted
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["data", "train_predictions", "margin"])]
    pub counts: Vec<PathBuf>,

    /// Files that `count` wrote of its predictions on the training images
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub counts_train: Vec<PathBuf>,

    /// Direction in which they lie: rows-are-true (scikit-learn) or columns-are-true. Asked for
    /// unless they are symmetric
    #[arg(long, value_name = "WAY")]
    pub orientation: Option<Orientation>,

    /// Names of the arrays or columns of --predictions, where they do not tell which is which:
    /// logits=NAME,labels=NAME
    #[arg(long, value_name = "ROLE=NAME,...")]
    pub keys: Option<Keys>,

    /// The number by which labels call the first class
    #[arg(long, value_name = "0|1", default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..=1))]
    pub first_label: i64,

    /// Kind of the scores: logits, or probabilities, whose logarithms are then taken
    #[arg(long, value_name = "KIND")]
    pub scores: Option<Scores>,

    /// Keep the scores that a checkpoint computes, for --predictions: FILE.npz, and FILE-train.npz
    /// on its training images
    #[arg(long, value_name = "FILE")]
    pub save_predictions: Option<PathBuf>,
}

impl StoredArguments {
    /// The flags, whether each was given, and the flag of the models that it concerns.
    pub(super) fn of_one_kind(&self) -> [(&'static str, bool, &'static str); 6] {
        [
            ("orientation", self.orientation.is_some(), "confusion"),
            ("counts-train", !self.counts_train.is_empty(), "counts"),
            ("keys", self.keys.is_some(), "predictions"),
            ("first-label", self.first_label != 0, "predictions"),
            ("scores", self.scores.is_some(), "predictions"),
            ("save-predictions", self.save_predictions.is_some(), "checkpoint"),
        ]
    }

    /// What is said of the predictions.
    pub(super) fn reading(&self) -> Reading {
        Reading {
            keys: self.keys.clone().unwrap_or_default(),
            first_label: self.first_label,
            scores: self.scores,
            ..Reading::default()
        }
    }
}
