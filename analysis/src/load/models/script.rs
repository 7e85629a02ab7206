//! TorchScript modules: programs of others, run on request.

use std::cell::Cell;
use std::fmt;
use std::path::{Path, PathBuf};

use car_spectral_formats::{Content, FileError};
use car_spectral_training::TrainingError;
use tch::{CModule, Device, IValue, Kind, TchError, Tensor};

/// Sizes of a batch that are tried where a module does not take the images that it is given.
const BATCHES: [i64; 20] = [1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48, 50, 64, 100, 128, 200, 256];
/// Entries that are named when a module returns several.
const SHOWN: usize = 8;

/// Part of what a program returns: an entry of a dictionary, or an element of a tuple or list.
#[derive(Clone, Debug, PartialEq, Eq)]
enum OutputPart {
    Name(String),
    Index(usize),
}

impl OutputPart {
    fn of(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Name(text.to_owned()), Self::Index)
    }
}

impl fmt::Display for OutputPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Index(index) => write!(f, "{index}"),
        }
    }
}

/// A module, ready to run.
pub(super) struct Script {
    file: PathBuf,
    module: CModule,
    output: Option<OutputPart>,
    kind: Kind,
    /// The one size of a batch that it takes, once that is known.
    batch: Cell<Option<i64>>,
}

impl Script {
    /// Loads a module that was read onto a device.
    pub(super) fn of(content: &Content, output: Option<&str>, device: Device) -> Result<Self, TrainingError> {
        let path = content.path();
        let mut module = CModule::load_data_on_device(&mut content.bytes(), device)
            .map_err(|error| refused(path, format!("the TorchScript module does not load: {}", first_words(&error))))?;
        module.set_eval();
        let parameters = module.named_parameters().unwrap_or_default();
        let kind = parameters.iter().map(|(_, tensor)| tensor.kind()).find(|kind| is_short(*kind));
        let all = parameters.iter().all(|(_, tensor)| is_short(tensor.kind()) || tensor.kind() == Kind::Int64);
        let kind = kind.filter(|_| all).unwrap_or(Kind::Float);
        Ok(Self { file: path.to_owned(), module, output: output.map(OutputPart::of), kind, batch: Cell::new(None) })
    }

    /// The logits [B, K] of images [B, C, H, W], float32.
    ///
    /// A module that takes batches of one size only, as a trace may, is given that size, the last
    /// batch filled up.
    pub(super) fn logits(&self, images: &Tensor) -> Result<Tensor, TrainingError> {
        let images = images.f_to_kind(self.kind)?;
        if let Some(batch) = self.batch.get() {
            return self.in_batches(&images, batch);
        }
        let whole = self.run(&images);
        let count = images.size()[0];
        let error = match whole {
            Ok(logits) if is_table(&logits, count) => return Ok(logits),
            Ok(logits) => Failure::Shape(logits.size()),
            Err(error @ Failure::Output(_)) => return Err(self.refused(error, count)),
            Err(error) => error,
        };
        for batch in BATCHES.into_iter().filter(|batch| *batch != count) {
            let tried = self.filled(&images, 0, batch).and_then(|images| self.run(&images));
            if tried.is_ok_and(|logits| is_table(&logits, batch)) {
                self.batch.set(Some(batch));
                return self.in_batches(&images, batch);
            }
        }
        Err(self.refused(error, count))
    }

    fn refused(&self, failure: Failure, count: i64) -> TrainingError {
        let problem = match failure {
            Failure::Torch(error) => format!("the TorchScript module fails: {}", first_words(&error)),
            Failure::Output(problem) => problem,
            Failure::Shape(shape) => format!(
                "the TorchScript module returned a tensor of shape {shape:?} for {count} images; logits [{count}, K] are wanted"
            ),
        };
        refused(&self.file, problem)
    }

    fn in_batches(&self, images: &Tensor, batch: i64) -> Result<Tensor, TrainingError> {
        let count = images.size()[0];
        let mut logits = Vec::new();
        for start in (0..count).step_by(batch as usize) {
            let filled = self.filled(images, start, batch).and_then(|images| self.run(&images));
            logits.push(filled.map_err(|failure| self.refused(failure, batch))?);
        }
        Ok(Tensor::f_cat(&logits, 0)?.f_narrow(0, 0, count)?)
    }

    /// `batch` images from `start` on, the last one again where they end before.
    fn filled(&self, images: &Tensor, start: i64, batch: i64) -> Result<Tensor, Failure> {
        let there = (images.size()[0] - start).min(batch);
        let images = images.f_narrow(0, start, there)?;
        if there == batch {
            return Ok(images);
        }
        let mut shape = images.size();
        shape[0] = batch - there;
        let last = images.f_narrow(0, there - 1, 1)?.f_expand(&shape, false)?;
        Ok(Tensor::f_cat(&[&images, &last], 0)?)
    }

    fn run(&self, images: &Tensor) -> Result<Tensor, Failure> {
        let output = self.module.forward_is(&[IValue::Tensor(images.shallow_clone())])?;
        Ok(self.chosen(output)?.f_to_kind(Kind::Float)?)
    }

    /// The tensor of logits in what a module returned.
    fn chosen(&self, output: IValue) -> Result<Tensor, Failure> {
        let described = describe(&output);
        let refused = |remedy: &str| {
            Failure::Output(format!(
                "the TorchScript module returned {described}; one tensor of logits [N, K] is wanted{remedy}"
            ))
        };
        let chosen = match (output, &self.output) {
            (IValue::Tensor(tensor), None) => return Ok(tensor),
            (IValue::Tensor(_), Some(part)) => {
                return Err(refused(&format!(", and it has no part {part}: leave `output` out")));
            }
            (_, None) => return Err(refused(": say which with `output` NAME or INDEX, from 0")),
            (IValue::Tuple(values) | IValue::GenericList(values), Some(OutputPart::Index(index))) => {
                values.into_iter().nth(*index)
            }
            (IValue::TensorList(values), Some(OutputPart::Index(index))) => {
                values.into_iter().nth(*index).map(IValue::Tensor)
            }
            (IValue::GenericDict(entries), Some(part)) => {
                let is_wanted = |key: &IValue| match (key, part) {
                    (IValue::String(key), part) => *key == part.to_string(),
                    (IValue::Int(key), OutputPart::Index(index)) => usize::try_from(*key) == Ok(*index),
                    _ => false,
                };
                entries.into_iter().find(|(key, _)| is_wanted(key)).map(|(_, value)| value)
            }
            _ => None,
        };
        match chosen {
            Some(IValue::Tensor(tensor)) => Ok(tensor),
            Some(_) => Err(refused("; the part that `output` names is no tensor")),
            None => Err(refused("; `output` names no part of it")),
        }
    }
}

/// Why a module gave no logits.
enum Failure {
    Torch(TchError),
    Output(String),
    Shape(Vec<i64>),
}

impl From<TchError> for Failure {
    fn from(error: TchError) -> Self {
        Self::Torch(error)
    }
}

/// Whether there is one row for each of `count` images.
fn is_table(logits: &Tensor, count: i64) -> bool {
    logits.dim() == 2 && logits.size().first() == Some(&count)
}

fn is_short(kind: Kind) -> bool {
    matches!(kind, Kind::BFloat16 | Kind::Half)
}

fn refused(file: &Path, problem: String) -> TrainingError {
    FileError::malformed(file, problem).into()
}

/// What libtorch says, without the frames of its stack.
fn first_words(error: &TchError) -> String {
    let text = error.to_string();
    let told = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let told: Vec<&str> = told.take_while(|line| !line.starts_with("Exception raised from")).collect();
    // The reason stands behind the lines of the program that lead to it.
    let reason = told.iter().rev().find(|line| line.contains("Error:")).or(told.first());
    let shown: String =
        reason.copied().unwrap_or_default().chars().filter(|letter| !letter.is_control()).take(300).collect();
    shown
}

fn describe(value: &IValue) -> String {
    let counted = |what: &str, values: &mut dyn Iterator<Item = String>, count: usize| {
        let shown: Vec<String> = values.take(SHOWN).collect();
        format!("a {what} of {count} ({})", shown.join(", "))
    };
    match value {
        IValue::Tensor(tensor) => format!("a tensor {:?}", tensor.size()),
        IValue::Tuple(values) => counted("tuple", &mut values.iter().map(describe), values.len()),
        IValue::GenericList(values) => counted("list", &mut values.iter().map(describe), values.len()),
        IValue::TensorList(values) => {
            let mut shapes = values.iter().map(|tensor| format!("a tensor {:?}", tensor.size()));
            counted("list", &mut shapes, values.len())
        }
        IValue::GenericDict(entries) => {
            let mut shown = entries.iter().map(|(key, value)| match key {
                IValue::String(key) => format!("{:?}: {}", key.chars().take(60).collect::<String>(), describe(value)),
                _ => describe(value),
            });
            counted("dictionary", &mut shown, entries.len())
        }
        IValue::None => "nothing".to_owned(),
        _ => "a value that is no tensor".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loaded(name: &str, output: Option<&str>) -> Result<Script, TrainingError> {
        let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scripts")).join(name);
        Script::of(&Content::read(&path).unwrap(), output, Device::Cpu)
    }

    fn script(name: &str, output: Option<&str>) -> Script {
        loaded(name, output).unwrap()
    }

    /// Ten images [1, 2, 2] with the pixels 0, 1, 2, ..., so that no batch of four is the last.
    fn images() -> Tensor {
        Tensor::arange(40, (Kind::Float, Device::Cpu)).view([10, 1, 2, 2])
    }

    #[test]
    fn logits_are_taken_from_what_a_module_returns() {
        let x = images();
        let pixels: Vec<Tensor> = (0..4).map(|place| x.view([10, 4]).select(1, place)).collect();
        let expected = Tensor::stack(&[pixels[0].copy(), &pixels[1] + 1.0, &pixels[2] + &pixels[3]], 1);
        for (name, output) in [
            ("net.pt", None),
            ("pair.pt", Some("1")),
            ("named.pt", Some("logits")),
            ("experts.pt", Some("1")),
            ("offour.pt", None),
            ("bfloat16.pt", None),
        ] {
            let script = script(name, output);
            // Twice: the second time the size of its batches is known.
            for _ in 0..2 {
                assert!(script.logits(&x).unwrap().equal(&expected), "{name}");
            }
        }
    }

    #[test]
    fn what_came_back_is_said_with_the_file() {
        for (name, output, parts) in [
            ("pair.pt", None, ["a tuple of 2 (a tensor [10, 4], a tensor [10, 3])", "`output` NAME or INDEX"]),
            ("named.pt", Some("nothing"), ["\"logits\": a tensor [10, 3]", "`output` names no part"]),
            ("experts.pt", Some("2"), ["a list of 2", "`output` names no part"]),
            ("net.pt", Some("0"), ["a tensor [10, 3]", "leave `output` out"]),
            ("flat.pt", None, ["[10, 3, 1, 1]", "logits [10, K]"]),
        ] {
            let error = script(name, output).logits(&images()).unwrap_err().to_string();
            assert!(error.contains(name) && parts.iter().all(|part| error.contains(part)), "{error}");
        }
        // Images of another size: the reason without the frames of libtorch.
        let error = script("net.pt", None).logits(&images().view([4, 1, 5, 2])).unwrap_err().to_string();
        assert!(error.contains("net.pt") && error.lines().count() == 1 && error.len() < 600, "{error}");
        assert!(loaded("make.py", None).is_err_and(|error| error.to_string().contains("make.py")));
    }
}
