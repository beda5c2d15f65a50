//! `tstate conform`: from the command line and the settings to runs on real libpythons.

use super::{paths, search};
use crate::arguments::{Conform, Format, Global};
use crate::check::plan::Scenario;
use crate::conform::counts::Counts;
use crate::conform::deviations::Deviations;
use crate::conform::drive::Runs;
use crate::conform::golden;
use crate::conform::list;
use crate::conform::pace::Paced;
use crate::conform::program::Driver;
use crate::conform::report::{self, Conformance, Human};
use crate::conform::run::{self, Plan, Results, Target};
use crate::conform::server::Servers;
use crate::exit::Exit;
use crate::libpython::{self, Known, Surroundings, Survey, Wanted};
use crate::output::{self, Output};
use crate::problem::{Problem, Stop};
use crate::render::trace::COLUMNS;
use crate::settings::Settings;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use tstate::runtime::profile::Profile;

/// Names libpythons, as `--libpython` does: paths with colons between them.
const VARIABLE: &str = "TSTATE_LIBPYTHON";

/// The file of known deviations, unless another is named.
const DEVIATIONS: &str = "conform/deviations.toml";

/// The file of counts to write, unless another is named.
const COUNTS: &str = "conform/driven.toml";

/// States that the model looks at for one answer.
const STATES_MAX: u64 = 400_000;

/// Runs the command.
pub(super) fn run(arguments: &Conform, global: &Global, settings: &Settings) -> Result<Exit, Stop> {
    let driver = Driver::find(arguments.driver.as_deref())?;
    let survey = survey(arguments, settings, &driver)?;
    let problems = survey.problems();
    for problem in &problems {
        output::remark(&problem.render());
    }
    let named_are_bad = !problems.is_empty();
    let exit = if arguments.list {
        write_list(arguments, &survey)?
    } else {
        drive(arguments, global, settings, &survey, &driver)?
    };
    Ok(if named_are_bad { Exit::Bad } else { exit })
}

fn drive(
    arguments: &Conform,
    global: &Global,
    settings: &Settings,
    survey: &Survey,
    driver: &Driver,
) -> Result<Exit, Stop> {
    let chosen = paths::choose(&arguments.paths, settings)?;
    let files = paths::filtered(chosen.files, arguments.filter.as_deref())?;
    if files.is_empty() {
        // What is missing has been said.
        return Ok(Exit::Bad);
    }
    let least = counts(arguments)?;
    let plan = Plan {
        scenarios: files.into_iter().map(Scenario::read).collect(),
        targets: Target::all(&survey.known),
        all_releases: arguments.all_releases,
        runs: Runs {
            schedules: arguments.schedules,
            only: arguments.guide.clone(),
            seeds: arguments.seeds,
            repeat: arguments.repeat,
            search: arguments.search,
            states: STATES_MAX,
            sampled: arguments.sampled,
        },
        deviations: deviations(arguments.deviations.as_deref())?,
    };
    let mut output = Output::open(arguments.output.as_deref())?;
    let servers = Servers {
        driver,
        targets: &plan.targets,
        sampled: arguments.sampled,
    };
    let jobs = search::jobs(arguments.jobs.jobs, settings);
    let paced = Paced::new(&servers);
    let results = run::run(&plan, jobs, &paced)?;
    if global.verbose {
        output::remark(&paced.told(|target| plan.targets[target].name.clone()));
    }
    let (fallen, free) = match &least {
        Some(least) => run::compare(&plan, &results, least),
        None => (Vec::new(), Vec::new()),
    };
    let all = Conformance {
        survey,
        plan: &plan,
        results: &results,
        fallen: &fallen,
        free: &free,
    };
    output.write(&text(arguments, global, &all))?;
    output.finish()?;
    if let Some(folder) = &arguments.record {
        golden::record(folder, &plan, &results)?;
    }
    if arguments.update_counts {
        update(arguments, &plan, &results)?;
    }
    Ok(if chosen.incomplete {
        Exit::Bad
    } else {
        all.exit()
    })
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
        survey
            .known
            .retain(|known| is_asked_for(known, &arguments.python));
        survey.without.clear();
    }
    Ok(survey)
}

/// Whether a libpython is of one of these releases. One that names no patch level stands for all.
pub(super) fn is_asked_for(known: &Known, python: &[Profile]) -> bool {
    let profile = known
        .identity
        .as_ref()
        .and_then(|identity| identity.profile());
    profile.is_some_and(|profile| {
        python.iter().any(|asked| {
            let same_patch = asked.patch().is_none() || asked.patch() == profile.patch();
            asked.minor() == profile.minor()
                && asked.is_free_threaded() == profile.is_free_threaded()
                && same_patch
        })
    })
}

fn deviations(named: Option<&Path>) -> Result<Deviations, Stop> {
    match named {
        Some(path) => Deviations::read(path),
        None if Path::new(DEVIATIONS).is_file() => Deviations::read(Path::new(DEVIATIONS)),
        None => Ok(Deviations::default()),
    }
}

/// The counts to hold libpythons to. A file that is about to be written need not be there.
fn counts(arguments: &Conform) -> Result<Option<Counts>, Stop> {
    match &arguments.at_least {
        Some(path) if arguments.update_counts && !path.exists() => Ok(None),
        Some(path) => Counts::read(path).map(Some),
        None => Ok(None),
    }
}

/// Writes what was driven; what the file says of libpythons that are not at hand stays.
fn update(arguments: &Conform, plan: &Plan, results: &Results) -> Result<(), Stop> {
    let path = arguments
        .at_least
        .clone()
        .unwrap_or_else(|| PathBuf::from(COUNTS));
    let mut counts = if path.exists() {
        Counts::read(&path)?
    } else {
        Counts::default()
    };
    counts.0.extend(run::counted(plan, results));
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        let cannot = |error| {
            Problem::new(format!("cannot make the folder `{}`", folder.display())).io(&error)
        };
        fs::create_dir_all(folder).map_err(cannot)?;
    }
    counts.write(&path)
}

fn text(arguments: &Conform, global: &Global, all: &Conformance<'_>) -> String {
    match arguments.format {
        Format::Human => {
            let how = Human {
                style: super::style(global, arguments.output.is_some()),
                verbose: global.verbose,
                quiet: global.quiet,
            };
            report::human(all, how)
        }
        Format::Json => report::json(all),
        Format::Junit => report::junit(all),
        Format::Github => report::github(all),
    }
}

fn write_list(arguments: &Conform, survey: &Survey) -> Result<Exit, Stop> {
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
    output.finish()?;
    Ok(Exit::Met)
}
