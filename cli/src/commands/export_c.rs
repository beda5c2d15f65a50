//! `tstate export-c`: a counterexample as one C file.

use super::replay;
use crate::arguments::ExportC;
use crate::engine::{self, CheckOptions};
use crate::exit::Exit;
use crate::export::{self, ExportError, Told};
use crate::files;
use crate::output::{self, Output};
use crate::problem::{Problem, Stop};
use crate::render::findings;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tstate::runtime::profile::Profile;
use tstate::sim::scenario::program::Program;
use tstate::sim::schedule::Schedule;
use tstate::sim::verdict::{Found, Outcome};

/// Runs the command.
pub(super) fn run(arguments: &ExportC) -> Result<Exit, Stop> {
    let (file, schedule) = named(arguments)?;
    let path = files::shown(&file);
    let source = files::read(&file)?;
    let program = replay::load(&path, &source)?;
    let schedule = match schedule {
        Some(schedule) => {
            let schedule = replay::schedule(&schedule)?;
            replay::same_text(&path, &source, &schedule)?;
            schedule
        }
        None => shortest(arguments, &path, &source, &program)?,
    };
    let refusals = engine::unmodelled(&program, schedule.profile);
    if !refusals.is_empty() {
        return Err(Stop::Rendered(findings::render(&path, &source, &refusals)));
    }
    let told = Told {
        path: &path,
        source: &source,
        program: &program,
        schedule: &schedule,
    };
    let exported = export::export(&told).map_err(|error| match error {
        ExportError::Replay(error) => Stop::from(
            Problem::new("this schedule does not fit the scenario").because(error.to_string()),
        ),
        ExportError::Refused(refusals) => {
            Stop::Rendered(findings::render(&path, &source, &refusals))
        }
    })?;
    let mut output = Output::open(arguments.output.as_deref())?;
    output.write(&exported.text)?;
    output.finish()?;
    if let Some(why) = &exported.not_forced {
        output::remark(&format!("not forced: {why}\n"));
    }
    Ok(Exit::Met)
}

/// The scenario's file and the schedule that the command line names, if it names one.
fn named(arguments: &ExportC) -> Result<(PathBuf, Option<String>), Stop> {
    if arguments.schedule.is_some() {
        return Ok((arguments.file.clone(), arguments.schedule.clone()));
    }
    if arguments.outcome.is_some() || arguments.python.is_some() {
        return Ok((arguments.file.clone(), None));
    }
    let text = files::read(&arguments.file)?;
    match saved_for(&text) {
        Some(file) => {
            let schedule = arguments.file.to_string_lossy().into_owned();
            Ok((PathBuf::from(file), Some(schedule)))
        }
        None => Ok((arguments.file.clone(), None)),
    }
}

/// The scenario that a saved counterexample is of: `# FILE under PROFILE: OUTCOME` in its first line.
fn saved_for(text: &str) -> Option<&str> {
    let (file, _) = text
        .lines()
        .next()?
        .strip_prefix("# ")?
        .split_once(" under ")?;
    Path::new(file)
        .extension()
        .is_some_and(|extension| extension == "capi")
        .then_some(file)
}

/// The shortest run to the outcome that is asked for.
fn shortest(
    arguments: &ExportC,
    path: &str,
    source: &str,
    program: &Arc<Program>,
) -> Result<Schedule, Stop> {
    let profiles: Vec<Profile> = match arguments.python {
        Some(profile) => vec![profile],
        None => program.profiles.iter().rev().copied().collect(),
    };
    if let Some(asked) = arguments.python
        && !program
            .profiles
            .iter()
            .any(|named| named.minor() == asked.minor())
    {
        return Err(Problem::new(format!("the scenario does not name {asked}"))
            .at(path)
            .because("its calls may not exist there".to_owned())
            .into());
    }
    let mut known = Vec::new();
    for profile in profiles {
        if !engine::unmodelled(program, profile).is_empty() {
            continue;
        }
        let options = CheckOptions::default();
        let verdict = engine::check(source, program, profile, &options, &mut |_| true);
        let wanted = |found: &&Found| match &arguments.outcome {
            Some(outcome) => found.text == *outcome,
            None => found.outcome != Outcome::Ok,
        };
        if let Some(found) = verdict.outcomes.iter().rev().find(wanted) {
            return Ok(found.schedule.clone());
        }
        let found = verdict.outcomes.iter().map(|found| found.text.clone());
        known.push(format!(
            "{profile}: {}",
            found.collect::<Vec<_>>().join(", ")
        ));
    }
    let wanted = arguments.outcome.as_deref().unwrap_or("a bad outcome");
    Err(Problem::new(format!("no run ends in {wanted}"))
        .at(path)
        .because(format!("the outcomes are {}", known.join("; ")))
        .into())
}
