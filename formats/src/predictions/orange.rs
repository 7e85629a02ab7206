//! Tables of Orange: names, types and roles of the columns in three lines, or in one with letters
//! in front as in `cD#species`.

use std::borrow::Cow;
use std::path::Path;

use super::{LABEL, Reading};
use crate::Result;
use crate::budget::Budget;
use crate::table::Separator;
use crate::words::Words;

const TYPES: Words = Words("continuous c discrete d string s time t basket");
const ROLES: Words = Words("class c meta m ignore i weight w");

/// A table with one line of names, that of the classes called `label`; what it is to be read by,
/// and a note.
pub(super) struct Plain {
    pub(super) text: String,
    pub(super) reading: Reading,
    pub(super) note: String,
}

/// Columns of Orange as others have them; `None` of any other text.
pub(super) fn plain(file: &Path, text: &str, reading: &Reading, budget: &mut Budget) -> Result<Option<Plain>> {
    let mut lines = text.lines();
    let Some(first) = lines.next() else { return Ok(None) };
    let separator = if first.contains('\t') { '\t' } else { ',' };
    let split = |line: Option<&str>| {
        let mut fields = Vec::new();
        Separator::Character(separator as u8).split(line.unwrap_or_default(), &mut fields);
        fields.into_iter().map(Cow::into_owned).collect::<Vec<String>>()
    };
    // Fields that are held, and the text again.
    let cost = (first.len() as u64).saturating_mul(80).saturating_add((text.len() as u64).saturating_mul(2));
    if !first.contains('#') && !lines.clone().next().is_some_and(|types| may_be_types(types, separator)) {
        return Ok(None);
    }
    budget.spend(cost).map_err(|exceeded| exceeded.of(file, "a table of Orange".to_owned()))?;
    let mut names = split(Some(first));
    let (class, values) = if let Some(roles) = lettered(&mut names) {
        (roles.iter().position(|letters| letters.contains('c')), None)
    } else {
        let (types, roles) = (split(lines.next()), split(lines.next()));
        if types.len() != names.len() || !are_roles(&roles, names.len()) {
            return Ok(None);
        }
        let class = roles.iter().position(|role| matches!(role.as_str(), "class" | "c"));
        let values = class.and_then(|at| types.get(at)).filter(|values| !TYPES.contains(values));
        (class, values.map(|values| values.split(' ').map(str::to_owned).collect::<Vec<_>>()))
    };
    let Some(label) = class.and_then(|at| names.get_mut(at)) else { return Ok(None) };
    let note = format!("a table of Orange: {} holds the classes", crate::quoting::quoted(label));
    if reading.keys.labels.is_none() {
        LABEL.clone_into(label);
    }
    let header = names.iter().map(|name| format!("\"{}\"", name.replace('"', "\"\""))).collect::<Vec<_>>();
    let header = header.join(&separator.to_string());
    // Lines keep their numbers.
    let above = text.lines().count().saturating_sub(lines.clone().count());
    let begin = text.split_inclusive('\n').take(above).map(str::len).sum::<usize>();
    let text = format!("{header}{}{}", "\n".repeat(above), text.get(begin..).unwrap_or_default());
    let class_names = reading.class_names.clone().or(values);
    Ok(Some(Plain { text, reading: Reading { class_names, ..reading.clone() }, note }))
}

/// Whether a line may be one of types: one of them is called so, the others too or are values with
/// blanks between.
fn may_be_types(line: &str, separator: char) -> bool {
    let fields = || line.split(separator).map(str::trim);
    let is_type = |field: &str| TYPES.contains(field);
    fields().any(is_type) && fields().all(|field| is_type(field) || field.contains(' ') || field.is_empty())
}

fn are_roles(roles: &[String], width: usize) -> bool {
    let is_role = |role: &String| role.is_empty() || ROLES.contains(role) || role.contains('=');
    roles.len() <= width && roles.iter().all(is_role) && roles.iter().any(|role| !role.is_empty())
}

/// Takes the letters off names, all of which have them or none; gives those of each.
fn lettered(names: &mut [String]) -> Option<Vec<String>> {
    let letters = |name: &String| {
        let (letters, _) = name.split_once('#')?;
        let is_letter = |letter: char| "mciwCDST".contains(letter);
        (letters.len() < 3 && letters.chars().all(is_letter)).then(|| letters.to_owned())
    };
    let found: Vec<String> = names.iter().map(|name| letters(name).unwrap_or_default()).collect();
    found.iter().any(|letters| letters.contains('c')).then(|| {
        for (name, _) in names.iter_mut().zip(&found).filter(|(_, letters)| !letters.is_empty()) {
            *name = name.split_once('#').map(|(_, name)| name.to_owned()).unwrap_or_default();
        }
        found
    })
}

#[cfg(test)]
mod tests {
    use crate::predictions::{Logits, PredictionSource, Predictions, Reading, read_as};
    use crate::testing::with_file;

    fn found(text: &str, names: &[&str]) -> Result<Predictions, String> {
        let class_names = (!names.is_empty()).then(|| names.iter().map(|&name| name.to_owned()).collect());
        let reading = Reading { class_names, ..Reading::default() };
        with_file("p.tab", text, |file| read_as(&PredictionSource::File(file.to_path_buf()), &reading))
            .map_err(|error| error.to_string())
    }

    const ROWS: &str = "3.5\tcat\t0.8\t0.1\t0.1\tcat\n4.5\tdog\t0.3\t0.6\t0.1\tdog\n5.5\temu\t0.1\t0.2\t0.7\temu\n";
    const NAMES: &[&str] = &["cat", "dog", "emu"];

    #[test]
    fn three_lines_of_names_types_and_roles_are_read() {
        let columns = "age\tspecies\tlr (cat)\tlr (dog)\tlr (emu)\tlr\n";
        let types = |class: &str| format!("continuous\t{class}\tcontinuous\tcontinuous\tcontinuous\t{class}\n");
        let roles = "\tclass\tmeta\tmeta\tmeta\tmeta\n";
        let letters = "C#age\tcD#species\tmC#lr (cat)\tmC#lr (dog)\tmC#lr (emu)\tmD#lr\n";
        let values = format!("{columns}{}{roles}{ROWS}", types("cat dog emu"));
        let plain = format!("{columns}{}{roles}{ROWS}", types("discrete"));
        let short = format!("{columns}c\td\tc\tc\tc\td\n\tc\tm\tm\tm\tm\n{ROWS}");
        let lettered = format!("{letters}{ROWS}");
        for (text, names) in
            [(&values, &[][..]), (&values, NAMES), (&plain, NAMES), (&short, NAMES), (&lettered, NAMES)]
        {
            let found = found(text, names).unwrap_or_else(|error| panic!("{text}: {error}"));
            let expected = ndarray::array![[0.8, 0.1, 0.1], [0.3, 0.6, 0.1], [0.1, 0.2, 0.7]];
            assert_eq!((found.logits, found.labels.to_vec()), (Logits::F64(expected), vec![0, 1, 2]), "{text}");
            assert!(found.notes.iter().any(|note| note.contains("Orange: \"species\"")), "{:?}", found.notes);
            assert!(found.notes.iter().any(|note| note.contains("columns left out: \"age\"")), "{:?}", found.notes);
        }
        let wrong = found(&values.replace("0.7", "0,x"), &[]).unwrap_err();
        assert!(wrong.contains("line 6, column 5"), "{wrong}");
    }

    #[test]
    fn other_tables_are_none_of_orange() {
        let found = found("label\tlogit_0\tlogit_1\n0\t2\t1\n1\t0\t3\n", &[]).unwrap();
        assert!(!found.notes.iter().any(|note| note.contains("Orange")));
    }
}
