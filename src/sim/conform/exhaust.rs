//! All runs that are held to one order of events: how they end.
//!
//! # How
//!
//! Depth first over what threads inside calls can do next, by the rules of [`settled`](super::settled); equal states merge.
//! What a run remembers beside the world is part of a state.
//!
//! # What does not end
//!
//! A run drawn at random leaves every region that can be left. So states from which no end can be reached are where a run
//! goes on for ever, and what such a run came to is asked in each of them, once it has gone on for a while. One that goes on with
//! events is held to very many of them, and asked before it has done all.

use super::settled::{BUSY, Ended, Memory, Options, Sim, staged};
use crate::runtime::Profile;
use crate::sim::events::Event;
use crate::sim::explorer::{Look, is_lone};
use crate::sim::graph::Choice;
use crate::sim::scenario::program::Program;
use crate::sim::walk::Used;
use crate::sim::world::{Mark, Tuning};
use crate::sync::hook::fold;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// States that are looked at.
const STATES_MAX: usize = 20_000;

/// What became of all runs.
#[derive(Debug)]
pub(super) enum Everything {
    /// How each ended; some may be there more than once.
    Ends(Vec<Ended>),
    /// There are more states than are looked at.
    TooMany,
}

/// A state with a choice, or an end.
#[derive(Default)]
struct Node {
    from: Vec<u32>,
    ended: Option<Ended>,
    is_over: bool,
}

/// A state on the path to the current one.
struct Frame {
    node: u32,
    mark: Mark,
    memory: Memory,
    used: Used,
    last: usize,
    choices: Vec<Choice>,
    next: usize,
}

struct Search<'a, 'b, 'c> {
    sim: &'a mut Sim<'b, 'c>,
    /// The order may stand for one that has no end.
    endless: bool,
    nodes: Vec<Node>,
    ids: FxHashMap<u128, u32>,
    stack: Vec<Frame>,
}

/// Why a search stopped.
enum Stopped {
    /// A cell turned out to be a scheduling point.
    Learned,
    TooMany,
}

impl Search<'_, '_, '_> {
    fn all(&mut self) -> Result<(), Stopped> {
        let look = self.sim.walk.settle();
        self.go_on(None, look);
        loop {
            if self.sim.stage.world.learned_of_point() {
                return Err(Stopped::Learned);
            }
            if self.nodes.len() > STATES_MAX {
                return Err(Stopped::TooMany);
            }
            let Some(frame) = self.stack.last_mut() else {
                return Ok(());
            };
            let Some(choice) = frame.choices.get(frame.next).copied() else {
                self.stack.pop();
                continue;
            };
            if frame.next > 0 {
                self.sim.stage.world.undo(&frame.mark);
                self.sim.memory = frame.memory;
                self.sim.walk.used = frame.used;
                self.sim.walk.last = frame.last;
            }
            frame.next += 1;
            let from = frame.node;
            let look = self.sim.take(choice);
            self.go_on(Some(from), look);
        }
    }

    /// Goes on while there is one choice only, up to the next node.
    fn go_on(&mut self, from: Option<u32>, mut look: Look) {
        let mut steps = 1;
        loop {
            let goes_on = self.endless && self.sim.gate.goes_on();
            let is_over = look.over || goes_on || self.sim.gate.is_left();
            let (choices, is_idle) = if is_over {
                (Vec::new(), true)
            } else {
                match self.sim.options() {
                    Options::Inside(inside) => (inside, self.sim.memory.silent >= BUSY),
                    Options::Next(choice) => (vec![choice], false),
                    // There is no choice: the order says whose event comes next.
                    Options::Events(events) => (events.into_iter().take(1).collect(), false),
                }
            };
            if let [only] = choices[..]
                && is_lone(only, steps)
            {
                look = self.sim.take(only);
                steps += 1;
                continue;
            }
            self.arrive(from, look, choices, is_idle);
            return;
        }
    }

    fn arrive(&mut self, from: Option<u32>, look: Look, choices: Vec<Choice>, is_idle: bool) {
        let is_over = choices.is_empty();
        let known = self.key(is_over);
        let node = known.and_then(|key| self.ids.get(&key).copied());
        let is_new = node.is_none();
        let node = node.unwrap_or(self.nodes.len() as u32);
        if is_new {
            if let Some(key) = known {
                self.ids.insert(key, node);
            }
            self.nodes.push(Node {
                from: Vec::new(),
                ended: (is_over || is_idle).then(|| self.sim.ended(look)),
                is_over,
            });
            if !is_over {
                self.stack.push(Frame {
                    node,
                    mark: self.sim.stage.world.mark(),
                    memory: self.sim.memory,
                    used: self.sim.walk.used,
                    last: self.sim.walk.last,
                    choices,
                    next: 0,
                });
            }
        }
        self.nodes[node as usize].from.extend(from);
    }

    /// What merges; `None` inside a step.
    fn key(&self, is_over: bool) -> Option<u128> {
        let world = &self.sim.stage.world;
        let memory = self.sim.memory;
        let own = [
            usize::from(is_over),
            memory.silent.min(BUSY),
            usize::from(memory.timed_out),
            usize::from(memory.forked),
            usize::from(memory.chose),
        ];
        (world.waiters_of_wake() == 0).then(|| {
            own.iter()
                .fold(world.key(), |key, part| fold(key, 0, *part as u128))
        })
    }

    /// The ends of runs, and what those came to that have none.
    fn ends(self) -> Vec<Ended> {
        let mut reaches: Vec<bool> = self.nodes.iter().map(|node| node.is_over).collect();
        let mut todo: Vec<u32> = (0..self.nodes.len() as u32)
            .filter(|node| reaches[*node as usize])
            .collect();
        while let Some(node) = todo.pop() {
            for from in &self.nodes[node as usize].from {
                if !std::mem::replace(&mut reaches[*from as usize], true) {
                    todo.push(*from);
                }
            }
        }
        let nodes = self.nodes.into_iter().zip(reaches);
        nodes
            .filter(|(node, reaches)| node.is_over || !reaches)
            .filter_map(|(node, _)| node.ended)
            .collect()
    }
}

/// How the runs of this order end; `endless` if the wanted one does not.
pub(super) fn all_ends(
    program: &Arc<Program>,
    profile: Profile,
    order: &[Event],
    (child, endless): (bool, bool),
) -> Everything {
    let tuning = Tuning {
        few_points: true,
        ..Tuning::default()
    };
    let mut points = None;
    loop {
        let how = (tuning, points.as_ref());
        let found = staged(program, profile, Some(order), how, child, |sim| {
            let mut search = Search {
                sim,
                endless,
                nodes: Vec::new(),
                ids: FxHashMap::default(),
                stack: Vec::new(),
            };
            match search.all() {
                Ok(()) => Ok(Everything::Ends(search.ends())),
                Err(Stopped::TooMany) => Ok(Everything::TooMany),
                Err(Stopped::Learned) => Err(search.sim.stage.world.known_points()),
            }
        });
        match found {
            Ok(everything) => return everything,
            Err(learned) => points = Some(learned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::check::{CheckOptions, check};
    use crate::sim::conform::order::ordered;
    use crate::sim::conform::settled::draw;
    use crate::sim::names::outcome_text;
    use crate::sim::scenario;
    use std::collections::BTreeSet;

    const RUNS: u64 = 100;
    /// Which of the two is given the GIL is open, and with it whose call ends first.
    const TWO_WAIT: &str = r#"scenario "two wait"
python 3.12

thread main {
    Py_Initialize()
    start one
    start two
    spin until waits_for_gil(one) && waits_for_gil(two)
    Py_BEGIN_ALLOW_THREADS
        join one
        join two
    Py_END_ALLOW_THREADS
}

foreign thread one {
    PyGILState_STATE g = PyGILState_Ensure()
    PyGILState_Release(g)
}

foreign thread two {
    PyGILState_STATE g = PyGILState_Ensure()
    PyGILState_Release(g)
}

expect {
    allow ok
}
"#;

    /// How runs end that are held to the order of a scenario's shortest run to each outcome: drawn, and all.
    fn drawn_and_all(source: &str, minor: u8) -> Vec<[BTreeSet<String>; 2]> {
        let file = scenario::parse(source).expect("it parses");
        let program = Arc::new(scenario::check(&file).expect("it has no error"));
        let profile = Profile::release(minor).expect("a release");
        let verdict = check(
            &program,
            source,
            profile,
            &CheckOptions::default(),
            &mut |_| true,
        )
        .verdict;
        let of = |ends: &[Ended]| {
            let texts = ends.iter().map(|end| {
                let outcome = outcome_text(&program, &end.outcome);
                format!("{outcome}, kept {}, held {}", end.kept, end.held)
            });
            texts.collect()
        };
        let mut found = Vec::new();
        for outcome in &verdict.outcomes {
            let order = ordered(&program, profile, &outcome.schedule.choices).events;
            let draws: Vec<Ended> = (0..RUNS)
                .map(|seed| draw(&program, profile, &order, seed, false))
                .collect();
            let Everything::Ends(ends) = all_ends(&program, profile, &order, (false, false)) else {
                panic!("there are few states");
            };
            found.push([of(&draws), of(&ends)]);
        }
        found
    }

    /// A search that forgets states would call an order forced that is not; one that goes where no run does, the other way round.
    #[test]
    fn what_runs_drawn_at_random_come_to_is_what_all_come_to() {
        let mut several = 0;
        for (source, minor) in [
            (TWO_WAIT, 12),
            (
                include_str!("../../../scenarios/tss/created-at-once.capi"),
                12,
            ),
            (
                include_str!("../../../scenarios/finalize/ask-then-ensure.capi"),
                13,
            ),
            (
                include_str!("../../../scenarios/finalize/late-restore-race.capi"),
                11,
            ),
            (
                include_str!("../../../scenarios/pending/foreign-thread-adds.capi"),
                12,
            ),
            (
                include_str!("../../../scenarios/deadlock/join-attached.capi"),
                14,
            ),
        ] {
            for [drawn, all] in drawn_and_all(source, minor) {
                assert_eq!(drawn, all, "{source}");
                several += usize::from(all.len() > 1);
            }
        }
        assert!(several > 0, "no order left an end open");
    }
}
