//! The commands, one file each: from arguments to text and exit status.

mod api;
mod check;
mod completions;
mod conform;
mod diff;
mod explain;
mod export_c;
mod fmt;
mod graph;
mod lint;
mod on;
mod paths;
mod plan;
mod replay;
mod report;
mod search;
mod walk;

use crate::arguments::{Arguments, Command, Global};
use crate::exit::Exit;
use crate::output;
use crate::problem::Stop;
use crate::render::trace::{COLUMNS, Style};
use crate::settings;

/// How tables look: as wide as the terminal, or as always in a file.
fn style(global: &Global, in_file: bool) -> Style {
    let columns = if in_file { None } else { output::columns() };
    Style {
        columns: columns.unwrap_or(COLUMNS),
        ascii: global.ascii,
    }
}

/// Runs a command.
///
/// # Errors
///
/// Something about the command line, the settings or the files makes it impossible.
pub fn run(arguments: &Arguments) -> Result<Exit, Stop> {
    let global = &arguments.global;
    let settings = || settings::load(global.config.as_deref());
    match &arguments.command {
        Command::Check(check) => check::run(check, global, &settings()?),
        Command::Walk(walk) => walk::run(walk, global, &settings()?),
        Command::Replay(replay) => replay::run(replay, global),
        Command::ExportC(export) => export_c::run(export),
        Command::Conform(conform) => conform::run(conform, global, &settings()?),
        Command::Report(report) => report::run(report, global, &settings()?),
        Command::Graph(graph) => graph::run(graph, global, &settings()?),
        Command::Diff(diff) => diff::run(diff, global, &settings()?),
        Command::Lint(lint) => lint::run(lint, global, &settings()?),
        Command::Fmt(fmt) => fmt::run(fmt, global, &settings()?),
        Command::Api(api) => api::run(api),
        Command::Explain(explain) => explain::run(explain, global),
        Command::Completions(completions) => completions::run(completions),
    }
}
