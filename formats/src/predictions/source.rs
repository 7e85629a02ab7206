//! The place of predictions.

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::words::Words;

/// Endings of files that hold one array.
const ENDINGS: Words = Words("npy npz csv tsv txt json pt pth bin pkl pickle safetensors parquet feather arrow");

/// The place of predictions: a file, a pair of files, or a folder of parts.
///
/// Parsed from a command line: `FILE`, `DIR`, or `LOGITS,LABELS` where both end as files of arrays
/// do.
///
/// ```
/// use car_spectral_formats::predictions::PredictionSource;
/// let source: PredictionSource = "logits.npy,labels.npy".parse().unwrap();
/// assert!(matches!(source, PredictionSource::Pair { .. }));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PredictionSource {
    /// A file with both, or a folder of such files, the parts of one set.
    File(PathBuf),
    /// Two files.
    Pair {
        /// Logits `[N, K]`.
        logits: PathBuf,
        /// Labels `[N]`.
        labels: PathBuf,
    },
}

impl FromStr for PredictionSource {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        // A comma inside the name of one file stays a name unless both halves end as files of arrays do.
        let ends = |name: &str| {
            name.rsplit_once('.')
                .is_some_and(|(stem, ending)| !stem.is_empty() && ENDINGS.contains(&ending.to_ascii_lowercase()))
        };
        let commas = text.match_indices(',').map(|(at, _)| (&text[..at], &text[at.saturating_add(1)..]));
        let pair = commas.into_iter().find(|(logits, labels)| ends(logits) && ends(labels));
        Ok(match pair {
            Some((logits, labels)) => Self::Pair { logits: PathBuf::from(logits), labels: PathBuf::from(labels) },
            None => Self::File(PathBuf::from(text)),
        })
    }
}

impl fmt::Display for PredictionSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => write!(f, "{}", file.display()),
            Self::Pair { logits, labels } => write!(f, "{},{}", logits.display(), labels.display()),
        }
    }
}

impl PredictionSource {
    /// Whether a file is called as files of arrays are.
    pub(super) fn is_called_so(path: &std::path::Path) -> bool {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
        ENDINGS.contains(&ending) || ending == "jsonl"
    }
}
