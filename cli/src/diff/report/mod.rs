//! Reports of a comparison, one file for each format. A reporter is told of each scenario, in order, and answers with text.

mod human;
mod json;

pub use human::Human;
pub use json::Json;

use super::compare::{Compared, Scenario, Shown};
use crate::record::DiffSummary;
use crate::render::paint::{counted, grouped};
use tstate::runtime::profile::Profile;
use tstate::sim::diagnostic::LineIndex;
use tstate::sim::driver::Site;
use tstate::sim::scenario::program::Program;
use tstate::sim::verdict::Outcome;

/// What came of a scenario.
#[derive(Clone, Copy, Debug)]
pub enum Result<'a> {
    /// It was explored under both profiles.
    Explored(&'a Compared),
    /// It cannot be: its reading says why.
    Unexplored,
}

/// A format.
pub trait Reporter {
    /// The text before everything else.
    fn begin(&mut self, scenarios: &[Scenario]) -> String;
    /// The text about a scenario.
    fn scenario(&mut self, scenario: &Scenario, result: Result<'_>) -> String;
    /// The text at the end.
    fn end(&mut self, summary: &DiffSummary) -> String;
}

/// `12 scenarios, 3.11 to 3.14: 9 same, 2 changed, 1 inconclusive; 48,213 states`.
#[must_use]
pub fn summary_line(old: Profile, new: Profile, summary: &DiffSummary) -> String {
    let always = [
        (summary.same, "same"),
        (summary.changed, "changed"),
        (summary.inconclusive, "inconclusive"),
    ];
    let rare = [
        (summary.lacking, "in one of them only"),
        (summary.neither, "in neither"),
        (summary.broken, "broken"),
    ];
    let rare = rare.iter().filter(|(number, _)| *number > 0);
    let parts: Vec<String> = always
        .iter()
        .chain(rare)
        .map(|(number, word)| format!("{} {word}", grouped(*number)))
        .collect();
    format!(
        "{}, {old} to {new}: {}; {}",
        counted(summary.scenarios, "scenario"),
        parts.join(", "),
        counted(summary.states, "state")
    )
}

/// The outcome in the scenario language's words. Assertions, which all have the same word, are told apart by their lines.
fn named(source: &str, program: &Program, shown: &Shown) -> String {
    let text = &shown.found.text;
    let (outcome, _) = shown.found.outcome.process();
    let Outcome::Assertion(Site::Statement(id) | Site::Name(id)) = outcome else {
        return text.clone();
    };
    let Some(info) = program.statements.get(usize::from(id.0)) else {
        return text.clone();
    };
    let (line, _) = LineIndex::new(source).line_column(source, info.span.start);
    format!("{text} in line {line}")
}
