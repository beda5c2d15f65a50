//! The explorer against itself: what merging forgets, and which scheduling points are left out, loses nothing.
#![cfg(not(loom))]

mod corpus;
mod small;

use corpus::scenario_files;
use small::{HOOKS, SCENARIOS, Small, timeouts};
use tstate::sim::explorer::{Cut, Limits};
use tstate::sim::world::Tuning;
use tstate::sim::{CheckOptions, check};

/// States with full histories after which a program is too large to be audited.
const STATES_MAX: u64 = 200_000;
/// States after which a scenario file is too large: there are many.
const FILE_STATES_MAX: u64 = 10_000;

/// With full histories nothing is forgotten; the keys that merge must be the same set all the same. Whether the program
/// was small enough to tell.
fn forgetting_loses_no_key_of(name: &str, small: &Small, tuning: Tuning, limits: Limits) -> bool {
    let audit = Tuning {
        audit: true,
        ..tuning
    };
    let full = small.explored(audit, limits);
    let too_large = |cut: &Cut| matches!(cut, Cut::States(_));
    if full.found.cut.iter().any(too_large) {
        return false;
    }
    let merged = small.explored(tuning, limits);
    let lost = full.found.keys.difference(&merged.found.keys).count();
    let gained = merged.found.keys.difference(&full.found.keys).count();
    let told = format!("{name}, {tuning:?}, {limits:?}: keys lost and gained");
    assert_eq!((lost, gained), (0, 0), "{told}");
    assert_eq!(merged.outcomes, full.outcomes, "{name}, {tuning:?}");
    true
}

fn points(few_points: bool) -> Tuning {
    Tuning {
        few_points,
        ..Tuning::default()
    }
}

fn at_most(states: u64, limits: Limits) -> Limits {
    Limits {
        states: Some(states),
        ..limits
    }
}

#[test]
fn forgetting_loses_no_key() {
    for (name, text) in SCENARIOS.iter().chain(&HOOKS) {
        let small = Small::scenario(text);
        for few_points in [true, false] {
            let limits = at_most(STATES_MAX, timeouts(1));
            assert!(
                forgetting_loses_no_key_of(name, &small, points(few_points), limits),
                "{name} is small"
            );
        }
    }
}

/// Two time-outs let a waiter ask, and be asked, twice; a spurious wake-up is a wake-up without a cause.
#[test]
fn forgetting_loses_no_key_with_more_time_outs_and_spurious_wake_ups() {
    let spurious = Limits {
        spurious: 1,
        ..timeouts(1)
    };
    let mut audited = Vec::new();
    for (name, text) in SCENARIOS {
        let small = Small::scenario(text);
        for limits in [timeouts(2), spurious] {
            let limits = at_most(STATES_MAX, limits);
            if forgetting_loses_no_key_of(name, &small, points(true), limits) {
                audited.push((name, limits.spurious));
            }
        }
    }
    assert!(audited.len() >= 14, "audited with few points: {audited:?}");
}

/// The scenario files that are small enough.
#[test]
#[expect(clippy::print_stderr, reason = "the counts say how much was audited")]
fn forgetting_loses_no_key_of_scenario_files() {
    let (mut audited, mut files) = (0, 0);
    for file in scenario_files() {
        let program = file.program().unwrap_or_else(|errors| panic!("{errors}"));
        let title = file.title();
        let small = Small::Scenario(program);
        files += 1;
        let limits = at_most(FILE_STATES_MAX, timeouts(1));
        audited += usize::from(forgetting_loses_no_key_of(
            &title,
            &small,
            points(true),
            limits,
        ));
    }
    eprintln!("{audited} of {files} files audited");
    assert!(
        audited * 10 >= files * 8,
        "{audited} of {files} files audited"
    );
}

#[test]
fn few_points_lose_no_outcome() {
    for (name, text) in SCENARIOS.iter().chain(&HOOKS) {
        let small = Small::scenario(text);
        let few = small.explored(points(true), timeouts(2));
        let all = small.explored(points(false), timeouts(2));
        assert_eq!(few.outcomes, all.outcomes, "{name}");
    }
}

/// Every scenario file, with time-outs as the file has them: the same outcomes, in the words of claims.
#[test]
fn few_points_lose_no_outcome_of_scenario_files() {
    let mut files = 0;
    for file in scenario_files() {
        let program = file.program().unwrap_or_else(|errors| panic!("{errors}"));
        let outcomes = |full_points: bool| -> Vec<String> {
            let options = CheckOptions {
                full_points,
                ..CheckOptions::default()
            };
            let checked = check(
                &program,
                &file.source,
                program.profiles[0],
                &options,
                &mut |_| true,
            );
            let found = checked.verdict.outcomes.into_iter();
            found.map(|found| found.text).collect()
        };
        let title = file.title();
        assert_eq!(outcomes(false), outcomes(true), "{title}");
        files += 1;
    }
    assert!(files > 0, "no scenario file was found");
}
