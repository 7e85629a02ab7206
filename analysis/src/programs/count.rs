//! Program `count`: predictions in, one file of counts out, to be added up with those of other
//! parts.

use std::ffi::OsString;
use std::path::PathBuf;

use car_spectral_formats::counts::read_names;
use car_spectral_formats::counts_file::{CountsFile, CountsMerge};
use car_spectral_formats::margin_counts::CountedInput;
use car_spectral_formats::predictions::{Keys, Logits, PredictionSource, Reading, Scores, StoredFile, read_as};
use car_spectral_runs::terminal::{say, tell};
use clap::Parser;

use crate::subject::Scored;
use crate::verify::count;
use crate::{AnalysisError, Result};

/// Counts what `analyze` needs of predictions, however many: one small file, which
/// `analyze --counts` adds up with those of other parts.
///
/// Prints the samples and classes of the file. A run that is stopped leaves no file.
///
/// Exit code: 0 done, 1 a file or its content was refused, 2 wrong usage.
#[derive(Debug, Parser)]
#[command(name = "count", version, allow_negative_numbers = true)]
#[command(after_help = "Examples:
  count predictions-0.parquet predictions-1.parquet --out part-0.counts
  count logits.npy,labels.npy --margin 0,1 --out part-1.counts
  analyze --counts part-*.counts --train-counts counts.txt --out out/a")]
struct Arguments {
    /// Predictions of one model: files, pairs LOGITS.npy,LABELS.npy, or folders of parts, as
    /// `analyze --predictions` reads them; all are counted together
    #[arg(value_name = "FILE", required = true)]
    predictions: Vec<PredictionSource>,

    /// File to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,

    /// Margins g to count at, in units of the logits; all parts need the same
    #[arg(long, value_delimiter = ',', default_value = "0,0.1,0.5,1,2", allow_hyphen_values = true)]
    margin: Vec<f64>,

    /// Names of the arrays or columns, where they do not tell which is which:
    /// logits=NAME,labels=NAME,index=NAME
    #[arg(long, value_name = "ROLE=NAME,...")]
    keys: Option<Keys>,

    /// The number by which labels call the first class
    #[arg(long, value_name = "0|1", default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..=1))]
    first_label: i64,

    /// Kind of the scores: logits, or probabilities, whose logarithms are then taken
    #[arg(long, value_name = "KIND")]
    scores: Option<Scores>,

    /// Names of the classes, by which labels that are texts are understood: one a line, or JSON
    #[arg(long, value_name = "FILE")]
    class_names: Option<PathBuf>,
}

/// Runs the program on a command line, the program's own name first. Gives the exit code.
pub fn main(command_line: &[OsString]) -> u8 {
    super::end(command_line, run)
}

fn run(arguments: &Arguments) -> Result<()> {
    let grid = super::margin_grid(&arguments.margin)?;
    CountsFile::check_place(&arguments.out)?;
    let reading = Reading {
        keys: arguments.keys.clone().unwrap_or_default(),
        first_label: arguments.first_label,
        scores: arguments.scores,
        class_names: arguments.class_names.as_ref().map(|file| read_names(&file.into())).transpose()?,
        ..Reading::default()
    };
    let mut merge = CountsMerge::default();
    for source in &arguments.predictions {
        let read = read_as(source, &reading)?;
        let name = read.source.to_string();
        for sentence in read.notes.iter().chain(&read.doubts) {
            tell(format_args!("{name}: {sentence}"));
        }
        if let (Logits::Classes(_), false) = (&read.logits, grid.margins() == [0.0]) {
            let problem = format!("{name} holds classes and no scores; count it with `margin` 0");
            return Err(AnalysisError::Mismatch { problem });
        }
        let inputs = read.files.iter().map(input).collect();
        let counts = count(&Scored { logits: read.logits, labels: read.labels }, &grid)?;
        merge.add(name.as_ref(), CountsFile { counts, inputs })?;
    }
    let whole =
        merge.finish().ok_or_else(|| AnalysisError::Usage { problem: "no predictions are given".to_owned() })?;
    whole.write(&arguments.out)?;
    let (samples, classes) = (whole.counts.samples(), whole.counts.num_classes());
    // The file is there, whoever heard of it.
    let _ = say(format_args!("{samples} samples of {classes} classes counted in {}", arguments.out.display()));
    Ok(())
}

fn input(file: &StoredFile) -> CountedInput {
    let mut sha256 = [0; 32];
    let digits = file.sha256.as_bytes().chunks(2).filter_map(|pair| str::from_utf8(pair).ok());
    let bytes = digits.filter_map(|digits| u8::from_str_radix(digits, 16).ok());
    sha256.iter_mut().zip(bytes).for_each(|(to, byte)| *to = byte);
    CountedInput { name: file.path.display().to_string(), bytes: file.bytes, sha256 }
}
