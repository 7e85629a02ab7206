//! Program `analyze`.

mod arguments;
mod foreign;
mod run;
mod stored;

use std::io::Write;
use std::process::ExitCode;

use arguments::Arguments;
use car_spectral_analysis::AnalysisError;
use clap::{CommandFactory, Parser};

fn main() -> ExitCode {
    #[cfg(feature = "torch")]
    {
        car_spectral_training::device::load_cuda_if_present();
        car_spectral_training::memory::keep_freed_memory();
    }
    if std::env::args().skip(1).eq(["--schema"]) {
        // Whoever closed the pipe has seen enough.
        let _ = writeln!(std::io::stdout(), "{}", car_spectral_analysis::report::json_schema());
        return ExitCode::SUCCESS;
    }
    match run::run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", message(&error));
            ExitCode::from(error.exit_code())
        }
    }
}

/// The message of an error; settings are called by their flags, where they have one.
fn message(error: &AnalysisError) -> String {
    let command = Arguments::command();
    let is_flag = |name: &str| command.get_arguments().any(|flag| flag.get_long() == Some(name));
    let text = match error.setting_error() {
        Some(setting) if setting.name.split('/').all(is_flag) => {
            let flags: Vec<String> = setting.name.split('/').map(|name| format!("--{name}")).collect();
            format!("{} = {}: {}", flags.join("/"), setting.value, setting.requirement)
        }
        _ => error.to_string(),
    };
    car_spectral_data::with_flags(&text, is_flag)
}
