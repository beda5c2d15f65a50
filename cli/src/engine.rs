//! The seam between the program and the library: every call that reads, explores or replays a scenario.

use std::sync::Arc;
use tstate::runtime::profile::Profile;
use tstate::sim;
use tstate::sim::diagnostic::Diagnostic;
use tstate::sim::report::Trace;
use tstate::sim::scenario::{self, program::Program};
use tstate::sim::schedule::Schedule;
use tstate::sim::verdict::{Found, Verdict};

pub use tstate::sim::{
    CheckOptions, Inspected, Progress, ReplayError, Shown, StateEdge, StateGraph, StateNode,
    WalkOptions, Walked, digest_of,
};

/// Reads a scenario.
///
/// # Errors
///
/// Everything that is wrong with the text.
pub fn load(source: &str) -> Result<Arc<Program>, Vec<Diagnostic>> {
    scenario::check(&scenario::parse(source)?).map(Arc::new)
}

/// Reads a scenario for one profile, whatever its `python` line names, and without its claims.
///
/// # Errors
///
/// Everything that is wrong with the text under that profile but for the claims.
pub fn load_under(source: &str, profile: Profile) -> Result<Arc<Program>, Vec<Diagnostic>> {
    scenario::check_under(&scenario::parse(source)?, profile).map(Arc::new)
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

/// Explores a scenario and judges its claims. `progress` is called now and then; it stops the search by returning
/// false.
#[must_use]
pub fn check(
    source: &str,
    program: &Arc<Program>,
    profile: Profile,
    options: &CheckOptions,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Verdict {
    sim::check(program, source, profile, options, progress).verdict
}

/// Explores a scenario, judges its claims, and shows all that can be seen of the shortest run to each outcome.
#[must_use]
pub fn inspect(
    source: &str,
    program: &Arc<Program>,
    profile: Profile,
    options: &CheckOptions,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Inspected {
    sim::inspect(program, source, profile, options, progress)
}

/// Walks at random through a scenario and judges what it meets.
#[must_use]
pub fn walk(
    source: &str,
    program: &Arc<Program>,
    profile: Profile,
    options: &WalkOptions,
) -> Walked {
    sim::random_walk(program, source, profile, options)
}

/// Tells the run that shows an outcome.
#[must_use]
pub fn counterexample(source: &str, program: &Arc<Program>, found: &Found) -> Trace {
    sim::counterexample(program, source, found)
}

/// Replays one run and tells it.
///
/// # Errors
///
/// The schedule does not fit the program.
pub fn replay(
    source: &str,
    program: &Arc<Program>,
    schedule: &Schedule,
) -> Result<Trace, ReplayError> {
    sim::replay(program, source, schedule)
}

/// Explores a scenario and folds its state graph.
#[must_use]
pub fn state_graph(
    source: &str,
    program: &Arc<Program>,
    profile: Profile,
    options: &CheckOptions,
) -> StateGraph {
    sim::state_graph(program, source, profile, options)
}
