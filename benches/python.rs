//! The Python that a bench measures beside the library: `$PYTHON`, else `.venv/bin/python`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::measure::Time;

/// The interpreter, if it has these modules: `"numpy, scipy"`.
pub fn python(modules: &str) -> Result<PathBuf, String> {
    let chosen = std::env::var_os("PYTHON").map(PathBuf::from);
    let python = chosen.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv/bin/python"));
    let named = modules.replace(", ", " and ");
    match Command::new(&python).args(["-c", &format!("import {modules}")]).output() {
        Ok(output) if output.status.success() => Ok(python),
        Ok(_) => Err(format!("{} has no {named}; name another in PYTHON", python.display())),
        Err(error) => Err(format!("{}: {error}; name a Python with {named} in PYTHON", python.display())),
    }
}

/// A script beside the benches that serves its methods (`session.py`), to be measured in turn with
/// ours.
pub struct Session {
    child: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Session {
    pub fn new(python: &Path, script: &str, folder: &Path, arguments: &[String]) -> Result<Self, String> {
        let mut child = Command::new(python)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("benches").join(script))
            .arg(folder)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        let questions = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().expect("it was asked for"));
        Ok(Self { child, questions, answers })
    }

    /// Names of its methods.
    pub fn names(&mut self) -> Result<Vec<String>, String> {
        Ok(self.ask("names")?.split('|').map(str::to_owned).collect())
    }

    /// Asks for the numbers that a method finds.
    pub fn check<T: std::str::FromStr>(&mut self, at: usize) -> Result<Vec<T>, String> {
        self.numbers(&format!("check {at}"))
    }

    /// One of so many runs of a method.
    pub fn run(&mut self, at: usize, times: usize) -> Result<Time, String> {
        match self.numbers(&format!("run {at} {times}"))?.as_slice() {
            &[wall, processor] => Ok(Time { wall, processor }),
            other => Err(format!("unexpected answer {other:?}")),
        }
    }

    fn numbers<T: std::str::FromStr>(&mut self, question: &str) -> Result<Vec<T>, String> {
        let answer = self.ask(question)?;
        let numbers: Result<Vec<T>, _> = answer.split_whitespace().map(str::parse).collect();
        numbers.map_err(|_| format!("unexpected answer {answer}"))
    }

    fn ask(&mut self, question: &str) -> Result<String, String> {
        let questions = self.questions.as_mut().expect("taken only at the end");
        writeln!(questions, "{question}").and_then(|()| questions.flush()).map_err(|error| error.to_string())?;
        let mut answer = String::new();
        match self.answers.read_line(&mut answer) {
            Ok(0) => Err(format!("no answer to {question}")),
            Ok(_) => Ok(answer.trim_end().to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // The end of its input ends the script; where that fails it has ended already.
        self.questions = None;
        let _ = self.child.wait();
    }
}
