//! Names that timm and torchvision give the tensors of the built-in networks, where they call them
//! otherwise.

use std::collections::BTreeMap;

use car_spectral_runs::settings::ArchitectureKind;

/// Blocks of each stage of EfficientNet-Lite0.
const LITE0_BLOCKS: [usize; 7] = [1, 2, 2, 3, 3, 4, 1];

/// Other programs' names of all tensors of a network, by its own.
pub(super) fn spellings<'a>(
    kind: &ArchitectureKind,
    names: impl Iterator<Item = &'a String> + Clone,
) -> Vec<BTreeMap<String, String>> {
    let spelled = |other: &dyn Fn(&str) -> String| names.clone().map(|name| (name.clone(), other(name))).collect();
    match kind {
        ArchitectureKind::Vit { .. } => vec![
            spelled(&|name| torchvision_name_of_vit(name, ["0", "3"])),
            spelled(&|name| torchvision_name_of_vit(name, ["linear_1", "linear_2"])),
        ],
        ArchitectureKind::EfficientNetLite0 | ArchitectureKind::EfficientNetLite0Symmetric => {
            vec![spelled(&timm_name_of_lite0)]
        }
        _ => Vec::new(),
    }
}

/// torchvision's name for a tensor of a vision transformer; `mlp`: what the layers of the
/// perceptron are called.
fn torchvision_name_of_vit(name: &str, mlp: [&str; 2]) -> String {
    let [first, second] = mlp;
    let fixed = match name {
        "cls_token" => Some("class_token".to_owned()),
        "pos_embed" => Some("encoder.pos_embedding".to_owned()),
        _ => name.strip_prefix("patch_embed.proj.").map(|rest| format!("conv_proj.{rest}")),
    };
    let fixed = fixed.or_else(|| name.strip_prefix("norm.").map(|rest| format!("encoder.ln.{rest}")));
    let fixed = fixed.or_else(|| name.strip_prefix("head.").map(|rest| format!("heads.head.{rest}")));
    if let Some(fixed) = fixed {
        return fixed;
    }
    let Some((block, rest)) = name.strip_prefix("blocks.").and_then(|rest| rest.split_once('.')) else {
        return name.to_owned();
    };
    let inner = [
        ("norm1.", "ln_1.".to_owned()),
        ("norm2.", "ln_2.".to_owned()),
        ("attn.qkv.", "self_attention.in_proj_".to_owned()),
        ("attn.proj.", "self_attention.out_proj.".to_owned()),
        ("mlp.fc1.", format!("mlp.{first}.")),
        ("mlp.fc2.", format!("mlp.{second}.")),
    ];
    let found = inner.iter().find_map(|(own, other)| Some(format!("{other}{}", rest.strip_prefix(own)?)));
    format!("encoder.layers.encoder_layer_{block}.{}", found.unwrap_or_else(|| rest.to_owned()))
}

/// timm's name for a tensor of EfficientNet-Lite0.
fn timm_name_of_lite0(name: &str) -> String {
    for (own, other) in [
        ("_conv_stem.", "conv_stem."),
        ("_bn0.", "bn1."),
        ("_conv_head.", "conv_head."),
        ("_bn1.", "bn2."),
        ("_fc.", "classifier."),
    ] {
        if let Some(rest) = name.strip_prefix(own) {
            return format!("{other}{rest}");
        }
    }
    let Some((block, rest)) = name.strip_prefix("_blocks.").and_then(|rest| rest.split_once('.')) else {
        return name.to_owned();
    };
    let Some((stage, within)) = block.parse().ok().and_then(stage_of) else { return name.to_owned() };
    // The first stage has no expansion, so what it counts begins one later.
    let parts: [(&str, &str); 6] = if stage == 0 {
        [
            ("_depthwise_conv.", "conv_dw."),
            ("_bn1.", "bn1."),
            ("_project_conv.", "conv_pw."),
            ("_bn2.", "bn2."),
            ("_expand_conv.", "_expand_conv."),
            ("_bn0.", "_bn0."),
        ]
    } else {
        [
            ("_expand_conv.", "conv_pw."),
            ("_bn0.", "bn1."),
            ("_depthwise_conv.", "conv_dw."),
            ("_bn1.", "bn2."),
            ("_project_conv.", "conv_pwl."),
            ("_bn2.", "bn3."),
        ]
    };
    let found = parts.iter().find_map(|(own, other)| Some(format!("{other}{}", rest.strip_prefix(own)?)));
    format!("blocks.{stage}.{within}.{}", found.unwrap_or_else(|| rest.to_owned()))
}

/// The stage of a block, and its place there.
fn stage_of(block: usize) -> Option<(usize, usize)> {
    let mut before = 0;
    for (stage, count) in LITE0_BLOCKS.into_iter().enumerate() {
        if block < before + count {
            return Some((stage, block - before));
        }
        before += count;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_timm_and_torchvision() {
        for (own, other) in [
            ("_blocks.0._project_conv.weight", "blocks.0.0.conv_pw.weight"),
            ("_blocks.0._bn2.running_var", "blocks.0.0.bn2.running_var"),
            ("_blocks.4._expand_conv.weight", "blocks.2.1.conv_pw.weight"),
            ("_blocks.15._bn2.bias", "blocks.6.0.bn3.bias"),
            ("_bn1.weight", "bn2.weight"),
            ("_fc.bias", "classifier.bias"),
        ] {
            assert_eq!(timm_name_of_lite0(own), other);
        }
        for (own, other) in [
            ("blocks.11.attn.qkv.bias", "encoder.layers.encoder_layer_11.self_attention.in_proj_bias"),
            ("blocks.0.mlp.fc2.weight", "encoder.layers.encoder_layer_0.mlp.3.weight"),
            ("pos_embed", "encoder.pos_embedding"),
            ("norm.weight", "encoder.ln.weight"),
            ("head.bias", "heads.head.bias"),
        ] {
            assert_eq!(torchvision_name_of_vit(own, ["0", "3"]), other);
        }
    }
}
