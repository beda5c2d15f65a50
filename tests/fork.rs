//! Fork in the explorer: both processes are gone through, and what a thread leaves behind stays as it was.
#![cfg(not(loom))]

use std::collections::BTreeSet;
use std::sync::Arc;
use tstate::runtime::Profile;
use tstate::sim::scenario::{self, program::Program};
use tstate::sim::verdict::{Outcome, Threads, Verdict};
use tstate::sim::{CheckOptions, WalkOptions, check, random_walk, replay};

/// The release that the programs below name.
const PROFILE: Profile = Profile::release(14).expect("a release");

fn resolved(source: &str) -> Arc<Program> {
    let file = scenario::parse(source).expect("it parses");
    Arc::new(scenario::check(&file).expect("every name is known"))
}

fn verdict(source: &str, full_points: bool) -> Verdict {
    let options = CheckOptions {
        full_points,
        ..CheckOptions::default()
    };
    let checked = check(&resolved(source), source, PROFILE, &options, &mut |_| true);
    assert!(checked.verdict.cut.is_empty(), "explored in full");
    checked.verdict
}

/// The outcomes as text, the same with few scheduling points and with all; each is shown by a run that replays to it, and
/// random runs meet nothing else.
#[track_caller]
fn outcomes(source: &str) -> Vec<String> {
    let found = verdict(source, false);
    let texts = |verdict: &Verdict| -> Vec<String> {
        let outcomes = verdict.outcomes.iter();
        outcomes.map(|found| found.text.clone()).collect()
    };
    assert_eq!(texts(&verdict(source, true)), texts(&found), "full points");
    let program = resolved(source);
    for found in &found.outcomes {
        let text = found.schedule.to_string();
        let schedule = text.parse().expect("a schedule survives its text");
        let trace = replay(&program, source, &schedule).expect("it replays");
        assert_eq!(trace.outcome, found.text, "{text}");
    }
    let options = WalkOptions {
        seed: 3,
        runs: 300,
        steps_max: 2_000,
    };
    let walked = random_walk(&program, source, PROFILE, &options).verdict;
    let explored: BTreeSet<String> = texts(&found).into_iter().collect();
    let met: BTreeSet<String> = texts(&walked).into_iter().collect();
    assert!(met.is_subset(&explored), "{met:?} in {explored:?}");
    texts(&found)
}

/// Whether the claims hold.
fn holds(source: &str) -> bool {
    verdict(source, false).failures.is_empty()
}

const LOCKED: &str = "scenario \"s\"
native mutex m
thread main { start worker; fork { child { lock m; unlock m } parent { } }; join worker }
foreign thread worker { lock m; unlock m }
";

#[test]
fn both_processes_are_explored() {
    let source = "scenario \"s\"
thread main { fork { child { exit 1 } parent { exit 2 } } }
";
    assert_eq!(outcomes(source), ["ok", "child(ok)"]);
}

#[test]
fn a_native_lock_that_a_gone_thread_has_stops_the_child() {
    assert_eq!(
        outcomes(LOCKED),
        ["ok", "child(ok)", "child(deadlock(main))"]
    );
}

#[test]
fn a_schedule_names_the_process_that_it_follows() {
    let found = verdict(LOCKED, false);
    for found in &found.outcomes {
        let schedule = found.schedule.to_string();
        let as_child = found.outcome.process().1 > 0;
        let (followed, other) = if as_child { ("0c", "0f") } else { ("0f", "0c") };
        assert!(schedule.contains(followed), "{schedule}");
        assert!(!schedule.contains(other), "{schedule}");
    }
}

#[test]
fn the_parent_goes_on_as_if_nothing_had_been() {
    let with = |fork: &str| {
        let source = format!(
            "scenario \"s\"
native semaphore s = 0
thread main {{ start worker; {fork}wait s; join worker }}
foreign thread worker {{ post s }}
"
        );
        outcomes(&source)
    };
    assert_eq!(with(""), ["ok"]);
    assert_eq!(
        with("fork { child { } parent { } }; "),
        ["ok", "child(ok)"],
        "the child ends with its block"
    );
}

#[test]
fn a_child_waits_for_ever_for_a_thread_that_is_not_in_it() {
    let source = "scenario \"s\"
native semaphore s = 0
thread main { start worker; fork { child { join worker } parent { post s } }; join worker }
foreign thread worker { wait s }
";
    assert_eq!(outcomes(source), ["ok", "child(deadlock(main))"]);
}

#[test]
fn a_child_may_start_threads_of_its_own() {
    let source = "scenario \"s\"
thread main { fork { child { start worker; join worker } parent { } } }
foreign thread worker { assert in_child }
";
    assert_eq!(outcomes(source), ["ok", "child(ok)"]);
}

#[test]
fn a_fork_inside_a_callback_goes_on_inside_it() {
    let source = "scenario \"s\"
native flag seen
thread main { Py_Initialize(); atexit(f); Py_FinalizeEx(); assert seen }
callback f() { fork { child { exit 3 } parent { set seen } } }
";
    assert_eq!(outcomes(source), ["ok", "child(ok)"]);
}

#[test]
fn a_child_that_forks_has_a_child() {
    let source = "scenario \"s\"
thread main { fork { child { fork { child { assert !in_child } parent { } } } parent { } } }
";
    assert_eq!(
        outcomes(source),
        ["ok", "child(ok)", "child(child(assertion))"]
    );
}

#[test]
fn claims_speak_of_one_process() {
    let claimed = |claims: &str| holds(&format!("{LOCKED}expect {{ {claims} }}\n"));
    assert!(claimed("allow ok; in child { allow ok, deadlock(main) }"));
    assert!(claimed("allow ok, child(ok), child(deadlock)"));
    assert!(!claimed("allow ok"), "of the child only `ok` is allowed");
    assert!(!claimed("allow ok, deadlock(main)"), "that is the parent's");
    assert!(
        !claimed("in child { allow deadlock(main) }"),
        "not child(ok)"
    );
    assert!(!claimed("in child { allow ok, deadlock; never deadlock }"));
    assert!(!claimed(
        "allow ok, child(deadlock), child(ok); never child(ok)"
    ));
    assert!(!claimed("in child { allow ok, deadlock; reach livelock }"));
}

#[test]
fn conditions_are_judged_in_one_process() {
    let claimed = |claims: &str| {
        let source = format!(
            "scenario \"s\"
native flag f
thread main {{ fork {{ child {{ set f }} parent {{ }} }} }}
expect {{ {claims} }}
"
        );
        holds(&source)
    };
    assert!(claimed("always !f && !in_child; finally !f"));
    assert!(claimed(
        "in child { always in_child; finally f; cover f; eventually f }"
    ));
    assert!(!claimed("in child { always !f }"));
    assert!(!claimed("in child { finally !f }"));
    assert!(!claimed("in child { eventually !in_child }"));
    assert!(!claimed("cover f"), "it is set in the child only");
    assert!(!claimed("in child { cover !in_child }"));
    assert!(!claimed("eventually f"));
}

#[test]
fn an_outcome_of_the_child_ranks_as_what_it_is_of() {
    let child = |outcome: Outcome| outcome.in_child(1);
    let dead = || Outcome::Deadlock(Threads(1));
    assert!(child(Outcome::Ok) < Outcome::Leak);
    assert!(dead() < child(dead()));
    assert!(child(dead()) < Outcome::Fatal("x"));
    assert!(child(child(Outcome::Ok)) > child(Outcome::Ok));
}

#[test]
fn a_call_that_the_process_was_forked_with_is_not_owed_by_the_child() {
    let source = "scenario \"s\"
thread main {
    Py_Initialize()
    Py_AddPendingCall(f, NULL)
    PyOS_BeforeFork()
    fork { child { PyOS_AfterFork_Child() } parent { PyOS_AfterFork_Parent(); Py_MakePendingCalls() } }
}
callback f() { }
";
    assert_eq!(outcomes(source), ["ok", "child(ok)"]);
    let own = source.replace(
        "AfterFork_Child()",
        "AfterFork_Child(); Py_AddPendingCall(f, NULL)",
    );
    assert_eq!(outcomes(&own), ["ok", "child(lost(f))"]);
}
