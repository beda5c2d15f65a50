//! A seeded random walk: many runs, each step chosen by chance.
//!
//! For scenarios too large to exhaust. What it finds is real and replays; what it does not find may still be there, so
//! it never says `ok`. The same seed gives the same runs on every machine.

use super::claims::Claims;
use super::explorer::{Cut, Limits};
use super::graph::Choice;
use super::judge::Notes;
use super::names::outcome_text;
use super::replay::Stage;
use super::scenario::program::Program;
use super::schedule::Schedule;
use super::verdict::{Found, Outcome, Verdict};
use super::walk::Walk;
use super::world::Tuning;
use crate::runtime::profile::Profile;
use oorandom::Rand64;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

/// How to walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalkOptions {
    /// Chooses the runs.
    pub seed: u64,
    /// How many runs.
    pub runs: u64,
    /// Steps after which a run is given up.
    pub steps_max: usize,
}

/// What the walk met.
#[derive(Clone, Debug)]
pub struct Walked {
    /// The outcomes, each with the shortest run that was met and the number of runs as its `ends`, and those of them
    /// that a claim refuses. Never [`Status::Met`](super::verdict::Status::Met), and without states: a walk remembers
    /// none. `reach`, `cover` and `eventually` are not judged, as they speak of all runs.
    pub verdict: Verdict,
    /// Runs that were given up.
    pub given_up: u64,
}

/// The shortest run to an outcome, and how many there were.
struct Met {
    run: Vec<Choice>,
    runs: u64,
}

/// Walks through `program`, whose text is `source`, under `profile`, and judges what it meets.
#[must_use]
pub fn random_walk(
    program: &Arc<Program>,
    source: &str,
    profile: Profile,
    options: &WalkOptions,
) -> Walked {
    let notes = Notes::default();
    let stage = Stage::new(program, profile, &notes, Tuning::default(), None, None);
    let limits = Limits {
        spurious: program.bounds.spurious.unwrap_or(0),
        ..Limits::default()
    };
    let mut random = Rand64::new(u128::from(options.seed));
    let mut met: BTreeMap<Outcome, Met> = BTreeMap::new();
    let (mut given_up, mut steps) = (0, 0);
    stage.play(|walk| {
        let start = stage.world.mark();
        for _ in 0..options.runs {
            let mut run = Vec::new();
            let outcome = one_run(&stage, walk, &limits, options, &mut random, &mut run);
            steps += run.len() as u64;
            match outcome {
                Some(outcome) => meet(&mut met, outcome, run),
                None => given_up += 1,
            }
            stage.world.undo(&start);
            walk.begin_again();
        }
    });
    let outcomes: Vec<Found> = met
        .into_iter()
        .map(|(outcome, met)| found(program, source, profile, outcome, met))
        .collect();
    let mut failures = Claims { program, profile }.refusals(&outcomes);
    failures.sort_by_key(|failure| (failure.span, failure.found));
    let verdict = Verdict {
        profile,
        outcomes,
        failures,
        states: 0,
        transitions: 0,
        steps,
        cut: cut(options, given_up),
        omission: 0.0,
    };
    Walked { verdict, given_up }
}

/// One run to its end, its steps into `run`; `None` if it was given up.
fn one_run(
    stage: &Stage<'_>,
    walk: &mut Walk<'_>,
    limits: &Limits,
    options: &WalkOptions,
    random: &mut Rand64,
    run: &mut Vec<Choice>,
) -> Option<Outcome> {
    let mut choices = Vec::new();
    let mut look = walk.settle();
    loop {
        choices.clear();
        if !look.over {
            let bounds = walk.choices(limits, &mut choices);
            debug_assert!(bounds.is_empty(), "only spurious wake-ups are bounded");
        }
        if choices.is_empty() || stage.judge.is_stuck_for_good(&stage.world) {
            return Some(stage.judge.name(&stage.world));
        }
        if run.len() >= options.steps_max {
            return None;
        }
        let choice = choices[random.rand_range(0..choices.len() as u64) as usize];
        look = walk.step(choice);
        run.push(choice);
    }
}

fn meet(met: &mut BTreeMap<Outcome, Met>, outcome: Outcome, run: Vec<Choice>) {
    match met.entry(outcome) {
        Entry::Vacant(entry) => drop(entry.insert(Met { run, runs: 1 })),
        Entry::Occupied(entry) => {
            let known = entry.into_mut();
            known.runs += 1;
            if run.len() < known.run.len() {
                known.run = run;
            }
        }
    }
}

fn found(program: &Program, source: &str, profile: Profile, outcome: Outcome, met: Met) -> Found {
    Found {
        text: outcome_text(program, &outcome),
        steps: met.run.len() as u32,
        switches: super::check::switches(&met.run),
        schedule: Schedule {
            profile,
            scenario: super::digest_of(source),
            choices: met.run,
        },
        outcome,
        ends: met.runs,
    }
}

/// What kept the walk from meeting everything: always something.
fn cut(options: &WalkOptions, given_up: u64) -> Vec<Cut> {
    let steps = u32::try_from(options.steps_max).unwrap_or(u32::MAX);
    let given_up = (given_up > 0).then_some(Cut::Steps(steps));
    std::iter::once(Cut::Runs(options.runs))
        .chain(given_up)
        .collect()
}
