//! The command line of `experiments`.

use std::path::PathBuf;

use car_spectral_data::DataSource;
use clap::{Args, Parser, Subcommand};

/// Runs experiments that are described by files, and collects their runs into a table.
///
/// An experiment is a TOML file: flags of `train`, and in its table `[experiment]` a title, the
/// kind of data and the seeds. The run of a seed lies in RUNS/FOLDER/FILE-seedN.
///
/// Exit code: 0 done, 1 a run failed or a file was refused, 2 wrong usage.
#[derive(Debug, Parser)]
#[command(name = "experiments", version)]
pub(super) struct Arguments {
    /// What to do
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Run(RunArguments),
    Table(TableArguments),
    Correlate(CorrelateArguments),
}

/// Run what is missing: the first seed of all experiments, then the second. A run that was stopped
/// goes on; one that fails is told at the end
#[derive(Debug, Args)]
pub(super) struct RunArguments {
    /// Experiment files, or folders of them
    #[arg(value_name = "FILE|DIR", required = true)]
    pub experiments: Vec<PathBuf>,
    /// Data sets and their folders; experiments on other data are left out
    #[arg(long, value_name = "KIND:DIR", required = true, num_args = 1..)]
    pub data: Vec<DataSource>,
    /// Folder of the runs
    #[arg(long, value_name = "DIR", default_value = "out/runs")]
    pub runs: PathBuf,
    /// Runs at a time
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: u16,
    /// Threads of each run on the CPU [default: the cores, shared out]
    #[arg(long)]
    pub threads: Option<usize>,
    /// Device of every run: auto, cpu or cuda:N
    #[arg(long, default_value = "auto")]
    pub device: String,
}

/// Collect the runs into table.md, table.csv, runs.csv, table.svg and table.png. Experiments that
/// are not run stay in the table with their command
#[derive(Debug, Args)]
pub(super) struct TableArguments {
    /// Folder of the experiment files
    #[arg(value_name = "DIR")]
    pub experiments: PathBuf,
    /// Folder of the runs
    #[arg(long, value_name = "DIR", default_value = "out/runs")]
    pub runs: PathBuf,
    /// Folder of the table [default: that of the experiment files]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Does the weighted spectral norm predict the worst classes' error better than overall error or
/// loss do? Over all epochs of all runs, from their logs: correlations.md, correlations.json and
/// plots
#[derive(Debug, Args)]
pub(super) struct CorrelateArguments {
    /// Folders of runs, folders that hold such folders, or logs NAME.jsonl with the description
    /// NAME.json beside
    #[arg(value_name = "FILE|DIR", required = true)]
    pub runs: Vec<PathBuf>,
    /// Folder of the results
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}
