//! The models in the simulator: what can happen in every interleaving, and that merging loses nothing.
#![cfg(not(loom))]
#![expect(
    clippy::disallowed_types,
    reason = "outcomes are gathered beside the program, which does not see them"
)]

mod models;

use models::{Env, Model};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use tstate::sim::explorer::{Exploration, Limits, Look, Program, Run, Settings, explore};
use tstate::sim::world::{Standing, Tuning, World};
use tstate::sync::ThreadIndex;

/// A model that is explored, and the outcomes that were seen.
struct Explored {
    model: Model,
    outcomes: Mutex<BTreeSet<String>>,
}

struct Execution<'a> {
    env: Arc<Env>,
    explored: &'a Explored,
}

impl Program for Explored {
    fn threads(&self) -> usize {
        self.model.bodies.len()
    }

    fn make(&self) -> Box<dyn Run + '_> {
        Box::new(Execution {
            env: Env::new(self.model),
            explored: self,
        })
    }
}

impl Run for Execution<'_> {
    fn body(&self, thread: ThreadIndex) {
        self.env.root(thread);
    }

    fn look(&self, _: &World) -> Look {
        Look {
            over: self.env.runtime.over().is_some(),
            seen: 0,
            generation: 0,
        }
    }

    fn outcome(&self, world: &World) -> u16 {
        let blocked = (0..world.threads())
            .filter(|thread| {
                matches!(
                    world.standing(ThreadIndex::new(*thread)),
                    Standing::Blocked(_)
                )
            })
            .count();
        let outcome = format!("{:?} blocked {blocked}", self.env.outcome());
        self.explored
            .outcomes
            .lock()
            .expect("nothing panics with it")
            .insert(outcome);
        0
    }

    fn stuck(&self, _: &World) -> Option<u16> {
        None
    }

    fn label(&self, _: &World) -> String {
        self.env.runtime.observe().to_string()
    }
}

fn explored(model: Model, settings: &Settings) -> (Exploration, BTreeSet<String>) {
    let program = Explored {
        model,
        outcomes: Mutex::default(),
    };
    let found = explore(&program, settings);
    (
        found,
        program
            .outcomes
            .into_inner()
            .expect("nothing panics with it"),
    )
}

/// Few scheduling points and all of them: the same outcomes.
#[test]
fn outcomes_do_not_depend_on_the_scheduling_points() {
    for &model in models::ALL {
        let outcomes = |few_points| {
            let tuning = Tuning {
                few_points,
                ..Tuning::default()
            };
            let settings = Settings {
                tuning,
                ..Settings::default()
            };
            explored(model, &settings).1
        };
        assert_eq!(outcomes(true), outcomes(false), "{}", model.name);
    }
}

/// With full histories, nothing forgotten, the same merged keys are met: a scope that forgets too much loses some.
#[test]
fn nothing_is_merged_falsely() {
    for (&model, timeouts) in models::ALL
        .iter()
        .flat_map(|model| [(model, 0), (model, 1)])
    {
        let search = |audit| {
            let tuning = Tuning {
                audit,
                ..Tuning::default()
            };
            let limits = Limits {
                timeouts: Some(timeouts),
                // The histories of three threads that meet in a parking lot are millions.
                preemptions: (model.bodies.len() > 2).then_some(2),
                ..Limits::default()
            };
            let settings = Settings {
                tuning,
                limits,
                keep_keys: true,
                ..Settings::default()
            };
            explored(model, &settings).0
        };
        let (merged, audited) = (search(false), search(true));
        assert!(audited.graph.nodes().len() >= merged.graph.nodes().len());
        assert_eq!(merged.keys, audited.keys, "{} {timeouts}", model.name);
    }
}
