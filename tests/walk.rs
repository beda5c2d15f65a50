//! The random walk against the explorer: it judges alike, meets nothing that is not explored, and its runs replay.
#![cfg(not(loom))]

mod corpus;

use corpus::{ScenarioFile, scenario_files};
use std::sync::Arc;
use tstate::runtime::Profile;
use tstate::sim::explorer::Cut;
use tstate::sim::scenario::{self, program::Program};
use tstate::sim::verdict::Status;
use tstate::sim::{CheckOptions, WalkOptions, Walked, check, random_walk, replay};

/// The release that the programs below name.
const PROFILE: Profile = Profile::release(14).expect("a release");

const OPTIONS: WalkOptions = WalkOptions {
    seed: 7,
    runs: 25,
    steps_max: 5_000,
};

fn resolved(source: &str) -> Arc<Program> {
    let file = scenario::parse(source).expect("it parses");
    Arc::new(scenario::check(&file).expect("every name is known"))
}

fn walk(source: &str, options: &WalkOptions) -> Walked {
    random_walk(&resolved(source), source, PROFILE, options)
}

/// Each outcome met is one of the explored ones, is refused if that one is, and its run replays to it.
fn inside(file: &ScenarioFile, program: &Arc<Program>, profile: Profile) -> usize {
    let title = format!("{}@{profile}", file.title());
    let source = &file.source;
    let options = CheckOptions::default();
    let explored = check(program, source, profile, &options, &mut |_| true).verdict;
    assert!(explored.cut.is_empty(), "{title}: explored in full");
    let walked = random_walk(program, source, profile, &OPTIONS).verdict;
    for found in &walked.outcomes {
        let known = explored.outcomes.iter();
        let known = known.filter(|known| known.outcome == found.outcome);
        assert_eq!(known.count(), 1, "{title}: {} is explored", found.text);
        let trace = replay(program, source, &found.schedule);
        let trace = trace.unwrap_or_else(|error| panic!("{title}: {}: {error}", found.text));
        assert_eq!(trace.outcome, found.text, "{title}: {}", found.schedule);
    }
    for failure in &walked.failures {
        let known = explored.failures.iter();
        let mut known = known.filter(|known| known.span == failure.span);
        assert!(
            known.any(|known| known.message == failure.message),
            "{title}: {} also of the exploration",
            failure.message
        );
    }
    walked.outcomes.len()
}

#[test]
fn what_a_walk_meets_is_explored_and_replays() {
    let (mut walks, mut met) = (0, 0);
    for file in scenario_files() {
        let program = file.program().unwrap_or_else(|errors| panic!("{errors}"));
        for profile in corpus::ends(&program) {
            met += inside(&file, &program, profile);
            walks += 1;
        }
    }
    assert!(walks > 100, "{walks} walks");
    assert!(met >= walks, "{met} outcomes in {walks} walks");
}

/// Whoever comes first has the mutex for good; without a claim it is refused that main waits for ever.
const EITHER: &str = "
    native mutex m
    thread main { Py_Initialize(); start worker; lock m; Py_FinalizeEx() }
    foreign thread worker { lock m }";

#[test]
fn a_refused_outcome_fails_and_a_walk_is_never_met() {
    let walked = walk(EITHER, &OPTIONS);
    assert_eq!(walked.verdict.status(), Status::Failed);
    let [failure] = walked.verdict.failures.as_slice() else {
        panic!("{:?}", walked.verdict.failures)
    };
    let found = &walked.verdict.outcomes[failure.found.expect("a run shows it")];
    assert_eq!(found.text, "deadlock(main)");
    let runs: u64 = walked.verdict.outcomes.iter().map(|found| found.ends).sum();
    assert_eq!((runs, walked.given_up), (OPTIONS.runs, 0));
    let lone = walk("thread main { Py_Initialize(); Py_FinalizeEx() }", &OPTIONS);
    assert_eq!(lone.verdict.outcomes[0].text, "ok");
    assert_eq!(lone.verdict.status(), Status::Inconclusive);
    assert_eq!(lone.verdict.cut, [Cut::Runs(OPTIONS.runs)]);
}

#[test]
fn runs_that_are_too_long_are_given_up_and_named() {
    for steps_max in [0, 1, 5] {
        let options = WalkOptions {
            steps_max,
            ..OPTIONS
        };
        let walked = walk(EITHER, &options);
        assert_eq!(walked.given_up, OPTIONS.runs, "after {steps_max} steps");
        assert!(walked.verdict.outcomes.is_empty());
        let cut = [Cut::Runs(OPTIONS.runs), Cut::Steps(steps_max as u32)];
        assert_eq!(walked.verdict.cut, cut);
    }
}

#[test]
fn a_seed_chooses_the_runs() {
    let seeded = |seed| {
        let options = WalkOptions { seed, ..OPTIONS };
        let verdict = walk(EITHER, &options).verdict;
        (verdict.outcomes, verdict.steps)
    };
    assert_eq!(seeded(1), seeded(1));
    assert_ne!(seeded(1), seeded(2));
}
