//! The flags of CAR: a preset, and what is to differ from it.

use car_spectral::car::{CarOptions, Competition, EmaColumns, EmaStart, Gate, PenaltyNorm};
use car_spectral::confusion::WeightForm;
use car_spectral_runs::settings::CarSchedule;
use clap::{Args, ValueEnum};

use crate::named::named;

/// CAR, the confusion-aware spectral regulariser: cross-entropy + alpha ‖C̄Λ‖₂
#[derive(Debug, Args)]
#[command(next_help_heading = "CAR")]
pub struct CarArguments {
    /// Train with CAR. paper: alpha 0.5, b 0.5 from zero, g 0.1 (the paper prints none),
    /// temperature 1, r0 0.2, all columns; official, the authors' code: alpha 0.3, b 0.5 from the
    /// first batch, g 0, temperature 1, r0 0.5, softmax over all classes, gate and baseline not
    /// differentiated, weights divided by their mean. Other flags change single options
    #[arg(long, value_name = "PRESET")]
    car: Option<Preset>,
    /// Strength alpha of the spectral term
    #[arg(long, value_name = "ALPHA", allow_negative_numbers = true, requires = "car")]
    car_alpha: Option<f64>,
    /// Share b of the history in the moving average, in [0, 1)
    #[arg(long, value_name = "B", allow_negative_numbers = true, requires = "car")]
    car_beta: Option<f64>,
    /// Columns that a batch moves: all (the paper), or those of classes present in it (unbiased for
    /// rare classes)
    #[arg(long, requires = "car", value_parser = named::<EmaColumns>(["all", "present"]))]
    car_columns: Option<EmaColumns>,
    /// Start of the moving average
    #[arg(long, requires = "car", value_parser = named::<EmaStart>(["zero", "first-batch", "bias-corrected"]))]
    car_start: Option<EmaStart>,
    /// Margin g of the gate
    #[arg(long, value_name = "G", allow_negative_numbers = true, requires = "car")]
    car_margin: Option<f64>,
    /// Temperature of the softmax
    #[arg(long, value_name = "TAU", allow_negative_numbers = true, requires = "car")]
    car_temperature: Option<f64>,
    /// Classes that share a sample: all, or the competitors of its own
    #[arg(long, requires = "car", conflicts_with = "car_ablation")]
    car_softmax: Option<Softmax>,
    /// Ablation of the paper's table 7: a (no gate), b (relu in place of the softmax), c (relu for
    /// both)
    #[arg(long, requires = "car")]
    car_ablation: Option<Ablation>,
    /// Differentiate the gate
    #[arg(long, requires = "car")]
    car_gate_gradient: Option<Switch>,
    /// Differentiate the true class's score in a relu competition
    #[arg(long, requires = "car")]
    car_baseline_gradient: Option<Switch>,
    /// Offset r0 of the class weights lambda_j = (pi_j + r0)^(-1/2)
    #[arg(long, value_name = "R0", allow_negative_numbers = true, requires = "car")]
    car_r0: Option<f64>,
    /// Class weights: paper, official (divided by their mean) or none
    #[arg(long, value_name = "FORM", requires = "car")]
    car_weights: Option<WeightForm>,
    /// Norm that is penalised: spectral, one (largest column sum) or ky-fan:R (sum of the R largest
    /// singular values)
    #[arg(long, value_name = "NORM", requires = "car")]
    car_norm: Option<PenaltyNorm>,
    /// Epochs without the term at the beginning; its average takes in their batches
    #[arg(long, value_name = "EPOCHS", allow_negative_numbers = true, requires = "car", default_value_t = 0)]
    car_after: usize,
    /// Epochs over which alpha then rises linearly, epoch by epoch
    #[arg(long, value_name = "EPOCHS", allow_negative_numbers = true, requires = "car", default_value_t = 0)]
    car_ramp: usize,
    /// Record in metrics.jsonl how large the term's gradient is beside that of cross-entropy, its
    /// share of the time, and what the other average (--car-columns) would be; slower
    #[arg(long, requires = "car")]
    pub car_diagnose: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Preset {
    Paper,
    Official,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Softmax {
    All,
    Competitors,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Ablation {
    A,
    B,
    C,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Switch {
    On,
    Off,
}

impl CarArguments {
    /// Gives the epochs in which the term counts.
    pub fn schedule(&self) -> CarSchedule {
        CarSchedule { after_epoch: self.car_after, ramp_epochs: self.car_ramp }
    }

    /// The options meant, `None` without `--car`. Their ranges are checked where they are used.
    pub fn options(&self) -> Option<CarOptions> {
        let mut options = match self.car? {
            Preset::Paper => CarOptions::paper(),
            Preset::Official => CarOptions::official_code(),
        };
        let set = |target: &mut f64, given: Option<f64>| *target = given.unwrap_or(*target);
        set(&mut options.alpha, self.car_alpha);
        set(&mut options.r0, self.car_r0);
        set(&mut options.ema.beta, self.car_beta);
        set(&mut options.surrogate.margin, self.car_margin);
        set(&mut options.surrogate.temperature, self.car_temperature);
        options.weights = self.car_weights.unwrap_or(options.weights);
        options.norm = self.car_norm.unwrap_or(options.norm);
        let surrogate = &mut options.surrogate;
        match self.car_softmax {
            Some(Softmax::All) => surrogate.competition = Competition::SoftmaxAll,
            Some(Softmax::Competitors) => surrogate.competition = Competition::SoftmaxCompetitors,
            None => {}
        }
        if matches!(self.car_ablation, Some(Ablation::A)) {
            surrogate.gate = Gate::One;
        }
        if matches!(self.car_ablation, Some(Ablation::B | Ablation::C)) {
            surrogate.competition = Competition::Relu;
        }
        if matches!(self.car_ablation, Some(Ablation::C)) {
            surrogate.gate = Gate::Relu;
        }
        let on = |given: Option<Switch>, default| given.map_or(default, |switch| switch == Switch::On);
        surrogate.gate_gradient = on(self.car_gate_gradient, surrogate.gate_gradient);
        surrogate.baseline_gradient = on(self.car_baseline_gradient, surrogate.baseline_gradient);
        options.ema.columns = self.car_columns.unwrap_or(options.ema.columns);
        options.ema.start = self.car_start.unwrap_or(options.ema.start);
        Some(options)
    }
}
