//! Reports of a check, one file for each format. A reporter is told what happens, in order, and answers with text.

mod github;
mod human;
mod json;
mod junit;

pub use github::GitHub;
pub use human::Human;
pub use json::Json;
pub use junit::JUnit;

use super::plan::{Plan, Scenario};
use super::verdict::Checked;
use crate::record::Summary;

/// Something to report.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// What is wrong or odd about a scenario file.
    Findings(&'a Scenario),
    /// The scenario is not about any of the profiles that were asked for.
    Skipped(&'a Scenario),
    /// A verdict.
    Verdict(&'a Scenario, &'a Checked),
}

/// A format.
pub trait Reporter {
    /// The text before everything else.
    fn begin(&mut self, plan: &Plan) -> String;
    /// The text about an event.
    fn event(&mut self, event: &Event<'_>) -> String;
    /// The text at the end.
    fn end(&mut self, summary: &Summary) -> String;
}

/// `12 scenarios, 14 verdicts: 12 ok, 1 failed, 1 inconclusive; 48,213 states`.
///
/// Of walks, which are never `ok`: `12 scenarios, 14 walks: 1 failed, 13 inconclusive; 14,000 runs`.
#[must_use]
pub fn summary_line(summary: &Summary) -> String {
    use crate::render::paint::{counted, grouped};
    let (noun, size) = match summary.runs {
        None => ("verdict", counted(summary.states, "state")),
        Some(runs) => ("walk", counted(runs, "run")),
    };
    let mut line = format!(
        "{}, {}",
        counted(summary.scenarios, "scenario"),
        counted(summary.verdicts, noun)
    );
    let parts = [
        (summary.ok, "ok"),
        (summary.failed, "failed"),
        (summary.inconclusive, "inconclusive"),
    ];
    let parts: Vec<String> = parts[usize::from(summary.runs.is_some())..]
        .iter()
        .map(|(number, word)| format!("{} {word}", grouped(*number)))
        .collect();
    line += &format!(": {}", parts.join(", "));
    let rare = [(summary.broken, "broken"), (summary.skipped, "skipped")];
    for (number, word) in rare.iter().filter(|(number, _)| *number > 0) {
        line += &format!(", {} {word}", grouped(*number));
    }
    format!("{line}; {size}")
}
