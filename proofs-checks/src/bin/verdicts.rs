//! Prints the verdict tables from the records of the last `cargo test -p proofs-checks`, or writes
//! them into docs/verdicts.md: by statement, then claim by claim.

#![forbid(unsafe_code)]

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use proofs_checks::evidence::{self, Evidence};
use proofs_checks::table::{by_claim, by_statement, rows};

const BEGIN: &str = "<!-- verdicts: made by `cargo run -p proofs-checks --bin verdicts -- --write` -->";
const END: &str = "<!-- end of verdicts -->";

/// The verdict tables, from the records of the last `cargo test -p proofs-checks`
#[derive(Parser)]
struct Arguments {
    /// Write the tables into docs/verdicts.md
    #[arg(long, conflicts_with = "check")]
    write: bool,
    /// Fail if the claims or verdicts in docs/verdicts.md are not those of the records (counts and
    /// ratios may differ)
    #[arg(long)]
    check: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let rows = rows(&records()?).map_err(anyhow::Error::msg)?;
    let (claims, statements) = (by_claim(&rows), by_statement(&rows));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the crate lies in the workspace")?;
    let path = root.join("docs/verdicts.md");
    if arguments.write {
        let text = read(&path)?;
        let [before, _, between, _, after] = parts(&path, &text)?;
        let mut file = tempfile::NamedTempFile::new_in(root)?;
        write!(file, "{before}{}{between}{}{after}", marked(&statements), marked(&claims))?;
        file.persist(&path)?;
        println!("wrote {}", path.display());
    } else if arguments.check {
        let text = read(&path)?;
        let [_, _, _, table, _] = parts(&path, &text)?;
        let (there, here) = (claims_and_verdicts(table), claims_and_verdicts(&claims));
        let only = |one: &[[String; 2]], other: &[[String; 2]]| -> Vec<String> {
            one.iter()
                .filter(|row| !other.contains(row))
                .map(|[claim, verdict]| format!("{claim}: {verdict}"))
                .collect()
        };
        let (missing, new) = (only(&there, &here), only(&here, &there));
        ensure!(
            missing.is_empty() && new.is_empty(),
            "docs/verdicts.md has {missing:?}, which the last test run does not; it has {new:?}, which docs/verdicts.md \
             does not"
        );
        println!("{} claims, as in docs/verdicts.md", here.len());
    } else {
        println!("{statements}\n\n{claims}");
    }
    Ok(())
}

fn records() -> Result<Vec<Evidence>> {
    let folder = evidence::folder();
    let entries = fs::read_dir(&folder)
        .with_context(|| format!("{}: run `cargo test -p proofs-checks` first", folder.display()))?;
    let mut records = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            records.push(serde_json::from_str(&read(&path)?).with_context(|| path.display().to_string())?);
        }
    }
    ensure!(!records.is_empty(), "{}: no records; run `cargo test -p proofs-checks` first", folder.display());
    Ok(records)
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| path.display().to_string())
}

fn marked(table: &str) -> String {
    format!("{BEGIN}\n\n{table}\n\n{END}")
}

/// The text around and between the marks of the two tables: before, statements, between, claims,
/// after.
fn parts<'a>(path: &Path, text: &'a str) -> Result<[&'a str; 5]> {
    let split = |text: &'a str, mark| {
        text.split_once(mark).with_context(|| format!("{}: not twice a line {mark}", path.display()))
    };
    let (before, rest) = split(text, BEGIN)?;
    let (statements, rest) = split(rest, END)?;
    let (between, rest) = split(rest, BEGIN)?;
    let (claims, after) = split(rest, END)?;
    Ok([before, statements, between, claims, after])
}

/// Second and last cell of every row.
fn claims_and_verdicts(table: &str) -> Vec<[String; 2]> {
    let rows = table.lines().filter(|line| line.starts_with('|')).skip(2);
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        [cells[1], cells[cells.len() - 1]].map(str::to_owned)
    })
    .collect()
}
