//! Names that wrappers of PyTorch have put parts into.

use std::collections::BTreeMap;

use crate::weights::Tensor;
use crate::weights::usual::WRAPPERS;

/// Takes the parts of wrappers out of the middle of names, unless two would then be alike. What
/// stands in front of a name is left there.
pub(super) fn without_wrappers(tensors: BTreeMap<String, Tensor>) -> BTreeMap<String, Tensor> {
    let mut plain: Vec<String> = tensors.keys().map(|name| unwrapped(name)).collect();
    if plain.iter().zip(tensors.keys()).all(|(plain, name)| plain == name) {
        return tensors;
    }
    plain.sort_unstable();
    if plain.iter().zip(plain.iter().skip(1)).any(|(one, next)| one == next) {
        return tensors;
    }
    tensors.into_iter().map(|(name, tensor)| (unwrapped(&name), tensor)).collect()
}

fn unwrapped(name: &str) -> String {
    let is_wrapper = |part: &&str| WRAPPERS.contains(part);
    let in_front = name.split('.').take_while(|part| is_wrapper(part) || *part == "module").count();
    let parts = name.split('.').enumerate();
    parts
        .filter(|(place, part)| *place < in_front || !is_wrapper(part))
        .map(|(_, part)| part)
        .collect::<Vec<_>>()
        .join(".")
}

#[cfg(test)]
mod tests {
    use super::unwrapped;

    #[test]
    fn wrappers_in_the_middle_are_taken_out() {
        for (name, plain) in [
            ("layer1._fsdp_wrapped_module.0.conv1.weight", "layer1.0.conv1.weight"),
            ("module._orig_mod.layer1._checkpoint_wrapped_module.0.bn1.bias", "module._orig_mod.layer1.0.bn1.bias"),
            ("model._orig_mod.conv1.weight", "model.conv1.weight"),
            ("_orig_mod.conv1.weight", "_orig_mod.conv1.weight"),
        ] {
            assert_eq!(unwrapped(name), plain);
        }
    }
}
