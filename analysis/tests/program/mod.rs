//! The program `analyze`, run by tests.

#![allow(dead_code, reason = "each test uses its part")]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub said: String,
    pub report: Option<Value>,
}

impl Ended {
    pub fn model(&self) -> &Value {
        let report = self.report.as_ref().unwrap_or_else(|| panic!("no report: {}", self.said));
        &report["models"][0]
    }

    pub fn test(&self, key: &str) -> Vec<u64> {
        self.model()["test"][key].as_array().unwrap().iter().map(|number| number.as_u64().unwrap()).collect()
    }

    /// The sentence of the warning with this id; empty if there is none.
    pub fn warning(&self, id: &str) -> String {
        let all = self.model()["warnings"].as_array().unwrap();
        let found = all.iter().find(|warning| warning["id"] == id);
        found.map_or(String::new(), |warning| warning["sentence"].as_str().unwrap().to_owned())
    }

    pub fn notes(&self) -> String {
        self.model()["source"]["notes"].to_string()
    }
}

/// Runs `analyze` in this folder.
pub fn analyze(folder: &Path, arguments: &str) -> Ended {
    let _ = fs::remove_dir_all(folder.join("out"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_analyze"));
    command.current_dir(folder).args(arguments.split_whitespace()).args(["--out", "out"]);
    if !arguments.contains("--format") {
        command.args(["--format", "json"]);
    }
    let output = command.output().unwrap();
    let report = fs::read(folder.join("out/report.json")).ok();
    Ended {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        said: String::from_utf8(output.stderr).unwrap(),
        report: report.map(|bytes| serde_json::from_slice(&bytes).unwrap()),
    }
}

/// Runs `analyze` and checks that it refuses its input in these words.
pub fn refused(folder: &Path, arguments: &str, says: &[&str]) {
    let ended = analyze(folder, arguments);
    assert!(matches!(ended.code, Some(1 | 2)), "{arguments}: {:?} {}", ended.code, ended.said);
    for word in says {
        assert!(ended.said.contains(word), "{arguments}: {word} is not in: {}", ended.said);
    }
    assert!(ended.report.is_none(), "{arguments}");
}
