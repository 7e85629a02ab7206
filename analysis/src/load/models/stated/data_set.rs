//! The data set of the training, by its name.

use car_spectral_data::DataKind;
use serde_json::json;

use super::{Answer, Entry, Given};
use crate::results::Warning;
use crate::words::readable;

/// What programs call it.
const KEYS: [&str; 7] = ["dataset", "dataset_name", "data_set", "data_name", "dset", "ds_name", "dataset_type"];

/// Parts of names of data sets, without marks between their words, a longer one before one that
/// begins it; with the kind that is read here.
const KNOWN: [(&str, Option<DataKind>); 16] = [
    ("cifar100", Some(DataKind::Cifar100)),
    ("cifar10", Some(DataKind::Cifar10)),
    ("fashionmnist", Some(DataKind::FashionMnist)),
    ("fmnist", Some(DataKind::FashionMnist)),
    ("mnist", None),
    ("imagenet", None),
    ("inaturalist", None),
    ("inat", None),
    ("places", None),
    ("svhn", None),
    ("stl10", None),
    ("food101", None),
    ("celeba", None),
    ("cub200", None),
    ("caltech", None),
    ("coco", None),
];

/// Whether an entry names the data set that is given; nothing is known of the name of a folder or
/// list.
pub(super) fn answer(entry: &Entry<'_>, given: &Given<'_>) -> Option<Answer> {
    if !KEYS.contains(&entry.key.as_str()) || given.data.is_files() {
        return None;
    }
    let text = entry.value.as_str()?;
    let plain: String = text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let (_, stated) = KNOWN.iter().find(|(name, _)| plain.contains(name))?;
    if *stated == Some(given.data) {
        return Some(Answer::Agrees);
    }
    let (name, shown) = (given.data.name(), readable(text));
    let sentence = format!(
        "the images are those of {name}, as given, and {} states {shown}: give the data set of the training",
        entry.place,
    );
    let evidence = [("given", json!(name)), ("stated", json!(text)), ("place", json!(entry.place))];
    Some(Answer::Differs(Warning::new("stated-data", sentence, evidence)))
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use super::*;

    #[test]
    fn another_data_set_is_told_by_its_name() {
        let agree = [
            json!({"args": {"dataset": "CIFAR-10-LT"}}),
            json!({"dataset_name": "cifar10"}),
            json!({"dataset": "my_birds"}),
            json!({"dataset": {"root": "cifar100"}}),
        ];
        let differ = [
            (json!({"args": {"dataset": "cifar100"}}), "args.dataset in the file states cifar100"),
            (json!({"hyper_parameters": {"data_name": "ImageNet_LT"}}), "states ImageNet_LT"),
            (json!({"dataset": "Fashion-MNIST"}), "are those of cifar10"),
        ];
        check("stated-data", &agree, &differ);
    }
}
