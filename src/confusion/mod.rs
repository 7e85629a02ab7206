//! Margin confusion matrices (D1, D2), their weights (D3), and the type that holds them.
//!
//! ```text
//! i*(x, y)   = argmax over i != y of f(x)[i]              competitor, ties to the lowest index
//! margin     = f(x)[y] - f(x)[i*]                         in f64, from the stored scores
//! C_g[i][j]  = #{ q : y_q = j, i*(q) = i, margin_q <= g } / m_j
//! lambda_j   = (pi_j + r0)^(-1/2)
//! ```
//!
//! [`MarginCounts`] turns scores and labels into integer counts, for a whole [`MarginGrid`] in one
//! pass, batch by batch if wanted; its matrices come out as [`ConfusionMatrix`]; [`ClassWeights`]
//! holds the diagonal of Λ.
//!
//! ```
//! use car_spectral::confusion::{ClassWeights, MarginCounts, MarginGrid, WeightForm};
//! use ndarray::array;
//!
//! let grid = MarginGrid::new(&[0.0, 1.0])?;
//! let mut counts = MarginCounts::new(3, &grid)?;
//! counts.add_batch(array![[2.0f32, 0.5, 0.0], [1.0, 1.5, 0.0]].view(), array![0, 0].view())?;
//! counts.add_batch(array![[0.0f32, 3.0, 1.0], [0.0, 0.5, 0.75]].view(), array![1, 2].view())?;
//!
//! assert_eq!(counts.errors(), [1, 0, 0]);
//! assert_eq!(counts.confusion().get(1, 0), 0.5); // half of class 0 is taken for class 1
//! assert_eq!(counts.margin_confusion(1).get(1, 2), 1.0); // class 2 wins over class 1 by 0.25 <= 1
//!
//! let weights = ClassWeights::new(counts.class_counts(), 0.2, WeightForm::Paper)?;
//! let weighted = counts.margin_confusion(0).scale_columns(weights.values())?;
//! assert_eq!(weighted.get(1, 0), 0.5 * (0.5f64 + 0.2).sqrt().recip());
//! # Ok::<(), car_spectral::confusion::ConfusionError>(())
//! ```

mod competitor;
mod error;
mod margin_counts;
mod margins;
mod matrix;
mod scores;
mod tables;
mod tally;
mod ties;
mod weights;

pub use error::ConfusionError;
pub use margin_counts::MarginCounts;
pub use margin_counts::parts::{MarginParts, SampleMargin, sample_margins};
pub use margins::{MarginGrid, WrittenMargin};
pub use matrix::ConfusionMatrix;
pub use scores::Score;
pub use tables::Storage;
pub use ties::Ties;
pub use weights::{ClassWeights, WeightForm};
