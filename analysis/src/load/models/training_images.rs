//! The training images of a model: those of its own description, or what the flags say of a foreign
//! one.

use std::path::Path;

use car_spectral::longtail::long_tailed_counts;
use car_spectral_data::{DataKind, DataSet, LongTail, Parts, SettingError};
use car_spectral_formats::counts::read_named_counts;
use car_spectral_runs::Description;

use crate::load::{Checkpoints, Request};
use crate::results::Warning;
use crate::{AnalysisError, Result};

/// Which training images a model saw.
pub(super) struct Training {
    pub counts: Vec<u64>,
    /// Indices into the full training split; `None` if only the counts are known.
    pub indices: Option<Vec<usize>>,
    pub sha256: Option<String>,
    pub warnings: Vec<Warning>,
}

impl Training {
    fn of(parts: Parts) -> Self {
        let subset = parts.train;
        Self {
            counts: subset.class_counts,
            indices: Some(subset.indices),
            sha256: Some(subset.sha256),
            warnings: Vec::new(),
        }
    }

    fn full(data: &DataSet) -> Self {
        let mut counts = vec![0; data.num_classes()];
        data.train.labels.iter().for_each(|&label| counts[label] += 1);
        Self { counts, indices: Some((0..data.train.labels.len()).collect()), sha256: None, warnings: Vec::new() }
    }
}

/// The subset a checkpoint of this project describes, drawn again and compared with its checksum.
pub(super) fn own_training(name: &str, description: &Description, data: &DataSet) -> Result<Training> {
    let told = &description.data;
    let mismatch = |problem: String| Err(AnalysisError::Mismatch { problem: format!("{name}: {problem}") });
    if told.kind != data.kind {
        return mismatch(format!("trained on {}, but `data` is {}", told.kind.name(), data.kind.name()));
    }
    let others = told.class_names.iter().zip(&data.class_names).enumerate().find(|(_, (told, found))| told != found);
    if let Some((class, (told, found))) = others.filter(|_| data.kind == DataKind::ImageFolder) {
        return mismatch(format!(
            "its class {class} is {told}, here {found}; give the order it was trained with (`class-order`)"
        ));
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

/// What the flags say of a foreign model: counts alone, the subset that `train` draws, or the full
/// split. Another program has drawn another subset: unless --subset-seed says that it was ours, no
/// image is called a training image.
pub(super) fn foreign_training(request: &Request, checkpoints: &Checkpoints, data: &DataSet) -> Result<Training> {
    let classes = data.num_classes();
    if let Some(file) = &request.train_counts {
        // In a file a number is a label, in a folder the name of a class, as it is in the folder of the images.
        let names = Some(data.class_names.as_slice()).filter(|_| file.is_dir());
        let counts = read_named_counts(file, classes, names)?;
        let warnings = beside_the_images(file, &counts, data)?.into_iter().collect();
        return Ok(Training { counts, indices: None, sha256: None, warnings });
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

/// Holds counts against the training images that are there. A folder or list of one's own is what
/// the model was trained on, and has no fewer of a class; a published set may be here in part, and
/// is what long-tailed subsets are drawn from.
fn beside_the_images(file: &Path, counts: &[u64], data: &DataSet) -> Result<Option<Warning>> {
    let found = Training::full(data).counts;
    if data.train.labels.is_empty() || counts == found {
        return Ok(None);
    }
    let own = matches!(data.kind, DataKind::ImageFolder | DataKind::List);
    let sorted = |counts: &[u64]| {
        let mut counts = counts.to_vec();
        counts.sort_unstable();
        counts
    };
    let remedy = match (own, sorted(counts) == sorted(&found)) {
        (true, true) => "the same numbers stand there in another order (`class-order`)",
        (true, false) => "give the counts of these classes, in their order (`class-order`)",
        (false, _) => "if the model was not trained on more than is there, give its counts in the order of the classes",
    };
    let differs = |class: &usize| counts[*class] != found[*class];
    let more = (0..counts.len()).find(|&class| counts[class] > found[class]);
    let Some(class) = more.or_else(|| (0..counts.len()).find(differs).filter(|_| own)) else { return Ok(None) };
    let said = format!(
        "{}: {} training images of class {}, of which {} are there",
        file.display(),
        counts[class],
        data.class_names[class],
        found[class]
    );
    if more.is_some() && own {
        return Err(AnalysisError::Mismatch { problem: format!("{said}; {remedy}") });
    }
    let classes: Vec<usize> = (0..counts.len()).filter(differs).collect();
    let sentence = format!("{said}, and {} of {} classes differ; {remedy}", classes.len(), counts.len());
    Ok(Some(Warning::new("counts-differ", sentence, [("classes", classes.into()), ("found", found.into())])))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use car_spectral_data::{Images, Split};

    use super::*;

    #[test]
    fn a_published_set_may_be_here_in_part() {
        let part = || Split {
            images: Images::InMemory { shape: [1, 1, 1], bytes: vec![0; 3] },
            labels: vec![0, 0, 1],
            sha256: String::new(),
        };
        let of = |kind, counts: [u64; 2]| {
            let (train, test) = (Arc::new(part()), Arc::new(part()));
            let class_names = ["cat".to_owned(), "dog".to_owned()].to_vec();
            let data = DataSet { kind, train, test, class_names, notes: Vec::new() };
            beside_the_images(Path::new("counts.txt"), &counts, &data).map_err(|error| error.to_string())
        };
        let more = of(DataKind::Cifar10, [50, 1]).unwrap().unwrap();
        assert_eq!(more.id, "counts-differ");
        let words = "counts.txt: 50 training images of class cat, of which 2 are there, and 1 of 2 classes differ; if";
        assert!(more.sentence.starts_with(words), "{}", more.sentence);
        assert_eq!(of(DataKind::Cifar10, [1, 1]), Ok(None));
        assert!(of(DataKind::ImageFolder, [50, 1]).unwrap_err().contains("class-order"));
        assert!(of(DataKind::List, [1, 1]).unwrap().is_some());
    }
}
