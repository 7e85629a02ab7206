//! Evidence of a check: what it tried, and the tightest case it met.
//!
//! A check of "left <= right" tells every case's ratio left/right to a [`Check`] and, when all
//! cases are through, writes the record to `out/evidence`; a failed check leaves none. The program
//! `verdicts` makes the tables of docs/verdicts.md from these files.

use std::cell::Cell;
use std::fmt::Display;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::PathBuf;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, FileFailurePersistence, TestCaseError, TestError, TestRunner};
use serde::{Deserialize, Serialize};

/// The way in which a claim was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Random cases, corners included, in f64 with a proved slack.
    Random,
    /// Random cases decided in exact arithmetic.
    Exact,
    /// Local optimisation of left/right; cases are evaluations.
    Search,
    /// Draws of data from a known population; the ratio is that of the measured quantity to the
    /// bound.
    Simulation,
    /// The probability of failure summed term by term; the ratio is to the probability allowed.
    Enumeration,
    /// A case in which the claim fails; the ratio is above 1.
    Counterexample,
    /// A case in which a claim that holds fails for want of one of its conditions; the ratio is
    /// above 1.
    Necessity,
}

/// One record of `out/evidence`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The statement's number in THEORY.md.
    pub statement: String,
    /// The claim tried, in mathematical notation.
    pub claim: String,
    /// Way in which it was tried.
    pub kind: Kind,
    /// Cases tried.
    pub cases: u64,
    /// Largest left/right of all cases; None where the claim is no inequality.
    pub tightest: Option<f64>,
}

/// The folder of the records.
pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../out/evidence")
}

/// A check that is running.
#[derive(Debug)]
pub struct Check {
    statement: &'static str,
    claim: &'static str,
    kind: Kind,
    cases: Cell<u64>,
    tightest: Cell<Option<f64>>,
}

impl Check {
    /// Begins a check and removes the record of an earlier run.
    pub fn new(statement: &'static str, claim: &'static str, kind: Kind) -> Self {
        let check = Self { statement, claim, kind, cases: Cell::new(0), tightest: Cell::new(None) };
        let _ = fs::remove_file(check.path());
        check
    }

    /// Counts one case of a claim that is no inequality.
    pub fn case(&self) {
        self.cases(1);
    }

    /// Counts `cases` cases at once.
    pub fn cases(&self, cases: u64) {
        self.cases.set(self.cases.get() + cases);
    }

    /// Counts `cases` cases whose tightest ratio is `ratio`.
    pub fn cases_at(&self, cases: u64, ratio: f64) {
        self.cases(cases);
        self.at_least(ratio);
    }

    /// Counts one case of left <= right, right > 0.
    pub fn ratio(&self, left: f64, right: f64) {
        self.cases_at(1, left / right);
    }

    /// The tightest ratio is at least this; counts no case.
    pub fn at_least(&self, ratio: f64) {
        assert!(!ratio.is_nan(), "{}: no ratio", self.claim);
        self.tightest.set(Some(self.tightest.get().map_or(ratio, |seen| seen.max(ratio))));
    }

    /// The largest ratio so far.
    pub fn tightest(&self) -> Option<f64> {
        self.tightest.get()
    }

    /// Runs a property over [`cases`] random values, shrinks and keeps failures, and writes the
    /// record if there are none.
    ///
    /// # Panics
    /// With the smallest failing value.
    pub fn property<S: Strategy>(
        self,
        source_file: &'static str,
        usual_cases: u32,
        strategy: S,
        test: impl Fn(&Self, S::Value) -> Result<(), TestCaseError>,
    ) {
        let config = Config { source_file: Some(source_file), ..config(usual_cases) };
        match TestRunner::new(config).run(&strategy, |value| test(&self, value)) {
            Ok(()) => self.passed(),
            Err(TestError::Fail(reason, value)) => panic!("{}: {}: {reason}\n{value:?}", self.statement, self.claim),
            Err(abort) => panic!("{}: {}: {abort}", self.statement, self.claim),
        }
    }

    /// Writes the record. Call it when all cases are through.
    ///
    /// # Panics
    /// If no case was tried, or the record cannot be written.
    pub fn passed(self) {
        assert!(self.cases.get() > 0, "{}: {}: no case was tried", self.statement, self.claim);
        let evidence = Evidence {
            statement: self.statement.into(),
            claim: self.claim.into(),
            kind: self.kind,
            cases: self.cases.get(),
            tightest: self.tightest.get(),
        };
        let write = || -> Result<(), Box<dyn Display>> {
            let boxed = |error: std::io::Error| Box::new(error) as Box<dyn Display>;
            fs::create_dir_all(folder()).map_err(boxed)?;
            let mut file = tempfile::NamedTempFile::new_in(folder()).map_err(boxed)?;
            file.write_all(serde_json::to_string_pretty(&evidence).expect("plain data").as_bytes()).map_err(boxed)?;
            file.persist(self.path()).map_err(|error| boxed(error.error))?;
            Ok(())
        };
        if let Err(error) = write() {
            panic!("{}: {error}", self.path().display());
        }
        let tightest = evidence.tightest.map_or(String::new(), |ratio| format!(", tightest {ratio:.9}"));
        println!("{} {}: {:?}, {} cases{tightest}", evidence.statement, evidence.claim, evidence.kind, evidence.cases);
    }

    fn path(&self) -> PathBuf {
        let mut hash = DefaultHasher::new();
        (self.statement, self.claim, self.kind).hash(&mut hash);
        folder().join(format!("{}-{:016x}.json", self.statement, hash.finish()))
    }
}

/// Gives the configuration of a property: it runs over [`cases`] values, with failures kept beside
/// its file.
pub fn config(usual_cases: u32) -> Config {
    let failure_persistence = FileFailurePersistence::WithSource("regressions");
    Config { cases: cases(usual_cases), ..Config::with_failure_persistence(failure_persistence) }
}

/// `usual`, or as much of it as keeps [`cases`] at `most`: for a check too slow for a hundred
/// thousand cases.
pub fn up_to(most: u32, usual: u32) -> u32 {
    let largest = 256 * u64::from(most) / u64::from(Config::default().cases.max(1));
    usual.min(u32::try_from(largest.max(1)).unwrap_or(u32::MAX))
}

/// Random cases of a property that usually takes `usual` of them: scaled with PROPTEST_CASES, whose
/// own default is 256.
pub fn cases(usual: u32) -> u32 {
    let scaled = u64::from(usual) * u64::from(Config::default().cases) / 256;
    u32::try_from(scaled.max(1)).unwrap_or(u32::MAX)
}
