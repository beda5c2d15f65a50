//! Runs all scenarios on all libpythons, several at once, and adds up.

use super::counts::{Count, Counts};
use super::deviations::Deviations;
use super::drive::{Case, Runs, drive};
use super::library::Opener;
use super::verdict::{Pair, Status, Verdict};
use crate::check::plan::Scenario;
use crate::libpython::{Identity, Known};
use crate::output;
use crate::pool;
use crate::problem::{Problem, Stop};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::AtomicBool;
use tstate::runtime::profile::Profile;

/// How many scenarios one process of the driver runs before the next one begins: few enough that several work at once
/// where there is one library.
const SCENARIOS_PER_TURN: usize = 8;

/// A libpython that is driven.
#[derive(Clone, Debug)]
pub struct Target {
    /// What reports call it, unlike every other's name.
    pub name: String,
    /// Where it is and what it is.
    pub known: Known,
    /// What it is.
    pub identity: Identity,
    /// The profile of exactly this library.
    pub profile: Profile,
}

/// What there is to run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The scenarios, in the order of the files.
    pub scenarios: Vec<Scenario>,
    /// The libpythons, by release.
    pub targets: Vec<Target>,
    /// Whether scenarios are run on libpythons whose release they do not name.
    pub all_releases: bool,
    /// What to run of each.
    pub runs: Runs,
    /// What is known to deviate.
    pub deviations: Deviations,
}

/// What came of it all.
#[derive(Clone, Debug)]
pub struct Results {
    /// By libpython, then by scenario. A scenario that does not name the release has none.
    pub pairs: Vec<Pair>,
    /// The known deviations that were looked for and not met, by their numbers.
    pub stale: Vec<usize>,
    /// What each libpython drove, in the order of the plan.
    pub counts: Vec<Count>,
}

impl Target {
    /// The libpythons that are driven, with names that tell them apart.
    #[must_use]
    pub fn all(known: &[Known]) -> Vec<Self> {
        let mut targets: Vec<Self> = Vec::new();
        for known in known {
            let (Some(profile), Some(identity)) = (known.driven_under(), &known.identity) else {
                continue;
            };
            let name = identity.name();
            let same = |target: &&Self| target.identity.name() == name;
            let earlier = targets.iter().filter(same).count();
            targets.push(Self {
                name: match earlier {
                    0 => name,
                    _ => format!("{name}#{}", earlier + 1),
                },
                known: known.clone(),
                identity: identity.clone(),
                profile,
            });
        }
        targets
    }
}

impl Target {
    /// Whether a scenario is run on the libpython: it names the release, or need not. A patch level that it names is for
    /// the model: what a library does is held against the profile of exactly its own.
    #[must_use]
    pub fn is_for(&self, scenario: &Scenario, all_releases: bool) -> bool {
        let profile = self.profile;
        scenario.program.as_ref().is_some_and(|program| {
            all_releases
                || program.profiles.iter().any(|named| {
                    !named.is_sound()
                        && named.minor() == profile.minor()
                        && named.is_free_threaded() == profile.is_free_threaded()
                })
        })
    }
}

impl Plan {
    /// Whether a scenario is run on a libpython.
    #[must_use]
    pub fn pairs(&self, scenario: &Scenario, target: &Target) -> bool {
        target.is_for(scenario, self.all_releases)
    }
}

/// Runs a plan.
///
/// # Errors
///
/// A thread cannot be started.
pub fn run(plan: &Plan, jobs: NonZeroUsize, opener: &dyn Opener) -> Result<Results, Stop> {
    let mut turns = Vec::new();
    for target in 0..plan.targets.len() {
        let about = |number: &usize| plan.pairs(&plan.scenarios[*number], &plan.targets[target]);
        let scenarios: Vec<usize> = (0..plan.scenarios.len()).filter(about).collect();
        let chunks = scenarios.chunks(SCENARIOS_PER_TURN);
        turns.extend(chunks.map(|chunk| (target, chunk.to_vec())));
    }
    let mut pairs = Vec::new();
    let work = |number: usize| turn(plan, turns[number].0, &turns[number].1, opener);
    let stop = AtomicBool::new(false);
    pool::in_order(turns.len(), jobs, &stop, work, |_, more| {
        pairs.extend(more);
        Ok(())
    })?;
    let counts = (0..plan.targets.len()).map(|target| count(&pairs, target));
    Ok(Results {
        counts: counts.collect(),
        stale: stale(plan, &pairs),
        pairs,
    })
}

/// Runs some scenarios on one libpython.
fn turn(plan: &Plan, target: usize, scenarios: &[usize], opener: &dyn Opener) -> Vec<Pair> {
    let about = &plan.targets[target];
    let pair = |scenario, verdict, traces| Pair {
        scenario,
        library: target,
        verdict,
        traces,
    };
    let mut library = match opener.open(target) {
        Ok(library) => library,
        Err(reason) => {
            let verdict = || Verdict::NotDriven(reason.clone());
            let each = scenarios
                .iter()
                .map(|number| pair(*number, verdict(), Vec::new()));
            return each.collect();
        }
    };
    let mut pairs = Vec::new();
    for number in scenarios {
        let scenario = &plan.scenarios[*number];
        let Some(program) = &scenario.program else {
            continue;
        };
        let case = Case {
            name: &scenario.file.name,
            source: &scenario.file.source,
            program,
            identity: &about.identity,
            profile: about.profile,
        };
        let drive = || drive(case, &plan.runs, &plan.deviations, library.as_mut());
        let outcome = panic::catch_unwind(AssertUnwindSafe(drive)).unwrap_or_else(|defect| {
            // The panic has told what; the user still needs to know which file shows it.
            let what = format!(
                "this is a defect in tstate itself, shown by `{}` on {}",
                scenario.file.path, about.name
            );
            let problem = Problem::new(what).help("please report it with the file");
            output::remark(&problem.render());
            panic::resume_unwind(defect)
        });
        pairs.push(pair(*number, outcome.verdict, outcome.traces));
    }
    pairs
}

fn count(pairs: &[Pair], target: usize) -> Count {
    let own = pairs.iter().filter(|pair| pair.library == target);
    own.fold(Count::default(), |count, pair| {
        let schedules = pair.verdict.schedules();
        Count {
            scenarios: count.scenarios + u64::from(schedules > 0),
            schedules: count.schedules + schedules,
        }
    })
}

/// The known deviations of which a run was driven, but that no run showed.
fn stale(plan: &Plan, pairs: &[Pair]) -> Vec<usize> {
    let mut looked_for = vec![false; plan.deviations.entries.len()];
    let mut met = looked_for.clone();
    for pair in pairs {
        let Verdict::Driven(driven) = &pair.verdict else {
            continue;
        };
        let scenario = &plan.scenarios[pair.scenario].file.name;
        let identity = &plan.targets[pair.library].identity;
        for (number, entry) in plan.deviations.about(scenario, identity) {
            // One schedule says nothing of deviations that others show, and neither do runs that depend on time.
            let is_run = match (&plan.runs.only, &entry.schedule) {
                (None, _) => true,
                (Some(only), wanted) => Some(only) == wanted.as_ref(),
            };
            looked_for[number] |= is_run && !plan.runs.sampled;
        }
        for number in driven.differences.iter().filter_map(|found| found.known) {
            met[number] = true;
        }
    }
    let entries = 0..plan.deviations.entries.len();
    entries
        .filter(|number| looked_for[*number] && !met[*number])
        .collect()
}

/// A libpython that drove less than it is held to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fallen {
    /// Its number in the plan.
    pub target: usize,
    /// The entries that it is held to.
    pub to: Vec<String>,
    /// What it drove.
    pub drove: Count,
    /// The least that it must drive.
    pub least: Count,
}

/// Compares what was driven with what must be: those that drove less, and those that are held to nothing.
#[must_use]
pub fn compare(plan: &Plan, results: &Results, least: &Counts) -> (Vec<Fallen>, Vec<usize>) {
    let (mut fallen, mut free) = (Vec::new(), Vec::new());
    for (target, drove) in results.counts.iter().enumerate() {
        match least.held(&plan.targets[target].identity) {
            None => free.push(target),
            Some(held) if drove.is_below(held.least) => fallen.push(Fallen {
                target,
                to: held.to,
                drove: *drove,
                least: held.least,
            }),
            Some(_) => {}
        }
    }
    (fallen, free)
}

/// The counts of all that was driven, by the libpythons' names; of two with one name, the lesser.
#[must_use]
pub fn counted(plan: &Plan, results: &Results) -> BTreeMap<String, Count> {
    let mut counts: BTreeMap<String, Count> = BTreeMap::new();
    for (target, count) in plan.targets.iter().zip(&results.counts) {
        let least = counts.entry(target.identity.name()).or_insert(*count);
        least.scenarios = least.scenarios.min(count.scenarios);
        least.schedules = least.schedules.min(count.schedules);
    }
    counts
}

/// How many pairs came to each status.
#[must_use]
pub fn tally(results: &Results, status: Status) -> u64 {
    let pairs = results.pairs.iter();
    pairs.filter(|pair| pair.verdict.status() == status).count() as u64
}
