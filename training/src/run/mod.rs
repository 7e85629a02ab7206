//! A run: the training loop and all that changes from step to step.
//!
//! | file | holds |
//! | --- | --- |
//! | `train` | [`train`]: epoch after epoch, evaluation, checkpoints, results |
//! | `learner` | network, objective, optimizer and schedule; one epoch |
//! | `feed` | batches as tensors on the device, mixed by CutMix where asked |
//! | `feature_feed` | batches of features, where the backbone stays as it is |
//! | `objective` | what is minimised: the classification loss, the contrastive branch, CAR |
//! | `car_term`, `car_monitor` | CAR in a step, what the log says of it, and its diagnosis on demand |
//! | `contrastive` | the contrastive branch of balanced contrastive learning |
//! | `optimizer`, `schedule`, `weight_ema` | steps, learning rate, average of the weights |
//! | `evaluator` | the splits under the weights of an epoch |
//! | `best` | the best epoch so far on the validation part |
//! | `resume` | what a run that was stopped goes on from |
//! | `event` | what a run tells whoever watches it |

mod best;
mod car_monitor;
mod car_term;
mod contrastive;
mod evaluator;
mod event;
mod feature_feed;
mod feed;
mod learner;
mod objective;
pub mod optimizer;
mod resume;
pub mod schedule;
mod train;
mod weight_ema;

pub use event::{Event, Observer};
pub use train::{Finished, train};
