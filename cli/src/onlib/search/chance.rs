//! Runs by chance: every thread as likely, by priorities, or as the system has it.

use super::{Kind, Scheduler};
use crate::onlib::library::{Order, Ran};
use tstate_driver::{Chance, Plan};

/// Every thread that can go on is as likely, at every decision.
#[derive(Clone, Debug)]
pub struct Random {
    seed: u64,
}

/// Probabilistic concurrency testing (Burckhardt, Kothari, Musuvathi, Nagarakatte; ASPLOS 2010): threads have priorities by
/// chance, which change at a few decisions by chance. A bug that needs `depth` operations in one order is met by a run
/// with a probability of at least one in `threads * decisions ^ (depth - 1)`.
#[derive(Clone, Debug)]
pub struct Pct {
    seed: u64,
    depth: u32,
    /// The most decisions that a run had so far; before the first run 0.
    decisions: u32,
}

/// As the system has it.
#[derive(Clone, Debug)]
pub struct Stress;

impl Random {
    /// Begins with this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }
}

impl Pct {
    /// Begins with this seed.
    #[must_use]
    pub fn new(seed: u64, depth: u32) -> Self {
        Self {
            seed,
            depth,
            decisions: 0,
        }
    }
}

fn by(chance: Chance) -> Order {
    Order::Plan(Plan {
        chance: Some(chance),
        ..Plan::default()
    })
}

impl Scheduler for Random {
    fn next(&mut self) -> Option<(Order, Kind)> {
        let seed = self.seed;
        self.seed = seed.wrapping_add(1);
        Some((by(Chance::Random { seed }), Kind::Random))
    }
}

impl Scheduler for Pct {
    fn next(&mut self) -> Option<(Order, Kind)> {
        if self.decisions == 0 {
            // The default run, to learn how long runs are.
            return Some((Order::Plan(Plan::default()), Kind::Pct));
        }
        let seed = self.seed;
        self.seed = seed.wrapping_add(1);
        let chance = Chance::Pct {
            seed,
            depth: self.depth,
            decisions: self.decisions,
        };
        Some((by(chance), Kind::Pct))
    }

    fn learn(&mut self, ran: &Ran) {
        self.decisions = self.decisions.max(ran.planned.decisions_total).max(1);
    }

    fn gave_up(&mut self) {
        self.decisions = self.decisions.max(1);
    }
}

impl Scheduler for Stress {
    fn next(&mut self) -> Option<(Order, Kind)> {
        Some((Order::Free, Kind::Stress))
    }
}
