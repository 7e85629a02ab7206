//! Lists and dictionaries as Python prints or assigns them, and lists within a line of YAML.

/// The list or dictionary that a text is: JSON, `['ant', 'bee']`, `CLASSES = ('ant', 'bee')`,
/// `names: [ant, bee]`, `array([...], dtype='<U3')`; `None` for lines.
pub(super) fn inside(text: &str) -> Option<&str> {
    let whole = text.trim();
    if let Some(rest) = whole.strip_prefix('[')
        && rest.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with("] ")
    {
        // `[3] cat`: a number in brackets, line by line.
        return None;
    }
    // As fastai prints it, behind its length: `(#5) ['ant', ...]`.
    let counted = whole.strip_prefix("(#").and_then(|rest| rest.split_once(')'));
    let is_length = |length: &str| length.bytes().all(|byte| byte.is_ascii_digit());
    let whole = counted.filter(|(length, _)| is_length(length)).map_or(whole, |(_, list)| list.trim());
    if whole.starts_with(['[', '{']) {
        return Some(whole);
    }
    let open = whole.find(['[', '{']).or_else(|| whole.find('('))?;
    let (front, behind) = whole.split_at(open);
    let line = front.lines().last().unwrap_or_default();
    let is_word = |character: char| character.is_alphanumeric() || "_.=:( \t".contains(character);
    let is_opening = line.is_empty() || line.trim_end().ends_with(['=', ':', '(']);
    if !is_opening || !line.chars().all(is_word) || behind.starts_with('(') && front.trim_end().ends_with(':') {
        return None;
    }
    let close = match behind.chars().next()? {
        '[' => ']',
        '{' => '}',
        _ => ')',
    };
    // Among other keys of YAML the list ends where it closes.
    let end = if front.contains('\n') { behind.find(close) } else { behind.rfind(close) }?;
    let after = behind.get(end.saturating_add(1)..)?.trim();
    let is_ended = !after.contains('\n') || after.starts_with(',') && after.ends_with(')');
    (front.contains('\n') || is_ended && !after.contains(['[', '{'])).then(|| &behind[..=end])
}

/// A list or dictionary that Python printed as JSON: other quotes and brackets, quotes around
/// numbers that are keys, commas between texts.
pub(super) fn in_json(text: &str) -> String {
    let mut json = String::with_capacity(text.len().saturating_mul(2));
    let mut rest = text;
    // For each open bracket, what closes it: nothing for that of a call as `np.str_('ant')`.
    let mut open = Vec::new();
    while let Some(character) = rest.chars().next() {
        let taken = match character {
            '\'' | '"' => {
                if json.trim_end().ends_with('"') {
                    json.push(',');
                }
                let (string, taken) = string(rest, character);
                json.push_str(&string);
                taken
            }
            '0'..='9' => {
                let length = rest.len().saturating_sub(rest.trim_start_matches(|c: char| c.is_ascii_digit()).len());
                let is_key = rest[length..].trim_start().starts_with(':');
                let quote = if is_key { "\"" } else { "" };
                json.extend([quote, &rest[..length], quote]);
                length
            }
            '(' | '[' => {
                let is_call = character == '(' && json.ends_with(|c: char| c.is_alphanumeric() || c == '_');
                if is_call {
                    let name = json.trim_end_matches(|c: char| c.is_alphanumeric() || c == '_' || c == '.').len();
                    json.truncate(name);
                } else {
                    json.push('[');
                }
                open.push(!is_call);
                1
            }
            ')' | ']' => {
                if open.pop().unwrap_or(true) {
                    let length = json.trim_end().trim_end_matches(',').len();
                    json.truncate(length);
                    json.push(']');
                }
                1
            }
            other => {
                json.push(other);
                other.len_utf8()
            }
        };
        rest = rest.get(taken..).unwrap_or_default();
    }
    json
}

/// The text between quotes at the beginning as JSON has it, and the bytes that it took.
fn string(text: &str, quote: char) -> (String, usize) {
    let mut json = String::from('"');
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => {
                escaped = false;
                if character != '\'' {
                    json.push('\\');
                }
                json.push(character);
            }
            '\\' => escaped = true,
            _ if character == quote => {
                json.push('"');
                return (json, at.saturating_add(1));
            }
            '"' => json.push_str("\\\""),
            _ => json.push(character),
        }
    }
    (json, text.len())
}

/// The parts of a list without quotes, as YAML has it.
pub(super) fn plain_parts(text: &str) -> Option<Vec<String>> {
    let inside = text.strip_prefix('[')?.strip_suffix(']')?;
    if inside.contains(['[', ']', '{', '}', '\'', '"', '(', ':']) {
        return None;
    }
    let parts: Vec<String> =
        inside.trim_end().trim_end_matches(',').split(',').map(|part| part.trim().to_owned()).collect();
    parts.iter().all(|part| !part.is_empty() && part.parse::<f64>().is_err()).then_some(parts)
}
