//! `tstate conform`: from the command line and the settings to runs on real libpythons.

use crate::arguments::{Conform, Format, Global};
use crate::conform::list;
use crate::conform::program::Driver;
use crate::exit::Exit;
use crate::libpython::{self, Surroundings, Survey, Wanted};
use crate::output::{self, Output};
use crate::problem::{Problem, Stop};
use crate::render::trace::COLUMNS;
use crate::settings::Settings;
use std::env;

/// Names libpythons, as `--libpython` does: paths with colons between them.
const VARIABLE: &str = "TSTATE_LIBPYTHON";

/// Runs the command.
pub(super) fn run(arguments: &Conform, global: &Global, settings: &Settings) -> Result<Exit, Stop> {
    let driver = Driver::find(arguments.driver.as_deref())?;
    let survey = survey(arguments, settings, &driver)?;
    let problems = survey.problems();
    for problem in &problems {
        output::remark(&problem.render());
    }
    if arguments.list {
        write_list(arguments, global, &survey)?;
        return Ok(if problems.is_empty() {
            Exit::Met
        } else {
            Exit::Bad
        });
    }
    Ok(Exit::Bad)
}

fn survey(arguments: &Conform, settings: &Settings, driver: &Driver) -> Result<Survey, Stop> {
    let variable = env::var_os(VARIABLE).unwrap_or_default();
    let variable = env::split_paths(&variable).filter(|path| !path.as_os_str().is_empty());
    let wanted = Wanted {
        flags: arguments.libpython.clone(),
        variable: variable.collect(),
        settings: settings.libpythons.clone(),
    };
    let mut survey = libpython::survey(&wanted, &Surroundings::here(), driver)
        .map_err(|problems| Stop::Rendered(problems.iter().map(Problem::render).collect()))?;
    if !arguments.python.is_empty() {
        survey.known.retain(|known| {
            let profile = known
                .identity
                .as_ref()
                .and_then(|identity| identity.profile());
            profile.is_some_and(|profile| {
                arguments.python.iter().any(|asked| {
                    let same_patch = asked.patch().is_none() || asked.patch() == profile.patch();
                    asked.minor() == profile.minor()
                        && asked.is_free_threaded() == profile.is_free_threaded()
                        && same_patch
                })
            })
        });
        survey.without.clear();
    }
    Ok(survey)
}

fn write_list(arguments: &Conform, _global: &Global, survey: &Survey) -> Result<(), Stop> {
    let text = match arguments.format {
        Format::Json => list::json(survey),
        Format::Human => list::human(survey, output::columns().unwrap_or(COLUMNS)),
        Format::Junit | Format::Github => {
            let problem = Problem::new("a list has no such format").at("--format");
            return Err(problem
                .help("`--list` is written as `human` or `json`")
                .into());
        }
    };
    let mut output = Output::open(arguments.output.as_deref())?;
    output.write(&text)?;
    output.finish()
}
