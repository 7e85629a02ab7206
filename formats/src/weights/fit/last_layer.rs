//! The last layer of a network in a file: which module it is, and how its matrix lies.

use std::collections::BTreeMap;
use std::path::Path;

use strum::{Display, EnumString};

use super::place::Place;
use super::{Reading, Wanted};
use crate::ElementType;
use crate::quoting::{extents, quoted};
use crate::weights::{Tensor, TensorData, WeightsError};

/// What training programs call the last layer.
pub(super) const USUAL: [&str; 13] = [
    "fc",
    "linear",
    "classifier",
    "head",
    "_fc",
    "last_linear",
    "output",
    "out",
    "logits",
    "cls_head",
    "cls",
    "final",
    "clf",
];

/// The last layer, as far as it is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LastLayer {
    /// Linear if it has a bias; without one it has to be said.
    #[default]
    Unstated,
    /// w . x + b; the bias may be absent.
    Linear,
    /// The cosine of w and x times a scale.
    Cosine,
}

/// The meaning of the rows of the last layer's matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display, EnumString)]
#[strum(serialize_all = "kebab-case", parse_err_ty = String, parse_err_fn = unknown)]
pub enum MatrixRows {
    /// [K, D], as of `torch.nn.Linear`.
    Classes,
    /// [D, K], as normalised classifiers often keep it.
    Features,
}

fn unknown(_: &str) -> String {
    "give classes or features".to_owned()
}

/// The last layer in the file.
#[derive(Debug)]
pub(super) struct Found {
    /// Its module's name.
    pub(super) module: String,
    /// The module that is the last layer as a whole: itself, or the sequence of steps (dropout,
    /// ...) that it ends.
    pub(super) whole: String,
    weight: String,
    bias: Option<String>,
    rows: MatrixRows,
    /// D.
    pub(super) features: usize,
}

impl Found {
    /// The names of its tensors.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        [Some(&self.weight), self.bias.as_ref()].into_iter().flatten().map(String::as_str)
    }

    /// Its tensors by the network's names, rows being classes; a bias of zeros if one is needed and
    /// none is there.
    pub(super) fn take(
        &self,
        tensors: &mut BTreeMap<String, Tensor>,
        own: &str,
        needs_bias: bool,
    ) -> impl Iterator<Item = (String, Tensor)> + use<> {
        let weight = tensors.remove(&self.weight).map(|weight| match self.rows {
            MatrixRows::Classes => weight,
            MatrixRows::Features => transposed(&weight),
        });
        let classes = weight.as_ref().and_then(|weight| weight.shape.first().copied()).unwrap_or_default();
        let zeros = || Tensor {
            shape: vec![classes],
            data: TensorData::F32(vec![0.0; classes]),
            stored_dtype: ElementType::F32,
        };
        let bias = self.bias.as_ref().and_then(|bias| tensors.remove(bias));
        let bias = if needs_bias { Some(bias.unwrap_or_else(zeros)) } else { None };
        let names = [format!("{own}.weight"), format!("{own}.bias")];
        names.into_iter().zip([weight, bias]).filter_map(|(name, tensor)| Some((name, tensor?)))
    }
}

/// The one number of a tensor.
pub(super) fn number(tensor: &Tensor) -> Option<f64> {
    match &tensor.data {
        TensorData::F32(values) => single(values).map(f64::from),
        TensorData::F64(values) => single(values),
        TensorData::I64(values) => single(values).map(|value| value as f64),
        TensorData::Bool(_) => None,
    }
}

fn single<T: Copy>(values: &[T]) -> Option<T> {
    if let [one] = values { Some(*one) } else { None }
}

/// A matrix with rows and columns exchanged.
fn transposed(matrix: &Tensor) -> Tensor {
    fn exchanged<T: Copy>(values: &[T], columns: usize) -> Vec<T> {
        (0..columns).flat_map(|column| values.iter().skip(column).step_by(columns.max(1)).copied()).collect()
    }
    let &[rows, columns] = matrix.shape.as_slice() else { return matrix.clone() };
    let data = match &matrix.data {
        TensorData::F32(values) => TensorData::F32(exchanged(values, columns)),
        TensorData::F64(values) => TensorData::F64(exchanged(values, columns)),
        TensorData::I64(values) => TensorData::I64(exchanged(values, columns)),
        TensorData::Bool(values) => TensorData::Bool(exchanged(values, columns)),
    };
    Tensor { shape: vec![columns, rows], data, stored_dtype: matrix.stored_dtype }
}

fn is_usual(module: &str) -> bool {
    USUAL.contains(&module.rsplit('.').next().unwrap_or(module))
}

/// The sequence of numbered steps that a module is in, however deep; itself if it has no number.
fn sequence_of(module: &str) -> &str {
    match module.rsplit_once('.') {
        Some((sequence, step)) if step.bytes().all(|byte| byte.is_ascii_digit()) => sequence_of(sequence),
        _ => module,
    }
}

fn named(module: &str, part: &str) -> String {
    if module.is_empty() { part.to_owned() } else { format!("{module}.{part}") }
}

/// Finds the last layer; `None` for a network without one apart, and where it may be absent.
pub(super) fn find(
    file: &Path,
    tensors: &BTreeMap<String, Tensor>,
    place: &Place,
    wanted: &Wanted,
    reading: &Reading,
) -> Result<Option<Found>, WeightsError> {
    let Some(own) = &wanted.last_layer else { return Ok(None) };
    let Some(&[classes, features]) = wanted.shapes.get(&format!("{own}.weight")).map(Vec::as_slice) else {
        return Ok(None);
    };
    let under = reading.last_layer_under.as_deref();
    let search = Search { tensors, place, own, under, classes, features };
    match search.module().and_then(|module| search.read(module, reading)) {
        Ok(found) => Ok(Some(found)),
        Err(_) if reading.without_last_layer => Ok(None),
        Err(problem) => Err(WeightsError::LastLayer { file: file.to_path_buf(), problem }),
    }
}

struct Search<'a> {
    tensors: &'a BTreeMap<String, Tensor>,
    place: &'a Place,
    own: &'a str,
    under: Option<&'a str>,
    classes: usize,
    features: usize,
}

impl Search<'_> {
    fn fits(&self, shape: &[usize]) -> bool {
        shape == [self.classes, self.features] || shape == [self.features, self.classes]
    }

    /// The modules with a matrix, by name.
    fn matrices(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.tensors.iter().filter(|(_, tensor)| tensor.shape.len() == 2).filter_map(|(name, tensor)| {
            let module = if name == "weight" { Some("") } else { name.strip_suffix(".weight") };
            let module = module?;
            self.under.is_none_or(|under| super::is_within(module, under)).then_some((module, tensor.shape.as_slice()))
        })
    }

    /// The module that stands where the network's own does, or else the one with a usual name.
    fn module(&self) -> Result<String, String> {
        let weight = self.place.name_of(&format!("{}.weight", self.own));
        if self.under.is_none() && self.tensors.contains_key(&weight) {
            return Ok(weight.trim_end_matches("weight").trim_end_matches('.').to_owned());
        }
        let named_by = |of: &dyn Fn(&str) -> bool| -> Vec<&str> {
            self.matrices().filter(|(module, shape)| of(module) && self.fits(shape)).map(|(name, _)| name).collect()
        };
        let mut usual = named_by(&is_usual);
        if usual.is_empty() {
            usual = named_by(&|module| is_usual(sequence_of(module)));
        }
        if usual.len() > 1 {
            // Of several, those beside the network or above it.
            let beside = |module: &str| {
                let above = module.rsplit_once('.').map_or("", |(above, _)| above);
                above.is_empty() || self.place.prefix.starts_with(&format!("{above}."))
            };
            let nearer: Vec<&str> = usual.iter().copied().filter(|module| beside(module)).collect();
            usual = if nearer.is_empty() { usual } else { nearer };
        }
        match usual.as_slice() {
            [one] => Ok((*one).to_owned()),
            [] => Err(self.nothing_usual()),
            several @ [first, ..] => {
                let shown: Vec<String> = several.iter().map(|module| quoted(module)).collect();
                Err(format!("{} all fit; {}", shown.join(", "), self.advice(first)))
            }
        }
    }

    fn advice(&self, module: &str) -> String {
        let own = self.place.name_of(self.own);
        format!("say which is meant, as in `rename` {module}={own}")
    }

    fn nothing_usual(&self) -> String {
        let (classes, features) = (self.classes, self.features);
        let matrix = format!(
            "no matrix of {classes} classes and {features} features under a usual name (fc, linear, \
                              classifier, head)"
        );
        let fitting: Vec<&str> = self.matrices().filter(|(_, shape)| self.fits(shape)).map(|(name, _)| name).collect();
        if let [first, ..] = fitting.as_slice() {
            let shown: Vec<String> = fitting.iter().take(8).map(|module| quoted(module)).collect();
            return format!("{matrix}; of that shape are {}: {}", shown.join(", "), self.advice(first));
        }
        let other: Vec<String> = self
            .matrices()
            .filter(|(module, _)| is_usual(sequence_of(module)))
            .take(8)
            .map(|(module, shape)| format!("{} {shape:?}", quoted(module)))
            .collect();
        let ends = if other.is_empty() {
            "the file holds a network without it; give the file that has both".to_owned()
        } else {
            format!("{} is of other classes or features: are these the data it was made for?", other.join(", "))
        };
        format!("{matrix}; {ends}")
    }

    /// How the module's tensors lie, and whether that is what was said.
    fn read(&self, module: String, reading: &Reading) -> Result<Found, String> {
        let (weight, bias) = (named(&module, "weight"), named(&module, "bias"));
        let (classes, features) = (self.classes, self.features);
        let shape = &self.tensors[&weight].shape;
        let name = quoted(&weight);
        if !self.fits(shape) {
            return Err(format!(
                "{name} is {}; {classes} classes and {features} features are wanted: are these the data it was \
                 made for?",
                extents(shape)
            ));
        }
        let bias = self.tensors.get(&bias).map(|tensor| (bias, &tensor.shape));
        if let Some((bias, shape)) = bias.as_ref().filter(|(_, shape)| **shape != [classes]) {
            let found = extents(shape);
            return Err(format!("{} is {found}, one number a class is wanted: [{classes}]", quoted(bias)));
        }
        match (reading.last_layer, &bias) {
            (LastLayer::Cosine, Some((bias, _))) => {
                return Err(format!("{} is there, and a cosine has none; give `classifier` linear", quoted(bias)));
            }
            (LastLayer::Unstated, None) => {
                return Err(format!(
                    "{name} has no bias beside it, so its scores may be products or cosines, and the file does not say \
                     which; give `classifier` linear, or `classifier` cosine with its `scale` (30 in the code of LDAM)"
                ));
            }
            _ => {}
        }
        let by_shape = (classes != features)
            .then(|| if shape == &[classes, features] { MatrixRows::Classes } else { MatrixRows::Features });
        // A layer with a bias is PyTorch's own.
        let by_shape = by_shape.or_else(|| bias.is_some().then_some(MatrixRows::Classes));
        let rows = match (by_shape, reading.rows) {
            (Some(found), Some(said)) if found != said => {
                return Err(format!("{name} is {shape:?}: its rows are {found}, and {said} were said"));
            }
            (Some(rows), _) | (None, Some(rows)) => rows,
            (None, None) => {
                return Err(format!(
                    "{name} is square, and the file does not say whether its rows are classes, as of torch.nn.Linear, or \
                     features, as of a normalised classifier x @ W; give `classifier-rows` classes or features"
                ));
            }
        };
        let bias = bias.map(|(bias, _)| bias);
        let sequence = sequence_of(&module);
        let whole = if is_usual(sequence) { sequence.to_owned() } else { module.clone() };
        Ok(Found { module, whole, weight, bias, rows, features })
    }
}
