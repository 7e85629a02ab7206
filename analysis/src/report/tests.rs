//! The report as a whole: files, contract, hostile names, degenerate data.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::sample::{Sample, report};
use super::*;

/// Writes the samples where `CAR_REPORT_SAMPLES` says, to be looked at; into a temporary directory otherwise.
fn written(name: &str, samples: &[Sample]) -> (Vec<PathBuf>, Option<tempfile::TempDir>) {
    let (report, figures) = report(samples);
    let keep = std::env::var_os("CAR_REPORT_SAMPLES").map(PathBuf::from);
    let temporary = keep.is_none().then(|| tempfile::tempdir().unwrap());
    let out = keep.unwrap_or_else(|| temporary.as_ref().unwrap().path().to_owned()).join(name);
    let paths = write(&report, &figures, &out, &FormatSet::all()).unwrap();
    std::fs::write(out.join("summary.txt"), summary_table(&report)).unwrap();
    (paths, temporary)
}

#[test]
fn samples_are_written() {
    for (name, samples) in [
        ("fashion", vec![Sample::fashion()]),
        ("cifar100", vec![Sample::cifar100()]),
        ("k600", vec![Sample::of_size(600)]),
    ] {
        let (paths, _keep) = written(name, &samples);
        assert_eq!(paths.len(), 3 + 2 * 7, "{paths:?}");
        assert!(paths.iter().all(|path| std::fs::metadata(path).unwrap().len() > 100));
    }
}
