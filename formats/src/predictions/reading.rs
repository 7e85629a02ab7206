//! Words on predictions that their file does not say.

use std::str::FromStr;

use strum::{Display, EnumString, IntoStaticStr};

/// The kind of scores that are no logits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display, EnumString, IntoStaticStr)]
#[strum(serialize_all = "kebab-case", parse_err_ty = String, parse_err_fn = unknown)]
#[non_exhaustive]
pub enum Scores {
    /// Outputs of the last layer, or their logarithms of softmax, which have the same margins.
    Logits,
    /// Outputs of a softmax, as shares or per cent; their logarithms are taken, which have the
    /// margins of the logits.
    Probabilities,
}

impl Scores {
    /// Gives its name on a command line.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

fn unknown(_: &str) -> String {
    "give logits or probabilities".to_owned()
}

/// What is wrong with keys of other roles.
const ROLES: &str = "give logits=NAME,labels=NAME,index=NAME, or some of them";

/// Names of the arrays or columns of a file.
///
/// ```
/// use car_spectral_formats::predictions::Keys;
/// let keys: Keys = "logits=outputs,labels=targets".parse().unwrap();
/// assert_eq!(keys.logits.as_deref(), Some("outputs"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys {
    /// Name of the scores `[N, K]`.
    pub logits: Option<String>,
    /// Name of the labels `[N]`.
    pub labels: Option<String>,
    /// Name of what names the samples `[N]`; one that is there again is left out.
    pub index: Option<String>,
}

impl FromStr for Keys {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut keys = Self::default();
        for part in text.split(',') {
            let (role, name) = part.split_once('=').ok_or(ROLES)?;
            let slot = match role.trim() {
                "logits" => &mut keys.logits,
                "labels" => &mut keys.labels,
                "index" => &mut keys.index,
                _ => return Err(ROLES.to_owned()),
            };
            if name.is_empty() || slot.replace(name.trim().to_owned()).is_some() {
                return Err(format!("{} needs one name", role.trim()));
            }
        }
        Ok(keys)
    }
}

/// Words on predictions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Names of the arrays.
    pub keys: Keys,
    /// The number by which labels call the first class; 0 unless said.
    pub first_label: i64,
    /// Names of the classes in the order of the scores, by which labels that are texts are
    /// understood.
    pub class_names: Option<Vec<String>>,
    /// Kind of the scores.
    pub scores: Option<Scores>,
    /// Bytes of scores above which they stay in their file, where its format allows it.
    pub in_memory: u64,
}

/// Bytes that any machine has to spare.
const IN_MEMORY: u64 = 32 << 20;

impl Default for Reading {
    fn default() -> Self {
        Self { keys: Keys::default(), first_label: 0, class_names: None, scores: None, in_memory: IN_MEMORY }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_from_a_command_line() {
        let keys: Keys = "labels=y_true".parse().unwrap();
        assert_eq!((keys.logits, keys.labels.as_deref()), (None, Some("y_true")));
        for wrong in ["", "logits", "logits=", "a=b", "logits=a,logits=b"] {
            assert!(wrong.parse::<Keys>().is_err(), "{wrong}");
        }
        assert_eq!("probabilities".parse(), Ok(Scores::Probabilities));
        assert!("percent".parse::<Scores>().is_err());
    }
}
