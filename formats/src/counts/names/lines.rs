//! Names in lines of text: alone, with their numbers in front or behind, or in a column of a table.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use super::entries::{Entry, ID_WORDS, KEYS, NAME_WORDS, Names, is_word, ordered};
use super::label_map;
use crate::budget::Budget;
use crate::quoting::quoted;
use crate::table::{Separator, footer, is_rule};
use crate::{InputError, Result};

/// Bytes charged for a line, and for a field of a table.
const LINE: u64 = 400;
const FIELD: u64 = 72;

/// What stands between a number and a name.
const MARKS: [&str; 9] = ["->", "=>", "\u{2192}", ":", "=", ",", ";", "\t", "|"];

pub(super) fn read(file: &Path, text: &str, budget: &mut Budget) -> Result<Names> {
    let exceeded = |line: usize| move |exceeded: crate::budget::Exceeded| exceeded.of(file, format!("line {line}"));
    let mut lines: Vec<Entry<&str>> = Vec::new();
    // Empty lines at the end are how editors leave files; elsewhere one would shift every later name.
    for (line, text) in (1_usize..).zip(text.trim_end().lines()) {
        budget.spend(LINE.saturating_add(text.len() as u64)).map_err(exceeded(line))?;
        lines.push((line, text));
    }
    without_remarks(&mut lines);
    let is_of_database = without_rules(&mut lines);
    if let Some(items) = label_map::items(file, &lines) {
        return items;
    }
    if let Some(block) = block(&lines) {
        lines = block;
    }
    if let Some((line, mark)) = lines.iter().find(|(_, line)| is_code(line.trim())) {
        let problem = format!("{} is no name of a class; give the names one a line", quoted(mark.trim()));
        return Err(InputError::damaged(file, format!("line {line}"), problem));
    }
    if let &[(line, only)] = lines.as_slice() {
        let separator = Separator::of(only.trim());
        budget.spend((separator.count(only) as u64).saturating_mul(LINE)).map_err(exceeded(line))?;
        let mut fields = Vec::new();
        separator.split(only.trim(), &mut fields);
        let fields = fields.iter().map(|field| (line, field.trim_matches('\'').to_owned()));
        return Ok(fields.collect());
    }
    take_list_marks_off(&mut lines);
    let mut found = in_columns(file, &lines, false, budget)?;
    if found.is_none() && lines.len() > 2 {
        found = in_columns(file, lines.get(1..).unwrap_or_default(), true, budget)?;
    }
    if let Some(names) = found {
        if is_of_database {
            footer::check(file, text, names.len())?;
        }
        return Ok(names);
    }
    // A line of names may stand above the numbers.
    let is_title = |lines: &&[Entry<&str>]| {
        lines.first().is_some_and(|(_, first)| !first.starts_with(|c: char| c.is_ascii_digit()))
    };
    let below = || Some(lines.as_slice()).filter(is_title).and_then(|lines| lines.get(1..));
    let found = numbered(&lines).or_else(|| numbered(below()?));
    if let Some(by_number) = found {
        return ordered(by_number).map_err(|problem| InputError::damaged(file, "the numbers of the names", problem));
    }
    if let [(_, first), _, _, ..] = lines.as_slice()
        && (HEADERS.iter().any(|header| first.trim_end_matches(':').eq_ignore_ascii_case(header))
            || first.ends_with(':') && lines.iter().filter(|(_, line)| line.ends_with(':')).count() == 1)
    {
        lines.remove(0);
    }
    let all_single = lines.iter().all(|(_, name)| name.len() > 1 && name.starts_with('\'') && name.ends_with('\''));
    let name = |name: &str| match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
        Some(inside) => inside.to_owned(),
        None if all_single => unquoted(name).to_owned(),
        None => name.to_owned(),
    };
    Ok(lines.into_iter().map(|(line, text)| (line, name(text))).collect())
}

/// Whether a line is one of markup or code.
fn is_code(line: &str) -> bool {
    line.starts_with('<') && line.ends_with('>') || ["{", "}", "[", "]", "},", "],"].contains(&line)
}

/// What is called so above names and is none itself.
const HEADERS: [&str; 12] = [
    "class",
    "class names",
    "classes",
    "class_name",
    "class_names",
    "class name",
    "name",
    "names",
    "label",
    "labels",
    "category",
    "categories",
];

/// Leaves out remarks behind hashes above the names, and what pandas prints below a series.
fn without_remarks(lines: &mut Vec<Entry<&str>>) {
    let remarks = lines.iter().take_while(|(_, line)| line.starts_with("# ")).count();
    lines.drain(..remarks);
    let is_type = |line: &str| line.starts_with("dtype: ") || line.starts_with("Name: ");
    if lines.len() > 1 && lines.last().is_some_and(|(_, line)| is_type(line)) {
        lines.pop();
    }
}

/// Leaves out what databases draw between the rows of a table and print below; whether anything was
/// there.
fn without_rules(lines: &mut Vec<Entry<&str>>) -> bool {
    let ends = |line: &str| footer::rows_said(line).is_some();
    let is_table = lines.last().is_some_and(|(_, line)| ends(line))
        || lines.iter().any(|(_, line)| is_rule(line))
            && lines.iter().all(|(_, line)| is_rule(line) || line.contains('|'));
    if is_table {
        lines.retain(|(_, line)| !is_rule(line));
    }
    is_table
}

/// The deeper or marked lines below `names:` or the like, as YAML has them: those at the beginning
/// of a line, or the only ones.
fn block<'t>(lines: &[Entry<&'t str>]) -> Option<Vec<Entry<&'t str>>> {
    let indent = |line: &str| line.len().saturating_sub(line.trim_start().len());
    let is_key =
        |line: &str| line.trim().strip_suffix(':').is_some_and(|key| HEADERS.contains(&key) || KEYS.contains(&key));
    let below = |start: usize| {
        let depth = lines.get(start).map_or(0, |(_, line)| indent(line));
        let is_inside =
            |line: &str| indent(line) > depth || indent(line) == depth && line.trim_start().starts_with('-');
        let inside = lines.iter().skip(start.saturating_add(1)).take_while(move |(_, line)| is_inside(line));
        let bare = |line: &'t str| line.split_once(" #").map_or(line, |(line, _)| line);
        let block: Vec<Entry<&str>> = inside.map(|&(at, line)| (at, bare(line))).collect();
        (!block.is_empty()).then_some(block)
    };
    let mut keys = lines.iter().enumerate().filter(|(_, (_, line))| is_key(line));
    let (first, second) = (keys.next()?, keys.next());
    // Nothing but the first line that is not indented is looked at twice.
    let at_front = [Some(first), second].into_iter().flatten().chain(keys).find(|(_, (_, line))| indent(line) == 0);
    match (at_front, second) {
        (Some((at, _)), _) => below(at),
        (None, None) => below(first.0),
        (None, Some(_)) => None,
    }
}

/// Takes blanks off, and dashes or stars in front, commas behind, if all lines have them.
fn take_list_marks_off(lines: &mut [Entry<&str>]) {
    lines.iter_mut().for_each(|(_, line)| *line = line.trim());
    for mark in ["- ", "* ", "\u{2022} "] {
        if lines.iter().all(|(_, line)| line.starts_with(mark)) {
            lines.iter_mut().for_each(|(_, line)| *line = line.trim_start_matches(mark).trim());
        }
    }
    if lines.split_last().is_some_and(|(_, others)| others.iter().all(|(_, line)| line.ends_with(','))) {
        lines.iter_mut().for_each(|(_, line)| *line = line.trim_end_matches(',').trim_end());
    }
}

fn unquoted(name: &str) -> &str {
    let inside = |quote: char| name.strip_prefix(quote).and_then(|name| name.strip_suffix(quote));
    inside('"').or_else(|| inside('\'')).unwrap_or(name).trim()
}

/// The fields of every line: between bars, tabs, semicolons, commas, or two blanks and more; `None`
/// if there are none.
fn fields<'t>(lines: &[Entry<&'t str>]) -> Option<Vec<Entry<Vec<Cow<'t, str>>>>> {
    let split =
        |parts: &dyn Fn(&'t str) -> Vec<Cow<'t, str>>| lines.iter().map(|&(at, line)| (at, parts(line))).collect();
    // The bars and the rule below the header of Markdown.
    let framed = |line: &'t str| line.strip_prefix('|').and_then(|line| line.strip_suffix('|'));
    if lines.iter().all(|(_, line)| framed(line).is_some()) {
        let rows: Vec<Entry<Vec<Cow<'t, str>>>> =
            split(&|line| framed(line).unwrap_or(line).split('|').map(|field| field.trim().into()).collect());
        let is_rule = |fields: &[Cow<'_, str>]| fields.iter().all(|field| field.trim_matches(['-', ':']).is_empty());
        return Some(rows.into_iter().filter(|(_, fields)| !is_rule(fields)).collect());
    }
    for separator in [b'\t', b';', b',', b'|'] {
        let separator = Separator::Character(separator);
        if lines.iter().all(|(_, line)| separator.count(line) > 1) {
            let parts = |line| {
                let mut fields = Vec::new();
                separator.split(line, &mut fields);
                fields
            };
            return Some(split(&parts));
        }
    }
    let wide = |line: &'t str| line.split("  ").filter(|part| !part.trim().is_empty()).map(|part| part.trim().into());
    let are_wide = lines.iter().skip(1).all(|(_, line)| wide(line).count() > 1);
    are_wide.then(|| split(&|line| wide(line).collect()))
}

/// Names in the column of a table that is called so, by the numbers in another; without a header,
/// in the only column of texts beside that of the numbers and further ones. Below a title there has
/// to be one.
fn in_columns(file: &Path, lines: &[Entry<&str>], below_title: bool, budget: &mut Budget) -> Result<Option<Names>> {
    let count = lines.iter().map(|(_, line)| line.split([',', ';', '\t', '|', ' ']).count()).sum::<usize>();
    budget
        .spend((count as u64).saturating_mul(FIELD))
        .map_err(|exceeded| exceeded.of(file, "columns of names".to_owned()))?;
    let Some(mut rows) = fields(lines).filter(|rows| rows.len() > 1) else { return Ok(None) };
    let width = rows.last().map_or(0, |(_, fields)| fields.len());
    let is_header = |fields: &[Cow<'_, str>]| {
        let all_words = fields.iter().all(|field| field.parse::<f64>().is_err());
        all_words && fields.iter().any(|field| is_word(NAME_WORDS, field))
    };
    let mut header: Vec<Cow<'_, str>> = Vec::new();
    if rows.first().is_some_and(|(_, fields)| is_header(fields)) {
        header = rows.remove(0).1;
        // pandas prints nothing above the index.
        if header.len().saturating_add(1) == width {
            header.insert(0, Cow::Borrowed(""));
        }
    }
    if below_title && header.is_empty() {
        return Ok(None);
    }
    if rows.iter().any(|(_, fields)| fields.len() != width) || !header.is_empty() && header.len() != width {
        return Ok(None);
    }
    let field =
        |row: &Entry<Vec<Cow<'_, str>>>, at: usize| row.1.get(at).map_or(String::new(), |field| field.to_string());
    let numbers = |at: usize| rows.iter().map(|row| field(row, at).parse().ok()).collect::<Option<Vec<usize>>>();
    let called = |words: &[&str], is_number: bool| {
        (0..width)
            .find(|&at| header.get(at).is_some_and(|name| is_word(words, name)) && numbers(at).is_some() == is_number)
    };
    let places = if header.is_empty() {
        let is_all = |numbers: &Vec<usize>| {
            let mut sorted = numbers.clone();
            sorted.sort_unstable();
            let first = sorted.first().copied().unwrap_or_default();
            first < 2 && sorted.into_iter().eq(first..first.saturating_add(numbers.len()))
        };
        let numbered: Vec<usize> = (0..width).filter(|&at| numbers(at).is_some_and(|all| is_all(&all))).collect();
        let texts: Vec<usize> = (0..width).filter(|&at| numbers(at).is_none()).collect();
        match (numbered.as_slice(), texts.as_slice()) {
            (&[number], &[name]) if width > 2 => Some((number, name)),
            ([_, _, ..], [_]) => {
                let problem = "two columns are the numbers of all classes; keep one of them".to_owned();
                return Err(InputError::damaged(file, "the columns of the names", problem));
            }
            _ => None,
        }
    } else {
        // The index of a frame numbers its lines, and the classes where nothing else does.
        called(ID_WORDS, true).or_else(|| called(&["", "index"], true)).zip(called(NAME_WORDS, false))
    };
    let Some((number, name)) = places else { return Ok(None) };
    let mut by_number = BTreeMap::new();
    for (row, class) in rows.iter().zip(numbers(number).unwrap_or_default()) {
        if by_number.insert(class, (row.0, unquoted(&field(row, name)).to_owned())).is_some() {
            let problem = format!("class {class} is there twice");
            return Err(InputError::damaged(file, format!("line {}", row.0), problem));
        }
    }
    ordered(by_number).map(Some).map_err(|problem| InputError::damaged(file, "the numbers of the names", problem))
}

/// Names by their numbers, if every line has one in front, or every line ends in one, and no two
/// have the same.
fn numbered(lines: &[Entry<&str>]) -> Option<BTreeMap<usize, Entry<String>>> {
    let by = |split: fn(&str) -> Option<(usize, &str)>| {
        let mut by_number = BTreeMap::new();
        let mut names = Vec::with_capacity(lines.len());
        for (line, text) in lines {
            let (number, name) = split(text)?;
            names.push(name);
            by_number.insert(number, (*line, unquoted(name.trim()).to_owned()));
        }
        // "Class 1 lever", "Class 2 lever", or "1 star", "2 stars", "3 stars": the number is part of the name.
        let differ = match names.iter().collect::<HashSet<_>>().len() {
            1 => lines.len() < 2,
            2 if lines.len() > 2 => !lines.iter().zip(&names).all(|((_, text), name)| is_behind_a_number(text, name)),
            _ => true,
        };
        (by_number.len() == lines.len() && differ).then_some(by_number)
    };
    let is_whole = |found: &BTreeMap<usize, Entry<String>>| {
        let first = found.keys().next().copied().unwrap_or_default();
        first < 2 && found.keys().copied().eq(first..first.saturating_add(found.len()))
    };
    by(in_front).or_else(|| by(behind)).or_else(|| by(behind_blank).filter(is_whole))
}

/// Whether nothing but blanks stands between a number and the name behind it.
fn is_behind_a_number(text: &str, name: &str) -> bool {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    rest.starts_with(' ') && rest.trim() == name.trim()
}

/// A number in front of a name: `3 cat`, `3: cat`, `[3] cat`, `3. cat`, `3 - cat`, `class 3: cat`.
fn in_front(text: &str) -> Option<(usize, &str)> {
    let word = ["class", "label", "category", "id"].into_iter().find_map(|word| {
        let front = text.get(..word.len())?;
        front.eq_ignore_ascii_case(word).then(|| text[word.len()..].trim_start_matches([' ', '_', '#']))
    });
    let text = word.filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit())).unwrap_or(text);
    let text = text.trim_start_matches(['[', '(', '#', '"', '\'']);
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let number = text[..text.len().saturating_sub(rest.len())].parse().ok()?;
    let rest = rest.trim_start_matches(['"', '\'']);
    let name = rest.trim_start_matches([']', ')']).trim_start_matches(' ');
    let apart = name.len() < rest.len();
    let marked = MARKS.iter().find_map(|mark| name.strip_prefix(mark));
    let point = || name.strip_prefix('.').filter(|name| !name.starts_with(|c: char| c.is_ascii_digit()));
    let dash = || ["- ", "\u{2013} "].iter().find_map(|dash| name.strip_prefix(dash)).filter(|_| apart);
    let name = marked.or_else(point).or_else(dash).or(apart.then_some(name))?.trim();
    (!name.is_empty()).then_some((number, name))
}

/// A number behind a name: `cat,3`, `cat = 3`, `cat -> 3`, `cat (3)`, `cat   3`.
fn behind(text: &str) -> Option<(usize, &str)> {
    let inside = text.strip_suffix(')').filter(|text| text.contains('('));
    let (name, number) = split_behind(inside.unwrap_or(text))?;
    let name = match inside {
        Some(_) => name.strip_suffix('(')?,
        None => {
            let bare = name.trim_end_matches(' ');
            let marked = MARKS.iter().find_map(|mark| bare.strip_suffix(mark));
            marked.or_else(|| name.strip_suffix("  "))?
        }
    };
    (!name.trim().is_empty()).then_some((number, name.trim()))
}

/// A number behind a name and one blank.
fn behind_blank(text: &str) -> Option<(usize, &str)> {
    let (name, number) = split_behind(text)?;
    name.strip_suffix(' ').map(|name| (number, name)).filter(|(_, name)| !name.is_empty())
}

fn split_behind(text: &str) -> Option<(&str, usize)> {
    let text = text.trim_end_matches('"');
    let name = text.trim_end_matches(|c: char| c.is_ascii_digit());
    Some((name, text[name.len()..].parse().ok()?)).map(|(name, number)| (name.trim_end_matches('"'), number))
}
