//! The whole analysis of arrays, as the program `analyze` makes it of files.

use std::path::PathBuf;

use car_spectral::confusion::MarginGrid;
use car_spectral_analysis::report::{self, FormatSet};
use car_spectral_analysis::results::{ModelFigures, Report, Settings};
use car_spectral_analysis::{AnalysisError, Known, Subject, compare, scored, verify, whole};
use car_spectral_formats::ElementType;
use car_spectral_formats::predictions::{Logits, Predictions};
use pyo3::prelude::*;

use crate::error::{by_keywords, refused, stopped};
use crate::labels::Labels;
use crate::scores::{Rows, Scores, ScoresView};

/// A finished analysis, with what its files are made of.
#[pyclass(module = "car_spectral._core", frozen)]
pub(crate) struct Analysis {
    subjects: Vec<Subject>,
    settings: verify::Settings,
    report: Report,
    figures: Vec<ModelFigures>,
}

#[pymethods]
impl Analysis {
    /// `report.json` as text.
    fn json(&self) -> PyResult<String> {
        serde_json::to_string(&self.report).map_err(refused)
    }

    /// The table that the program prints.
    fn summary(&self) -> String {
        report::summary_table(&self.report)
    }

    /// Writes the program's files; gives their paths.
    fn save(&self, py: Python<'_>, folder: PathBuf, formats: &str) -> PyResult<Vec<PathBuf>> {
        let formats: FormatSet = formats.parse().map_err(refused)?;
        let written = py.detach(|| report::write(&self.report, &self.figures, &folder, &formats));
        written.map_err(|error| stopped(error.into()))
    }

    /// The analysis of this model and another, tested on the same samples.
    fn compare(&self, py: Python<'_>, other: &Self) -> PyResult<Self> {
        py.detach(|| {
            let subjects: Vec<Subject> = self.subjects.iter().chain(&other.subjects).cloned().collect();
            let names = || subjects.iter().map(|subject| subject.name.as_str());
            if names().enumerate().any(|(at, name)| names().take(at).any(|earlier| earlier == name)) {
                return Err(refused("two models of one name; give each its own `name`"));
            }
            if let Some((model, warning)) = compare::not_compared(&subjects).first() {
                return Err(refused(format!("{}: {}", subjects[*model].name, warning.sentence)));
            }
            analysis(subjects, self.settings.clone()).map_err(stopped)
        })
    }
}

fn logits(scores: &Scores<'_>) -> (Logits, ElementType) {
    let view = scores.view();
    let element = match view {
        ScoresView::F32(_) => ElementType::F32,
        ScoresView::F64(_) => ElementType::F64,
        ScoresView::F16(_) => ElementType::F16,
        ScoresView::BF16(_) => ElementType::BF16,
    };
    let logits = match view.rows(0, scores.dim().0) {
        Rows::F32(rows) => Logits::F32(rows.as_standard_layout().into_owned()),
        Rows::F64(rows) => Logits::F64(rows.as_standard_layout().into_owned()),
        Rows::Raised(rows) => Logits::F32(rows.as_standard_layout().into_owned()),
    };
    (logits, element)
}

fn predictions(what: &str, (scores, labels): &(Scores<'_>, Labels<'_>)) -> PyResult<Predictions> {
    let (logits, element) = logits(scores);
    let labels = labels.view().classes(0, labels.len(), 0)?;
    Predictions::from_arrays(what, logits, labels, element).map_err(refused)
}

/// Analyses scores and labels of one model.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "the Python layer gives them by name, with their defaults")]
pub(crate) fn analyze(
    py: Python<'_>,
    name: String,
    test: (Scores<'_>, Labels<'_>),
    train: Option<(Scores<'_>, Labels<'_>)>,
    train_counts: Option<Vec<u64>>,
    class_names: Option<Vec<String>>,
    arch: Option<String>,
    margins: Vec<f64>,
    r0: f64,
    weights: &str,
    delta: f64,
) -> PyResult<Analysis> {
    let test = predictions("test predictions", &test)?;
    let train = train.as_ref().map(|train| predictions("training predictions", train)).transpose()?;
    let grid = MarginGrid::new(&margins).map_err(refused)?;
    let settings = verify::Settings::new(grid, r0, weights.parse().map_err(refused)?, delta);
    py.detach(|| {
        let mut subject = scored(test, train, Known { arch, train_counts, class_names, scores_said: false })?;
        subject.name = name;
        analysis(vec![subject], settings)
    })
    .map_err(stopped)
}

fn analysis(subjects: Vec<Subject>, settings: verify::Settings) -> Result<Analysis, AnalysisError> {
    let about = Settings {
        program: "car_spectral.analyze".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..Settings::default()
    };
    let (report, figures) = whole::report(&subjects, settings.clone(), &[], about, &by_keywords, |_| {})?;
    report::check(&report, &figures)?;
    Ok(Analysis { subjects, settings, report, figures })
}
