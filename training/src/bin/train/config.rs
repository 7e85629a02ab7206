//! `--config FILE`: the flags of an experiment file that the command line does not give are put in
//! front of it, so that every flag has one definition.

use std::ffi::OsString;
use std::path::PathBuf;

use car_spectral_data::{DataSource, SettingError};
use car_spectral_formats::FileError;
use car_spectral_runs::experiment::{ExperimentFile, FileFlag, FlagValue};
use car_spectral_runs::folder::FLAGS;
use car_spectral_training::TrainingError;
use clap::error::ContextKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, CommandFactory, FromArgMatches};

use crate::Arguments;

/// Flags that mean nothing in a file.
const COMMAND_LINE_ONLY: [&str; 3] = ["config", "check", "end-with-parent"];

/// Flags that a run which goes on is given anew.
const OF_THE_MOMENT: [&str; 3] = ["out", "overwrite", "resume"];

/// A command line and the file that it names, read.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) arguments: Arguments,
    /// The flags that were given, as an experiment file.
    pub(crate) flags: String,
    /// The file, if the command line names one.
    pub(crate) file: Option<FlagsOfFile>,
}

/// A file of flags, and which of them count.
#[derive(Debug)]
pub(crate) struct FlagsOfFile {
    path: PathBuf,
    /// The flags that it gives, each with its line.
    lines: Vec<(String, usize)>,
    /// The flags that the command line gives.
    given: Vec<String>,
}

impl FlagsOfFile {
    /// Where the flags stand that are to blame for an error: the line of the first that the file
    /// gives, or the file as a whole; `None` for those of the command line.
    pub(crate) fn place_of(&self, blamed: &[String]) -> Option<String> {
        let path = self.path.display();
        let line_of = |blamed| self.lines.iter().find(|(name, _)| name == blamed).map(|(_, line)| line);
        match blamed.iter().find_map(line_of) {
            Some(line) => Some(format!("{path}: line {line}")),
            None if blamed.is_empty() || blamed.iter().any(|name| self.given.contains(name)) => None,
            None => Some(path.to_string()),
        }
    }
}

/// The arguments of a command line, the program's name first, and of the file that it names, or
/// that lies in the folder of the run to go on with.
///
/// # Errors
/// Outer: those of the file, with the line: [`FileError::Malformed`] for a key that is no flag or a
/// value that the flag refuses; [`SettingError`] for data of another kind than the experiment's,
/// and for a run to go on with that has no file of its flags. Inner: what clap has to say of the
/// command line.
pub(crate) fn parse(command_line: Vec<OsString>) -> Result<Result<Parsed, clap::Error>, TrainingError> {
    let Some(path) = config_path(&command_line)? else {
        return Ok(Arguments::command().try_get_matches_from(command_line).and_then(|matches| parsed(matches, None)));
    };
    let file = ExperimentFile::read(&path)?;
    let wrong = |line: usize, problem: String| FileError::malformed(&path, format!("line {line}: {problem}")).into();
    let command = Arguments::command();
    let known: Vec<&str> = command
        .get_arguments()
        .filter_map(|argument| argument.get_long())
        .filter(|name| !COMMAND_LINE_ONLY.contains(name))
        .collect();
    if let Some(flag) = file.flags.iter().find(|flag| !known.contains(&flag.name.as_str())) {
        let problem =
            format!("`{}` is no flag that a file can give; keys are the long flags of train --help", flag.name);
        return Err(wrong(flag.line, problem));
    }
    let is_switch = |name: &str| {
        let flag = command.get_arguments().find(|flag| flag.get_long() == Some(name));
        flag.is_some_and(|flag| !flag.get_action().takes_values())
    };
    if let Some(flag) = file.flags.iter().find(|flag| flag.value == FlagValue::Switch(false) && !is_switch(&flag.name))
    {
        return Err(wrong(
            flag.line,
            format!("{}: false is no value of it; leave the line out for the default", flag.name),
        ));
    }
    let (program, given) = command_line.split_at(1.min(command_line.len()));
    // A flag given twice is an error, or a longer list; so what the command line gives is left out.
    let is_given = |flag: &&FileFlag| given.iter().any(|given| names(&given.to_string_lossy(), &flag.name));
    let taken: Vec<&FileFlag> = file.flags.iter().filter(|flag| !is_given(flag)).collect();
    let of_file = taken.iter().filter_map(|flag| flag.argument()).map(OsString::from);
    let all = program.iter().cloned().chain(of_file).chain(given.iter().cloned());
    let matches = Arguments::command().try_get_matches_from(all);
    if let Err(error) = &matches
        && let Some(blamed) = blamed(error)
    {
        let text = error.to_string();
        let said = text.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ");
        if let Some(flag) = taken.iter().find(|flag| names(&blamed, &flag.name)) {
            let first = said.lines().next().unwrap_or_default();
            return Err(wrong(flag.line, format!("{}: {first}", flag.name)));
        }
        // What a flag of the file needs beside it.
        let is_needed =
            |flag: &Arg| flag.get_long().is_some_and(|name| names(&blamed, name)) && !flag.is_required_set();
        let alone = Arguments::command().try_get_matches_from(&command_line);
        let without_file = alone.err().and_then(|error| self::blamed(&error)).unwrap_or_default();
        if command.get_arguments().any(is_needed) && !without_file.contains(&blamed) {
            let words: Vec<&str> = said.split_whitespace().collect();
            return Err(FileError::malformed(&path, words.join(" ")).into());
        }
    }
    if let (Ok(matches), Some(experiment)) = (&matches, &file.experiment)
        && let Some(data) = matches.get_one::<DataSource>("data")
        && data.kind != experiment.data
    {
        let requirement = format!("{} is an experiment on {}", path.display(), experiment.data.name());
        return Err(SettingError::new("data", data.kind.name(), requirement).into());
    }
    let given = known.iter().filter(|name| given.iter().any(|given| names(&given.to_string_lossy(), name)));
    let of_file = FlagsOfFile {
        given: given.map(|&name| name.to_owned()).collect(),
        lines: taken.iter().map(|flag| (flag.name.clone(), flag.line)).collect(),
        path,
    };
    Ok(matches.and_then(|matches| parsed(matches, Some(of_file))))
}

/// The flags that clap complains of.
fn blamed(error: &clap::Error) -> Option<String> {
    error.get(ContextKind::InvalidArg).map(ToString::to_string)
}

fn parsed(matches: ArgMatches, file: Option<FlagsOfFile>) -> Result<Parsed, clap::Error> {
    let mut flags = "# The flags of this run, for `train --resume --out` this folder.\n".to_owned();
    for flag in Arguments::command().get_arguments() {
        let (id, Some(name)) = (flag.get_id().as_str(), flag.get_long()) else { continue };
        let is_given = matches.value_source(id) == Some(ValueSource::CommandLine);
        if !is_given || COMMAND_LINE_ONLY.contains(&name) || OF_THE_MOMENT.contains(&name) {
            continue;
        }
        let value = match matches.get_raw(id) {
            Some(values) if flag.get_action().takes_values() => {
                let values: Vec<_> = values.map(|value| value.to_string_lossy()).collect();
                // Escapes of JSON are escapes of TOML.
                serde_json::Value::from(values.join(",")).to_string()
            }
            _ => "true".to_owned(),
        };
        flags.push_str(&format!("{name} = {value}\n"));
    }
    Arguments::from_arg_matches(&matches).map(|arguments| Parsed { arguments, flags, file })
}

fn config_path(command_line: &[OsString]) -> Result<Option<PathBuf>, SettingError> {
    // Whatever else is wrong is said when the whole is read.
    let Ok(matches) = Arguments::command().ignore_errors(true).try_get_matches_from(command_line) else {
        return Ok(None);
    };
    if let Some(config) = matches.get_one::<PathBuf>("config") {
        return Ok(Some(config.clone()));
    }
    let resumes = matches.try_get_one::<bool>("resume").is_ok_and(|given| given == Some(&true));
    let Some(out) = matches.get_one::<PathBuf>("out").filter(|_| resumes && !matches.contains_id("data")) else {
        return Ok(None);
    };
    let path = out.join(FLAGS);
    if path.exists() {
        return Ok(Some(path));
    }
    let requirement = format!(
        "there is no {FLAGS} with the flags of a run, so none was begun there or its folder is another; `data` and the \
         other flags begin it"
    );
    Err(SettingError::new("out", out.display(), requirement))
}

/// Whether an argument, as clap shows it or as it was given, is this flag: `--lr`, `--lr=1`, `--lr
/// <LR>`.
fn names(argument: &str, flag: &str) -> bool {
    let rest = argument.strip_prefix("--").and_then(|argument| argument.strip_prefix(flag));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['=', ' ', '[']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ArgAction;

    const REQUIRED: [&str; 4] = ["--data", "cifar100:there", "--out", "here"];

    fn parsed(config: Option<&str>, given: &[&str]) -> Result<Arguments, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("row.toml");
        let mut line: Vec<OsString> = vec!["train".into()];
        if let Some(text) = config {
            std::fs::write(&path, text).unwrap();
            line.extend(["--config".into(), path.into_os_string()]);
        }
        line.extend(given.iter().map(OsString::from));
        let parsed = parse(line).map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
        Ok(Arguments { config: None, ..parsed.arguments })
    }

    /// Values in the hope that a flag takes one of them.
    const TRIED: [&str; 10] =
        ["3", "0.25", "cpu", "7,5", "mlp", "none", "one", "natural", "cifar10:elsewhere", "elsewhere"];

    #[test]
    fn every_flag_can_stand_in_a_file() {
        let command = Arguments::command();
        let flags: Vec<&clap::Arg> = command
            .get_arguments()
            .filter(|flag| flag.get_long().is_some_and(|name| !COMMAND_LINE_ONLY.contains(&name)))
            .collect();
        assert!(flags.len() > 30, "{}", flags.len());
        for flag in flags {
            let name = flag.get_long().unwrap();
            let long = format!("--{name}");
            // What other flags need: CAR's are of --car, and what is required is given.
            let mut given: Vec<&str> = REQUIRED.chunks(2).filter(|pair| pair[0] != long).flatten().copied().collect();
            if name.starts_with("car-") {
                given.extend(["--car", "paper"]);
            }
            let alone = given.clone();
            match name {
                "mean" => given.extend(["--std", "0.5"]),
                "std" => given.extend(["--mean", "0.5"]),
                "features" => given.push("--freeze-backbone"),
                "pretrained-key" => given.extend(["--pretrained", "weights.pt"]),
                _ => {}
            }
            if !matches!(flag.get_action(), ArgAction::Set | ArgAction::Append) {
                let from_line = parsed(None, &[&given[..], &[&long]].concat()).unwrap();
                let from_file = parsed(Some(&format!("{name} = true")), &given).unwrap();
                assert_eq!(format!("{from_file:?}"), format!("{from_line:?}"), "{name}");
                let off = parsed(Some(&format!("{name} = false")), &given).unwrap();
                assert_ne!(format!("{off:?}"), format!("{from_line:?}"), "{name}");
                continue;
            }
            let possible = flag.get_possible_values();
            let default = flag.get_default_values().first().map(|value| value.to_string_lossy().into_owned());
            let candidates = possible.iter().map(|value| value.get_name()).chain(TRIED);
            let accepted = candidates
                .filter(|value| Some(*value) != default.as_deref())
                .find_map(|value| Some((value, parsed(None, &[&given[..], &[&long, value]].concat()).ok()?)));
            let (value, from_line) = accepted.unwrap_or_else(|| panic!("add to TRIED a value that --{name} takes"));
            let mut forms = vec![format!("[group]\n{name} = \"{value}\"")];
            if value.parse::<f64>().is_ok() {
                forms.push(format!("{name} = {value}"));
            }
            if value.contains(',') {
                forms.push(format!("{name} = [{value}]"));
            }
            for form in forms {
                let from_file = parsed(Some(&form), &given).unwrap_or_else(|error| panic!("{form}: {error}"));
                assert_eq!(format!("{from_file:?}"), format!("{from_line:?}"), "{form}");
            }
            if REQUIRED.iter().all(|required| *required != long) {
                assert_ne!(
                    format!("{from_line:?}"),
                    format!("{:?}", parsed(None, &alone).unwrap()),
                    "{name} = {value}"
                );
            }
        }
    }

    #[test]
    fn a_run_that_goes_on_takes_the_flags_of_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().to_str().unwrap();
        let mut given = vec!["--data", "cifar100:a \"b\""];
        given.extend("--epochs 7 --hidden=9,8 --model mlp --nesterov --car paper".split(' '));
        let line = |given: &[&str]| ["train"].iter().chain(given).map(OsString::from).collect::<Vec<_>>();
        let begun = parse(line(&[&given[..], &["--out", out]].concat())).unwrap().unwrap();
        std::fs::write(folder.path().join(FLAGS), &begun.flags).unwrap();
        let goes_on = parse(line(&["--resume", "--out", out])).unwrap().unwrap();
        let same = Arguments { resume: false, ..goes_on.arguments };
        assert_eq!(format!("{same:?}"), format!("{:?}", begun.arguments));
        assert_eq!(goes_on.flags, begun.flags);
        // Flags that are given are those that count.
        assert!(
            parse(line(&["--resume", "--out", out, "--data", "cifar10:x"])).unwrap().unwrap().arguments.epochs == 200
        );
    }

    #[test]
    fn a_run_to_go_on_with_needs_its_flags() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().to_str().unwrap();
        let refused = parse(["train", "--resume", "--out", out].map(OsString::from).to_vec()).unwrap_err().to_string();
        assert!(refused.contains(out) && refused.contains("there is no run.toml"), "{refused}");
    }

    #[test]
    fn the_command_line_wins() {
        let file = "epochs = 7\nhidden = [9, 8]\nseed = 5\nmodel = 'mlp'";
        let found = parsed(Some(file), &[&REQUIRED[..], &["--seed", "2", "--hidden=4"]].concat()).unwrap();
        let all = ["--epochs", "7", "--model", "mlp", "--seed", "2", "--hidden", "4"];
        let expected = parsed(None, &[&REQUIRED[..], &all].concat()).unwrap();
        assert_eq!(format!("{found:?}"), format!("{expected:?}"));
    }

    #[test]
    fn keys_and_values_that_are_refused_are_named_with_file_and_line() {
        for (text, says) in [
            ("\n[training]\nepoch = 3", "row.toml: line 3: `epoch` is no flag"),
            ("config = 'a.toml'", "line 1: `config` is no flag"),
            ("seed = 1\nepochs = 'many'", "row.toml: line 2: epochs: invalid value 'many' for '--epochs"),
            ("car-alpha = true", "line 1: car-alpha: "),
            ("seed = 1\nlr = false", "line 2: lr: false is no value"),
            ("check = true", "line 1: `check` is no flag"),
            ("nesterov = 'yes'", "line 1: nesterov: "),
            ("[experiment]\ntitle = 'a'\ndata = 'cifar10'\nseeds = [0]", "data = cifar100: "),
            ("mean = 0.5", "row.toml: the following required arguments were not provided: --std <"),
        ] {
            let error = parsed(Some(text), &REQUIRED).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
        // A mistake on the command line is clap's.
        let error = parsed(Some("epochs = 3"), &[&REQUIRED[..], &["--epochs", "many"]].concat()).unwrap_err();
        assert!(error.starts_with("error: invalid value 'many'"), "{error}");
        assert!(parsed(Some("epochs = 3"), &[]).unwrap_err().contains("--data"));
    }
}
