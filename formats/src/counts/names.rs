//! Names of the classes, in the order of their numbers.

mod entries;
mod label_map;
mod lines;
mod literal;
#[cfg(test)]
mod tests;
mod values;

use std::borrow::Cow;
use std::path::Path;

use super::given::{GivenFile, Held};
use super::remarks;
use crate::budget::Budget;
use crate::class_name::{ClassNameError, check_class_name};
use crate::content::Content;
use crate::impostor::refuse_impostor;
use crate::json::read_json;
use crate::npy::{self, Npy};
use crate::predictions::{Reading, arrays_of_npz, is_torch_save};
use crate::quoting::in_command;
use crate::text::text_of;
use crate::weights::{Saved, with_plain_pickle, with_saved};
use crate::{InputError, Result};
use entries::Names;
use values::EXPECTED;

/// Reads the names of K = `num_classes` classes, as [`read_names`].
///
/// Two classes may have the same name (ImageNet has such pairs).
///
/// # Errors
/// As [`read_names`], and [`InputError::ClassCountMismatch`] for another number of names than K.
pub fn read_class_names(file: &GivenFile, num_classes: usize) -> Result<Vec<String>> {
    let names = read_names(file)?;
    if names.len() != num_classes {
        return Err(InputError::ClassCountMismatch {
            file: file.to_path_buf(),
            what: "class names",
            found: names.len(),
            expected: num_classes,
            unit: "name",
        });
    }
    Ok(names)
}

/// Reads names of classes, however many: one a line or all in one, lines of numbers and names in
/// either order, a table with a column of each, the list of a YAML file, JSON or what Python prints
/// of lists and dictionaries (names in order, or with their numbers), an array of texts of NumPy, a
/// list or dictionary of `torch.save` or `pickle`.
///
/// # Errors
/// No name; a name that [`check_class_name`] refuses (empty, control or direction characters, too
/// long); classes that are not numbered from 0 or 1 without a gap; a file that is no text.
pub fn read_names(file: &GivenFile) -> Result<Vec<String>> {
    let Held::File(content) = file.held()? else {
        return Err(InputError::NotAFile { file: file.to_path_buf(), found: "a folder" });
    };
    let names = names_in(content, &mut Budget::of(content.bytes.len()))?;
    if names.is_empty() {
        return Err(InputError::ClassName { file: file.to_path_buf(), line: 1, problem: ClassNameError::Empty });
    }
    for (line, name) in &names {
        check_class_name(name).map_err(|problem| InputError::ClassName {
            file: file.to_path_buf(),
            line: *line,
            problem,
        })?;
    }
    Ok(names.into_iter().map(|(_, name)| name).collect())
}

/// The refusal of names that are bytes, as CIFAR keeps them, with the line that writes them as
/// texts.
fn in_bytes(file: &Path, bytes: &[u8]) -> Option<InputError> {
    let holds = |key: &&str| bytes.windows(key.len()).any(|found| found == key.as_bytes());
    let key = ["fine_label_names", "label_names"].into_iter().find(holds)?;
    let (name, file) = (in_command(file), file.to_path_buf());
    let found = format!("the names under {key} are bytes");
    let remedy = format!(
        "write them as lines with python -c \"import pickle; d = pickle.load(open('{name}', 'rb'), encoding='bytes'); \
         open('names.txt', 'wb').write(b'\\n'.join(d[b'{key}']))\""
    );
    Some(InputError::NotCounts { file, place: "the whole file".to_owned(), found, remedy })
}

fn names_in(content: &Content, budget: &mut Budget) -> Result<Names> {
    let (file, bytes) = (content.file.as_path(), content.bytes.as_slice());
    if bytes.starts_with(npy::MAGIC) {
        return match npy::parse(file, "names", Cow::Borrowed(bytes))? {
            Npy::Array(array) => values::read(file, Saved::array(array), budget),
            Npy::Pickle(bytes, start) => {
                let objects = bytes.get(start..).unwrap_or_default();
                with_plain_pickle(content, objects, "objects", budget, |saved, budget| {
                    values::read(file, saved, budget)
                })
            }
        };
    }
    if bytes.starts_with(b"PK") && !is_torch_save(file, bytes)? {
        let mut arrays = arrays_of_npz(content, &Reading::default(), budget)?;
        arrays.retain(|named| named.array.as_ref().is_ok_and(|array| array.element().is_none()));
        return match arrays.pop() {
            Some(only) if arrays.is_empty() => values::read(file, Saved::array(only.array?), budget),
            _ => values::read(file, Saved::Other("an archive"), budget),
        };
    }
    if bytes.starts_with(b"PK") || bytes.first() == Some(&0x80) {
        let names = with_saved(content, budget, |saved, budget| values::read(file, saved, budget));
        return names.map_err(|error| in_bytes(file, bytes).unwrap_or(error));
    }
    refuse_impostor(content)?;
    let text = text_of(content, budget)?;
    let bare = remarks::blanked(&text);
    let Some(inside) = literal::inside(&bare) else { return lines::read(file, &text, budget) };
    let saved = match read_json(file, inside, EXPECTED, budget) {
        Err(error @ InputError::Json { .. }) => {
            let cost = (text.len() as u64).saturating_mul(3);
            budget.spend(cost).map_err(|exceeded| exceeded.of(file, "names".to_owned()))?;
            match literal::plain_parts(inside) {
                Some(parts) => Saved::List(parts.into_iter().map(Saved::Text).collect()),
                None => read_json(file, &literal::in_json(inside), EXPECTED, budget).map_err(|_| error)?,
            }
        }
        read => read?,
    };
    values::read(file, saved, budget)
}
