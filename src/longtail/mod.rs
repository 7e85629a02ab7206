//! Long-tailed protocols, the many, medium and few classes, and the measures of the worst class.
//!
//! ```text
//! n_j = floor(n_max IF^(-j/(K-1)))              training samples of class j
//! many: n_j > 100    medium: 20 <= n_j <= 100    few: n_j < 20
//! e_j = k_j / n_j                               test error of class j, not estimated where n_j = 0
//! WR  = test accuracy of the worst class / training accuracy of the same class
//! ```

mod error;
mod groups;
mod metrics;
mod protocol;

pub use error::LongTailError;
pub use groups::Group;
pub use metrics::{ClassMetrics, GroupAccuracy, WeightedWorstClass, WorstClass};
pub use protocol::long_tailed_counts;
