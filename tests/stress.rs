//! Every scenario on real threads, many times: what happens lies inside the set of outcomes that the explorer found.
//!
//! Only inclusion is asserted, so the operating system's scheduler decides nothing about the result. A scenario that
//! can wait or go on for ever is not run: it would take the test with it. Those are counted, and so are threads that
//! are still blocked when their run is over; they hold their own run's state and touch no other.
#![cfg(not(loom))]

mod corpus;

use corpus::{ScenarioFile, scenario_files};
use std::collections::BTreeSet;
use std::sync::Arc;
use tstate::runtime::Profile;
use tstate::sim::driver::{Machine, Site};
use tstate::sim::judge::{Judge, Notes};
use tstate::sim::scenario::program::Program;
use tstate::sim::verdict::Outcome;
use tstate::sim::{CheckOptions, check};
use tstate::sync::{ThreadIndex, pause_point, return_from_hang, spawn};

/// Runs of a scenario with several threads; one thread does the same each time.
const RUNS: usize = 100;
const RUNS_ALONE: usize = 2;
/// Turns given away until a run must have ended. Far more than any needs, so that a run that hangs is told and does not
/// hang the test.
const TURNS_MAX: u32 = 20_000_000;
/// Turns given away until threads that are left count as blocked for good.
const TURNS_TO_END_MAX: u32 = 20_000;

/// What one run came to, if it ended, and how many of its threads did not.
struct Ran {
    outcome: Option<Outcome>,
    left: usize,
}

#[derive(Debug, Default)]
struct Counts {
    scenarios: usize,
    excluded: usize,
    runs: usize,
    left: usize,
    seen: usize,
    explored: usize,
}

fn run(program: &Arc<Program>, profile: Profile) -> Ran {
    let machine = Machine::new(program, profile, None);
    let notes = Notes::default();
    let judge = Judge::new(Arc::clone(&machine), profile, &notes);
    let main = Arc::clone(&machine);
    drop(spawn(ThreadIndex::FIRST, move || {
        main.run_thread(ThreadIndex::FIRST)
    }));
    let over = || machine.process_ended() || machine.runtime.over().is_some();
    let ended = gives_turns(TURNS_MAX, over);
    let outcome = ended.then(|| settled(&judge));
    // The judge's reference and the one here.
    let quiet = || {
        machine.cut_off();
        Arc::strong_count(&machine) == 2
    };
    gives_turns(TURNS_TO_END_MAX, quiet);
    Ran {
        outcome,
        left: Arc::strong_count(&machine) - 2,
    }
}

/// Gives turns away until the condition holds; whether it did.
fn gives_turns(turns_max: u32, mut holds: impl FnMut() -> bool) -> bool {
    for _ in 0..turns_max {
        if holds() {
            return true;
        }
        pause_point();
    }
    false
}

/// The outcome, read until two readings agree: what each thread did only grows, so they name one moment.
fn settled(judge: &Judge<'_>) -> Outcome {
    loop {
        let outcome = judge.of_real_process();
        if outcome == judge.of_real_process() {
            return outcome;
        }
    }
}

/// Whether a run may be tried: nothing that the explorer found goes on for ever, and nothing is judged that can only be
/// read while all threads stand still.
fn can_run(explored: &BTreeSet<Outcome>) -> bool {
    !explored.iter().any(|outcome| {
        matches!(
            outcome,
            Outcome::Deadlock(_)
                | Outcome::Livelock(_)
                | Outcome::Inconclusive
                | Outcome::Assertion(Site::Claim(_))
        )
    })
}

/// Whether what a run came to was explored. A leak is not looked for, so it is seen as what would be named without it.
fn explains(explored: &BTreeSet<Outcome>, outcome: &Outcome) -> bool {
    let without_leak = matches!(outcome, Outcome::Ok | Outcome::Hang(_) | Outcome::Exit(_));
    explored.contains(outcome) || (without_leak && explored.contains(&Outcome::Leak))
}

fn stress(file: &ScenarioFile, program: &Arc<Program>, profile: Profile, counts: &mut Counts) {
    let options = CheckOptions::default();
    let checked = check(program, &file.source, profile, &options, &mut |_| true);
    let outcomes = checked.verdict.outcomes.into_iter();
    let explored: BTreeSet<Outcome> = outcomes.map(|found| found.outcome).collect();
    let title = format!("{}@{profile}", file.title());
    if !can_run(&explored) {
        counts.excluded += 1;
        return;
    }
    let alone = program.threads.len() == 1;
    let mut seen = BTreeSet::new();
    for _ in 0..if alone { RUNS_ALONE } else { RUNS } {
        let ran = run(program, profile);
        counts.runs += 1;
        counts.left += ran.left;
        let Some(outcome) = ran.outcome else {
            panic!("{title}: a run on real threads does not end; explored: {explored:?}");
        };
        assert!(
            explains(&explored, &outcome),
            "{title}: {outcome:?} on real threads; explored: {explored:?}"
        );
        seen.insert(outcome);
    }
    counts.scenarios += 1;
    counts.seen += seen.len();
    counts.explored += explored.len();
}

#[test]
#[expect(clippy::print_stderr, reason = "the counts say how much was tried")]
fn real_threads_stay_inside_what_was_explored() {
    return_from_hang();
    let mut counts = Counts::default();
    for file in scenario_files() {
        let program = file.program().unwrap_or_else(|errors| panic!("{errors}"));
        // The oldest and the newest release: real time passes here, and the explorer has them all.
        let (first, last) = (program.profiles.iter().min(), program.profiles.iter().max());
        for profile in first
            .into_iter()
            .chain(last.filter(|last| Some(*last) != first))
        {
            stress(&file, &program, *profile, &mut counts);
        }
    }
    eprintln!("{counts:?}");
    assert!(
        counts.scenarios > counts.excluded,
        "most are run: {counts:?}"
    );
}

/// An outcome that was not explored is refused: what the test above relies on.
#[test]
fn an_unexplored_outcome_is_refused() {
    let explored = BTreeSet::from([Outcome::Ok, Outcome::Fatal("a")]);
    assert!(explains(&explored, &Outcome::Ok));
    assert!(!explains(&explored, &Outcome::Crash("use_after_free")));
    assert!(!explains(
        &BTreeSet::from([Outcome::Leak]),
        &Outcome::Fatal("a")
    ));
    assert!(explains(&BTreeSet::from([Outcome::Leak]), &Outcome::Ok));
}
