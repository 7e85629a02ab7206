//! One run of `analyze`: load, verify, write, print.

use std::path::Path;

use crate::counted;
use crate::report::{self};
use crate::results::Settings;
use crate::subject::Subject;
use crate::words::readable;
use crate::{AnalysisError, compare, correlation, load, verify, whole};
use car_spectral::confusion::MarginGrid;
use car_spectral_data::{SettingError, with_flags};
use car_spectral_formats::FileError;
use car_spectral_formats::predictions::Logits;
use car_spectral_runs::COMMIT;
use car_spectral_runs::terminal::{say, tell};
use clap::CommandFactory;

use super::arguments::{Arguments, GroupArgument};
use super::progress::{Images, Work};

/// Below this no interval says anything, and its tails leave the range in which they are computed
/// to full accuracy.
const SMALLEST_DELTA: f64 = 1e-12;

/// Runs the program, called by `command_line`: writes the results into `arguments.out`, the summary
/// to stdout, progress to stderr.
pub(super) fn run(arguments: &Arguments, command_line: &[String]) -> Result<(), AnalysisError> {
    check(arguments)?;
    let request = arguments.request()?;
    let grid = super::super::margin_grid(&arguments.margin)?;
    report::check_directory(&arguments.out, &arguments.format)?;
    arguments.stored.save_predictions.as_deref().map_or(Ok(()), load::check_place)?;
    let (mut work, mut images) = (Work::new(), Images::new());
    work.begin("reading");
    let mut loaded = load::load(&request, &mut |progress| {
        work.pause();
        images.show(progress);
    })?;
    images.end();
    work.pause();
    rename(&arguments.name, &mut loaded.subjects)?;
    sow(&arguments.seeds, &mut loaded.subjects)?;
    let grid = counted_margins(&loaded.subjects).unwrap_or(grid);
    if let Some(file) = &arguments.stored.save_predictions {
        for written in load::save_predictions(&loaded, file)? {
            tell(format_args!("scores kept in {}", written.display()));
        }
    }
    let groups = seed_groups(&arguments.group, &loaded.subjects)?;
    let settings = verify::Settings::new(grid, arguments.r0, arguments.weights, arguments.delta);
    let about = Settings {
        device: loaded.device,
        preprocessing: loaded.preprocessing,
        program: "analyze".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        commit: Some(COMMIT.to_owned()).filter(|commit| commit != "unknown"),
        command_line: command_line.to_vec(),
        data: loaded.data,
        ..Settings::default()
    };
    let command = Arguments::command();
    let is_flag = |name: &str| command.get_arguments().any(|flag| flag.get_long() == Some(name));
    let named = |sentence: &str| with_flags(sentence, is_flag);
    let (mut report, figures) =
        whole::report(&loaded.subjects, settings, &groups, about, &named, |part| work.begin(part))?;
    report.correlations = correlation::correlations(&loaded.runs);
    report.runs = loaded.runs;
    work.begin("plots and tables");
    let written = report::write(&report, &figures, &arguments.out, &arguments.format)?;
    work.pause();
    let files = counted(written.len(), "file", "files");
    say(format_args!("{}\n\n{files} in {}", report::summary_table(&report).trim_end(), arguments.out.display()))
        .map_err(|source| AnalysisError::File(FileError::Io { path: "standard output".into(), source }))
}

/// The margins of what was counted before.
fn counted_margins(subjects: &[Subject]) -> Option<MarginGrid> {
    match &subjects.first()?.test.logits {
        Logits::Counted(counts) => Some(counts.grid().clone()),
        _ => None,
    }
}

/// Gives the models the names that were given, in their order, as they can be read.
fn rename(names: &[String], models: &mut [Subject]) -> Result<(), AnalysisError> {
    let refuse = |problem: String| Err(AnalysisError::Usage { problem });
    let names: Vec<String> = names.iter().map(|name| readable(name)).collect();
    if names.is_empty() {
        return Ok(());
    }
    one_for_each("--name", counted(names.len(), "name", "names"), names.len(), models)?;
    if let Some(twice) = (1..names.len()).find(|&at| names[..at].contains(&names[at])) {
        return refuse(format!("--name {} is given twice; give every model its own name", names[twice]));
    }
    for (model, name) in models.iter_mut().zip(names) {
        model.name = name;
    }
    Ok(())
}

/// Refuses a list of so many that is not one for each model.
fn one_for_each(flag: &str, given: String, number: usize, models: &[Subject]) -> Result<(), AnalysisError> {
    if number == models.len() {
        return Ok(());
    }
    let found: Vec<&str> = models.iter().map(|model| model.name.as_str()).collect();
    let problem = format!("{flag} gives {given} for {} models: {}", models.len(), found.join(", "));
    Err(AnalysisError::Usage { problem })
}

/// Gives the models the seeds that were given, in their order.
fn sow(seeds: &[u64], models: &mut [Subject]) -> Result<(), AnalysisError> {
    if seeds.is_empty() {
        return Ok(());
    }
    one_for_each("--seeds", counted(seeds.len(), "seed", "seeds"), seeds.len(), models)?;
    for (model, &seed) in models.iter_mut().zip(seeds) {
        if let Some(known) = model.source.seed.filter(|&known| known != seed) {
            let problem = format!("--seeds gives {} the seed {seed}; its own description says {known}", model.name);
            return Err(AnalysisError::Usage { problem });
        }
        model.source.seed = Some(seed);
    }
    Ok(())
}

/// The groups with their models found by name, or by a file or the folder of it as given. No group
/// has a model twice, no two groups one name.
fn seed_groups(groups: &[GroupArgument], subjects: &[Subject]) -> Result<Vec<compare::SeedGroup>, AnalysisError> {
    let find = |group: &str, wanted: &str| {
        let named = |subject: &Subject| {
            subject.name == readable(wanted)
                || subject.source.files.iter().any(|file| {
                    let path = Path::new(&file.path);
                    path == Path::new(wanted) || path.parent() == Some(Path::new(wanted))
                })
        };
        subjects.iter().position(named).ok_or_else(|| {
            let names: Vec<&str> = subjects.iter().map(|subject| subject.name.as_str()).collect();
            AnalysisError::Usage {
                problem: format!("--group {group}: no model is called {wanted}; there are {}", names.join(", ")),
            }
        })
    };
    let refuse = |problem: String| Err(AnalysisError::Usage { problem });
    groups
        .iter()
        .enumerate()
        .map(|(at, group)| {
            let name = &readable(&group.name);
            let models: Vec<usize> = group.models.iter().map(|model| find(name, model)).collect::<Result<_, _>>()?;
            if groups[..at].iter().any(|earlier| readable(&earlier.name) == *name) {
                return refuse(format!("--group {name} is given twice; give every group its own name"));
            }
            if let Some(twice) = (1..models.len()).find(|&at| models[..at].contains(&models[at])) {
                let model = &group.models[twice];
                return refuse(format!("--group {name}: {model} is in it twice; a network counts once"));
            }
            Ok(compare::SeedGroup { name: name.clone(), models })
        })
        .collect()
}

fn check(arguments: &Arguments) -> Result<(), AnalysisError> {
    if !(arguments.delta >= SMALLEST_DELTA && arguments.delta < 1.0) {
        let requirement = format!("give a probability of at least {SMALLEST_DELTA:e} and below 1");
        return Err(SettingError::new("delta", format!("{:e}", arguments.delta), requirement).into());
    }
    if !(arguments.r0.is_finite() && arguments.r0 >= 0.0) {
        return Err(SettingError::new("r0", arguments.r0, "give a finite number that is not negative").into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use car_spectral_formats::predictions::Logits;
    use ndarray::array;

    use super::*;
    use crate::subject::Scored;

    #[test]
    fn a_seed_belongs_to_each_model_and_contradicts_no_description() {
        let scored = Scored { logits: Logits::F32(array![[0.0, 1.0]]), labels: array![0] };
        let mut models: Vec<Subject> = ["a", "b"].map(|name| Subject::new(name.to_owned(), scored.clone())).into();
        let refused = |seeds: &[u64], models: &mut [Subject]| sow(seeds, models).unwrap_err().to_string();
        assert_eq!(refused(&[1], &mut models), "--seeds gives 1 seed for 2 models: a, b");
        sow(&[0, 1], &mut models).unwrap();
        assert_eq!(models.iter().map(|model| model.source.seed).collect::<Vec<_>>(), [Some(0), Some(1)]);
        assert_eq!(refused(&[0, 2], &mut models), "--seeds gives b the seed 2; its own description says 1");
    }

    #[test]
    fn given_names_are_names_that_can_be_read() {
        let scored = Scored { logits: Logits::F32(array![[0.0, 1.0]]), labels: array![0] };
        let mut models: Vec<Subject> = ["a", "b"].map(|name| Subject::new(name.to_owned(), scored.clone())).into();
        rename(&["=a\u{1b}[31m", "b\u{9b}\u{202e}"].map(str::to_owned), &mut models).unwrap();
        assert_eq!([&models[0].name, &models[1].name], ["=a\u{fffd}[31m", "b\u{fffd}\u{fffd}"]);
        let group = GroupArgument { name: "g\u{7}".to_owned(), models: vec!["=a\u{1b}[31m".to_owned()] };
        let found = seed_groups(&[group], &models).unwrap();
        assert_eq!((found[0].name.as_str(), &found[0].models), ("g\u{fffd}", &vec![0]));
        let alike = rename(&["c\u{1}", "c\u{2}"].map(str::to_owned), &mut models).unwrap_err();
        assert!(alike.to_string().contains("is given twice"), "{alike}");
    }
}
