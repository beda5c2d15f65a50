//! One scenario under two profiles.

use crate::check::verdict::bounded;
use crate::engine::{self, CheckOptions, Progress};
use crate::files::ScenarioFile;
use std::sync::Arc;
use tstate::runtime::profile::Profile;
use tstate::sim::diagnostic::Diagnostic;
use tstate::sim::report::Trace;
use tstate::sim::scenario::program::Program;
use tstate::sim::verdict::{Found, Outcome, Verdict};

/// The two profiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// What is compared with.
    pub old: Profile,
    /// What is compared.
    pub new: Profile,
}

/// A scenario as each of the profiles reads it.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The file.
    pub file: ScenarioFile,
    /// What there is to do about it.
    pub reading: Reading,
}

/// What the two profiles make of a text.
#[derive(Clone, Debug)]
pub enum Reading {
    /// Both can be explored.
    Both {
        /// Under the old profile.
        old: Arc<Program>,
        /// Under the new one.
        new: Arc<Program>,
    },
    /// One of the releases does not have what the scenario names: a call, or a stage that is to fail.
    Lacks(Profile, Vec<Diagnostic>),
    /// Neither has, but another release; the findings are those of the new profile.
    Neither(Vec<Diagnostic>),
    /// Something is wrong with the text, or is not modelled.
    Broken(Vec<Diagnostic>),
}

/// What came of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Both searches were complete and found the same outcomes.
    Same,
    /// An outcome was lost or gained.
    Changed,
    /// A bound cut a search short, and what was found shows no difference.
    Inconclusive,
}

/// Two explorations of one scenario.
#[derive(Clone, Debug)]
pub struct Compared {
    /// Under the old profile.
    pub old: Verdict,
    /// Under the new one.
    pub new: Verdict,
    /// Outcomes that only the old profile has, each with its shortest run under that one.
    pub lost: Vec<Shown>,
    /// Outcomes that only the new profile has, each with its shortest run under that one.
    pub gained: Vec<Shown>,
    /// Outcomes that were found under one profile only, where the search under the other was cut short.
    pub open: Vec<Shown>,
}

/// An outcome and the shortest run that shows it.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The outcome and its schedule.
    pub found: Found,
    /// The run.
    pub trace: Trace,
}

impl Scenario {
    /// Reads a file under both profiles.
    #[must_use]
    pub fn read(file: ScenarioFile, pair: Pair) -> Self {
        let under = |profile| engine::load_under(&file.source, profile);
        let reading = match (under(pair.old), under(pair.new)) {
            (Ok(old), Ok(new)) => modelled(old, new, pair),
            (Err(lacks), Ok(_)) => Reading::Lacks(pair.old, lacks),
            (Ok(_), Err(lacks)) => Reading::Lacks(pair.new, lacks),
            (Err(old), Err(new)) => neither(&file.source, old, new),
        };
        Self { file, reading }
    }

    /// The line that tells the story.
    #[must_use]
    pub fn title(&self) -> Option<&str> {
        match &self.reading {
            Reading::Both { new, .. } => new.scenario.as_deref(),
            Reading::Lacks(..) | Reading::Neither(_) | Reading::Broken(_) => None,
        }
    }
}

/// Both can be explored, unless something of them is not modelled.
fn modelled(old: Arc<Program>, new: Arc<Program>, pair: Pair) -> Reading {
    let mut refusals = engine::unmodelled(&old, pair.old);
    for refusal in engine::unmodelled(&new, pair.new) {
        if !refusals.contains(&refusal) {
            refusals.push(refusal);
        }
    }
    if refusals.is_empty() {
        Reading::Both { old, new }
    } else {
        Reading::Broken(refusals)
    }
}

/// Neither has all that the scenario names. If no other release has it either, the text itself is wrong; the findings that
/// both have tell how.
fn neither(source: &str, old: Vec<Diagnostic>, new: Vec<Diagnostic>) -> Reading {
    let some_release =
        Profile::releases().any(|profile| engine::load_under(source, profile).is_ok());
    if some_release {
        return Reading::Neither(new);
    }
    let common: Vec<Diagnostic> = old
        .iter()
        .filter(|found| new.contains(found))
        .cloned()
        .collect();
    Reading::Broken(if common.is_empty() { new } else { common })
}

impl Compared {
    /// What came of it.
    #[must_use]
    pub fn status(&self) -> Status {
        if !self.lost.is_empty() || !self.gained.is_empty() {
            Status::Changed
        } else if is_complete(&self.old) && is_complete(&self.new) {
            Status::Same
        } else {
            Status::Inconclusive
        }
    }

    /// The verdict under the profile that an outcome was found under.
    #[must_use]
    pub fn verdict_of(&self, shown: &Shown) -> &Verdict {
        if shown.found.schedule.profile == self.old.profile {
            &self.old
        } else {
            &self.new
        }
    }

    /// The states of both graphs.
    #[must_use]
    pub fn states(&self) -> u64 {
        self.old.states + self.new.states
    }
}

/// Whether what was not found is not there: no bound cut the search, and none cut a run.
#[must_use]
pub fn is_complete(verdict: &Verdict) -> bool {
    verdict.cut.is_empty() && !verdict.outcomes.iter().any(is_open)
}

/// Whether this is no outcome but a run that the model gave up.
fn is_open(found: &Found) -> bool {
    *found.outcome.process().0 == Outcome::Inconclusive
}

/// Explores a scenario under both profiles and holds the outcomes against each other. `explore` is told under which
/// profile a program is to be explored, and does it with these options.
pub(super) fn compare(
    source: &str,
    programs: [&Arc<Program>; 2],
    pair: Pair,
    explore: &mut dyn FnMut(&Arc<Program>, Profile) -> Verdict,
) -> Compared {
    let [before, after] = programs;
    let old = explore(before, pair.old);
    let new = explore(after, pair.new);
    let shown = |program, found: &Found| Shown {
        trace: engine::counterexample(source, program, found),
        found: found.clone(),
    };
    let gone = only_in(&old, &new).map(|found| shown(before, found));
    let come = only_in(&new, &old).map(|found| shown(after, found));
    let (gone, come): (Vec<Shown>, Vec<Shown>) = (gone.collect(), come.collect());
    let mut open = Vec::new();
    let lost = decided(gone, is_complete(&new), &mut open);
    let gained = decided(come, is_complete(&old), &mut open);
    Compared {
        old,
        new,
        lost,
        gained,
        open,
    }
}

/// The outcomes of one verdict that another does not have, best first.
fn only_in<'a>(one: &'a Verdict, other: &'a Verdict) -> impl Iterator<Item = &'a Found> {
    let is_there = |found: &Found| {
        let mut known = other.outcomes.iter();
        known.any(|known| known.outcome == found.outcome)
    };
    let outcomes = one.outcomes.iter();
    outcomes.filter(move |found| !is_open(found) && !is_there(found))
}

/// What the other profile does not have is decided if its search was complete; else it goes to `open`.
fn decided(shown: Vec<Shown>, is_complete: bool, open: &mut Vec<Shown>) -> Vec<Shown> {
    if is_complete {
        return shown;
    }
    open.extend(shown);
    Vec::new()
}

/// The options under which a program is explored: there is always a limit on states.
pub(super) fn options(options: CheckOptions, program: &Program) -> CheckOptions {
    CheckOptions {
        limits: bounded(options.limits, program),
        ..options
    }
}

/// What is called while a search is under way; it stops the search by returning false.
pub(super) type Advance<'a> = dyn FnMut(Progress) -> bool + 'a;
