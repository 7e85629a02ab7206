//! Weights that were rewritten for training or for size, told by the parts of their names: what
//! they are, and how their owner makes plain weights of them. Nothing is computed from them here.

use std::collections::BTreeMap;

use super::Tensor;
use crate::ElementType;

/// How tensors are named, what they are then, and what makes plain weights of them.
struct Kind {
    /// Whether a name is one of theirs.
    is: fn(&str) -> bool,
    /// Whether other modules than those of the network may have them.
    of_modules: bool,
    found: &'static str,
    remedy: &'static str,
}

fn last(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

fn is_within(name: &str, module: &str) -> bool {
    name.split('.').any(|part| part == module)
}

const KINDS: [Kind; 8] = [
    Kind {
        of_modules: true,
        is: |name| last(name).ends_with("_mask") && !last(name).contains("attn"),
        found: "pruned weights beside their masks",
        remedy: "call torch.nn.utils.prune.remove(module, 'weight') for each pruned module and save again",
    },
    Kind {
        of_modules: true,
        is: |name| is_within(name, "parametrizations"),
        found: "parametrised weights (weight or spectral norm)",
        remedy: "call torch.nn.utils.parametrize.remove_parametrizations(module, 'weight') for each module and save again",
    },
    Kind {
        of_modules: true,
        is: |name| last(name) == "weight_u",
        found: "weights before spectral norm",
        remedy: "call torch.nn.utils.remove_spectral_norm(module) for each module and save again",
    },
    Kind {
        of_modules: true,
        is: |name| last(name) == "weight_g",
        found: "weights split by weight norm",
        remedy: "call torch.nn.utils.remove_weight_norm(module) for each module and save again",
    },
    Kind {
        of_modules: false,
        is: |name| name.to_ascii_lowercase().contains("lora_"),
        found: "LoRA adapters",
        remedy: "merge them into the network that they belong to (peft: model.merge_and_unload()) and save that",
    },
    Kind {
        of_modules: false,
        is: |name| last(name).contains("flat_param"),
        found: "flat parameters of FSDP",
        remedy: "save a full state dictionary (StateDictType.FULL_STATE_DICT), or merge the parts as your trainer says",
    },
    Kind {
        of_modules: false,
        is: |name| {
            let last = last(name);
            ["weight_scale", "scale_weight", "qweight", "qzeros", "zero_point", "_packed_params", "SCB", "absmax"]
                .iter()
                .any(|known| last.starts_with(known))
        },
        found: "quantised weights beside their scales",
        remedy: "save the weights before they were quantised, or export the network as ONNX",
    },
    Kind {
        of_modules: false,
        is: |name| is_within(name, "shadow_params"),
        found: "averaged weights as a list without names",
        remedy: "copy them into the network (torch_ema: ema.copy_to(model.parameters())) and save its state_dict()",
    },
];

const OPTIMIZER: Kind = Kind {
    of_modules: false,
    is: |name| matches!(last(name), "exp_avg" | "exp_avg_sq" | "momentum_buffer" | "square_avg" | "step"),
    found: "the state of an optimizer",
    remedy: "give the file of the network, saved with model.state_dict()",
};

/// What rewritten weights of the modules `of` are among these names, and the remedy. Kinds that are
/// told by the name of a module's tensor matter only in those modules.
pub(super) fn found<'a>(
    names: impl Iterator<Item = &'a str> + Clone,
    of: impl Fn(&str) -> bool,
) -> Option<(&'static str, &'static str)> {
    let stem = |name: &'a str| match name.split_once(".parametrizations") {
        Some((module, _)) => module,
        None => name.rsplit_once('.').map_or("", |(module, _)| module),
    };
    let kind =
        KINDS.iter().find(|kind| names.clone().any(|name| (kind.is)(name) && (!kind.of_modules || of(stem(name)))));
    // Beside a network, whatever its names, the state of an optimizer says nothing.
    let of_optimizer = names.clone().filter(|name| (OPTIMIZER.is)(name)).count();
    let kind = kind.or_else(|| (of_optimizer.saturating_mul(2) > names.count()).then_some(&OPTIMIZER))?;
    Some((kind.found, kind.remedy))
}

/// Weights of a network that are whole numbers where fractions are wanted, by the first name.
pub(super) fn whole_numbers(fitted: &BTreeMap<String, Tensor>) -> Option<(&str, ElementType)> {
    let is_whole = |tensor: &Tensor| tensor.stored_dtype.is_integer() || tensor.stored_dtype == ElementType::Bool;
    fitted.iter().find(|(_, tensor)| is_whole(tensor)).map(|(name, tensor)| (name.as_str(), tensor.stored_dtype))
}
