//! `tstate export-c`: a run of the model as one C program that forces the same order on a real CPython.
//!
//! A thread of the program does the statements that the run executed, in order, as C calls. Where in the run another thread's
//! event comes next, the turn is passed on; a thread that was given the turn waits until all others are still, so that a
//! statement that blocks is really entered. A process around it watches for what comes of it.

mod call;
mod making;
mod page;
mod parts;
mod statement;
mod story;
mod value;
mod write;

use crate::engine;
use crate::render::trace::{self, Style};
use std::collections::BTreeSet;
use std::sync::Arc;
use story::Story;
use tstate::runtime::profile::Profile;
use tstate::sim::conform::{Forced, Ordered, forced, forcing, ordered};
use tstate::sim::diagnostic::{Code, Diagnostic, Span};
use tstate::sim::driver::Site;
use tstate::sim::report::Trace;
use tstate::sim::scenario::program::Program;
use tstate::sim::schedule::Schedule;
use tstate::sim::verdict::Outcome;
use write::{Adapter, Writer};

/// A C program.
#[derive(Debug)]
pub struct Exported {
    /// Its text.
    pub text: String,
    /// What it should show.
    pub outcome: String,
    /// Why the order of calls does not decide that, if it does not.
    pub not_forced: Option<String>,
}

/// What a run is told by.
#[derive(Debug)]
pub struct Told<'a> {
    /// The file's path, as the user knows it.
    pub path: &'a str,
    /// The scenario's text.
    pub source: &'a str,
    /// The scenario.
    pub program: &'a Arc<Program>,
    /// The run.
    pub schedule: &'a Schedule,
}

/// Why there is no program.
#[derive(Debug)]
pub enum ExportError {
    /// The schedule does not fit the scenario.
    Replay(engine::ReplayError),
    /// What cannot be written as C.
    Refused(Vec<Diagnostic>),
}

/// Writes the program of a run.
///
/// # Errors
///
/// What of the run cannot be written as C.
pub fn export(told: &Told<'_>) -> Result<Exported, ExportError> {
    let profile = told.schedule.profile;
    let given = ordered(told.program, profile, &told.schedule.choices);
    if matches!(given.outcome.process().0, Outcome::Leak) {
        let why = "a C program cannot see what finalization left";
        return Err(ExportError::Refused(vec![refusal(why)]));
    }
    let (schedule, run, not_forced) = chosen(told, given);
    let trace =
        engine::replay(told.source, told.program, &schedule).map_err(ExportError::Replay)?;
    let story = Story::of(told.program, &run);
    let head = head(told, &trace, profile, not_forced.as_deref());
    let (mut shared, mut adapters) = (BTreeSet::new(), BTreeSet::new());
    loop {
        let mut writer = Writer::new(told.program, profile, &story, shared.clone());
        writer.unbound = unbound(&run);
        writer.look_at_memory();
        writer.adapters_before.clone_from(&adapters);
        let text = writer.page(&head, &run);
        // A name turns out to be read by another body after it was written as this one's own.
        if writer.shared != shared || writer.adapters != adapters {
            (shared, adapters) = (writer.shared, writer.adapters);
            continue;
        }
        let mut refusals = writer.refusals;
        if let Outcome::Lost(body) | Outcome::Repeated(body) = run.outcome.process().0
            && !adapters.contains(&(*body, Adapter::Pending))
        {
            let why = "a C program counts pending calls, not the signals that a handler is for";
            refusals.push(refusal(why));
        }
        if refusals.is_empty() {
            return Ok(Exported {
                text,
                outcome: run.text,
                not_forced,
            });
        }
        return Err(ExportError::Refused(refusals));
    }
}

fn refusal(why: &str) -> Diagnostic {
    let text = format!("this cannot be exported as C: {why}");
    Diagnostic::error(Code::S404, text, Span::default(), "")
}

/// The run to show: the given one if the order of its calls decides its outcome, else another whose does; else the given one
/// and why it is not forced.
fn chosen(told: &Told<'_>, given: Ordered) -> (Schedule, Ordered, Option<String>) {
    let profile = told.schedule.profile;
    let others = match forced(told.program, profile, &given.events, &given.outcome) {
        Forced::Yes => return (told.schedule.clone(), given, None),
        Forced::No(others) => others,
    };
    if let Some((choices, run)) = forcing(told.program, profile, &given.outcome) {
        let schedule = Schedule {
            choices,
            ..told.schedule.clone()
        };
        return (schedule, run, None);
    }
    let why = format!(
        "this outcome needs an order inside calls: with the calls in this order the model comes to {}",
        others.join(", ")
    );
    (told.schedule.clone(), given, Some(why))
}

/// The statement at which the run ended because it reads a name that is not bound.
fn unbound(run: &Ordered) -> Option<tstate::sim::scenario::program::StatementId> {
    if let Outcome::Assertion(Site::Name(id)) = run.outcome.process().0 {
        Some(*id)
    } else {
        None
    }
}

/// The comment at the head of the file.
fn head(told: &Told<'_>, found: &Trace, profile: Profile, not_forced: Option<&str>) -> String {
    let program = told.program;
    let mut lines: Vec<String> = Vec::new();
    if let Some(scenario) = &program.scenario {
        lines.push(scenario.to_string());
        lines.push(String::new());
    }
    for line in program.documentation.lines() {
        lines.push(line.trim_end().to_owned());
    }
    lines.push(String::new());
    lines.push(format!(
        "{} under CPython {profile}: {}",
        told.path, found.outcome
    ));
    lines.push(String::new());
    if let Some(why) = not_forced {
        lines.push(format!("Not forced: {why}. It may show it all the same."));
        lines.push(String::new());
    }
    let style = Style {
        ascii: true,
        ..Style::default()
    };
    let table = trace::render(found, style);
    let plain = anstream::adapter::strip_str(&table).to_string();
    lines.extend(plain.lines().map(str::to_owned));
    lines.push(String::new());
    lines.push(
        "    cc FILE.c -o FILE $(python3-config --cflags --embed --ldflags) -pthread && ./FILE"
            .to_owned(),
    );
    lines.push(String::new());
    lines.push(
        "Linux. Its last lines say what was expected and what was seen; it exits with 0 if they agree."
            .to_owned(),
    );
    let mut text = String::from("/*\n");
    for line in lines {
        let line = line.replace("*/", "* /");
        let line = line.trim_end();
        if line.is_empty() {
            text.push_str(" *\n");
        } else {
            text.push_str(&format!(" * {line}\n"));
        }
    }
    text.push_str(" */\n");
    text
}
