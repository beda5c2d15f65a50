//! Every kind of hook and every part of the state key, left out in turn: each is noticed.
//!
//! A checker that explores less still says `ok`. So each part that makes it explore enough is silenced once, on programs
//! in which it matters, and the loss shows in one of three ways. The audit compares the keys of a merging exploration
//! with those of one that keeps full histories, both silenced alike: what is merged falsely is lost. Outcomes and counts
//! are compared with an exploration that is not silenced.
#![cfg(not(loom))]

mod small;

use small::{Explored, HOOKS, SCENARIOS, Small, WAKE, timeouts};
use std::collections::BTreeSet;
use tstate::sim::explorer::{Limits, SILENCES};
use tstate::sim::world::{Silence, Tuning};

/// How a silence shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    /// Keys are lost or gained by merging.
    Audit,
    /// Other outcomes.
    Outcomes,
    /// Another number of states or transitions.
    Counts,
}

fn cases() -> Vec<(&'static str, Small, Limits)> {
    let few = ["ensure", "finalize", "pending", "eval", "mutex"];
    let scenarios = SCENARIOS.iter().filter(|(name, _)| few.contains(name));
    let mut cases: Vec<_> = scenarios
        .chain(&HOOKS)
        .map(|(name, text)| (*name, Small::scenario(text), timeouts(1)))
        .collect();
    cases.push((WAKE.0, Small::scenario(WAKE.1), timeouts(0)));
    cases.push(("kept lock", Small::KeptLock, timeouts(0)));
    cases
}

fn silenced(case: &Small, limits: Limits, silence: Option<Silence>, audit: bool) -> Explored {
    let tuning = Tuning {
        audit,
        silence,
        ..Tuning::default()
    };
    case.explored(tuning, limits)
}

fn counts(explored: &Explored) -> (usize, usize) {
    let graph = &explored.found.graph;
    (graph.nodes().len(), graph.edge_count())
}

fn ways(case: &Small, limits: Limits, sound: &Explored, silence: Silence) -> BTreeSet<Way> {
    let merged = silenced(case, limits, Some(silence), false);
    let full = silenced(case, limits, Some(silence), true);
    let mut ways = BTreeSet::new();
    if merged.found.keys != full.found.keys {
        ways.insert(Way::Audit);
    }
    if merged.outcomes != sound.outcomes {
        ways.insert(Way::Outcomes);
    }
    if counts(&merged) != counts(sound) {
        ways.insert(Way::Counts);
    }
    ways
}

#[test]
fn every_silence_is_noticed() {
    let cases = cases();
    let mut noticed: Vec<BTreeSet<Way>> = vec![BTreeSet::new(); SILENCES.len()];
    for (name, case, limits) in &cases {
        let sound = silenced(case, *limits, None, false);
        let audited = silenced(case, *limits, None, true);
        assert_eq!(sound.found.keys, audited.found.keys, "{name}: unsilenced");
        for (index, silence) in SILENCES.into_iter().enumerate() {
            let ways = ways(case, *limits, &sound, silence);
            eprintln!("{name}: {silence:?} {ways:?}");
            noticed[index].extend(ways);
        }
    }
    for (silence, ways) in SILENCES.into_iter().zip(&noticed) {
        eprintln!("{silence:?} {ways:?}");
    }
}
