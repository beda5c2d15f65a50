//! What `--format json` writes: one object a line, each with its type and the number of the schema.
//!
//! The schema is `cli/schema/check-1.json`; a test keeps it equal to these types. A field may be added under the same
//! number; one that changes its meaning or goes away needs a new one.

use crate::files::ScenarioFile;
use schemars::JsonSchema;
use serde::Serialize;
use tstate::sim::diagnostic::{Diagnostic, LineIndex, Severity, Span};
use tstate::sim::report::{Mark, Row, Trace};
use tstate::sim::verdict::Found;

/// The number of the schema.
pub const SCHEMA: u32 = 1;

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "Line")]
pub struct Line<R = Record> {
    /// The number of the schema.
    pub schema: u32,
    /// What the line says.
    #[serde(flatten)]
    pub record: R,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Record {
    /// The first line of a check, a walk or a comparison of profiles.
    Run(Run),
    /// A finding about the text of a scenario file.
    Diagnostic(Finding),
    /// The verdict on one scenario under one profile.
    Scenario(Scenario),
    /// What a random walk through one scenario under one profile met.
    Walk(Walk),
    /// The shortest run that shows a failure, or an outcome that is lost or gained.
    Counterexample(Counterexample),
    /// What changes of one scenario between two profiles.
    Diff(Diff),
    /// The last line of a check or a walk.
    Summary(Summary),
    /// The last line of a comparison of profiles.
    DiffSummary(DiffSummary),
}

/// What is going to be checked.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Run {
    /// The program's version.
    pub version: String,
    /// The engine's version, which schedules carry.
    pub engine: u32,
    /// Scenario files.
    pub scenarios: u64,
    /// Verdicts to come: one for each scenario and profile.
    pub verdicts: u64,
}

/// A finding about a scenario file.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Finding {
    /// The file, as it was named.
    pub file: String,
    /// A code that `tstate explain` knows.
    pub code: String,
    /// `error` or `warning`.
    pub severity: Weight,
    /// What is wrong.
    pub message: String,
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// A remark about the place; may be empty.
    pub label: String,
    /// Other places that matter.
    pub related: Vec<Related>,
    /// What to do about it.
    pub help: Vec<Advice>,
    /// Background.
    pub notes: Vec<String>,
}

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// The scenario cannot be explored.
    Error,
    /// The scenario can be explored.
    Warning,
}

/// A range of a file. Lines and columns count from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Place {
    /// The line of the first character.
    pub line: u32,
    /// The column of the first character.
    pub column: u32,
    /// The line on which it ends.
    pub end_line: u32,
    /// The column after the last character.
    pub end_column: u32,
}

/// Another place that matters.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Related {
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// A remark about it.
    pub label: String,
}

/// Advice.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Advice {
    /// What to do.
    pub message: String,
    /// Where to put the text instead of what stands there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// The text to put there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replacement: Option<String>,
}

/// A verdict.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Scenario {
    /// What reports call the scenario.
    pub name: String,
    /// The file, as it was named.
    pub file: String,
    /// The line that tells the story.
    pub title: Option<String>,
    /// The profile, such as `3.14`; `None` if the file is broken for all of them.
    pub profile: Option<String>,
    /// What came of it.
    pub status: Word,
    /// States of the graph.
    pub states: u64,
    /// Transitions of the graph.
    pub transitions: u64,
    /// The bounds that cut the search; empty if it was complete.
    pub bounds: Vec<String>,
    /// The outcomes found, best first.
    pub outcomes: Vec<Outcome>,
    /// The claims that failed or could not be decided.
    pub failures: Vec<Failure>,
}

/// What a random walk met. It is never `ok`: what it did not meet may still be there.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Walk {
    /// What reports call the scenario.
    pub name: String,
    /// The file, as it was named.
    pub file: String,
    /// The line that tells the story.
    pub title: Option<String>,
    /// The profile, such as `3.14`.
    pub profile: String,
    /// `failed` or `inconclusive`.
    pub status: Word,
    /// What chose the runs.
    pub seed: u64,
    /// How many runs there were.
    pub runs: u64,
    /// How many of them were given up, as they had too many steps.
    pub given_up: u64,
    /// Steps of all runs.
    pub steps: u64,
    /// The outcomes met, best first.
    pub outcomes: Vec<Outcome>,
    /// The claims that failed.
    pub failures: Vec<Failure>,
}

/// What came of a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// Every claim holds, and the search was complete.
    Ok,
    /// A claim failed.
    Failed,
    /// A bound left something undecided.
    Inconclusive,
    /// The file has errors, or its profile is not modelled.
    Broken,
    /// The scenario is not about the profile that was asked for.
    Skipped,
}

/// An outcome.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Outcome {
    /// In the scenario language's words.
    pub outcome: String,
    /// Steps of the shortest run found that ends so.
    pub steps: u32,
    /// How often in that run another thread takes the turn.
    pub switches: u32,
    /// End states with this outcome; of a walk, runs.
    pub ends: u64,
    /// The run, for `tstate replay`.
    pub schedule: String,
}

/// A claim that failed.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Failure {
    /// A code that `tstate explain` knows.
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// The claim.
    #[serde(flatten)]
    pub place: Place,
    /// Whether the claim is not decided: a bound cut the search, or a run of a libpython does not show all.
    pub undecided: bool,
    /// The outcome that shows it.
    pub outcome: Option<String>,
}

/// A run, step by step.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Counterexample {
    /// What reports call the scenario.
    pub name: String,
    /// The file, as it was named.
    pub file: String,
    /// The profile.
    pub profile: String,
    /// How the run ends.
    pub outcome: String,
    /// The run, for `tstate replay`.
    pub schedule: String,
    /// The threads that took part.
    pub threads: Vec<Thread>,
    /// What they did, in order.
    pub rows: Vec<Step>,
    /// Why it ended so.
    pub explanation: Vec<String>,
    /// What each thread that has not ended is doing.
    pub standing: Vec<String>,
}

/// A thread.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Thread {
    /// Its name in the scenario.
    pub name: String,
    /// `main`, `foreign`, `python` or `daemon`.
    pub kind: String,
}

/// A stretch of steps of one thread.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Step {
    /// Counted from 1.
    pub number: u32,
    /// Whose it is, by name.
    pub thread: String,
    /// The statement, as written.
    pub text: String,
    /// Its line.
    pub line: u32,
    /// How deep inside callbacks; 0 is the thread's own body.
    pub depth: u32,
    /// Where in the statement: `whole`, `begins`, `continues`, `returns`, `blocks`, `hangs`, `ends`.
    pub mark: String,
    /// What the call returned.
    pub result: Option<String>,
    /// Who holds the GIL afterwards.
    pub gil: Option<String>,
    /// What changed.
    pub changes: Vec<String>,
}

/// What came of it all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Summary {
    /// Scenario files.
    pub scenarios: u64,
    /// Verdicts.
    pub verdicts: u64,
    /// Verdicts whose claims all hold.
    pub ok: u64,
    /// Verdicts with a failed claim.
    pub failed: u64,
    /// Verdicts that a bound left open.
    pub inconclusive: u64,
    /// Files that could not be checked, or not under every profile.
    pub broken: u64,
    /// Scenarios left out, as they are not about the profile that was asked for.
    pub skipped: u64,
    /// States of all graphs.
    pub states: u64,
    /// Runs of all walks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runs: Option<u64>,
}

/// What changes of a scenario between two profiles. Each outcome that is lost, gained or open has a counterexample: the
/// shortest run to it under the profile that has it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Diff {
    /// What reports call the scenario.
    pub name: String,
    /// The file, as it was named.
    pub file: String,
    /// The line that tells the story.
    pub title: Option<String>,
    /// The profile that is compared with.
    pub old: String,
    /// The profile that is compared.
    pub new: String,
    /// What came of it.
    pub status: DiffWord,
    /// The profile whose release does not have what the scenario calls, if it is only one of them.
    pub lacks: Option<String>,
    /// States of both graphs.
    pub states: u64,
    /// The bounds that cut the search under the old profile; empty if it was complete.
    pub old_bounds: Vec<String>,
    /// The bounds that cut the search under the new profile.
    pub new_bounds: Vec<String>,
    /// The outcomes that only the old profile has, best first.
    pub lost: Vec<Outcome>,
    /// The outcomes that only the new profile has.
    pub gained: Vec<Outcome>,
    /// Outcomes that were found under one profile only, while the search under the other was cut short.
    pub open: Vec<Outcome>,
    /// The outcomes that both have.
    pub kept: Vec<String>,
}

/// What came of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DiffWord {
    /// Both have the same outcomes, and both searches were complete.
    Same,
    /// An outcome is lost or gained.
    Changed,
    /// A search was cut short, and what was found shows no change.
    Inconclusive,
    /// One of the releases does not have what the scenario calls, which counts as a change.
    Lacking,
    /// Neither release has it.
    Neither,
    /// The file has errors, or something that is not modelled.
    Broken,
}

/// What came of a comparison of profiles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DiffSummary {
    /// Scenario files.
    pub scenarios: u64,
    /// Those with the same outcomes under both.
    pub same: u64,
    /// Those with an outcome that is lost or gained.
    pub changed: u64,
    /// Those that a bound left open.
    pub inconclusive: u64,
    /// Those that one of the releases does not have.
    pub lacking: u64,
    /// Those that neither has.
    pub neither: u64,
    /// Those with errors, or with something that is not modelled.
    pub broken: u64,
    /// States of all graphs.
    pub states: u64,
}

/// The shortest run that shows an outcome.
#[must_use]
pub fn counterexample(file: &ScenarioFile, found: &Found, trace: &Trace) -> Record {
    Record::Counterexample(Counterexample {
        name: file.name.clone(),
        file: file.path.clone(),
        profile: found.schedule.profile.to_string(),
        outcome: found.text.clone(),
        schedule: found.schedule.to_string(),
        threads: threads(trace),
        rows: steps(trace),
        explanation: trace.explanation.clone(),
        standing: trace.standing.clone(),
    })
}

/// The line of a record, with its line end.
#[must_use]
pub fn line<R: Serialize>(record: R) -> String {
    // These types have no maps with other keys than strings, the only thing that JSON cannot hold.
    serde_json::to_string(&Line {
        schema: SCHEMA,
        record,
    })
    .unwrap_or_default()
        + "\n"
}

/// The place of a range of `source`.
#[must_use]
pub fn place(source: &str, lines: &LineIndex, span: Span) -> Place {
    let (line, column) = lines.line_column(source, span.start);
    let (end_line, end_column) = lines.line_column(source, span.end);
    Place {
        line,
        column,
        end_line,
        end_column,
    }
}

/// A diagnostic about the file named `file`.
#[must_use]
pub fn finding(file: &str, source: &str, diagnostic: &Diagnostic) -> Finding {
    let lines = LineIndex::new(source);
    let place = |span| place(source, &lines, span);
    Finding {
        file: file.to_owned(),
        code: diagnostic.code.to_string(),
        severity: match diagnostic.severity {
            Severity::Error => Weight::Error,
            Severity::Warning => Weight::Warning,
        },
        message: diagnostic.message.clone(),
        place: place(diagnostic.primary.span),
        label: diagnostic.primary.text.clone(),
        related: diagnostic
            .secondary
            .iter()
            .map(|label| Related {
                place: place(label.span),
                label: label.text.clone(),
            })
            .collect(),
        help: diagnostic
            .help
            .iter()
            .map(|help| Advice {
                message: help.text.clone(),
                place: help.patch.as_ref().map(|(span, _)| place(*span)),
                replacement: help.patch.as_ref().map(|(_, text)| text.clone()),
            })
            .collect(),
        notes: diagnostic.notes.clone(),
    }
}

/// The threads of a trace.
#[must_use]
pub(crate) fn threads(trace: &Trace) -> Vec<Thread> {
    let thread = |thread: &tstate::sim::report::TraceThread| Thread {
        name: thread.name.clone(),
        kind: thread.kind.to_owned(),
    };
    trace.threads.iter().map(thread).collect()
}

/// The rows of a trace.
#[must_use]
pub(crate) fn steps(trace: &Trace) -> Vec<Step> {
    trace.rows.iter().map(|row| step(trace, row)).collect()
}

fn step(trace: &Trace, row: &Row) -> Step {
    Step {
        number: row.number,
        thread: trace
            .threads
            .get(row.thread)
            .map_or_else(String::new, |thread| thread.name.clone()),
        text: row.text.clone(),
        line: row.line,
        depth: row.depth,
        mark: mark(row.mark).to_owned(),
        result: row.result.clone(),
        gil: row.gil.clone(),
        changes: row.changes.clone(),
    }
}

fn mark(mark: Mark) -> &'static str {
    match mark {
        Mark::Whole => "whole",
        Mark::Begins => "begins",
        Mark::Continues => "continues",
        Mark::Returns => "returns",
        Mark::Blocks => "blocks",
        Mark::Hangs => "hangs",
        Mark::Ends => "ends",
    }
}
