//! `tstate replay`: one run of a scenario, step by step.

use super::on;
use crate::arguments::{Global, Replay};
use crate::check::schedule_in;
use crate::engine;
use crate::exit::Exit;
use crate::files;
use crate::output::Output;
use crate::problem::{Problem, Stop};
use crate::render::findings;
use crate::render::paint::{Paint, escape};
use crate::render::trace;
use std::path::Path;
use std::sync::Arc;
use tstate::sim::scenario::program::Program;
use tstate::sim::schedule::{Schedule, ScheduleError};

/// Runs the command.
pub(super) fn run(arguments: &Replay, global: &Global) -> Result<Exit, Stop> {
    if let Some(library) = &arguments.on {
        return on::run_again(arguments, library, global);
    }
    let path = files::shown(&arguments.file);
    let source = files::read(&arguments.file)?;
    let schedule = schedule(&arguments.schedule)?;
    let program = load(&path, &source)?;
    same_text(&path, &source, &schedule)?;
    let refusals = engine::unmodelled(&program, schedule.profile);
    if !refusals.is_empty() {
        return Err(Stop::Rendered(findings::render(&path, &source, &refusals)));
    }
    let trace = engine::replay(&source, &program, &schedule).map_err(|error| {
        let problem =
            Problem::new("this schedule does not fit the scenario").because(error.to_string());
        problem.help(format!("run `tstate check {path}` for schedules that do"))
    })?;
    let style = super::style(global, false);
    let head = format!("{path} under {}: {}", schedule.profile, trace.outcome);
    let mut output = Output::open(None)?;
    output.write(&format!(
        "{}\n\n{}",
        Paint::Strong.on(&escape(&head)),
        trace::render(&trace, style)
    ))?;
    output.finish()?;
    Ok(Exit::Met)
}

/// The scenario, or everything that is wrong with its text.
pub(super) fn load(path: &str, source: &str) -> Result<Arc<Program>, Stop> {
    engine::load(source).map_err(|errors| Stop::Rendered(findings::render(path, source, &errors)))
}

/// The schedule itself, or the one in the file of that name.
pub(super) fn schedule(text: &str) -> Result<Schedule, Problem> {
    let (text, place) = if Path::new(text).is_file() {
        (
            schedule_in(&files::read(Path::new(text))?),
            files::shown(Path::new(text)),
        )
    } else {
        (text.trim().to_owned(), text.to_owned())
    };
    if text.starts_with(crate::onlib::schedule::VERSION) {
        let problem = Problem::new("this is a schedule of a run on a libpython").at(place);
        return Err(problem.help("name the library with --on"));
    }
    text.parse().map_err(|error: ScheduleError| {
        let looks_like_a_file = Path::new(&place)
            .extension()
            .is_some_and(|extension| extension == "schedule");
        if looks_like_a_file && text == place {
            return Problem::new(format!("cannot read `{place}`")).because("there is no such file");
        }
        let problem = Problem::new(error.to_string()).at(place);
        problem
            .help("a schedule looks like `1/3.14/8f3a61c2/0x3,1x12,0t`; `tstate check` prints them")
    })
}

/// A schedule of another text would tell a run that nobody meant.
pub(super) fn same_text(path: &str, source: &str, schedule: &Schedule) -> Result<(), Problem> {
    let digest = engine::digest_of(source);
    if digest == schedule.scenario {
        return Ok(());
    }
    Err(of_another_text(path, schedule.scenario, digest))
}

/// The schedule is of a text with one digest, and the file's text has the other.
pub(super) fn of_another_text(path: &str, schedule: u32, file: u32) -> Problem {
    let cause =
        format!("it was made for a text with digest {schedule:08x}, and `{path}` has {file:08x}");
    Problem::new("this schedule is not of this file, or the file was edited since")
        .because(cause)
        .help(format!(
            "run `tstate check {path}` again, or restore the file"
        ))
}
