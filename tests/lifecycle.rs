//! The models in the simulator: what can happen in every interleaving, and that merging loses nothing.
#![cfg(not(loom))]

mod models;

use models::{End, Env, Model, Outcome};
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

    fn started(&self) -> Vec<ThreadIndex> {
        vec![ThreadIndex::FIRST]
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

#[test]
#[ignore = "sizes"]
fn sizes() {
    for model in [
        models::ENSURE_ONCE,
        models::ENSURE_BY_TWO,
        models::ENSURE_TWICE,
        models::HAND_OFF,
        models::OWN_THREAD_STATE,
        models::SWAP,
        models::FINALIZE,
        models::FINALIZE_AFTER_DETACH,
        models::FINALIZE_LATE,
        models::FINALIZE_BY_TWO,
        models::PENDING_ONE,
        models::PENDING_TWO,
        models::PENDING_FINALIZE,
        models::MUTEX,
        models::PYTHON_THREAD,
        models::DAEMON_THREAD,
    ] {
        for timeouts in [Some(0), Some(1), None] {
            for few_points in [true, false] {
                let settings = Settings {
                    tuning: Tuning {
                        few_points,
                        ..Tuning::default()
                    },
                    limits: Limits {
                        timeouts,
                        states: Some(1_000_000),
                        ..Limits::default()
                    },
                    ..Settings::default()
                };
                let start = std::time::Instant::now();
                let (found, outcomes) = explored(model, &settings);
                eprintln!(
                    "{:24} timeouts {timeouts:?} few {few_points:5}: branching {:8} nodes {:8} steps {:9} restarts {} cut {:?} {:?}",
                    model.name,
                    found.branching,
                    found.graph.nodes().len(),
                    found.steps,
                    found.restarts,
                    found.cut,
                    start.elapsed()
                );
                if few_points {
                    for outcome in outcomes {
                        eprintln!("      {outcome}");
                    }
                }
            }
        }
    }
    let _ = (End::Done, Outcome::Ends(Vec::new(), 0));
}
