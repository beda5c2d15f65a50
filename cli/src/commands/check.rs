//! `tstate check`: from the command line and the settings to a plan, and its run.

use super::{on, paths, plan, search, style};
use crate::arguments::{Check, Format, Global};
use crate::check::report::{GitHub, Human, JUnit, Json, Reporter};
use crate::check::verdict::How;
use crate::check::{self, Order};
use crate::exit::Exit;
use crate::output::Output;
use crate::problem::Stop;
use crate::settings::Settings;

/// Runs the command.
pub(super) fn run(arguments: &Check, global: &Global, settings: &Settings) -> Result<Exit, Stop> {
    if !arguments.on.on.is_empty() {
        return on::check(arguments, global, settings);
    }
    let python = plan::profiles(&arguments.python, settings)?;
    let chosen = paths::choose(&arguments.paths, settings)?;
    let files = paths::filtered(chosen.files, arguments.filter.as_deref())?;
    if files.is_empty() {
        // What is missing has been said.
        return Ok(Exit::Bad);
    }
    let plan = plan::make(files, python)?;
    let mut output = Output::open(arguments.output.as_deref())?;
    let order = order(arguments, global, settings);
    let mut reporter = reporter(arguments, global, order.allow_incomplete);
    let exit = check::run(&plan, &order, reporter.as_mut(), &mut output)?;
    output.finish()?;
    Ok(if chosen.incomplete { Exit::Bad } else { exit })
}

fn order<'a>(arguments: &'a Check, global: &Global, settings: &Settings) -> Order<'a> {
    Order {
        how: How::Explore(search::options(&arguments.search, settings)),
        jobs: search::jobs(arguments.jobs.jobs, settings),
        allow_incomplete: arguments.allow_incomplete || settings.allow_incomplete,
        save: arguments.save.as_deref(),
        verbose: global.verbose,
        quiet: global.quiet,
    }
}

fn reporter(arguments: &Check, global: &Global, allow_incomplete: bool) -> Box<dyn Reporter> {
    let fixed = style(global, true);
    match arguments.format {
        Format::Human => {
            let style = style(global, arguments.output.is_some());
            Box::new(Human::new(style, global.verbose, global.quiet))
        }
        Format::Json => Box::new(Json),
        Format::Junit => Box::new(JUnit::new(fixed, allow_incomplete)),
        Format::Github => Box::new(GitHub::new(fixed)),
    }
}
