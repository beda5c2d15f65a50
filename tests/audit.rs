//! The explorer against itself: what merging forgets, and which scheduling points are left out, loses nothing.
#![cfg(not(loom))]

use std::collections::BTreeSet;
use std::sync::Arc;
use tstate::sim::explorer::{Exploration, Limits, Settings, explore};
use tstate::sim::judge::{Case, Notes};
use tstate::sim::scenario::{self, program::Program};
use tstate::sim::verdict::Outcome;
use tstate::sim::world::Tuning;

/// Small scenarios that between them go through every loop and scope of the runtime.
const SCENARIOS: [(&str, &str); 9] = [
    ("ensure", "foreign thread a { g = PyGILState_Ensure(); PyGILState_Release(g) }
      thread main { Py_InitializeEx(0); start a; ts = PyEval_SaveThread(); join a; PyEval_RestoreThread(ts) }"),
    ("two ensure", "foreign thread a { g = PyGILState_Ensure(); PyGILState_Release(g) }
      foreign thread b { g = PyGILState_Ensure(); PyGILState_Release(g) }
      thread main { Py_InitializeEx(0); start a; start b; ts = PyEval_SaveThread(); join a; join b; PyEval_RestoreThread(ts) }"),
    ("ensure twice", "foreign thread a { repeat 2 { g = PyGILState_Ensure(); PyGILState_Release(g) } }
      thread main { Py_InitializeEx(0); start a; ts = PyEval_SaveThread(); join a; PyEval_RestoreThread(ts) }"),
    ("finalize", "foreign thread a { g = PyGILState_Ensure(); PyGILState_Release(g) }
      thread main { Py_InitializeEx(0); start a; ts = PyEval_SaveThread(); PyEval_RestoreThread(ts); Py_FinalizeEx() }"),
    ("pending", "foreign thread a { Py_AddPendingCall(f, NULL) }
      callback f(arg) { eval }
      thread main { Py_InitializeEx(0); start a; eval; ts = PyEval_SaveThread(); join a; PyEval_RestoreThread(ts); eval }"),
    ("eval", "foreign thread a { g = PyGILState_Ensure(); eval 2; PyGILState_Release(g) }
      thread main { Py_InitializeEx(0); start a; eval 2; ts = PyEval_SaveThread(); join a; PyEval_RestoreThread(ts) }"),
    ("threading", "python thread a { eval }
      thread main { Py_InitializeEx(0); start a; a.join(); Py_FinalizeEx() }"),
    ("daemon", "daemon thread a { eval }
      thread main { Py_InitializeEx(0); start a; eval; Py_FinalizeEx() }"),
    ("mutex", "PyMutex m = {0}
      foreign thread a { g = PyGILState_Ensure(); PyMutex_Lock(&m); PyMutex_Unlock(&m); PyGILState_Release(g) }
      thread main { Py_InitializeEx(0); start a; PyMutex_Lock(&m); PyMutex_Unlock(&m); ts = PyEval_SaveThread(); join a; PyEval_RestoreThread(ts) }"),
];

fn program(text: &str) -> Arc<Program> {
    let file = scenario::parse(text).unwrap_or_else(|errors| panic!("{errors:?}"));
    Arc::new(scenario::check(&file).unwrap_or_else(|errors| panic!("{errors:?}")))
}

struct Explored {
    found: Exploration,
    outcomes: BTreeSet<Outcome>,
}

fn explored(program: &Arc<Program>, tuning: Tuning, limits: Limits) -> Explored {
    let notes = Notes::default();
    let case = Case {
        program,
        profile: program.profiles[0],
        notes: &notes,
    };
    let settings = Settings {
        tuning,
        limits,
        keep_keys: true,
        ..Settings::default()
    };
    let found = explore(&case, &settings);
    let ends = found
        .graph
        .nodes()
        .iter()
        .filter(|node| node.ends)
        .filter_map(|node| node.outcome);
    let outcomes = ends.map(|outcome| notes.outcome(outcome)).collect();
    Explored { found, outcomes }
}

fn timeouts(bound: u32) -> Limits {
    Limits {
        timeouts: Some(bound),
        ..Limits::default()
    }
}

/// With full histories nothing is forgotten; the keys that merge must be the same set all the same.
#[test]
fn forgetting_loses_no_key() {
    for (name, text) in SCENARIOS {
        let program = program(text);
        for few_points in [true, false] {
            let tuning = Tuning {
                few_points,
                ..Tuning::default()
            };
            let limits = timeouts(1);
            let merged = explored(&program, tuning, limits);
            let full = explored(
                &program,
                Tuning {
                    audit: true,
                    ..tuning
                },
                limits,
            );
            eprintln!(
                "{name} few {few_points}: {} states merged, {} full",
                merged.found.graph.nodes().len(),
                full.found.graph.nodes().len()
            );
            let lost = full.found.keys.difference(&merged.found.keys).count();
            let gained = merged.found.keys.difference(&full.found.keys).count();
            assert_eq!(
                (lost, gained),
                (0, 0),
                "{name}, few points {few_points}: keys lost and gained"
            );
            assert_eq!(merged.outcomes, full.outcomes, "{name}");
        }
    }
}

#[test]
fn few_points_lose_no_outcome() {
    for (name, text) in SCENARIOS {
        let program = program(text);
        let few = explored(
            &program,
            Tuning {
                few_points: true,
                ..Tuning::default()
            },
            timeouts(2),
        );
        let all = explored(&program, Tuning::default(), timeouts(2));
        eprintln!(
            "{name}: {} states few, {} all",
            few.found.graph.nodes().len(),
            all.found.graph.nodes().len()
        );
        assert_eq!(few.outcomes, all.outcomes, "{name}");
    }
}
