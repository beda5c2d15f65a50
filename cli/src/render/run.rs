//! A run that shows an outcome: what it is, the table of its steps, and how to see it again.

use super::paint::{Paint, counted, escape, grouped};
use super::shell;
use super::trace::{self, Style};
use crate::files::ScenarioFile;
use tstate::sim::report::Trace;
use tstate::sim::verdict::Found;

/// What is told of a run.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// The scenario that it is a run of.
    pub file: &'a ScenarioFile,
    /// The outcome and its schedule.
    pub found: &'a Found,
    /// The run, step by step.
    pub trace: &'a Trace,
    /// The file that the schedule was saved in.
    pub saved: Option<&'a str>,
    /// ` found` where there may be a shorter one.
    pub so_far: &'a str,
}

/// The head line, the table, and the commands that replay and explain; ends with an empty line.
#[must_use]
pub fn render(told: &Told<'_>, style: Style) -> String {
    let Told { file, found, .. } = told;
    let name = escape(&file.name);
    let profile = found.schedule.profile;
    let head = format!("{name} under {profile}: {}", escape(&found.text));
    let cost = format!("{} (the shortest way{})", cost(found), told.so_far);
    let mut text = format!("{}, {cost}\n\n", Paint::Strong.on(&head));
    text += &trace::render(told.trace, style);
    let schedule = found.schedule.to_string();
    let schedule = shell::quote(told.saved.unwrap_or(&schedule));
    let path = shell::quote(&file.path);
    text += &format!("\n  Replay:  tstate replay {path} {schedule}\n");
    let outcome = shell::quote(&subject(&found.text));
    text += &format!("  Explain: tstate explain {outcome}\n\n");
    text
}

/// `41 steps, 2 switches`.
#[must_use]
pub fn cost(found: &Found) -> String {
    let steps = counted(found.steps.into(), "step");
    match found.switches {
        0 => steps,
        1 => format!("{steps}, 1 switch"),
        switches => format!("{steps}, {} switches", grouped(switches.into())),
    }
}

/// What `tstate explain` knows an outcome by: crashes by their cause, the others without their threads.
fn subject(outcome: &str) -> String {
    let word = outcome.split('(').next().unwrap_or("");
    let subject = if word == "crash" { outcome } else { word };
    subject.to_owned()
}
