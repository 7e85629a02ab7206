//! The options, program and device that the numbers were made with.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::source::{DataFile, Preprocessing};

/// The options, program and device that the numbers were made with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Settings {
    /// The margins g of the grid, ascending, in units of the logits.
    pub margins: Vec<f64>,
    /// r0 of the class weights λ_j = (pi_j + r0)^(-1/2) (D3).
    pub r0: f64,
    /// Form of the class weights: `paper`, `official` or `none`.
    pub weights: String,
    /// delta: every set of statements at this level holds with probability at least 1 - delta.
    pub delta: f64,
    /// M: the number of models compared, over which T5 also shares out delta.
    pub models_compared: usize,
    /// Device on which the models ran: `cpu`, `cuda:0`; `None` if only stored predictions were
    /// read.
    pub device: Option<String>,
    /// Preprocessing given by flags for foreign models; `None` if no flag was given.
    pub preprocessing: Option<Preprocessing>,
    /// Name of the program that wrote the report.
    pub program: String,
    /// Version of the program.
    pub version: String,
    /// Source revision the program was built from, where known.
    pub commit: Option<String>,
    /// The command line, one entry an argument.
    pub command_line: Vec<String>,
    /// The files read that are shared by all models (test data, class names, class counts).
    pub data: Vec<DataFile>,
}
