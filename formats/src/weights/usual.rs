//! Names that training programs give what this reader looks for.

use crate::words::Words;

/// Keys under which they put the weights.
pub(super) const WEIGHT_KEYS: Words = Words(
    "state_dict model_state_dict model_state model net network module weights params net_state_dict \
     state_dict_best best_state_dict best_model network_state_dict base_model",
);

/// Parts of the names of top-level keys that hold tensors which are no weights.
const STATE_OF_TRAINING: [&str; 4] = ["optim", "sched", "scaler", "rng"];

/// Whether a key is one under which programs keep the state of a training.
pub(super) fn is_state_of_training(key: &str) -> bool {
    STATE_OF_TRAINING.iter().any(|part| key.to_ascii_lowercase().contains(part))
}

/// The key under which classy_vision and VISSL keep a whole training, the network among it.
pub(super) const WHOLE_TRAINING: &str = "classy_state_dict";

/// Parts that wrappers of PyTorch put into names, also in their middle, and that PyTorch takes off
/// itself.
pub(super) const WRAPPERS: [&str; 4] =
    ["_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_forward_module"];

/// Last parts of the names of counters: batches, averaged steps, operations that thop counted.
pub(super) const COUNTERS: [&str; 4] = ["num_batches_tracked", "n_averaged", "total_ops", "total_params"];
