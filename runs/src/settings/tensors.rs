//! The names and shapes of a network's tensors: what a file of its weights has to hold, told
//! without building it.

use super::{Architecture, ArchitectureKind, Classifier, VitSize};

/// Channels of a CIFAR ResNet's stages.
const CIFAR_STAGES: [usize; 3] = [16, 32, 64];
/// Channels of ResNet-50's 3x3 convolutions, and blocks of each stage.
const RESNET50_STAGES: [(usize, usize); 4] = [(64, 3), (128, 4), (256, 6), (512, 3)];
/// Channels out of a block of ResNet-50 over those of its 3x3 convolution.
const RESNET50_EXPANSION: usize = 4;
/// Blocks of a vision transformer.
const VIT_BLOCKS: usize = 12;
/// EfficientNet-Lite0's stages: blocks, kernel, expansion, channels out.
const LITE0_STAGES: [(usize, usize, usize, usize); 7] =
    [(1, 3, 1, 16), (2, 3, 6, 24), (2, 5, 6, 40), (3, 3, 6, 80), (3, 5, 6, 112), (4, 5, 6, 192), (1, 3, 6, 320)];
/// Channels of EfficientNet-Lite0's stem and of its last convolution.
const LITE0_ENDS: [usize; 2] = [32, 1280];

/// Where names and shapes go; it may end the walk.
type Visit<'a, E> = &'a mut dyn FnMut(String, &[usize]) -> Result<(), E>;

impl Architecture {
    /// Tells `visit` of each tensor in turn, buffers included and counters not, until it fails.
    /// Nothing is kept, so that a description of many layers costs no more than the tensors that
    /// were compared.
    ///
    /// The architecture is one that [`Architecture::check`] accepts; of another the shapes mean
    /// nothing.
    ///
    /// # Errors
    /// Those of `visit`.
    pub fn each_tensor<E>(&self, visit: Visit<'_, E>) -> Result<(), E> {
        let [channels, height, width] = self.network_input();
        let features = match &self.kind {
            ArchitectureKind::Mlp { hidden } => {
                let mut before = channels.saturating_mul(height).saturating_mul(width);
                for (at, &width) in hidden.iter().chain([&self.num_classes]).enumerate() {
                    visit(format!("fc{}.weight", at + 1), &[width, before])?;
                    before = width;
                }
                return Ok(());
            }
            ArchitectureKind::ResNet50 => resnet50(channels, visit)?,
            &ArchitectureKind::Vit { size, patch } => {
                let along = |side: usize| side / patch.max(1);
                vit(size, patch, channels, along(height).saturating_mul(along(width)), visit)?
            }
            ArchitectureKind::EfficientNetLite0 | ArchitectureKind::EfficientNetLite0Symmetric => {
                lite0(channels, visit)?
            }
            cifar => cifar_resnet(channels, cifar.cifar_blocks_per_stage().unwrap_or_default(), visit)?,
        };
        let name = self.kind.classifier_name().unwrap_or_default();
        visit(format!("{name}.weight"), &[self.num_classes, features])?;
        match self.classifier {
            Classifier::Linear => visit(format!("{name}.bias"), &[self.num_classes]),
            Classifier::Cosine { .. } => Ok(()),
        }
    }
}

/// A convolution [out, in, k, k] without bias and the normalisation of its output.
fn normalised<E>(
    at: &str,
    [convolution, norm]: [&str; 2],
    [input, output]: [usize; 2],
    kernel: usize,
    visit: Visit<'_, E>,
) -> Result<(), E> {
    visit(format!("{at}{convolution}.weight"), &[output, input, kernel, kernel])?;
    for part in ["weight", "bias", "running_mean", "running_var"] {
        visit(format!("{at}{norm}.{part}"), &[output])?;
    }
    Ok(())
}

fn cifar_resnet<E>(input: usize, blocks: usize, visit: Visit<'_, E>) -> Result<usize, E> {
    let mut channels = CIFAR_STAGES[0];
    normalised("", ["conv1", "bn1"], [input, channels], 3, visit)?;
    for (stage, width) in CIFAR_STAGES.into_iter().enumerate() {
        for block in 0..blocks {
            let at = format!("layer{}.{block}.", stage + 1);
            normalised(&at, ["conv1", "bn1"], [channels, width], 3, visit)?;
            normalised(&at, ["conv2", "bn2"], [width, width], 3, visit)?;
            channels = width;
        }
    }
    Ok(channels)
}

fn resnet50<E>(input: usize, visit: Visit<'_, E>) -> Result<usize, E> {
    let mut channels = RESNET50_STAGES[0].0;
    normalised("", ["conv1", "bn1"], [input, channels], 7, visit)?;
    for (stage, (width, blocks)) in RESNET50_STAGES.into_iter().enumerate() {
        for block in 0..blocks {
            let at = format!("layer{}.{block}.", stage + 1);
            let output = width * RESNET50_EXPANSION;
            if block == 0 {
                normalised(&at, ["downsample.0", "downsample.1"], [channels, output], 1, visit)?;
            }
            normalised(&at, ["conv1", "bn1"], [channels, width], 1, visit)?;
            normalised(&at, ["conv2", "bn2"], [width, width], 3, visit)?;
            normalised(&at, ["conv3", "bn3"], [width, output], 1, visit)?;
            channels = output;
        }
    }
    Ok(channels)
}

fn lite0<E>(input: usize, visit: Visit<'_, E>) -> Result<usize, E> {
    let [mut channels, last] = LITE0_ENDS;
    normalised("", ["_conv_stem", "_bn0"], [input, channels], 3, visit)?;
    let stages = LITE0_STAGES
        .into_iter()
        .flat_map(|(blocks, kernel, expansion, output)| std::iter::repeat_n((kernel, expansion, output), blocks));
    for (block, (kernel, expansion, output)) in stages.enumerate() {
        let (at, inner) = (format!("_blocks.{block}."), channels * expansion);
        if expansion > 1 {
            normalised(&at, ["_expand_conv", "_bn0"], [channels, inner], 1, visit)?;
        }
        normalised(&at, ["_depthwise_conv", "_bn1"], [1, inner], kernel, visit)?;
        normalised(&at, ["_project_conv", "_bn2"], [inner, output], 1, visit)?;
        channels = output;
    }
    normalised("", ["_conv_head", "_bn1"], [channels, last], 1, visit)?;
    Ok(last)
}

fn vit<E>(size: VitSize, patch: usize, input: usize, patches: usize, visit: Visit<'_, E>) -> Result<usize, E> {
    let width = size.width();
    visit("patch_embed.proj.weight".to_owned(), &[width, input, patch, patch])?;
    visit("patch_embed.proj.bias".to_owned(), &[width])?;
    visit("cls_token".to_owned(), &[1, 1, width])?;
    visit("pos_embed".to_owned(), &[1, 1 + patches, width])?;
    for block in 0..VIT_BLOCKS {
        for norm in ["norm1", "norm2"] {
            visit(format!("blocks.{block}.{norm}.weight"), &[width])?;
            visit(format!("blocks.{block}.{norm}.bias"), &[width])?;
        }
        for (layer, from, to) in [("attn.qkv", 1, 3), ("attn.proj", 1, 1), ("mlp.fc1", 1, 4), ("mlp.fc2", 4, 1)] {
            visit(format!("blocks.{block}.{layer}.weight"), &[to * width, from * width])?;
            visit(format!("blocks.{block}.{layer}.bias"), &[to * width])?;
        }
    }
    visit("norm.weight".to_owned(), &[width])?;
    visit("norm.bias".to_owned(), &[width])?;
    Ok(width)
}
