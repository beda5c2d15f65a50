//! Which livelock an observed run is that a bound on its length cut.
//!
//! Such a run says of itself that it went on for long, not that it would for ever; and where a thread goes round in the library
//! without a call, nobody else got a turn meanwhile. But it has its events. The model is held to them, and then left free: what it comes to from
//! there, however its threads are scheduled, is all that the run could have come to.
//!
//! The observed run is a livelock if the model comes to nothing else: no run of it with these events ends, stands still, meets what C leaves
//! undefined, on the way to the last event or behind it, or goes on for ever in another way. If one does, the bound may only have
//! been too low, and nothing is said. So it is, too, where a bound on states cut the exploration.

use super::attribute::Attribution;
use super::follow::{Case, Following, Violated, settings};
use crate::runtime::{Over, Profile};
use crate::sim::events::{End, Observed};
use crate::sim::explorer::{Exploration, Look, Program as Explored, Run, explore_with};
use crate::sim::graph::DELIVERY;
use crate::sim::liveness::{Lasso, lassos};
use crate::sim::noted::Noted;
use crate::sim::outside::Sight;
use crate::sim::scenario::program::Program;
use crate::sim::verdict::{Outcome, Threads};
use crate::sim::world::World;
use crate::sync::ThreadIndex;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A state of a run that has not come to the last event, or has left them.
const ELSEWHERE: u16 = u16::MAX;
/// A state behind the last event in which somebody goes on.
const GOES_ON: u16 = u16::MAX - 1;

/// What is asked of the model.
struct Asked<'a> {
    case: Case<'a>,
    is_fenced: bool,
    found: Noted<Attribution>,
}

/// One run of the model.
struct Held<'a> {
    asked: &'a Asked<'a>,
    following: Following<'a>,
    violated: Violated,
}

impl Explored for Asked<'_> {
    fn threads(&self) -> usize {
        self.case.threads()
    }

    fn forks(&self) -> bool {
        self.case.forks()
    }

    fn sends_signals(&self) -> bool {
        self.case.sends_signals()
    }

    fn make(&self) -> Box<dyn Run + '_> {
        Box::new(Held {
            asked: self,
            following: self.case.following(),
            violated: Violated::new(),
        })
    }
}

impl Held<'_> {
    fn has_left(&self) -> bool {
        self.following.follower.left.peek()
    }

    /// Whether all events are behind the run, as they were observed.
    fn is_behind(&self) -> bool {
        let follower = &self.following.follower;
        !self.has_left() && follower.at() == follower.observed.events.len()
    }

    /// Whether a real run cannot have come so far: it would have ended when the freed block was used.
    fn is_fenced_off(&self) -> bool {
        self.asked.is_fenced && self.following.follower.freed_block.peek()
    }
}

impl Run for Held<'_> {
    fn body(&self, thread: ThreadIndex) {
        self.following.body(thread);
    }

    fn interrupt(&self, signal: u8) -> bool {
        self.following.interrupt(signal)
    }

    fn look(&self, _: &World) -> Look {
        self.violated.look(&self.following)
    }

    fn outcome(&self, world: &World) -> u16 {
        let over = self.following.runtime().over();
        let is_limit = matches!(over, Some(Over::Limit(_)));
        let crashes = matches!(over, Some(Over::Crash(_)));
        self.asked
            .found
            .with(|found| found.cut |= is_limit && !self.has_left());
        let counts = self.is_behind() || crashes && !self.has_left();
        if counts && !is_limit && !(crashes && self.is_fenced_off()) {
            let outcome = self
                .violated
                .named(&self.following, self.following.judge.name(world));
            self.asked.found.with(|found| found.alike.insert(outcome));
        }
        ELSEWHERE
    }

    fn stuck(&self, world: &World) -> Option<u16> {
        let judge = &self.following.judge;
        let is_stuck = judge.is_stuck(world) && !judge.machine().process_ended();
        Some(if !self.is_behind() {
            ELSEWHERE
        } else if is_stuck || self.violated.is_some() {
            let deadlock = Outcome::Deadlock(judge.unfinished(world));
            let deadlock = deadlock.in_child(judge.machine().generation());
            self.asked
                .case
                .notes
                .number(self.violated.named(&self.following, deadlock))
        } else {
            GOES_ON
        })
    }

    fn label(&self, _: &World) -> String {
        String::new()
    }
}

impl Asked<'_> {
    /// What a run that stays in the lasso for ever comes to; `None` if it is not behind all events.
    fn endless(&self, explored: &Exploration, lasso: &Lasso) -> Option<Outcome> {
        let nodes = lasso.nodes.iter();
        let nodes = nodes.map(|node| &explored.graph.nodes()[*node as usize]);
        let numbers: Option<BTreeSet<u16>> = nodes.clone().map(|node| node.outcome).collect();
        let numbers = numbers?;
        if numbers.contains(&ELSEWHERE) {
            return None;
        }
        if !numbers.contains(&GOES_ON) {
            let first = numbers.first()?;
            return Some(self.case.notes.outcome(*first));
        }
        let movers = if self.case.program.sends_signals() {
            lasso.movers & !DELIVERY
        } else {
            lasso.movers
        };
        let generation = nodes.map(|node| node.generation).next()?;
        Some(Outcome::Livelock(Threads(movers)).in_child(generation))
    }

    fn explored(&self, states: u64, few_points: bool) -> Attribution {
        let explored = explore_with(self, &settings(states, few_points), &mut |_| true);
        let mut attribution = self.found.take();
        let endless = lassos(&explored.graph, &|_| true);
        let endless = endless.iter();
        let endless = endless.filter_map(|lasso| self.endless(&explored, lasso));
        attribution.alike.extend(endless);
        attribution.cut |= !explored.cut.is_empty();
        attribution
    }
}

/// What a run of `program` can come to that was cut because it went on for long; only that it does not end is an answer.
pub(super) fn endless(
    program: &Arc<Program>,
    profile: Profile,
    sight: &Sight,
    is_fenced: bool,
    states: u64,
) -> Attribution {
    // With the bound on events the model is free behind them.
    let free = Observed {
        end: End::Cut("events".to_owned()),
        ..sight.observed.clone()
    };
    let attempt = |few_points| {
        let asked = Asked {
            case: Case::new(program, profile, &free).hanging(&sight.hung),
            is_fenced,
            found: Noted::default(),
        };
        let mut found = asked.explored(states, few_points);
        let is_endless = |outcome: &Outcome| matches!(outcome.process().0, Outcome::Livelock(_));
        found.cut |= !found.alike.iter().all(is_endless);
        found
    };
    // What runs with few scheduling points have is there with all of them as well.
    let few = attempt(true);
    if few.outcome().is_none() {
        return few;
    }
    attempt(false)
}
