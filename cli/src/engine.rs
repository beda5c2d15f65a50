//! The seam between the program and the library: every call that explores, replays or reads a scenario.

use tstate::runtime::profile::Profile;
use tstate::sim::diagnostic::Diagnostic;
use tstate::sim::explorer::{Cut, Limits};
use tstate::sim::report::Trace;
use tstate::sim::scenario;
use tstate::sim::scenario::program::Program;
use tstate::sim::schedule::Schedule;
use tstate::sim::verdict::Verdict;

/// How to explore.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckOptions {
    /// Where to stop.
    pub limits: Limits,
    /// Every operation is a scheduling point.
    pub full_points: bool,
}

/// How far a search is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// States found.
    pub states: u64,
    /// Length of the run that is being explored.
    pub depth: usize,
    /// Steps taken.
    pub steps: u64,
}

/// A state graph, folded to calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateGraph {
    /// The states, in order of their number.
    pub nodes: Vec<GraphNode>,
    /// What leads from one to another.
    pub edges: Vec<GraphEdge>,
    /// The bounds that cut the search; none if the graph is complete.
    pub cut: Vec<Cut>,
}

/// A state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GraphNode {
    /// Its number.
    pub id: u32,
    /// What can be observed of the runtime.
    pub label: Vec<String>,
    /// The outcome, where runs end.
    pub end: Option<String>,
}

/// A way from a state to another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GraphEdge {
    /// The number of the state it leaves.
    pub from: u32,
    /// The number of the state it leads to.
    pub to: u32,
    /// Who does what.
    pub label: String,
}

/// Reads a scenario.
///
/// # Errors
///
/// Everything that is wrong with the text.
pub fn load(source: &str) -> Result<Program, Vec<Diagnostic>> {
    scenario::check(&scenario::parse(source)?)
}

/// The text in the form that `tstate fmt` writes.
///
/// # Errors
///
/// Everything that is wrong with the text.
pub fn format(source: &str) -> Result<String, Vec<Diagnostic>> {
    scenario::format(source)
}

/// What of the scenario the runtime does not implement under a profile.
#[must_use]
pub fn unmodelled(program: &Program, profile: Profile) -> Vec<Diagnostic> {
    scenario::unmodelled(program, profile)
}

/// The digest of a scenario's text that its schedules carry.
#[must_use]
pub fn digest_of(_source: &str) -> u32 {
    0
}

/// Explores a scenario and judges its claims. `progress` is called now and then; it stops the search by returning
/// false.
#[must_use]
pub fn check(
    _source: &str,
    _program: &Program,
    profile: Profile,
    _options: &CheckOptions,
    _progress: &mut dyn FnMut(Progress) -> bool,
) -> Verdict {
    Verdict {
        profile,
        outcomes: Vec::new(),
        failures: Vec::new(),
        states: 0,
        transitions: 0,
        steps: 0,
        cut: Vec::new(),
        omission: 0.0,
    }
}

/// Replays one run and tells it.
///
/// # Errors
///
/// The schedule does not fit the program.
pub fn replay(_program: &Program, _schedule: &Schedule, _source: &str) -> Result<Trace, String> {
    Err("replaying is not possible yet".to_owned())
}

/// Explores a scenario and folds its state graph.
#[must_use]
pub fn state_graph(_program: &Program, _profile: Profile, _options: &CheckOptions) -> StateGraph {
    StateGraph::default()
}
