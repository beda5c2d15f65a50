//! Every kind of hook and every part of the state key, left out in turn: each is noticed.
//!
//! A checker that explores less still says `ok`. So each part that makes it explore enough is silenced once, on programs
//! in which it matters, and the loss shows in one of three ways. The audit compares the keys of a merging exploration
//! with those of one that keeps full histories, both silenced alike: what is merged falsely is lost. Outcomes and counts
//! are compared with an exploration that is not silenced.
#![cfg(not(loom))]

mod small;

use small::{Explored, Fixture, HOOKS, SCENARIOS, Small, TIME_OUT, timeouts};
use std::collections::BTreeSet;
use tstate::sim::explorer::{Cut, Limits, SILENCES};
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
    let endless = Small::Endless(small::program(TIME_OUT.1));
    cases.push((TIME_OUT.0, endless, timeouts(1)));
    for (name, fixture) in [
        ("kept lock", Fixture::KeptLock),
        ("contents", Fixture::Contents),
        ("held at a scope", Fixture::HeldAtScope),
        ("epoch", Fixture::Epoch),
        ("re-lock", Fixture::Relock),
        ("waiters", Fixture::Waiters),
    ] {
        cases.push((name, Small::Fixture(fixture), timeouts(0)));
    }
    cases
}

/// States after which a silenced exploration may stop: some silences make it endless, and are noticed by that.
const STATES_MAX: u64 = 100_000;

fn silenced(case: &Small, limits: Limits, silence: Option<Silence>, audit: bool) -> Explored {
    let limits = Limits {
        states: Some(STATES_MAX),
        ..limits
    };
    let tuning = Tuning {
        audit,
        silence,
        ..Tuning::default()
    };
    case.explored(tuning, limits)
}

fn goes_to_its_end(explored: &Explored) -> bool {
    let cut = &explored.found.cut;
    !cut.iter().any(|cut| matches!(cut, Cut::States(_)))
}

fn counts(explored: &Explored) -> (usize, usize) {
    let graph = &explored.found.graph;
    (graph.nodes().len(), graph.edge_count())
}

fn ways(case: &Small, limits: Limits, sound: &Explored, silence: Silence) -> BTreeSet<Way> {
    let merged = silenced(case, limits, Some(silence), false);
    let mut ways = BTreeSet::new();
    if case.ends() {
        let full = silenced(case, limits, Some(silence), true);
        if goes_to_its_end(&full) && merged.found.keys != full.found.keys {
            ways.insert(Way::Audit);
        }
    }
    if merged.outcomes != sound.outcomes {
        ways.insert(Way::Outcomes);
    }
    if counts(&merged) != counts(sound) {
        ways.insert(Way::Counts);
    }
    ways
}

/// The ways in which each silence shows on some program. A post commutes with all that its thread did before it, so only
/// the states between can show it.
const NOTICED: [(Silence, &[Way]); 18] = {
    use Way::{Audit, Counts, Outcomes};
    [
        (Silence::LockPoint, &[Outcomes, Counts]),
        (Silence::RelockPoint, &[Outcomes, Counts]),
        (Silence::LoadPoint, &[Outcomes, Counts]),
        (Silence::StorePoint, &[Outcomes, Counts]),
        (Silence::ModifyPoint, &[Outcomes, Counts]),
        (Silence::AcquirePoint, &[Outcomes, Counts]),
        (Silence::PostPoint, &[Counts]),
        (Silence::PausePoint, &[Outcomes, Counts]),
        (Silence::WakeChoice, &[Outcomes, Counts]),
        (Silence::TimeOut, &[Outcomes, Counts]),
        (Silence::KeyOwner, &[Outcomes, Counts]),
        (Silence::KeyContents, &[Outcomes, Counts]),
        (Silence::KeyWord, &[Audit, Outcomes, Counts]),
        (Silence::KeyHistory, &[Audit, Outcomes, Counts]),
        (Silence::KeyPending, &[Outcomes, Counts]),
        (Silence::KeyEpoch, &[Outcomes, Counts]),
        (Silence::ScopeHeld, &[Audit, Outcomes, Counts]),
        (Silence::ScopeLive, &[Audit, Counts]),
    ]
};

#[test]
fn every_silence_is_noticed() {
    let cases = cases();
    let mut noticed: Vec<BTreeSet<Way>> = vec![BTreeSet::new(); SILENCES.len()];
    for (name, case, limits) in &cases {
        let sound = silenced(case, *limits, None, false);
        assert!(goes_to_its_end(&sound), "{name} is explored to its end");
        if case.ends() {
            let audited = silenced(case, *limits, None, true);
            assert_eq!(sound.found.keys, audited.found.keys, "{name}: unsilenced");
        }
        for (index, silence) in SILENCES.into_iter().enumerate() {
            noticed[index].extend(ways(case, *limits, &sound, silence));
        }
    }
    let found: Vec<(Silence, Vec<Way>)> = SILENCES
        .into_iter()
        .zip(noticed)
        .map(|(silence, ways)| (silence, ways.into_iter().collect()))
        .collect();
    let wanted: Vec<(Silence, Vec<Way>)> = NOTICED
        .iter()
        .map(|(silence, ways)| (*silence, ways.to_vec()))
        .collect();
    assert_eq!(found, wanted);
}
