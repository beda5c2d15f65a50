//! What `tstate check --on --format json` writes: one object a line, each with its type and the number of the schema.
//!
//! The schema is `cli/schema/on-1.json`; a test keeps it equal to these types. A field may be added under the same number;
//! one that changes its meaning or goes away needs a new one.

pub use crate::record::{Failure, line};

use crate::record::{Finding, Place, Step, Thread, Word};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// One line.
pub type Line = crate::record::Line<Record>;

/// What a line says.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Record {
    /// A finding about the text of a scenario file.
    Diagnostic(Finding),
    /// What a search of one scenario on one libpython met.
    Search(Search),
    /// A run that ends as a claim refuses, or as the model does not.
    Counterexample(Counterexample),
    /// The last line.
    Summary(Summary),
}

/// What a search of one scenario on one libpython met. It is never `ok`: what it did not meet may still be there.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Search {
    /// What reports call the scenario.
    pub name: String,
    /// The file, as it was named.
    pub file: String,
    /// What reports call the libpython.
    pub libpython: String,
    /// The library's release and patch level.
    pub profile: String,
    /// `failed`, `inconclusive` or, if no run could be had, `skipped`.
    pub status: Word,
    /// Why no run could be had.
    pub reason: Option<String>,
    /// By which schedulers.
    pub search: String,
    /// Where chance began.
    pub seed: u64,
    /// Runs that were made.
    pub runs: u64,
    /// Runs that were made to shorten others.
    pub shrinking: u64,
    /// Up to how many switches in a run all runs were made; `None` if not even all without one.
    pub complete_within: Option<u32>,
    /// Whether there is no other run at all that the schedulers could choose.
    pub exhausted: bool,
    /// Runs that have no outcome, by the reason.
    pub given_up: BTreeMap<String, u64>,
    /// The outcomes met, best first.
    pub outcomes: Vec<Outcome>,
    /// The claims that an outcome refutes, or would if a run showed more.
    pub failures: Vec<Failure>,
    /// Outcomes that a claim says can be, and that were met.
    pub confirmed: Vec<Claim>,
    /// Outcomes that a claim says can be, and that were not met.
    pub unmet: Vec<Claim>,
    /// Claims that a run does not show, so that nobody looked.
    pub not_looked_at: Vec<Claim>,
    /// The model of exactly this release, if it was asked: `has all`, `lacks some`, or why it gave no answer.
    pub model: Option<String>,
}

/// An outcome that was met.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Outcome {
    /// In the scenario language's words.
    pub outcome: String,
    /// Runs that ended so.
    pub runs: u64,
    /// The first of them, counted from 1.
    pub first: u64,
    /// Which scheduler met it first.
    pub by: String,
    /// What that run did otherwise than by default.
    pub departures_first: u64,
    /// What the shortest run does otherwise.
    pub departures: u64,
    /// The shortest run, for `tstate replay --on`; `None` of runs that nobody decided.
    pub schedule: Option<String>,
    /// The list of the first run did not end so when it was run again.
    pub unstable: bool,
    /// Whether the model lacks it, if it was asked.
    pub not_in_model: Option<bool>,
    /// Which outcomes of the model runs that ended so are, as far as that is known; `None` if it was not asked.
    pub modelled: Option<Vec<Modelled>>,
}

/// An outcome of the model that a run is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Modelled {
    /// In the scenario language's words.
    pub outcome: String,
    /// How many outcomes of the model look like what was met. If it is another one, or one of several, the events of the run left
    /// only this.
    pub among: u64,
    /// That run, for `tstate replay --on`.
    pub schedule: Option<String>,
}

/// A claim, or a part of it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Claim {
    /// What it says, or its first word.
    pub claim: String,
    /// Where.
    #[serde(flatten)]
    pub place: Place,
}

/// A run, by its events.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Counterexample {
    /// What reports call the scenario.
    pub name: String,
    /// The file, as it was named.
    pub file: String,
    /// What reports call the libpython.
    pub libpython: String,
    /// The library's release and patch level.
    pub profile: String,
    /// How the run ends.
    pub outcome: String,
    /// The run, for `tstate replay --on`.
    pub schedule: Option<String>,
    /// The threads of the scenario.
    pub threads: Vec<Thread>,
    /// What they did, in order.
    pub rows: Vec<Step>,
    /// How the process ended.
    pub explanation: Vec<String>,
    /// What each thread that has not ended is doing.
    pub standing: Vec<String>,
}

/// What came of it all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Summary {
    /// Scenario files.
    pub scenarios: u64,
    /// Scenario files with errors.
    pub broken: u64,
    /// Libpythons.
    pub libpythons: u64,
    /// Pairs of a scenario and a libpython whose release it names.
    pub pairs: u64,
    /// Pairs that refute a claim, or have an outcome that the model lacks.
    pub failed: u64,
    /// Pairs that refute nothing.
    pub inconclusive: u64,
    /// Pairs of which no run could be had.
    pub not_driven: u64,
    /// Runs of all searches.
    pub runs: u64,
    /// What no search sees.
    pub limits: String,
}
