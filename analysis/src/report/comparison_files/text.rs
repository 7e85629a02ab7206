//! The tables as Markdown and as LaTeX.

use std::fmt::Write as _;

use super::filled_tables;
use crate::results::Report;
use crate::words::{in_markdown, readable};

/// `comparison.md`: columns as wide as their widest cell, so that digits stand below each other in
/// the source, too.
pub(in super::super) fn markdown(report: &Report) -> String {
    let mut text = "<!-- car-spectral: made by analyze -->\n".to_owned();
    for table in filled_tables(report) {
        let rows: Vec<Vec<String>> = table
            .rows
            .iter()
            .map(|row| {
                row.iter()
                    .enumerate()
                    .map(|(at, cell)| match at < table.names {
                        true => in_markdown(cell),
                        false => cell.clone(),
                    })
                    .collect()
            })
            .collect();
        let width = |at: usize| {
            let cells = rows.iter().map(|row| row[at].chars().count());
            cells.chain([table.header[at].chars().count(), 4]).max().unwrap_or(4)
        };
        let widths: Vec<usize> = (0..table.header.len()).map(width).collect();
        let line = |cells: &mut dyn Iterator<Item = &str>| {
            let padded = cells.zip(&widths).enumerate().map(|(at, (cell, &width))| match at < table.names {
                true => format!(" {cell:<width$} |"),
                false => format!(" {cell:>width$} |"),
            });
            format!("|{}\n", padded.collect::<String>())
        };
        let rule = widths.iter().enumerate().map(|(at, &width)| match at < table.names {
            true => format!(" {} |", "-".repeat(width)),
            false => format!(" {}: |", "-".repeat(width - 1)),
        });
        let _ = write!(text, "\n{}\n\n", table.title);
        text += &line(&mut table.header.iter().copied());
        let _ = writeln!(text, "|{}", rule.collect::<String>());
        for row in &rows {
            text += &line(&mut row.iter().map(String::as_str));
        }
    }
    text
}

/// `comparison.tex`: a tabular with booktabs' rules for each table, to be input where it is to
/// stand. Numbers have one decimal each and end flush right.
pub(in super::super) fn latex(report: &Report) -> String {
    let mut text =
        "% car-spectral: made by analyze. Needs \\usepackage{booktabs}; names beyond Latin letters need LuaLaTeX or \
                    XeLaTeX.\n"
            .to_owned();
    for table in filled_tables(report) {
        let columns = "l".repeat(table.names) + &"r".repeat(table.header.len() - table.names);
        let header: Vec<String> = table.header.iter().map(|cell| in_latex(cell)).collect();
        let _ = write!(
            text,
            "\n% {}\n\\begin{{tabular}}{{@{{}}{columns}@{{}}}}\n\\toprule\n{} \\\\\n\\midrule\n",
            table.title,
            header.join(" & ")
        );
        for row in &table.rows {
            let cells: Vec<String> = row.iter().map(|cell| in_latex(cell)).collect();
            // The braces keep a star or bracket from being an option of the line break above.
            let _ = writeln!(text, "{{}}{} \\\\", cells.join(" & "));
        }
        text += "\\bottomrule\n\\end{tabular}\n";
    }
    text
}

fn in_latex(cell: &str) -> String {
    let mut text = String::new();
    for c in readable(cell).chars() {
        match c {
            '\\' => text += "\\textbackslash{}",
            '~' => text += "\\textasciitilde{}",
            '^' => text += "\\textasciicircum{}",
            '`' => text += "\\textasciigrave{}",
            '\'' => text += "\\textquotesingle{}",
            '"' => text += "{''}",
            '|' => text += "\\textbar{}",
            '<' => text += "\\textless{}",
            '>' => text += "\\textgreater{}",
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => text.extend(['\\', c]),
            '[' | ']' | '*' => text.extend(['{', c, '}']),
            // Two hyphens are no dash.
            '-' if text.ends_with('-') => text += "{}-",
            '−' => text += "$-$",
            '–' => text += "--",
            char::REPLACEMENT_CHARACTER => text.push('?'),
            _ => text.push(c),
        }
    }
    text
}
