//! The model against itself, as it is compared with real libpythons: each of its runs is found again, none that it does
//! not have is, and guides take every transition.

#![cfg(not(loom))]

mod corpus;

use corpus::scenario_files;
use std::sync::Arc;
use tstate::runtime::Profile;
use tstate::sim::conform::{Agreement, Transitions, call_graph, follow, sample};
use tstate::sim::events::{End, EventKind, Observed, Shown};
use tstate::sim::scenario::program::Program;

const STATES_MAX: u64 = 100_000;
const STEPS_MAX: usize = 2_000;
/// Runs of each scenario under the oldest and the newest profile.
const SEEDS: u64 = 1;

fn each_case(mut of: impl FnMut(&str, &Arc<Program>, Profile)) -> usize {
    let mut cases = 0;
    for file in scenario_files() {
        let program = file.program().expect("the corpus parses");
        for profile in corpus::ends(&program) {
            cases += 1;
            of(
                &format!("{}/{}", file.subject, file.name),
                &program,
                profile,
            );
        }
    }
    cases
}

#[test]
fn every_run_of_the_model_is_found_again() {
    let (mut cut, mut beside) = (0, 0);
    let cases = each_case(|name, program, profile| {
        for seed in 0..SEEDS {
            let observed = sample(program, profile, seed, STEPS_MAX);
            cut += usize::from(matches!(observed.end, End::Cut(_)));
            let answer = follow(program, profile, &observed, STATES_MAX);
            let agrees = match answer {
                Agreement::Agrees => true,
                // A run beside one that is undefined can look the same from outside.
                Agreement::Undefined { .. } => {
                    beside += usize::from(!matches!(observed.end, End::Crash(_)));
                    true
                }
                Agreement::Differs(_) | Agreement::Endless | Agreement::Undecided => false,
            };
            let events: Vec<String> = observed.events.iter().map(ToString::to_string).collect();
            assert!(
                agrees,
                "{name} {profile} seed {seed}: {answer:?}\n{}\n{:?} {:?}",
                events.join("\n"),
                observed.end,
                observed.threads
            );
        }
    });
    assert!(cases >= 140, "{cases} cases");
    assert!(
        beside * 100 < cases * SEEDS as usize,
        "{beside} runs beside undefined ones"
    );
    assert!(cut * 10 < cases * SEEDS as usize, "{cut} runs were cut");
}

/// Runs that differ from a real one in one place.
fn wrong(observed: &Observed) -> Vec<Observed> {
    let mut all = Vec::new();
    let last = observed.events.len() - 1;
    for place in [last / 2, last] {
        let mut one = observed.clone();
        let event = &mut one.events[place];
        event.seen.listed += 7;
        all.push(one);
        let mut one = observed.clone();
        let event = &mut one.events[place];
        if let EventKind::Ends(_, Some(shown)) = &mut event.kind {
            *shown = Shown::Number(-77);
            all.push(one);
        }
    }
    let mut one = observed.clone();
    one.end = match one.end {
        End::Stuck => End::Exit(0),
        End::Exit(_)
        | End::Assertion(_)
        | End::Fatal(_)
        | End::Crash(_)
        | End::Freed
        | End::Cut(_) => End::Stuck,
    };
    all.push(one);
    all
}

#[test]
fn a_run_that_the_model_does_not_have_differs() {
    let mut tried = 0;
    each_case(|name, program, profile| {
        let observed = sample(program, profile, 0, STEPS_MAX);
        if matches!(observed.end, End::Crash(_) | End::Cut(_)) {
            return;
        }
        for wrong in wrong(&observed) {
            tried += 1;
            let answer = follow(program, profile, &wrong, STATES_MAX);
            assert!(
                matches!(answer, Agreement::Differs(_) | Agreement::Undefined { .. }),
                "{name} {profile}: {answer:?} for {:?}",
                wrong.end
            );
        }
    });
    assert!(tried > 300, "{tried} wrong runs tried");
}

#[test]
fn guides_are_few_and_transitions_are_counted() {
    each_case(|name, program, profile| {
        let graph = call_graph(program, profile, STATES_MAX);
        assert!(!graph.ways.is_empty(), "{name} {profile}");
        assert!(graph.ways.len() <= graph.transitions.count(), "{name}");
        let mut taken = Transitions::default();
        for seed in 0..SEEDS {
            taken.take(&sample(program, profile, seed, STEPS_MAX));
        }
        if !graph.cut {
            assert_eq!(
                taken.count_among(&graph.transitions),
                taken.count(),
                "{name} {profile}: a run takes a transition that the graph lacks"
            );
        }
    });
}
