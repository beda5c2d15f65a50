//! `tstate diff`: what changes between two profiles.

use super::{paths, search, style};
use crate::arguments::{Diff, DiffFormat, Global};
use crate::diff::compare::{Pair, Scenario};
use crate::diff::report::{Human, Json, Reporter};
use crate::diff::{self, Order};
use crate::exit::Exit;
use crate::output::Output;
use crate::problem::{Problem, Stop};
use crate::settings::Settings;

/// Runs the command.
pub(super) fn run(arguments: &Diff, global: &Global, settings: &Settings) -> Result<Exit, Stop> {
    let pair = pair(arguments)?;
    let chosen = paths::choose(&arguments.paths, settings)?;
    let files = paths::filtered(chosen.files, arguments.filter.as_deref())?;
    if files.is_empty() {
        // What is missing has been said.
        return Ok(Exit::Bad);
    }
    let scenarios: Vec<Scenario> = files
        .into_iter()
        .map(|file| Scenario::read(file, pair))
        .collect();
    let order = Order {
        pair,
        options: search::options(&arguments.search, settings),
        jobs: search::jobs(arguments.jobs.jobs, settings),
        verbose: global.verbose,
        quiet: global.quiet,
    };
    let mut reporter: Box<dyn Reporter> = match arguments.format {
        DiffFormat::Human => {
            let style = style(global, arguments.output.is_some());
            Box::new(Human::new(pair, style, global.quiet))
        }
        DiffFormat::Json => Box::new(Json { pair }),
    };
    let mut output = Output::open(arguments.output.as_deref())?;
    let exit = diff::run(&scenarios, &order, reporter.as_mut(), &mut output)?;
    output.finish()?;
    Ok(if chosen.incomplete { Exit::Bad } else { exit })
}

/// The two profiles. Refuses one that the runtime does not implement, and one beside itself.
fn pair(arguments: &Diff) -> Result<Pair, Problem> {
    let Diff { old, new, .. } = *arguments;
    if let Some(profile) = [old, new].iter().find(|profile| !profile.is_modelled()) {
        let problem = Problem::new(format!("the profile {profile} is not modelled yet"));
        return Err(problem.help("the default build of every release is modelled"));
    }
    if old == new {
        let problem = Problem::new(format!("{old} is to be compared with itself"));
        return Err(
            problem.help("name two profiles, the one to leave first: `tstate diff 3.11 3.14`")
        );
    }
    Ok(Pair { old, new })
}
