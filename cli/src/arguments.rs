//! The command line.

use crate::conform::guide::Order;
use crate::onlib::search::Kind;
use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use tstate::runtime::profile::Profile;
use tstate_driver::Inline;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::BrightGreen.on_default().bold())
    .usage(AnsiColor::BrightGreen.on_default().bold())
    .literal(AnsiColor::BrightCyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

const EXIT_STATUS: &str = "\
Exit status:
  0    every scenario met its expectations
  1    an expectation failed; a counterexample was printed
  2    bad usage, or a scenario file that cannot be read or checked
  3    inconclusive: a bound was reached before the search was complete, or a walk met nothing bad
  101  a defect in tstate itself; please report it
When several apply, the first of 2, 1, 3, 0 holds.";

const WALK_LIMITS: &str = "\
What a walk meets is real and replays. What it does not meet may still be there, so it exits 1 or 3,
never 0. The claims `reach`, `cover` and `eventually` are not judged: they speak of all runs.";

const CONFORM_EXIT: &str = "\
Exit status of this command:
  0    what the libpythons did is what the model allows, or a known deviation from it
  1    a libpython did something else, a known deviation is gone, or fewer was driven than asked for
  2    bad usage, a scenario file with errors, or a libpython that was named and cannot be driven
  3    inconclusive: nothing was driven at all
What is not driven is counted apart: it is never a pass.";

const REPORT_EXIT: &str = "\
The page needs nothing but a browser: no network, no other file. docs/report.md says what is on it.

Exit status of this command:
  0    the page was written, whatever the verdicts on it
  2    bad usage, or a scenario file that cannot be read or checked
  3    the page was written, and says that a bound cut a search short";

const DIFF_EXIT: &str = "\
Claims are not judged, and each scenario is explored under both versions, whatever its `python` line
names. One with a call that only one of the releases has is changed: the other does not build it.
Where a run breaks a claim of `always` or `finally`, `tstate replay` ends there and refuses the rest.

Exit status of this command:
  0    every scenario has the same outcomes under both
  1    an outcome was lost or gained, or a scenario exists in one of the releases only
  2    bad usage, a scenario file with errors, or no scenario that either of the releases has
  3    inconclusive: a bound cut a search short, and what was found shows no change";

/// Explore what CPython's thread and interpreter lifecycle allows, and check it
#[derive(Debug, Parser)]
#[command(name = "tstate", version, styles = STYLES, after_help = EXIT_STATUS, max_term_width = 100)]
#[command(
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// What goes with every command.
    #[command(flatten)]
    pub global: Global,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Print more about the search; times go to standard error
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// Print only failures and the summary line
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Colour the output; NO_COLOR and CLICOLOR_FORCE are honoured
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t = Colour::Auto)]
    pub color: Colour,
    /// Draw tables with ASCII characters only
    #[arg(long, global = true)]
    pub ascii: bool,
    /// Read settings from FILE instead of the nearest tstate.toml
    #[arg(long, global = true, value_name = "FILE", env = "TSTATE_CONFIG", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[expect(
    missing_docs,
    reason = "documentation of a value would become its help, and the names say it all"
)]
pub enum Colour {
    Auto,
    Always,
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Explore scenarios over all interleavings and judge their expectations
    Check(Check),
    /// Walk at random through scenarios too large to explore, and judge what is met
    Walk(Walk),
    /// Replay one schedule, step by step
    Replay(Replay),
    /// Turn a counterexample into one C file that forces the same order of calls
    ExportC(ExportC),
    /// Write a state graph as text, DOT or Mermaid
    Graph(Graph),
    /// Write one HTML page about a scenario, with runs to step through
    Report(Report),
    /// Run scenarios on real libpythons and compare what they do with the model
    Conform(Conform),
    /// Tell what changes between two CPython versions: outcomes lost and gained, with a run for each
    Diff(Diff),
    /// Parse and check scenario files without exploring them
    Lint(Lint),
    /// Format scenario files in place
    Fmt(Fmt),
    /// List the C-API functions that scenarios may call, and the releases that have them
    Api(Api),
    /// Explain a code or an outcome
    Explain(Explain),
    /// Print a completion script for a shell
    Completions(Completions),
}

/// Where and how far to search.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Search")]
pub struct Search {
    /// Explore at most N forced preemptions per run [default: no bound]
    #[arg(long, value_name = "N", env = "TSTATE_PREEMPTIONS")]
    pub preemptions: Option<u32>,
    /// Explore at most N time-outs of timed waits per run [default: no bound]
    #[arg(long, value_name = "N", env = "TSTATE_TIMEOUTS")]
    pub timeouts: Option<u32>,
    /// Stop a scenario after N states [default: 5000000]
    #[arg(long, value_name = "N", env = "TSTATE_MAX_STATES", value_parser = count)]
    pub max_states: Option<u64>,
    /// Let threads switch before every operation, not only where two of them can meet
    #[arg(long)]
    pub full: bool,
}

/// How many scenarios, versions or libpythons at once.
#[derive(Clone, Copy, Debug, Args)]
pub struct Jobs {
    /// Use this many threads [default: number of cores]
    #[arg(short, long, value_name = "N", env = "TSTATE_JOBS")]
    pub jobs: Option<NonZeroUsize>,
}

/// `tstate check`
#[derive(Debug, Args)]
pub struct Check {
    /// Scenario files or folders [default: scenarios]
    #[arg(value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,
    /// Check only under this CPython version; repeat for several [default: each version the scenario names]
    ///
    /// A patch level such as 3.12.1 is checked where its release is named.
    #[arg(
        long,
        value_name = "3.N",
        env = "TSTATE_PYTHON",
        value_delimiter = ',',
        help_heading = "What to check"
    )]
    pub python: Vec<Profile>,
    /// Only scenarios whose name contains TEXT
    #[arg(short = 'k', long, value_name = "TEXT", help_heading = "What to check")]
    pub filter: Option<String>,
    /// How far to search.
    #[command(flatten)]
    pub search: Search,
    /// Whether and how to search real libpythons instead.
    #[command(flatten)]
    pub on: OnLibpython,
    /// Exit 0, not 3, when a bound cut the search short
    #[arg(long, help_heading = "Search")]
    pub allow_incomplete: bool,
    /// How many at once.
    #[command(flatten, next_help_heading = "Search")]
    pub jobs: Jobs,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Human, help_heading = "Output")]
    pub format: Format,
    /// Write the output to FILE
    #[arg(short, long, value_name = "FILE", help_heading = "Output", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
    /// Save the schedule of each counterexample in a file under DIR
    #[arg(long, value_name = "DIR", help_heading = "Output", value_hint = ValueHint::DirPath)]
    pub save: Option<PathBuf>,
}

/// Real libpythons to search.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Real libpythons")]
pub struct OnLibpython {
    /// Search the runs of this libpython instead of the model's; repeat for several; `all` is all that are found
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub on: Vec<PathBuf>,
    /// Which scheduler chooses the runs
    #[arg(long, value_enum, default_value_t = Kind::Mix, requires = "on")]
    pub search: Kind,
    /// Make at most N runs of each scenario on each libpython
    #[arg(long, value_name = "N", default_value = "300", value_parser = count, requires = "on")]
    pub runs: u64,
    /// Where chance begins; the same seed gives the same runs
    #[arg(long, value_name = "N", default_value_t = 0, requires = "on")]
    pub seed: u64,
    /// Of `pct`: how many orders of operations a run is to get right
    #[arg(long, value_name = "N", default_value_t = 3, requires = "on")]
    pub depth: u32,
    /// Also fail if an outcome is met that the model of exactly that release does not have
    #[arg(long, requires = "on")]
    pub model: bool,
    /// Search scenarios also on libpythons whose release they do not name
    #[arg(long, requires = "on")]
    pub all_releases: bool,
    /// Let what the library freed be read and used again, as the C library does
    #[arg(long, requires = "on")]
    pub no_fence: bool,
    /// Switch threads also inside code of the library that calls nobody (x86-64): before `atomics`, or before all `accesses` to memory
    /// soon after such
    #[arg(long, value_name = "WHAT", requires = "on")]
    pub inline: Option<Inline>,
    /// The driver's program [default: tstate-driver beside this program]
    #[arg(long, value_name = "PATH", env = "TSTATE_DRIVER", value_hint = ValueHint::FilePath)]
    pub driver: Option<PathBuf>,
}

/// Formats of reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[expect(
    missing_docs,
    reason = "documentation of a value would become its help, and the names say it all"
)]
pub enum Format {
    Human,
    Json,
    Junit,
    Github,
}

/// `tstate walk`
#[derive(Debug, Args)]
#[command(after_help = WALK_LIMITS)]
pub struct Walk {
    /// Scenario files or folders
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,
    /// Walk only under this CPython version; repeat for several [default: each version the scenario names]
    #[arg(long, value_name = "3.N", env = "TSTATE_PYTHON", value_delimiter = ',')]
    pub python: Vec<Profile>,
    /// Chooses the runs; the same seed gives the same runs everywhere
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Take N runs of each scenario
    #[arg(long, value_name = "N", default_value = "1000", value_parser = count)]
    pub runs: u64,
    /// Give a run up after N steps
    #[arg(long, value_name = "N", default_value = "10000", value_parser = count)]
    pub max_steps: u64,
    /// Output format
    #[arg(long, value_enum, default_value_t = WalkFormat::Human)]
    pub format: WalkFormat,
}

/// Formats of what a walk met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[expect(
    missing_docs,
    reason = "documentation of a value would become its help, and the names say it all"
)]
pub enum WalkFormat {
    Human,
    Json,
}

/// `tstate replay`
#[derive(Debug, Args)]
pub struct Replay {
    /// The scenario file
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// The schedule as `tstate check` printed it, or a file that `--save` wrote
    #[arg(value_hint = ValueHint::FilePath)]
    pub schedule: String,
    /// Run it on this libpython, of which `tstate check --on` printed it
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub on: Option<PathBuf>,
    /// Let what the library freed be read and used again, as the C library does
    #[arg(long, requires = "on")]
    pub no_fence: bool,
    /// The driver's program [default: tstate-driver beside this program]
    #[arg(long, value_name = "PATH", env = "TSTATE_DRIVER", value_hint = ValueHint::FilePath)]
    pub driver: Option<PathBuf>,
}

/// `tstate export-c`
#[derive(Debug, Args)]
pub struct ExportC {
    /// A counterexample that `tstate check --save` wrote, or a scenario file
    #[arg(value_name = "TRACE|FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// With a scenario file: the schedule as `tstate check` printed it, or a file that `--save` wrote
    #[arg(value_hint = ValueHint::FilePath, conflicts_with_all = ["python", "outcome"])]
    pub schedule: Option<String>,
    /// With a scenario file: the CPython version [default: the newest that has the outcome]
    #[arg(long, value_name = "3.N")]
    pub python: Option<Profile>,
    /// With a scenario file: the shortest run to this outcome, such as `deadlock(main, worker)` [default: the worst]
    #[arg(long, value_name = "OUTCOME")]
    pub outcome: Option<String>,
    /// Write the C text to FILE
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
}

/// `tstate graph`
#[derive(Debug, Args)]
pub struct Graph {
    /// The scenario file
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// The CPython version [default: the newest that the scenario names]
    #[arg(long, value_name = "3.N")]
    pub python: Option<Profile>,
    /// How far to search.
    #[command(flatten)]
    pub search: Search,
    /// Exit 0, not 3, when a bound cut the search short
    #[arg(long, help_heading = "Search")]
    pub allow_incomplete: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t = GraphFormat::Text, help_heading = "Output")]
    pub format: GraphFormat,
    /// Write the output to FILE
    #[arg(short, long, value_name = "FILE", help_heading = "Output", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
}

/// Formats of state graphs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[expect(
    missing_docs,
    reason = "documentation of a value would become its help, and the names say it all"
)]
pub enum GraphFormat {
    Text,
    Dot,
    Mermaid,
}

/// `tstate report`
#[derive(Debug, Args)]
#[command(after_help = REPORT_EXIT)]
pub struct Report {
    /// The scenario file
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// Only under this CPython version; repeat for several [default: each version the scenario names]
    #[arg(long, value_name = "3.N", env = "TSTATE_PYTHON", value_delimiter = ',')]
    pub python: Vec<Profile>,
    /// How far to search.
    #[command(flatten)]
    pub search: Search,
    /// Exit 0, not 3, when a bound cut the search short
    #[arg(long, help_heading = "Search")]
    pub allow_incomplete: bool,
    /// How many at once.
    #[command(flatten, next_help_heading = "Search")]
    pub jobs: Jobs,
    /// Write the page to FILE [default: standard output]
    #[arg(short, long, value_name = "FILE", help_heading = "Output", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
}

/// `tstate conform`
#[derive(Debug, Args)]
#[command(after_help = CONFORM_EXIT)]
pub struct Conform {
    /// Scenario files or folders [default: scenarios]
    #[arg(value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,
    /// Only scenarios whose name contains TEXT
    #[arg(short = 'k', long, value_name = "TEXT", help_heading = "What to run")]
    pub filter: Option<String>,
    /// Run on this libpython; repeat for several [env: TSTATE_LIBPYTHON=] [default: all that are found]
    #[arg(long, value_name = "PATH", help_heading = "What to run", value_hint = ValueHint::AnyPath)]
    pub libpython: Vec<PathBuf>,
    /// Only libpythons of this release; repeat for several
    #[arg(
        long,
        alias = "profile",
        value_name = "3.N",
        env = "TSTATE_PYTHON",
        value_delimiter = ',',
        help_heading = "What to run"
    )]
    pub python: Vec<Profile>,
    /// Run scenarios also on libpythons whose release they do not name
    #[arg(long, help_heading = "What to run")]
    pub all_releases: bool,
    /// List the libpythons at hand and whether each can be driven, and run nothing
    #[arg(long, help_heading = "What to run")]
    pub list: bool,
    /// The driver's program [default: tstate-driver beside this program]
    #[arg(long, value_name = "PATH", env = "TSTATE_DRIVER", help_heading = "What to run", value_hint = ValueHint::FilePath)]
    pub driver: Option<PathBuf>,
    /// Run at most N schedules of each scenario, of those that the model knows
    #[arg(long, value_name = "N", default_value = "64", value_parser = count, help_heading = "Schedules")]
    pub schedules: u64,
    /// Run this schedule only, as a report prints it
    #[arg(long, value_name = "GUIDE", help_heading = "Schedules", conflicts_with_all = ["seeds", "record", "at_least", "update_counts"])]
    pub guide: Option<Order>,
    /// Then run at most N more, for transitions of the model that no run took yet
    #[arg(
        long,
        value_name = "N",
        default_value_t = 64,
        help_heading = "Schedules"
    )]
    pub search: u64,
    /// Also run each scenario N times with switches at random, of the seeds 1 to N
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        help_heading = "Schedules"
    )]
    pub seeds: u64,
    /// Run on the C library's own locks and clocks: slower, and what is seen depends on time
    #[arg(long, help_heading = "Schedules", conflicts_with_all = ["seeds", "record", "at_least", "update_counts"])]
    pub sampled: bool,
    /// Run everything N times; runs of one schedule must not differ
    #[arg(long, value_name = "N", default_value = "1", value_parser = count, help_heading = "Schedules")]
    pub repeat: u64,
    /// How many at once.
    #[command(flatten, next_help_heading = "Schedules")]
    pub jobs: Jobs,
    /// Known deviations of libpythons from the model [default: conform/deviations.toml, if it is there]
    #[arg(long, value_name = "FILE", help_heading = "What to expect", value_hint = ValueHint::FilePath)]
    pub deviations: Option<PathBuf>,
    /// Fail if a libpython drove fewer scenarios or schedules than FILE says
    #[arg(long, value_name = "FILE", help_heading = "What to expect", value_hint = ValueHint::FilePath)]
    pub at_least: Option<PathBuf>,
    /// Write into the file of `--at-least` what was driven [default: conform/driven.toml]
    #[arg(long, help_heading = "What to expect")]
    pub update_counts: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Human, help_heading = "Output")]
    pub format: Format,
    /// Write the output to FILE
    #[arg(short, long, value_name = "FILE", help_heading = "Output", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
    /// Write what the libpythons did into files under DIR, one for each scenario
    #[arg(long, value_name = "DIR", help_heading = "Output", value_hint = ValueHint::DirPath)]
    pub record: Option<PathBuf>,
}

/// `tstate diff`
#[derive(Debug, Args)]
#[command(after_help = DIFF_EXIT)]
pub struct Diff {
    /// The CPython version to compare with
    #[arg(value_name = "OLD")]
    pub old: Profile,
    /// The CPython version to compare
    #[arg(value_name = "NEW")]
    pub new: Profile,
    /// Scenario files or folders [default: scenarios]
    #[arg(value_name = "FILE", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,
    /// Only scenarios whose name contains TEXT
    #[arg(short = 'k', long, value_name = "TEXT")]
    pub filter: Option<String>,
    /// How far to search.
    #[command(flatten)]
    pub search: Search,
    /// How many at once.
    #[command(flatten, next_help_heading = "Search")]
    pub jobs: Jobs,
    /// Output format
    #[arg(long, value_enum, default_value_t = DiffFormat::Human, help_heading = "Output")]
    pub format: DiffFormat,
    /// Write the output to FILE
    #[arg(short, long, value_name = "FILE", help_heading = "Output", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
}

/// Formats of what changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[expect(
    missing_docs,
    reason = "documentation of a value would become its help, and the names say it all"
)]
pub enum DiffFormat {
    Human,
    Json,
}

/// `tstate lint`
#[derive(Debug, Args)]
pub struct Lint {
    /// Scenario files or folders [default: scenarios]
    #[arg(value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,
    /// Output format
    #[arg(long, value_enum, default_value_t = LintFormat::Human)]
    pub format: LintFormat,
}

/// Formats of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[expect(
    missing_docs,
    reason = "documentation of a value would become its help, and the names say it all"
)]
pub enum LintFormat {
    Human,
    Json,
    Github,
}

/// `tstate fmt`
#[derive(Debug, Args)]
pub struct Fmt {
    /// Scenario files or folders [default: scenarios]
    #[arg(value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,
    /// Write nothing; list the files that are not formatted, and exit 1 if there are any
    #[arg(long)]
    pub check: bool,
}

/// `tstate api`
#[derive(Debug, Args)]
pub struct Api {
    /// A function, or a part of names [default: all]
    pub name: Option<String>,
    /// Output format
    #[arg(long, value_enum, default_value_t = ApiFormat::Human)]
    pub format: ApiFormat,
}

/// Formats of the table of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[expect(
    missing_docs,
    reason = "documentation of a value would become its help, and the names say it all"
)]
pub enum ApiFormat {
    Human,
    Json,
}

/// `tstate explain`
#[derive(Debug, Args)]
pub struct Explain {
    /// A code such as S103, or an outcome such as deadlock [default: list them]
    pub subject: Option<String>,
}

/// `tstate completions`
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// A number from 1, with `_` or `,` between digits if wanted.
fn count(text: &str) -> Result<u64, String> {
    let digits: String = text
        .chars()
        .filter(|letter| !matches!(letter, '_' | ','))
        .collect();
    match digits.parse() {
        Ok(0) => Err("nothing can be decided with none".to_owned()),
        Ok(number) => Ok(number),
        Err(_) => Err("not a number such as 500000 or 500_000".to_owned()),
    }
}

impl From<Colour> for anstream::ColorChoice {
    fn from(colour: Colour) -> Self {
        match colour {
            Colour::Auto => Self::Auto,
            Colour::Always => Self::Always,
            Colour::Never => Self::Never,
        }
    }
}
