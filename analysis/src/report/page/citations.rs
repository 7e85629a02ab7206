//! Statements cited in a sentence, as in "(T5')", lead to their line in the page's list.

use minijinja::{HtmlEscape, Value};

use crate::words::readable;

/// Statements that have a line of the list, with its anchor.
const LINES: [(&str, &str); 19] = [
    ("S2", "S2"),
    ("S3", "S2"),
    ("T1", "T1"),
    ("T1'", "T1p"),
    ("T1''", "T1pp"),
    ("T2", "T2"),
    ("T3", "T3"),
    ("T3'", "T3"),
    ("T3''", "T3"),
    ("T4", "T4"),
    ("T5", "T5"),
    ("T5'", "T5p"),
    ("T6", "T6"),
    ("T6'", "T6"),
    ("T8", "T8"),
    ("T9", "T8"),
    ("T10", "T10"),
    ("T11", "T10"),
    ("D6", "D6"),
];

/// The text of a sentence as HTML, the statements in parentheses that hold nothing else as links.
/// Names outside parentheses are left: a model may be called T5.
pub(super) fn cited(sentence: &str) -> Value {
    let text = readable(sentence);
    let (mut html, mut rest) = (String::with_capacity(2 * text.len()), &*text);
    while let Some(at) = rest.find('(') {
        let (before, behind) = rest.split_at(at + 1);
        html.push_str(&HtmlEscape(before).to_string());
        rest = behind;
        if let Some((inside, behind)) =
            rest.split_once(')').and_then(|(inside, _)| Some((links(inside)?, inside.len())))
        {
            html.push_str(&inside);
            rest = &rest[behind..];
        }
    }
    html.push_str(&HtmlEscape(rest).to_string());
    Value::from_safe_string(html)
}

/// `T1, T3 and T3'` as links; `None` if there is anything else in it.
fn links(inside: &str) -> Option<String> {
    let (mut html, mut rest) = (String::new(), inside);
    loop {
        let end = [", ", " and "].iter().filter_map(|between| rest.find(between)).min().unwrap_or(rest.len());
        let (name, behind) = rest.split_at(end);
        let (_, anchor) = LINES.iter().find(|(known, _)| *known == name)?;
        html.push_str(&format!("<a class=\"cited\" href=\"#{anchor}\">{}</a>", HtmlEscape(name)));
        if behind.is_empty() {
            return Some(html);
        }
        let between = if behind.starts_with(',') { ", " } else { " and " };
        html.push_str(between);
        rest = &behind[between.len()..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_in_parentheses_are_links_and_all_else_is_text() {
        let text = cited("<T5> lies (\"T5\") in (T5'), (T12), (T10) (T1").to_string();
        let expected = "&lt;T5&gt; lies (&quot;T5&quot;) in (<a class=\"cited\" href=\"#T5p\">T5&#x27;</a>), (T12), \
                        (<a class=\"cited\" href=\"#T10\">T10</a>) (T1";
        assert_eq!(text, expected);
        let list = cited("x (T1, T4 and T5), (T1 and more)").to_string();
        let link = |name: &str| format!("<a class=\"cited\" href=\"#{name}\">{name}</a>");
        assert_eq!(list, format!("x ({}, {} and {}), (T1 and more)", link("T1"), link("T4"), link("T5")));
    }

    #[test]
    fn every_line_has_its_anchor() {
        let template = include_str!("template.html");
        for (name, anchor) in LINES {
            let line = template.lines().find(|line| line.contains(&format!("<dt id=\"{anchor}\">"))).unwrap();
            assert!(line.split("</dt>").next().unwrap().contains(name), "{name}: {line}");
        }
    }
}
