//! The verdict tables of docs/verdicts.md, made of the records that the checks leave.

use std::collections::BTreeMap;

use comfy_table::{CellAlignment, Table, presets};
use thousands::Separable as _;

use crate::evidence::{Evidence, Kind};

/// A statement of THEORY.md: its number, what it says in a few words, where it comes from, and
/// where it fails what holds instead.
#[derive(Clone, Copy, Debug)]
pub struct Statement {
    /// S1, T3, ...
    pub number: &'static str,
    /// The statement in a few words.
    pub title: &'static str,
    /// A publication, "elementary" for what any textbook has, or "here".
    pub source: &'static str,
    /// The statement that holds instead, of one that fails.
    pub instead: &'static str,
}

/// Every statement, in THEORY.md's order.
pub const STATEMENTS: &[Statement] = &[
    holds("S1", "errors and margins", "elementary"),
    holds("S2", "the weighted worst class bounds every class", "elementary"),
    holds("S3", "one-norm and spectral norm", "elementary; constants here"),
    holds("S4", "monotonicity of the spectral norm", "Perron-Frobenius"),
    holds("S5", "certified enclosure", "Collatz-Wielandt; rounding here"),
    holds("D6", "surrogate and its gradient", "paper, eq. 7; gradient here"),
    holds("S6", "derivative of the spectral norm", "convex analysis; enclosure here"),
    holds("S7", "the moving average", "paper, eq. 8; bias here"),
    holds("D8", "the objective's gradient", "paper, eq. 9; gradient here"),
    fails(
        "T1",
        "bound of the confusion matrix",
        "Morvant et al. 2012",
        "its condition holds on no benchmark of the paper",
    ),
    holds("T1'", "the same without its condition", "here"),
    holds("T1''", "Gibbs error of every class", "here, after Maurer 2004"),
    fails(
        "T2",
        "the published per-class bound",
        "paper, Prop. 3.2",
        "its first term alone is above 1 on a trained model",
    ),
    holds("T3", "margin bound of every class", "here, after Neyshabur et al. 2018"),
    holds("T3'", "the same, sharper", "here, after Maurer 2004"),
    holds("T3''", "the same, kl inverted and constants attained", "here, after Maurer 2004"),
    holds("T4", "the floors of all bounds, of the worst class, of shares", "here"),
    holds("T5", "held-out certificate", "Clopper and Pearson 1934"),
    holds("T5'", "the worst class, whichever it is", "here; Simes 1986, Holm 1979"),
    holds("T5''", "further images, finite populations", "exchangeability"),
    holds("T6", "certificate of the population's norm", "here, after Tropp 2012"),
    holds("T6'", "the same, narrower", "here, after Boucheron et al. 2000"),
    holds("T7", "a head of class means from its training images", "here, after Maurer 2004"),
    holds("T8", "two models on the same images", "here; McNemar 1947, Holm 1979"),
    holds("T9", "groups of seeds", "here; Student 1908"),
    holds("T10", "the largest error is too large", "here"),
    holds("T11", "planning", "here"),
    fails("G1", "a small perturbation keeps the norm", "paper's proof", "by up to √K, the best constant"),
    fails("G2", "the weighted worst class is the worst", "paper's reading", "by up to √(1 + 1/r₀)"),
    fails("G3", "a smaller norm, a better worst class", "paper's reading", "by up to K − 1"),
    fails("G4", "small margins make the bound better", "paper's reading", "it grows like 1/g"),
];

const fn holds(number: &'static str, title: &'static str, source: &'static str) -> Statement {
    Statement { number, title, source, instead: "" }
}

const fn fails(number: &'static str, title: &'static str, source: &'static str, instead: &'static str) -> Statement {
    Statement { number, title, source, instead }
}

/// The left side reaches the right one to this: the claim is attained.
const ATTAINED: f64 = 1e-6;

/// All that is known of one claim.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Place of its statement in [`STATEMENTS`].
    pub statement: usize,
    /// The claim.
    pub claim: String,
    /// Cases by kind.
    pub cases: BTreeMap<Kind, u64>,
    /// Largest left/right of all kinds.
    pub tightest: Option<f64>,
}

impl Row {
    /// Gives the verdict in one phrase.
    pub fn verdict(&self) -> &'static str {
        match self.tightest {
            _ if self.cases.contains_key(&Kind::Counterexample) => "**fails**",
            _ if self.cases.contains_key(&Kind::Necessity) => "fails: the condition is needed",
            Some(ratio) if ratio >= 1.0 - ATTAINED => "holds, attained",
            Some(_) => "holds, with slack",
            None => "holds",
        }
    }
}

/// Records joined to rows, in the order of the statements, then of the claims.
///
/// # Errors
/// The number of a statement that is not in [`STATEMENTS`].
pub fn rows(records: &[Evidence]) -> Result<Vec<Row>, String> {
    let mut rows: BTreeMap<(usize, &str), Row> = BTreeMap::new();
    for record in records {
        let statement = STATEMENTS
            .iter()
            .position(|statement| statement.number == record.statement)
            .ok_or_else(|| format!("no statement {} (\"{}\")", record.statement, record.claim))?;
        let row = rows.entry((statement, &record.claim)).or_insert_with(|| Row {
            statement,
            claim: record.claim.clone(),
            cases: BTreeMap::new(),
            tightest: None,
        });
        *row.cases.entry(record.kind).or_default() += record.cases;
        row.tightest = match (row.tightest, record.tightest) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        };
    }
    Ok(rows.into_values().collect())
}

/// Every claim: statement, claim, checks with their cases, tightest ratio, verdict. Markdown.
pub fn by_claim(rows: &[Row]) -> String {
    let mut table = markdown(&["", "claim", "source", "checked by (cases)", "tightest left/right", "verdict"]);
    for (at, row) in rows.iter().enumerate() {
        let statement = STATEMENTS[row.statement];
        let first = at == 0 || rows[at - 1].statement != row.statement;
        let cases: Vec<String> = row
            .cases
            .iter()
            .map(|(kind, &cases)| format!("{} {}", name(*kind), cases.separate_with_commas()))
            .collect();
        table.add_row([
            if first { statement.number } else { "" }.to_owned(),
            row.claim.replace('|', "\\|"),
            if first { statement.source } else { "" }.to_owned(),
            cases.join(", "),
            row.tightest.map_or_else(String::new, significant),
            row.verdict().to_owned(),
        ]);
    }
    if let Some(column) = table.column_mut(4) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

/// Every statement: number, what it says, source, number of claims and cases, verdict. Markdown.
pub fn by_statement(rows: &[Row]) -> String {
    let mut table = markdown(&["", "statement", "source", "claims", "cases", "verdict"]);
    for (at, statement) in STATEMENTS.iter().enumerate() {
        let rows: Vec<&Row> = rows.iter().filter(|row| row.statement == at).collect();
        if rows.is_empty() {
            continue;
        }
        let cases: u64 = rows.iter().flat_map(|row| row.cases.values()).sum();
        let any = |kind| rows.iter().any(|row| row.cases.contains_key(&kind));
        let attained = rows.iter().filter(|row| row.verdict() == "holds, attained").count();
        let verdict = match attained {
            _ if any(Kind::Counterexample) && statement.instead.is_empty() => "**fails**".to_owned(),
            _ if any(Kind::Counterexample) => format!("**fails**: {}", statement.instead),
            0 => "holds".to_owned(),
            attained => format!("holds; {attained} of {} claims attained", rows.len()),
        };
        table.add_row([
            statement.number.to_owned(),
            statement.title.to_owned(),
            statement.source.to_owned(),
            rows.len().to_string(),
            cases.separate_with_commas(),
            verdict,
        ]);
    }
    for column in [3, 4] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Random => "random",
        Kind::Exact => "exact",
        Kind::Search => "search",
        Kind::Simulation => "simulation",
        Kind::Enumeration => "enumeration",
        Kind::Counterexample | Kind::Necessity => "counterexample",
    }
}

fn markdown(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN).set_header(header);
    table
}

/// Six digits; as many as it takes to tell a ratio just below 1 from 1.
fn significant(ratio: f64) -> String {
    match ratio {
        ratio if (1.0 - ATTAINED..=1.0 + ATTAINED).contains(&ratio) => "1".to_owned(),
        ratio if ratio != 0.0 && !(1e-3..1e4).contains(&ratio) => format!("{ratio:.1e}"),
        ratio => format!("{ratio:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(statement: &str, claim: &str, kind: Kind, cases: u64, tightest: Option<f64>) -> Evidence {
        Evidence { statement: statement.into(), claim: claim.into(), kind, cases, tightest }
    }

    #[test]
    fn records_become_rows_and_verdicts() {
        let records = [
            record("T5", "P(miss) ≤ α", Kind::Enumeration, 1_234_567, Some(0.93)),
            record("S3", "‖M‖₁ ≤ √(K−1) ‖M‖₂", Kind::Random, 256, Some(0.6)),
            record("S3", "‖M‖₁ ≤ √(K−1) ‖M‖₂", Kind::Search, 1000, Some(1.0 - 1e-9)),
            record("G1", "|a| ≤ |b|", Kind::Counterexample, 1, Some(1.5)),
            record("G1", "repair", Kind::Random, 5, None),
            record("S4", "without", Kind::Necessity, 1, Some(2.0)),
            record("S4", "with", Kind::Random, 1, Some(0.5)),
        ];
        let rows = rows(&records).unwrap();
        let verdicts: Vec<&str> = rows.iter().map(Row::verdict).collect();
        let expected = [
            "holds, attained",
            "holds, with slack",
            "fails: the condition is needed",
            "holds, with slack",
            "holds",
            "**fails**",
        ];
        assert_eq!(verdicts, expected);
        let claims = by_claim(&rows);
        for part in ["random 256, search 1,000", "1,234,567", "\\|a\\| ≤ \\|b\\|", "0.9300", " 1 |"] {
            assert!(claims.contains(part), "{part} not in\n{claims}");
        }
        let statements = by_statement(&rows);
        for part in ["**fails**: by up to √K", "holds; 1 of 1 claims attained", "holds    "] {
            assert!(statements.contains(part), "{part} not in\n{statements}");
        }
        assert!(super::rows(&[record("X9", "", Kind::Exact, 1, None)]).unwrap_err().contains("X9"));
    }
}
