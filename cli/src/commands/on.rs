//! `tstate check --on` and `tstate replay --on`: from the command line to searches on real libpythons.

use super::conform::is_asked_for;
use super::{paths, replay, search, style};
use crate::arguments::{Check, Format, Global, Replay};
use crate::check::plan::Scenario;
use crate::conform::program::Driver;
use crate::conform::run::Target;
use crate::engine;
use crate::exit::Exit;
use crate::files;
use crate::libpython::{self, Surroundings, Wanted};
use crate::onlib::hunt::{Met, again};
use crate::onlib::library::Served;
use crate::onlib::report::{self, Human, Searched};
use crate::onlib::run::{self, Plan};
use crate::onlib::schedule::{ParseScheduleError, Schedule};
use crate::onlib::search::{Kind, Options};
use crate::output::Output;
use crate::problem::{Problem, Stop};
use crate::settings::Settings;
use std::path::{Path, PathBuf};
use tstate::runtime::profile::Profile;
use tstate_driver::{Inline, Mode};

/// Runs `tstate check --on`.
pub(super) fn check(arguments: &Check, global: &Global, settings: &Settings) -> Result<Exit, Stop> {
    refuse_others(arguments)?;
    refuse_inline(arguments.on.inline)?;
    let on = &arguments.on;
    let driver = Driver::find(on.driver.as_deref())?;
    let targets = targets(&on.on, &arguments.python, &driver)?;
    let chosen = paths::choose(&arguments.paths, settings)?;
    let files = paths::filtered(chosen.files, arguments.filter.as_deref())?;
    if files.is_empty() {
        // What is missing has been said.
        return Ok(Exit::Bad);
    }
    let plan = Plan {
        scenarios: files.into_iter().map(Scenario::read).collect(),
        targets,
        options: Options {
            kind: on.search,
            runs: on.runs,
            seed: on.seed,
            depth: on.depth,
            preemptions: arguments.search.preemptions,
        },
        asks_model: on.model,
        all_releases: on.all_releases,
        mode: Mode {
            fenced: !on.no_fence,
            inline: on.inline,
            ..Mode::default()
        },
    };
    let mut output = Output::open(arguments.output.as_deref())?;
    let jobs = search::jobs(arguments.jobs.jobs, settings);
    let pairs = run::run(&plan, jobs, &driver)?;
    let all = Searched {
        plan: &plan,
        pairs: &pairs,
    };
    let text = match arguments.format {
        Format::Json => report::json(&all),
        Format::Human | Format::Junit | Format::Github => {
            let how = Human {
                style: style(global, arguments.output.is_some()),
                verbose: global.verbose,
                quiet: global.quiet,
            };
            report::human(&all, how)
        }
    };
    output.write(&text)?;
    output.finish()?;
    Ok(if chosen.incomplete {
        Exit::Bad
    } else {
        all.exit()
    })
}

/// Points inside the library's code need to know the processor's instructions.
fn refuse_inline(asked: Option<Inline>) -> Result<(), Problem> {
    if asked.is_some() && cfg!(not(target_arch = "x86_64")) {
        let problem = Problem::new("what a library does inline cannot be a point of a run here");
        return Err(problem.because("instructions are known on x86-64 only"));
    }
    Ok(())
}

/// What only the model's search knows.
fn refuse_others(arguments: &Check) -> Result<(), Problem> {
    let limits = &arguments.search;
    let given = [
        (limits.full, "--full"),
        (limits.timeouts.is_some(), "--timeouts"),
        (limits.max_states.is_some(), "--max-states"),
        (arguments.save.is_some(), "--save"),
        (arguments.allow_incomplete, "--allow-incomplete"),
    ];
    if let Some((_, name)) = given.iter().find(|(is_given, _)| *is_given) {
        let problem = Problem::new(format!("`{name}` does not go with `--on`"));
        return Err(problem.because("it is about the model, and a libpython is searched"));
    }
    if matches!(arguments.format, Format::Junit | Format::Github) {
        let problem = Problem::new("a search of a libpython has no such format").at("--format");
        return Err(problem.help("it is written as `human` or `json`"));
    }
    if arguments.on.search == Kind::Stress {
        let given = [
            (arguments.search.preemptions.is_some(), "--preemptions"),
            (arguments.on.inline.is_some(), "--inline"),
        ];
        if let Some((_, name)) = given.iter().find(|(is_given, _)| *is_given) {
            let problem = Problem::new(format!("`{name}` does not go with `--search stress`"));
            return Err(problem.because("nobody decides who goes on"));
        }
    }
    Ok(())
}

/// The libpythons at these paths, or all that are found if one of them is `all`; only those of these releases, if any are
/// named.
fn targets(paths: &[PathBuf], python: &[Profile], driver: &Driver) -> Result<Vec<Target>, Stop> {
    let is_all = paths.iter().any(|path| path == Path::new("all"));
    let wanted = Wanted {
        flags: if is_all { Vec::new() } else { paths.to_vec() },
        variable: Vec::new(),
        settings: Vec::new(),
    };
    let mut survey = libpython::survey(&wanted, &Surroundings::here(), driver)
        .map_err(|problems| Stop::Rendered(problems.iter().map(Problem::render).collect()))?;
    let problems = survey.problems();
    if !problems.is_empty() {
        return Err(Stop::Rendered(
            problems.iter().map(Problem::render).collect(),
        ));
    }
    if !python.is_empty() {
        survey.known.retain(|known| is_asked_for(known, python));
    }
    let targets = Target::all(&survey.known);
    if targets.is_empty() {
        let problem = Problem::new("there is no libpython that can be driven");
        return Err(problem
            .help("`tstate conform --list` tells which there are, and why not")
            .into());
    }
    Ok(targets)
}

/// Runs `tstate replay --on`.
pub(super) fn run_again(arguments: &Replay, path: &Path, global: &Global) -> Result<Exit, Stop> {
    let driver = Driver::find(arguments.driver.as_deref())?;
    let file = files::shown(&arguments.file);
    let source = files::read(&arguments.file)?;
    let schedule = schedule(&arguments.schedule)?;
    refuse_inline(schedule.inline)?;
    let program = replay::load(&file, &source)?;
    let digest = engine::digest_of(&source);
    if digest != schedule.scenario {
        return Err(replay::of_another_text(&file, schedule.scenario, digest).into());
    }
    let targets = targets(&[path.to_path_buf()], &[], &driver)?;
    let target = &targets[0];
    if target.profile != schedule.profile {
        let problem = Problem::new("this schedule was made on another libpython").because(format!(
            "it is of a {}, and `{}` is a {}",
            schedule.profile,
            path.display(),
            target.profile
        ));
        return Err(problem
            .help("a schedule is kept to by exactly the library that made it")
            .into());
    }
    let mode = Mode {
        fenced: !arguments.no_fence,
        inline: schedule.inline,
        ..Mode::default()
    };
    let mut library = Served::new(&driver, target, &source, mode);
    let ran = again(&schedule, &mut library).map_err(|reason| {
        Problem::new("the schedule could not be run")
            .at(&file)
            .because(reason)
    })?;
    if ran.planned.unkept > 0 {
        let problem = Problem::new("this schedule does not fit the library").because(format!(
            "{} of its {} departures were not possible where they are to be",
            ran.planned.unkept,
            schedule.departures.0.len()
        ));
        return Err(problem
            .help(format!(
                "run `tstate check --on {} {file}` for schedules that do",
                path.display()
            ))
            .into());
    }
    let outcome = ran.sight.outcome(target.profile);
    let met = Met {
        text: tstate::sim::outside::text(&program, &outcome),
        outcome,
        runs: 1,
        first: 1,
        by: Kind::Mix,
        departures: ran.planned.departures.0.len() as u64,
        schedule: Some(schedule),
        ran,
        unstable: false,
        modelled: None,
    };
    let scenario = Scenario::read(files::ScenarioFile {
        path: file.clone(),
        name: file,
        source,
    });
    let mut output = Output::open(None)?;
    output.write(&report::run(&scenario, target, &met, style(global, false)))?;
    output.finish()?;
    Ok(Exit::Met)
}

fn schedule(text: &str) -> Result<Schedule, Problem> {
    text.trim().parse().map_err(|error: ParseScheduleError| {
        let problem = Problem::new(error.to_string()).at(text);
        problem.help(
            "one looks like `on1/3.12.1/8f3a61c2/0.12=1,0.13=1t`; `tstate check --on` prints them",
        )
    })
}
