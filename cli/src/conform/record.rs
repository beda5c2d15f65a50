//! What `tstate conform --format json` writes: one object a line, each with its type and the number of the schema.
//!
//! The schema is `cli/schema/conform-1.json`; a test keeps it equal to these types. A field may be added under the same
//! number; one that changes its meaning or goes away needs a new one.

pub use crate::record::line;

use crate::record::Finding;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// One line.
pub type Line = crate::record::Line<Record>;

/// What a line says.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Record {
    /// A libpython at hand.
    Libpython(Libpython),
    /// A finding about the text of a scenario file.
    Diagnostic(Finding),
    /// What came of one scenario on one libpython.
    Conformance(Conformance),
    /// A known deviation that was looked for and not met.
    Stale(Stale),
    /// A libpython that drove less than it is held to.
    Fallen(Fallen),
    /// The last line.
    Summary(Summary),
}

/// A libpython at hand.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Libpython {
    /// What reports call it: release, `t` if free-threaded, `d` if a debug build; `None` of an installation without a
    /// shared library.
    pub name: Option<String>,
    /// Release and patch level; `None` if they could not be learned.
    pub release: Option<String>,
    /// `default`, `debug`, `free-threaded` or `free-threaded debug`.
    pub build: Option<String>,
    /// The library's own words about its version.
    pub version: Option<String>,
    /// The library.
    pub library: Option<String>,
    /// The prefix of the installation.
    pub home: Option<String>,
    /// The dynamic loader that it is opened under, if not this system's.
    pub loader: Option<String>,
    /// How it was found.
    pub origin: String,
    /// Whether it can be driven.
    pub driven: bool,
    /// Why not.
    pub reason: Option<String>,
    /// Functions of its release that it does not export.
    pub missing: Vec<String>,
}

/// What came of one scenario on one libpython.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Conformance {
    /// What reports call the scenario.
    pub name: String,
    /// The file, as it was named.
    pub file: String,
    /// What reports call the libpython.
    pub libpython: String,
    /// What came of it.
    pub status: Word,
    /// Why nothing was driven.
    pub reason: Option<String>,
    /// Schedules that were run and judged.
    pub schedules: u64,
    /// Of them, those that met what C leaves undefined: the model agrees up to there.
    pub undefined: u64,
    /// Of them, those that could not be kept to, so that another run was judged.
    pub strayed: u64,
    /// Of them, those that showed something else when they were run again, though nothing in them is undefined.
    pub unstable: u64,
    /// Schedules of which nothing could be said, by the reason.
    pub open: BTreeMap<String, u64>,
    /// Transitions between calls that the runs took, of those that the model has.
    pub covered: u64,
    /// Transitions between calls that the model has.
    pub transitions: u64,
    /// Whether a bound kept the model from knowing all of them.
    pub cut: bool,
    /// Where runs left the model.
    pub differences: Vec<Difference>,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// The model has every run.
    Agrees,
    /// It has, but for known deviations.
    KnownDeviation,
    /// It lacks one.
    Differs,
    /// Nothing was driven.
    NotDriven,
}

/// Where a run left the model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Difference {
    /// What decided who ran, for `--guide`.
    pub schedule: String,
    /// Events before it.
    pub at: usize,
    /// Which step it is.
    pub step: String,
    /// The line of its statement.
    pub line: Option<u32>,
    /// The events just before, oldest first.
    pub before: Vec<String>,
    /// What the library did.
    pub libpython: String,
    /// What the model could have done instead; empty if it does not get there.
    pub model: Vec<String>,
    /// Why it is known, if it is.
    pub known: Option<String>,
}

/// A known deviation that was looked for and not met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Stale {
    /// The file of known deviations.
    pub file: String,
    /// The line of the entry.
    pub line: u32,
    /// The scenario.
    pub scenario: String,
    /// The step.
    pub step: String,
}

/// A libpython that drove less than it is held to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Fallen {
    /// What reports call the libpython.
    pub libpython: String,
    /// The entries of the file that it is held to.
    pub held_to: Vec<String>,
    /// Scenarios that it drove.
    pub scenarios: u64,
    /// Scenarios that it must drive.
    pub scenarios_least: u64,
    /// Schedules that it drove.
    pub schedules: u64,
    /// Schedules that it must drive.
    pub schedules_least: u64,
}

/// What came of it all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Summary {
    /// Scenario files.
    pub scenarios: u64,
    /// Scenario files with errors.
    pub broken: u64,
    /// Scenario files that name no release at hand.
    pub unnamed: u64,
    /// Libpythons that are driven.
    pub libpythons: u64,
    /// Pairs of a scenario and a libpython whose release it names.
    pub pairs: u64,
    /// Pairs of which the model has every run.
    pub agree: u64,
    /// Pairs of which it has every run but for known deviations.
    pub known_deviations: u64,
    /// Pairs of which it lacks a run.
    pub differ: u64,
    /// Pairs of which nothing was driven.
    pub not_driven: u64,
    /// Schedules that were run and judged.
    pub schedules: u64,
    /// Schedules of which nothing could be said.
    pub open: u64,
    /// Schedules that showed something else when they were run again.
    pub unstable: u64,
    /// Known deviations that were looked for and not met.
    pub stale: u64,
    /// Libpythons that drove less than they are held to.
    pub fallen: u64,
}
