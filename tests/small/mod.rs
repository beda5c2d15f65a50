//! Small programs that between them go through every loop and scope of the runtime and every kind of hook.

#![allow(dead_code, reason = "each test uses some of it")]

use std::collections::BTreeSet;
use std::sync::Arc;
use tstate::runtime::Profile;
use tstate::sim::explorer::{
    Exploration, Limits, Look, Program as Explorable, Run, Settings, explore,
};
use tstate::sim::judge::{Case, Notes};
use tstate::sim::scenario::{self, program::Program};
use tstate::sim::world::{Standing, Tuning, World};
use tstate::sync::{Mutex, ThreadIndex, choose, pause_point, statement};

/// Scenarios for the audit: every loop and scope.
pub(crate) const SCENARIOS: [(&str, &str); 9] = [
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

/// Scenarios in which one hook decides what can happen.
pub(crate) const HOOKS: [(&str, &str); 7] = [
    // Somebody takes the semaphore between the flag and the wait.
    (
        "acquire",
        "native flag f; native semaphore s = 1
      foreign thread a { if f { wait s } }
      thread main { start a; set f; wait s }",
    ),
    // A post commutes with everything before it: only the states between can show it.
    (
        "post",
        "native flag f; native semaphore s = 0
      foreign thread a { if f { wait s } }
      thread main { start a; set f; post s; join a }",
    ),
    // Between two stores.
    (
        "store",
        "native flag f; native flag g
      foreign thread a { assert !f || g }
      thread main { start a; set f; set g; join a }",
    ),
    // Between two loads.
    (
        "load",
        "foreign thread a { x = Py_IsFinalizing(); y = Py_IsFinalizing(); assert x == y }
      thread main { Py_InitializeEx(0); start a; Py_FinalizeEx(); join a }",
    ),
    // Between a store and a compare-and-exchange.
    (
        "modify",
        "native flag f; PyMutex m = {0}
      foreign thread a { if f { PyMutex_IsLocked(&m) == 1 } }
      thread main { Py_InitializeEx(0); start a; set f; PyMutex_Lock(&m); join a }",
    ),
    // Between a store and the reading of a condition.
    (
        "pause",
        "native flag f; native flag g
      foreign thread a { spin until g; set f }
      thread main { start a; set g; assert !f; join a }",
    ),
    // The bytecode of main lets go of the GIL only when it is asked to.
    (
        "time-out",
        "native flag f
      foreign thread a { g = PyGILState_Ensure(); set f; PyGILState_Release(g) }
      thread main { Py_InitializeEx(0); start a; eval until f }",
    ),
];

/// Without time-outs the one of two waiters that is woken goes first.
pub(crate) const WAKE: (&str, &str) = ("wake", "native flag f
      foreign thread a { PyGILState_Ensure(); set f }
      foreign thread b { PyGILState_Ensure(); assert f }
      thread main { Py_InitializeEx(0); start a; start b; spin until waits_for_gil(a) && waits_for_gil(b); PyEval_SaveThread(); sleep }");

/// Reads and resolves a scenario.
pub(crate) fn program(text: &str) -> Arc<Program> {
    let file = scenario::parse(text).unwrap_or_else(|errors| panic!("{errors:?}"));
    Arc::new(scenario::check(&file).unwrap_or_else(|errors| panic!("{errors:?}")))
}

/// A program and the names of its outcomes.
#[derive(Debug)]
pub(crate) enum Small {
    /// A scenario, under its first profile.
    Scenario(Arc<Program>),
    /// A thread may end with a lock in its hands: nobody's history says so.
    KeptLock,
}

/// What an exploration found.
#[derive(Debug)]
pub(crate) struct Explored {
    /// All of it.
    pub(crate) found: Exploration,
    /// The outcomes of runs that end.
    pub(crate) outcomes: BTreeSet<String>,
}

impl Small {
    /// A scenario.
    pub(crate) fn scenario(text: &str) -> Self {
        Self::Scenario(program(text))
    }

    /// Explores, keeping the keys.
    pub(crate) fn explored(&self, tuning: Tuning, limits: Limits) -> Explored {
        let settings = Settings {
            tuning,
            limits,
            keep_keys: true,
            ..Settings::default()
        };
        let notes = Notes::default();
        let found = match self {
            Self::Scenario(program) => {
                let profile: Profile = program.profiles[0];
                let case = Case {
                    program,
                    profile,
                    notes: &notes,
                };
                explore(&case, &settings)
            }
            Self::KeptLock => explore(&KeptLock, &settings),
        };
        let ends = found.graph.nodes().iter().filter(|node| node.ends);
        let outcomes = ends.filter_map(|node| node.outcome);
        let outcomes = outcomes.map(|outcome| match self {
            Self::Scenario(_) => format!("{:?}", notes.outcome(outcome)),
            Self::KeptLock => format!("{outcome} blocked"),
        });
        let outcomes = outcomes.collect();
        Explored { found, outcomes }
    }
}

struct KeptLock;

struct KeptLockRun {
    lock: Mutex<u8>,
}

impl Explorable for KeptLock {
    fn threads(&self) -> usize {
        2
    }

    fn started(&self) -> Vec<ThreadIndex> {
        vec![ThreadIndex::new(0), ThreadIndex::new(1)]
    }

    fn make(&self) -> Box<dyn Run + '_> {
        Box::new(KeptLockRun {
            lock: Mutex::new("lock", 0),
        })
    }
}

impl Run for KeptLockRun {
    fn body(&self, thread: ThreadIndex) {
        statement(0);
        if thread != ThreadIndex::FIRST {
            pause_point();
            drop(self.lock.lock());
        } else if choose(2) == 0 {
            std::mem::forget(self.lock.lock());
        }
    }

    fn look(&self, _: &World) -> Look {
        Look::default()
    }

    fn outcome(&self, world: &World) -> u16 {
        let threads = (0..world.threads()).map(ThreadIndex::new);
        let blocked =
            |thread: &ThreadIndex| matches!(world.standing(*thread), Standing::Blocked(_));
        threads.filter(blocked).count() as u16
    }

    fn stuck(&self, _: &World) -> Option<u16> {
        None
    }

    fn label(&self, _: &World) -> String {
        String::new()
    }
}

/// At most so many time-outs in a run.
pub(crate) fn timeouts(bound: u32) -> Limits {
    Limits {
        timeouts: Some(bound),
        ..Limits::default()
    }
}
