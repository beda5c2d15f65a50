//! Searches all scenarios on all libpythons, several at once, in the order of the plan.

use super::hunt::{Case, Verdict, hunt};
use super::library::Served;
use super::search::Options;
use crate::check::plan::Scenario;
use crate::conform::program::Driver;
use crate::conform::run::Target;
use crate::pool;
use crate::problem::Stop;
use std::num::NonZeroUsize;
use std::sync::atomic::AtomicBool;
use tstate_driver::Mode;

/// What there is to search.
#[derive(Debug)]
pub struct Plan {
    /// The scenarios, in the order of the files.
    pub scenarios: Vec<Scenario>,
    /// The libpythons, by release.
    pub targets: Vec<Target>,
    /// How.
    pub options: Options,
    /// Whether the model of each library's release is asked for its outcomes too.
    pub asks_model: bool,
    /// Whether scenarios are run on libpythons whose release they do not name.
    pub all_releases: bool,
    /// How runs are made.
    pub mode: Mode,
}

/// What came of one scenario on one libpython.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The scenario, by its number in the plan.
    pub scenario: usize,
    /// The libpython, by its number in the plan.
    pub target: usize,
    /// What came of it.
    pub verdict: Verdict,
}

impl Plan {
    /// The pairs to search, by scenario.
    fn pairs(&self) -> Vec<(usize, usize)> {
        let scenarios = self.scenarios.iter().enumerate();
        let pairs = scenarios.flat_map(|(number, scenario)| {
            let targets = self.targets.iter().enumerate();
            let targets = targets.filter(|(_, target)| target.is_for(scenario, self.all_releases));
            targets.map(move |(target, _)| (number, target))
        });
        pairs.collect()
    }
}

/// Searches everything.
///
/// # Errors
///
/// A thread cannot be started.
pub fn run(plan: &Plan, jobs: NonZeroUsize, driver: &Driver) -> Result<Vec<Pair>, Stop> {
    let pairs = plan.pairs();
    let work = |number: usize| {
        let (scenario, target) = pairs[number];
        let about = &plan.scenarios[scenario];
        let program = about.program.as_ref()?;
        let case = Case {
            source: &about.file.source,
            program,
            profile: plan.targets[target].profile,
            mode: plan.mode,
        };
        let place = &plan.targets[target];
        let mut library = Served::new(driver, place, &about.file.source, plan.mode);
        let verdict = hunt(case, &plan.options, plan.asks_model, &mut library);
        Some(Pair {
            scenario,
            target,
            verdict,
        })
    };
    let mut done = Vec::new();
    let stop = AtomicBool::new(false);
    pool::in_order(pairs.len(), jobs, &stop, work, |_, pair| {
        done.extend(pair);
        Ok(())
    })?;
    Ok(done)
}
