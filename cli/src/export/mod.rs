//! `tstate export-c`: a run of the model as one C program that forces the same order on a real CPython.
//!
//! A thread of the program does the statements that the run executed, in order, as C calls. Where in the run another thread's
//! event comes next, the turn is passed on; a thread that was given the turn waits until all others are still, so that a
//! statement that blocks is really entered. A process around it watches for what comes of it.

mod call;
mod guard;
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
use tstate::runtime::levels::{Levels, are_all, joined, levels_of};
use tstate::runtime::profile::Profile;
use tstate::sim::conform::{Forced, Ordered, forced, forcing, ordered};
use tstate::sim::diagnostic::{Code, Diagnostic, Span};
use tstate::sim::driver::Site;
use tstate::sim::report::Trace;
use tstate::sim::scenario::program::{BodyKind, Program};
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
        let bodies = &told.program.bodies;
        let why = if matches!(given.outcome, Outcome::Child(_)) {
            Some("what a child leaves is not seen")
        } else if bodies
            .iter()
            .any(|body| matches!(body.kind, BodyKind::Python | BodyKind::Daemon))
        {
            Some("whether the state of a thread of Python's is given back is not seen")
        } else {
            None
        };
        if let Some(why) = why {
            return Err(ExportError::Refused(vec![refusal(why)]));
        }
    }
    let (schedule, run, certainty) = chosen(told, given);
    let levels = levels_with(told.program, profile, &run, &certainty);
    let trace =
        engine::replay(told.source, told.program, &schedule).map_err(ExportError::Replay)?;
    let story = Story::of(told.program, &run);
    let head = head(told, &trace, &certainty, &levels);
    let (mut shared, mut adapters, mut needs) = Default::default();
    loop {
        let mut writer = Writer::new(told.program, profile, &story, BTreeSet::clone(&shared));
        writer.levels.clone_from(&levels);
        writer.unbound = unbound(&run);
        writer.leaks = run.outcome == Outcome::Leak;
        writer.look_at_memory();
        writer.adapters_before.clone_from(&adapters);
        writer.needs_before.clone_from(&needs);
        let text = writer.page(&head, &run);
        // A name turns out to be read by another body after it was written as this one's own.
        if writer.shared != shared || writer.adapters != adapters || writer.needs != needs {
            (shared, adapters, needs) = (writer.shared, writer.adapters, writer.needs);
            continue;
        }
        let mut refusals = writer.refusals;
        if let Outcome::Assertion(Site::Claim(_)) = run.outcome.process().0 {
            let why = "a C program does not see whether a claim about states holds";
            refusals.push(refusal(why));
        }
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
                not_forced: match &certainty {
                    Forced::No(others) => Some(why_not(others)),
                    Forced::Yes | Forced::Sampled(_) => None,
                },
            });
        }
        return Err(ExportError::Refused(refusals));
    }
}

fn refusal(why: &str) -> Diagnostic {
    let text = format!("this cannot be exported as C: {why}");
    Diagnostic::error(Code::S404, text, Span::default(), "")
}

/// Why there is no order of calls that decides an outcome.
fn why_not(others: &[String]) -> String {
    let others = others.join(", ");
    format!(
        "this outcome needs an order inside calls: with the calls in this order the model comes to {others}"
    )
}

/// The run to show: the given one if the order of its calls decides its outcome, else another whose does; else the given one.
/// And what its order decides.
fn chosen(told: &Told<'_>, given: Ordered) -> (Schedule, Ordered, Forced) {
    let profile = told.schedule.profile;
    let certainty = forced(told.program, profile, &given.events, &given.outcome);
    if certainty.is_forced() {
        return (told.schedule.clone(), given, certainty);
    }
    if let Some((choices, run, certainty)) = forcing(told.program, profile, &given.outcome) {
        let schedule = Schedule {
            choices,
            ..told.schedule.clone()
        };
        return (schedule, run, certainty);
    }
    (told.schedule.clone(), given, certainty)
}

/// The patch levels of the release in which the order decides the same; of a run that is not forced, those that do as its own.
fn levels_with(
    program: &Arc<Program>,
    profile: Profile,
    run: &Ordered,
    certainty: &Forced,
) -> Vec<Levels> {
    let mut levels = levels_of(profile);
    levels.retain(|levels| {
        let alike = || forced(program, levels.release(), &run.events, &run.outcome).is_forced();
        levels.contains(profile) || (certainty.is_forced() && alike())
    });
    joined(&levels)
}

/// Ranges of patch levels in words.
fn levels_text(levels: &[Levels]) -> String {
    let texts: Vec<String> = levels.iter().map(ToString::to_string).collect();
    texts.join(", ")
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
fn head(told: &Told<'_>, found: &Trace, certainty: &Forced, levels: &[Levels]) -> String {
    let (program, profile) = (told.program, told.schedule.profile);
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
    lines.push(match certainty {
        Forced::Yes => "Forced: every run of the model with the calls in this order ends so.".to_owned(),
        Forced::Sampled(runs) => format!(
            "Forced, as far as seen: {runs} runs of the model with the calls in this order, drawn at random, end so."
        ),
        Forced::No(others) => format!("Not forced: {}. It may show it all the same.", why_not(others)),
    });
    if !are_all(levels) {
        let texts = levels_text(levels);
        lines.push(if certainty.is_forced() {
            format!(
                "So in {texts}; on other patch levels of the release these calls end otherwise."
            )
        } else {
            format!("On {texts}: of other patch levels of the release the model was not asked.")
        });
    }
    lines.push(String::new());
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
