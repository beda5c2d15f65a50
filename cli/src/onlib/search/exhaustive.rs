//! All runs with few switches, fewest first (iterative context bounding; Musuvathi and Qadeer, PLDI 2007).
//!
//! A run is the list of what it does otherwise than the default run. After a run its reply says what else could have been
//! decided after the last item of its list; each of these makes one longer list, so that no list comes twice. What takes
//! the turn from a thread that could go on, or lets time pass ahead of need, costs one; what else could be decided where
//! the running thread cannot go on, and other alternatives of a `choose`, a fork or a wake-up, cost nothing. Of two decisions
//! between which only code of the driver runs, the reply tells the others of the later one alone, as nothing else would come
//! of the earlier one. More is not left out: what a library does between two operations on locks may be anything, so that two
//! orders of such steps are never taken for the same.
//!
//! Lists of one cost are taken in an order by chance, so that what a bound leaves out is not all of one place.

use super::{Kind, Scheduler};
use crate::onlib::library::{Order, Ran};
use tstate_driver::{Choice, Decision, Departure, Departures, Plan};

/// Lists that are kept to be run: far more than anybody waits for.
const LISTS_MAX: usize = 1 << 20;

/// The search.
#[derive(Clone, Debug)]
pub struct Exhaustive {
    /// Lists to run, by their cost.
    left: Vec<Vec<Departures>>,
    /// What is being run, and its cost.
    current: Option<(Departures, u32)>,
    preemptions: Option<u32>,
    /// The least cost of which some run is missing.
    missing: Option<u32>,
    chance: u64,
}

impl Exhaustive {
    /// Up to so many switches in a run.
    #[must_use]
    pub fn new(seed: u64, preemptions: Option<u32>) -> Self {
        Self {
            left: vec![vec![Departures::default()]],
            current: None,
            preemptions,
            missing: None,
            chance: seed,
        }
    }

    /// A number below `bound` (SplitMix).
    fn draw(&mut self, bound: usize) -> usize {
        self.chance = self.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.chance ^ self.chance >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ mixed >> 31) % bound as u64) as usize
    }

    fn miss(&mut self, cost: u32) {
        self.missing = Some(self.missing.map_or(cost, |known| known.min(cost)));
    }

    fn add(&mut self, list: &Departures, decision: &Decision, choice: Choice, cost: u32) {
        if self.preemptions.is_some_and(|bound| cost > bound) {
            return;
        }
        if self.left.iter().map(Vec::len).sum::<usize>() >= LISTS_MAX {
            self.miss(cost);
            return;
        }
        let place = cost as usize;
        if self.left.len() <= place {
            self.left.resize(place + 1, Vec::new());
        }
        let mut longer = list.clone();
        longer.0.push(Departure {
            thread: decision.thread,
            point: decision.point,
            choice,
        });
        self.left[place].push(longer);
    }
}

impl Scheduler for Exhaustive {
    fn next(&mut self) -> Option<(Order, Kind)> {
        let cost = self.left.iter().position(|lists| !lists.is_empty())?;
        let place = self.draw(self.left[cost].len());
        let list = self.left[cost].swap_remove(place);
        let plan = Plan {
            departures: list.clone(),
            chance: None,
            tell: true,
        };
        self.current = Some((list, cost as u32));
        Some((Order::Plan(plan), Kind::Exhaustive))
    }

    fn learn(&mut self, ran: &Ran) {
        let Some((list, cost)) = self.current.take() else {
            return;
        };
        if ran.planned.cut || ran.planned.unkept > 0 {
            self.miss(cost);
        }
        let decisions = &ran.planned.decisions;
        let is_last = |decision: &Decision| {
            list.0
                .last()
                .is_some_and(|last| (decision.thread, decision.point) == (last.thread, last.point))
        };
        let first = decisions
            .iter()
            .position(is_last)
            .map_or(0, |place| place + 1);
        for decision in &decisions[first..] {
            for choice in &decision.free {
                self.add(&list, decision, *choice, cost);
            }
            for choice in &decision.costly {
                self.add(&list, decision, *choice, cost + 1);
            }
        }
    }

    fn gave_up(&mut self) {
        if let Some((_, cost)) = self.current.take() {
            self.miss(cost);
        }
    }

    fn complete(&self) -> Option<u32> {
        let left = self.left.iter().position(|lists| !lists.is_empty());
        let left = left.map(|cost| cost as u32);
        let current = self.current.as_ref().map(|(_, cost)| *cost);
        match [left, self.missing, current].into_iter().flatten().min() {
            Some(least) => least.checked_sub(1),
            None => Some(self.preemptions.unwrap_or(u32::MAX)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Exhaustive, Scheduler};
    use crate::onlib::library::{Order, Ran};
    use std::collections::BTreeSet;
    use tstate::sim::events::{End, Observed};
    use tstate::sim::outside::Sight;
    use tstate_driver::{Choice, Decision, Phase, Plan, Planned};

    /// What a library would say that has `points` decisions between two threads, each of which takes the turn for good.
    fn ran(plan: &Plan, points: u32) -> Ran {
        let last = plan.departures.0.last().map_or(0, |last| last.point + 1);
        let decisions = (last..points).map(|point| Decision {
            thread: 0,
            point,
            lane: Some(0),
            events: 0,
            place: 0,
            phase: Phase::default(),
            chosen: Choice::Run(0),
            free: Vec::new(),
            costly: vec![Choice::Run(1)],
        });
        Ran {
            sight: Sight::from(Observed {
                events: Vec::new(),
                end: End::Exit(0),
                threads: Vec::new(),
            }),
            planned: Planned {
                departures: plan.departures.clone(),
                decisions: decisions.collect(),
                ..Planned::default()
            },
            waits: Vec::new(),
        }
    }

    fn search(points: u32, bound: Option<u32>, runs: usize) -> (Vec<usize>, Option<u32>) {
        let mut search = Exhaustive::new(7, bound);
        let mut seen = BTreeSet::new();
        let mut costs = Vec::new();
        while costs.len() < runs
            && let Some((Order::Plan(plan), _)) = search.next()
        {
            assert!(
                seen.insert(plan.departures.clone()),
                "twice: {}",
                plan.departures
            );
            costs.push(plan.departures.0.len());
            search.learn(&ran(&plan, points));
        }
        (costs, search.complete())
    }

    #[test]
    fn every_list_within_the_bound_is_run_once_and_the_shortest_first() {
        let (costs, complete) = search(10, Some(2), usize::MAX);
        assert_eq!(costs.len(), 1 + 10 + 45);
        assert!(costs.is_sorted());
        assert_eq!(complete, Some(2));
    }

    #[test]
    fn what_is_not_run_is_not_called_complete() {
        assert_eq!(search(10, None, 1).1, Some(0));
        assert_eq!(search(10, None, 5).1, Some(0));
        assert_eq!(search(10, None, 11).1, Some(1));
        assert_eq!(search(3, None, usize::MAX).1, Some(u32::MAX));
    }

    #[test]
    fn a_run_that_is_given_up_leaves_its_cost_open() {
        let mut search = Exhaustive::new(7, Some(1));
        assert!(search.next().is_some());
        search.gave_up();
        assert!(search.next().is_none());
        assert_eq!(search.complete(), None);
    }
}
