//! A model known by files of counts, the parts of its predictions.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use car_spectral_formats::counts::read_class_names;
use car_spectral_formats::counts_file::{CountsFile, CountsMerge};
use car_spectral_formats::predictions::{Logits, StoredFile};
use ndarray::Array1;

use super::predictions::{architecture, data_file_of, known_counts, stored_scores};
use super::{Loaded, Request, model_name, numbered_classes};
use crate::results::DataFile;
use crate::subject::{Scored, Subject};
use crate::{AnalysisError, Result};

/// What counts cannot say.
const WITHOUT_SCORES: &str = "read from counts: what needs scores (other margins, the surrogate) or single samples \
     (comparisons of models, repeated samples) was not computed; the margins are those that were counted";

pub(super) fn load(request: &Request, test: &[PathBuf], train: &[PathBuf]) -> Result<Loaded> {
    let (counted, files) = merged(test)?;
    let trained = if train.is_empty() { None } else { Some(merged(train)?) };
    let num_classes = counted.counts.num_classes();
    if let Some((train, _)) = &trained {
        check_train(&counted, train)?;
    }
    let given = known_counts(request, num_classes)?;
    let labelled = trained.as_ref().map(|(train, _)| train.counts.class_counts().to_vec());
    if let (Some(given), Some(found)) = (&given, &labelled)
        && given != found
    {
        let problem = "the class counts of `counts-train` are not those of `train-counts` or `imbalance`; give one of \
                       the two"
            .to_owned();
        return Err(AnalysisError::Mismatch { problem });
    }
    let class_names = request.class_names.as_ref().map(|file| read_class_names(file, num_classes)).transpose()?;
    let mut described = data_files("test counts", &counted, files);
    let train = trained.map(|(train, files)| {
        described.extend(data_files("train counts of margins", &train, files));
        scored(train)
    });
    let subject = Subject {
        // At least one file, which the program asks for.
        name: test.first().map(|file| model_name(file)).unwrap_or_default(),
        source: stored_scores("counts", described, request.arch.as_ref(), vec![WITHOUT_SCORES.to_owned()]),
        class_names: class_names.unwrap_or_else(|| numbered_classes(num_classes)),
        train_counts: given.or(labelled),
        architecture: architecture(request.arch.as_deref()),
        train,
        test: scored(counted),
        scores_said: true,
        warnings: Vec::new(),
    };
    Ok(Loaded { subjects: vec![subject], ..Loaded::default() })
}

fn merged(files: &[PathBuf]) -> Result<(CountsFile, Vec<StoredFile>)> {
    let (mut merge, mut stored) = (CountsMerge::default(), Vec::new());
    for file in files {
        let (part, of) = CountsFile::read(file)?;
        merge.add(file, part)?;
        stored.push(of);
    }
    let none = || AnalysisError::Usage { problem: "`counts` needs a file".to_owned() };
    Ok((merge.finish().ok_or_else(none)?, stored))
}

/// Counts of the training data are of the same model and of other samples.
fn check_train(test: &CountsFile, train: &CountsFile) -> Result<()> {
    let (here, there) = (test.counts.num_classes(), train.counts.num_classes());
    let trained: HashSet<&[u8; 32]> = train.inputs.iter().map(|input| &input.sha256).collect();
    let problem = if here != there {
        format!("the counts of `counts-train` have {there} classes, those of `counts` {here}; give counts of one model")
    } else if test.counts.grid() != train.counts.grid() {
        "the counts of `counts-train` have other margins than those of `counts`; count both with the same".to_owned()
    } else if let Some(input) = test.inputs.iter().find(|input| trained.contains(&input.sha256)) {
        format!(
            "{:?} is among the inputs of `counts` and of `counts-train`; test and training samples differ",
            input.name
        )
    } else {
        return Ok(());
    };
    Err(AnalysisError::Mismatch { problem })
}

fn scored(file: CountsFile) -> Scored {
    Scored { logits: Logits::Counted(Arc::new(file.counts)), labels: Array1::default(0) }
}

/// The files of counts, and what was counted in them.
fn data_files(role: &str, counted: &CountsFile, files: Vec<StoredFile>) -> Vec<DataFile> {
    let inputs = counted.inputs.iter().map(|input| DataFile {
        role: format!("{role}, counted"),
        path: input.name.clone(),
        bytes: input.bytes,
        sha256: input.sha256.iter().map(|byte| format!("{byte:02x}")).collect(),
    });
    files.iter().map(|file| data_file_of(role, file)).chain(inputs).collect()
}
