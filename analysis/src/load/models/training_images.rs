//! The training images of a model: those of its own description, or what the flags say of a foreign one.

use car_spectral::longtail::long_tailed_counts;
use car_spectral_data::{DataSet, LongTail, Parts, SettingError};
use car_spectral_formats::counts::read_named_counts;
use car_spectral_runs::Description;

use crate::AnalysisError;
use crate::load::{Checkpoints, Request};

/// Which training images a model saw.
pub(super) struct Training {
    pub counts: Vec<u64>,
    /// Indices into the full training split; `None` if only the counts are known.
    pub indices: Option<Vec<usize>>,
    pub sha256: Option<String>,
}

impl Training {
    fn of(parts: Parts) -> Self {
        let subset = parts.train;
        Self { counts: subset.class_counts, indices: Some(subset.indices), sha256: Some(subset.sha256) }
    }

    fn full(data: &DataSet) -> Self {
        let mut counts = vec![0; data.num_classes()];
        data.train.labels.iter().for_each(|&label| counts[label] += 1);
        Self { counts, indices: Some((0..data.train.labels.len()).collect()), sha256: None }
    }
}

/// The subset a checkpoint of this project describes, drawn again and compared with its checksum.
pub(super) fn own_training(name: &str, description: &Description, data: &DataSet) -> Result<Training, AnalysisError> {
    let told = &description.data;
    let mismatch = |problem: String| Err(AnalysisError::Mismatch { problem: format!("{name}: {problem}") });
    if told.kind != data.kind {
        return mismatch(format!("trained on {}, but `data` is {}", told.kind.name(), data.kind.name()));
    }
    if data.train.images.is_empty() {
        return mismatch("its training images are not there; it is analysed on them as well".to_owned());
    }
    for (split, told, found) in
        [("training", &told.train_sha256, &data.train.sha256), ("test", &told.test_sha256, &data.test.sha256)]
    {
        if told != found {
            return mismatch(format!(
                "the {split} images are not those it was made with (SHA-256 {found}, expected {told})"
            ));
        }
    }
    let held_out = told.validation.as_ref().map(|validation| validation.drawn);
    let training = Training::of(Parts::draw(&data.train.labels, data.num_classes(), told.long_tail, held_out)?);
    if training.sha256.as_ref().is_some_and(|found| *found != told.indices_sha256)
        || training.counts != told.class_counts
    {
        return mismatch(
            "the training subset drawn again differs from the one it describes; give its training predictions instead"
                .to_owned(),
        );
    }
    Ok(training)
}

/// What the flags say of a foreign model: counts alone, the subset that `train` draws, or the full split. Another
/// program has drawn another subset: unless --subset-seed says that it was ours, no image is called a training image.
pub(super) fn foreign_training(
    request: &Request,
    checkpoints: &Checkpoints,
    data: &DataSet,
) -> Result<Training, AnalysisError> {
    let classes = data.num_classes();
    if let Some(file) = &request.train_counts {
        // In a file a number is a label, in a folder the name of a class, as it is in the folder of the images.
        let names = Some(data.class_names.as_slice()).filter(|_| file.is_dir());
        let counts = read_named_counts(file, classes, names)?;
        return Ok(Training { counts, indices: None, sha256: None });
    }
    let full = Training::full(data);
    let Some(imbalance) = request.imbalance else { return Ok(full) };
    let n_max = request.n_max.unwrap_or_else(|| full.counts.iter().copied().max().unwrap_or(0));
    long_tailed_counts(n_max, imbalance, classes)
        .map_err(|error| SettingError::new("imbalance", imbalance, error.to_string()))?;
    let tail = LongTail { n_max, imbalance, seed: checkpoints.subset_seed.unwrap_or(0) };
    let drawn = Training::of(Parts::draw(&data.train.labels, classes, Some(tail), None)?);
    Ok(match checkpoints.subset_seed {
        Some(_) => drawn,
        None => Training { indices: None, sha256: None, ..drawn },
    })
}
