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
use tstate::sim::world::{Tuning, World};
use tstate::sync::{
    Condvar, Epoch, Mutex, Plain, ThreadIndex, choose, pause_point, scope, statement,
};

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
pub(crate) const HOOKS: [(&str, &str); 6] = [
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
];

/// The bytecode of main lets go of the GIL only when it is asked to, and it is asked only after a time-out.
pub(crate) const TIME_OUT: (&str, &str) = (
    "time-out",
    "native flag f
      foreign thread a { g = PyGILState_Ensure(); set f; PyGILState_Release(g) }
      thread main { Py_InitializeEx(0); start a; eval until f }",
);

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
    /// A scenario that can go on for ever.
    Endless(Arc<Program>),
    /// Written on the facade.
    Fixture(Fixture),
}

/// Programs on the facade in which one part of the key, or one choice, decides what can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fixture {
    /// Whoever comes first ends with the lock in its hands.
    KeptLock,
    /// Nothing but the contents of a free lock tells two states apart.
    Contents,
    /// A scope forgets, with a lock in hand, what it has read of the contents.
    HeldAtScope,
    /// Nothing but whether an epoch moved tells two states apart.
    Epoch,
    /// Between the wake-up and the re-lock somebody else takes the lock.
    Relock,
    /// Either of two waiters may wake.
    Waiters,
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

    /// Whether every run ends, so that it can be explored with full histories.
    pub(crate) fn ends(&self) -> bool {
        match self {
            Self::Scenario(_) => true,
            Self::Endless(_) => false,
            Self::Fixture(_) => true,
        }
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
            Self::Scenario(program) | Self::Endless(program) => {
                let profile: Profile = program.profiles[0];
                let case = Case {
                    program,
                    profile,
                    notes: &notes,
                };
                explore(&case, &settings)
            }
            Self::Fixture(fixture) => explore(fixture, &settings),
        };
        let ends = found.graph.nodes().iter().filter(|node| node.ends);
        let outcomes = ends.filter_map(|node| node.outcome);
        let outcomes = outcomes.map(|outcome| match self {
            Self::Scenario(_) | Self::Endless(_) => format!("{:?}", notes.outcome(outcome)),
            Self::Fixture(_) => format!("{outcome}"),
        });
        let outcomes = outcomes.collect();
        Explored { found, outcomes }
    }
}

impl Explorable for Fixture {
    fn threads(&self) -> usize {
        3
    }

    fn started(&self) -> Vec<ThreadIndex> {
        (0..self.threads()).map(ThreadIndex::new).collect()
    }

    fn make(&self) -> Box<dyn Run + '_> {
        Box::new(FixtureRun {
            fixture: *self,
            lock: Mutex::new("lock", 0),
            cond: Condvar::new("cond"),
            epoch: Epoch::new("epoch"),
            seen: Plain::new("seen", 0),
        })
    }
}

struct FixtureRun {
    fixture: Fixture,
    lock: Mutex<u8>,
    cond: Condvar,
    epoch: Epoch,
    seen: Plain<u64>,
}

impl FixtureRun {
    fn write(&self, value: u8) {
        *self.lock.lock() = value;
    }

    /// What the first thread does.
    fn first(&self) {
        match self.fixture {
            Fixture::KeptLock => self.keep(),
            Fixture::Contents | Fixture::HeldAtScope => self.write(choose(2) as u8),
            Fixture::Epoch => {
                if choose(2) == 1 {
                    self.epoch.advance();
                }
            }
            Fixture::Relock => {
                *self.lock.lock() = 1;
                self.cond.notify_one();
                self.write(2);
            }
            Fixture::Waiters => {
                if *self.lock.lock() == 2 {
                    self.cond.notify_one();
                }
            }
        }
    }

    /// What the others do.
    fn other(&self, thread: ThreadIndex) {
        match self.fixture {
            Fixture::KeptLock => self.keep(),
            Fixture::Contents => {
                pause_point();
                self.seen.write(u64::from(*self.lock.lock()));
            }
            Fixture::HeldAtScope => {
                let entry = scope();
                let held = self.lock.lock();
                entry.again(&());
                pause_point();
                self.seen.write(u64::from(*held));
            }
            Fixture::Epoch => {
                let remembered = self.epoch.remember();
                pause_point();
                self.seen.write(u64::from(remembered.changed()));
            }
            Fixture::Relock => {
                let mut held = self.lock.lock();
                if *held == 0 {
                    self.cond.wait(&mut held);
                    self.seen.write(10 + u64::from(*held));
                }
            }
            Fixture::Waiters => {
                let mut held = self.lock.lock();
                *held += 1;
                self.cond.wait(&mut held);
                self.seen.write(thread.index() as u64);
            }
        }
    }

    /// A thread that could run at any time: where it and another could, states are told apart.
    fn bystand(&self) {
        match self.fixture {
            Fixture::KeptLock => self.keep(),
            Fixture::Contents
            | Fixture::HeldAtScope
            | Fixture::Epoch
            | Fixture::Relock
            | Fixture::Waiters => (0..4).for_each(|_| pause_point()),
        }
    }

    fn keep(&self) {
        if let Some(held) = self.lock.try_lock() {
            std::mem::forget(held);
        }
    }
}

impl Run for FixtureRun {
    fn body(&self, thread: ThreadIndex) {
        statement(0);
        let bystands = thread.index() == 2 && self.fixture != Fixture::Waiters;
        if thread == ThreadIndex::FIRST {
            self.first();
        } else if bystands {
            self.bystand();
        } else {
            self.other(thread);
        }
    }

    fn look(&self, _: &World) -> Look {
        Look::default()
    }

    /// What was seen, or who kept the lock.
    fn outcome(&self, world: &World) -> u16 {
        let threads = (0..world.threads()).map(ThreadIndex::new);
        let owner = threads.filter(|thread| world.owns(*thread, "lock"));
        let owner = owner.map(|thread| thread.index() as u16 + 1).sum::<u16>();
        self.seen.peek() as u16 * 100 + owner
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
