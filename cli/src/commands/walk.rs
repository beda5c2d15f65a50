//! `tstate walk`: takes runs of scenarios at random, and judges what it meets.

use super::{paths, plan, search, style};
use crate::arguments::{Global, Walk, WalkFormat};
use crate::check::report::{Human, Json, Reporter};
use crate::check::verdict::How;
use crate::check::{self, Order};
use crate::engine::WalkOptions;
use crate::exit::Exit;
use crate::output::Output;
use crate::problem::Stop;
use crate::settings::Settings;

/// Runs the command.
pub(super) fn run(arguments: &Walk, global: &Global, settings: &Settings) -> Result<Exit, Stop> {
    let python = plan::profiles(&arguments.python, settings)?;
    let chosen = paths::choose(&arguments.paths, settings)?;
    if chosen.files.is_empty() {
        // What is missing has been said.
        return Ok(Exit::Bad);
    }
    let plan = plan::make(chosen.files, python)?;
    let order = Order {
        how: How::Walk(WalkOptions {
            seed: arguments.seed,
            runs: arguments.runs,
            steps_max: usize::try_from(arguments.max_steps).unwrap_or(usize::MAX),
        }),
        jobs: search::jobs(None, settings),
        allow_incomplete: false,
        save: None,
        verbose: global.verbose,
        quiet: global.quiet,
    };
    let mut reporter: Box<dyn Reporter> = match arguments.format {
        WalkFormat::Human => {
            let style = style(global, false);
            Box::new(Human::new(style, global.verbose, global.quiet))
        }
        WalkFormat::Json => Box::new(Json),
    };
    let mut output = Output::open(None)?;
    let exit = check::run(&plan, &order, reporter.as_mut(), &mut output)?;
    output.finish()?;
    Ok(if chosen.incomplete { Exit::Bad } else { exit })
}
