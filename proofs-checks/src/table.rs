//! The verdict table of THEORY.md and README.md, made of the records that the checks leave.

use std::collections::BTreeMap;

use comfy_table::{CellAlignment, Table, presets};

use crate::evidence::{Evidence, Kind};

/// A statement of THEORY.md: its number, what it says in a few words, where it comes from.
#[derive(Clone, Copy, Debug)]
pub struct Statement {
    /// S1, T3, ...
    pub number: &'static str,
    /// In a few words.
    pub title: &'static str,
    /// A publication, "elementary" for what any textbook has, or "here".
    pub source: &'static str,
}

/// Every statement, in THEORY.md's order.
pub const STATEMENTS: &[Statement] = &[
    statement("S1", "errors and margins", "elementary"),
    statement("S2", "the weighted worst class bounds every class", "elementary"),
    statement("S3", "one-norm and spectral norm", "elementary; constants here"),
    statement("S4", "monotonicity of the spectral norm", "Perron-Frobenius"),
    statement("S5", "certified enclosure", "Collatz-Wielandt; rounding here"),
    statement("D6", "surrogate and its gradient", "paper, eq. 7; gradient here"),
    statement("S6", "derivative of the spectral norm", "convex analysis; enclosure here"),
    statement("S7", "the moving average", "paper, eq. 8; bias here"),
    statement("D8", "the objective's gradient", "paper, eq. 9; gradient here"),
    statement("T1", "bound of the confusion matrix", "Morvant et al. 2012"),
    statement("T1'", "the same without its condition", "here"),
    statement("T2", "the published per-class bound", "paper, Prop. 3.2"),
    statement("T3", "margin bound of every class", "here, after Neyshabur et al. 2018"),
    statement("T3'", "the same, sharper", "here, after Maurer 2004"),
    statement("T4", "the floor of any such bound", "here"),
    statement("T5", "held-out certificate", "Clopper and Pearson 1934"),
    statement("T6", "certificate of the population's norm", "here, after Tropp 2012"),
    statement("G1", "a small perturbation keeps the matrix", "paper's proof"),
    statement("G2", "the weighted worst class is the worst", "paper's reading"),
    statement("G3", "a smaller norm means a better worst class", "paper's reading"),
    statement("G4", "small margins make the bound better", "paper's reading"),
];

const fn statement(number: &'static str, title: &'static str, source: &'static str) -> Statement {
    Statement { number, title, source }
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
    /// One phrase.
    pub fn verdict(&self) -> &'static str {
        match self.tightest {
            _ if self.cases.contains_key(&Kind::Counterexample) => "fails",
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
        let cases: Vec<String> =
            row.cases.iter().map(|(kind, &cases)| format!("{} {}", name(*kind), grouped(cases))).collect();
        table.add_row([
            if first { statement.number } else { "" }.to_owned(),
            row.claim.replace('|', "\\|"),
            if first { statement.source } else { "" }.to_owned(),
            cases.join(", "),
            row.tightest.map_or_else(String::new, significant),
            row.verdict().to_owned(),
        ]);
    }
    right_aligned(table, 4)
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
        let count = |verdict: &str| rows.iter().filter(|row| row.verdict() == verdict).count();
        let verdict = match (count("fails"), count("holds, attained")) {
            (0, 0) => "holds".to_owned(),
            (0, 1) => "holds; one inequality attained".to_owned(),
            (0, attained) => format!("holds; {attained} inequalities attained"),
            (failed, _) if failed == rows.len() => "**fails**".to_owned(),
            (failed, _) => format!("**{failed} of {} fail**, the repair holds", rows.len()),
        };
        table.add_row([
            statement.number.to_owned(),
            statement.title.to_owned(),
            statement.source.to_owned(),
            rows.len().to_string(),
            grouped(cases),
            verdict,
        ]);
    }
    let table = right_aligned(table, 3);
    table
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Random => "random",
        Kind::Exact => "exact",
        Kind::Search => "search",
        Kind::Simulation => "simulation",
        Kind::Enumeration => "enumeration",
        Kind::Counterexample => "counterexample",
    }
}

fn markdown(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN).set_header(header);
    table
}

fn right_aligned(mut table: Table, column: usize) -> String {
    if let Some(column) = table.column_mut(column) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

/// 1234567 as 1,234,567.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
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
        ];
        let rows = rows(&records).unwrap();
        let verdicts: Vec<&str> = rows.iter().map(Row::verdict).collect();
        assert_eq!(verdicts, ["holds, attained", "holds, with slack", "holds", "fails"]);
        let claims = by_claim(&rows);
        for part in ["random 256, search 1,000", "1,234,567", "\\|a\\| ≤ \\|b\\|", "0.9300", " 1 |"] {
            assert!(claims.contains(part), "{part} not in\n{claims}");
        }
        let statements = by_statement(&rows);
        assert!(
            statements.contains("**1 of 2 fail**") && statements.contains("one inequality attained"),
            "{statements}"
        );
        assert!(super::rows(&[record("X9", "", Kind::Exact, 1, None)]).unwrap_err().contains("X9"));
    }
}
