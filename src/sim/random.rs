//! A seeded random walk: many runs, each step chosen by chance.
//!
//! For scenarios too large to exhaust. What it finds is real and replays; what it does not find may still be there, so
//! it never says `ok`. The same seed gives the same runs on every machine.

use super::explorer::Limits;
use super::graph::Choice;
use super::judge::Notes;
use super::names::outcome_text;
use super::replay::Stage;
use super::scenario::program::Program;
use super::schedule::Schedule;
use super::verdict::{Found, Outcome};
use super::world::Tuning;
use crate::runtime::profile::Profile;
use oorandom::Rand64;
use std::collections::BTreeMap;
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Walked {
    /// The outcomes, best first, each with the shortest run that was met; `ends` counts the runs.
    pub outcomes: Vec<Found>,
    /// Runs that were given up.
    pub given_up: u64,
    /// Steps taken in all.
    pub steps: u64,
}

/// Walks through `program`, whose text is `source`, under `profile`.
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
    let mut met: BTreeMap<Outcome, (Vec<Choice>, u64)> = BTreeMap::new();
    let mut walked = Walked::default();
    stage.play(|walk| {
        let start = stage.world.mark();
        for _ in 0..options.runs {
            let (mut run, mut choices) = (Vec::new(), Vec::new());
            let mut look = walk.settle();
            while run.len() < options.steps_max {
                choices.clear();
                if !look.over {
                    let bounds = walk.choices(&limits, &mut choices);
                    debug_assert!(bounds.is_empty(), "only spurious wake-ups are bounded");
                }
                if choices.is_empty() || stage.judge.is_stuck_for_good(&stage.world) {
                    break;
                }
                let choice = choices[random.rand_range(0..choices.len() as u64) as usize];
                look = walk.step(choice);
                run.push(choice);
            }
            walked.steps += run.len() as u64;
            if choices.is_empty() || stage.judge.is_stuck_for_good(&stage.world) {
                let entry = met
                    .entry(stage.judge.name(&stage.world))
                    .or_insert_with(|| (run.clone(), 0));
                entry.1 += 1;
                if run.len() < entry.0.len() {
                    entry.0 = run;
                }
            } else {
                walked.given_up += 1;
            }
            stage.world.undo(&start);
            walk.begin_again();
        }
    });
    walked.outcomes = met
        .into_iter()
        .map(|(outcome, (choices, ends))| Found {
            text: outcome_text(program, &outcome),
            steps: choices.len() as u32,
            switches: super::check::switches(&choices),
            schedule: Schedule {
                profile,
                scenario: super::digest_of(source),
                choices,
            },
            outcome,
            ends,
        })
        .collect();
    walked
}
