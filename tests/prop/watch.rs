//! Runs a scenario in which one thread at a time can go on, and notes the runtime after each call.
//!
//! Of a process that forks the explorer follows both sides. One of them makes no call, so what is noted is the other's.

#![expect(
    clippy::disallowed_types,
    reason = "what a test notes is no part of the program"
)]

use std::sync::{Arc, Mutex};
use tstate::runtime::Observation;
use tstate::sim::driver::{Listener, Machine, Value};
use tstate::sim::explorer::{
    Exploration, Limits, Look, Program as Explored, Run, Settings, explore,
};
use tstate::sim::judge::{Judge, Notes};
use tstate::sim::scenario::program::{BodyId, Program, StatementId};
use tstate::sim::world::World;
use tstate::sync::{THREADS_MAX, ThreadIndex};

/// A call in a thread's own body, and the runtime right after it.
#[derive(Debug)]
pub(crate) struct Called {
    pub(crate) thread: usize,
    pub(crate) result: Value,
    pub(crate) after: Observation,
}

/// What a callback did.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ran {
    /// It began.
    Body(BodyId),
    /// It ran a statement to its end.
    Statement(StatementId),
}

/// What was noted.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) calls: Vec<Called>,
    /// Callbacks in the order in which they ran.
    pub(crate) ran: Vec<Ran>,
    depth: [usize; THREADS_MAX],
}

/// A run's end.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) log: Log,
    pub(crate) found: Exploration,
    /// Threads that finalization parked.
    pub(crate) hung: Vec<bool>,
}

#[derive(Default)]
struct Ear {
    log: Mutex<Log>,
}

impl Listener for Ear {
    fn begins(&self, _: &Machine, _: ThreadIndex, _: StatementId) {}

    fn ends(
        &self,
        machine: &Machine,
        thread: ThreadIndex,
        statement: StatementId,
        result: Option<Value>,
    ) {
        let mut log = self.log.lock().expect("nothing panics with it");
        if log.depth[thread.index()] > 0 {
            log.ran.push(Ran::Statement(statement));
        } else if let Some(result) = result {
            log.calls.push(Called {
                thread: thread.index(),
                result,
                after: machine.runtime.observe(),
            });
        }
    }

    fn enters(&self, _: &Machine, thread: ThreadIndex, body: BodyId) {
        let mut log = self.log.lock().expect("nothing panics with it");
        log.depth[thread.index()] += 1;
        log.ran.push(Ran::Body(body));
    }

    fn leaves(&self, _: &Machine, thread: ThreadIndex) {
        self.log.lock().expect("nothing panics with it").depth[thread.index()] -= 1;
    }
}

struct Watch<'a> {
    program: &'a Arc<Program>,
    notes: &'a Notes,
    ear: Mutex<Arc<Ear>>,
    hung: Mutex<Vec<bool>>,
}

struct Eye<'a> {
    judge: Judge<'a>,
    watch: &'a Watch<'a>,
}

impl Explored for Watch<'_> {
    fn threads(&self) -> usize {
        self.program.threads.len()
    }

    fn forks(&self) -> bool {
        self.program.forks()
    }

    fn make(&self) -> Box<dyn Run + '_> {
        let ear = Arc::new(Ear::default());
        let profile = self.program.profiles[0];
        let machine = Machine::new(self.program, profile, Some(ear.clone()));
        *self.ear.lock().expect("nothing panics with it") = ear;
        self.hung.lock().expect("nothing panics with it").clear();
        Box::new(Eye {
            judge: Judge::new(machine, profile, self.notes),
            watch: self,
        })
    }
}

impl Eye<'_> {
    fn note_hung(&self) {
        let runtime = &self.judge.machine().runtime;
        let threads = self.watch.program.threads.len();
        let mut hung = self.watch.hung.lock().expect("nothing panics with it");
        hung.resize(threads, false);
        for (index, hung) in hung.iter_mut().enumerate() {
            *hung |= runtime.hung(ThreadIndex::new(index));
        }
    }
}

impl Run for Eye<'_> {
    fn body(&self, thread: ThreadIndex) {
        if thread == ThreadIndex::FIRST {
            self.judge.machine().runtime.observe_ids();
        }
        self.judge.body(thread);
    }

    fn look(&self, world: &World) -> Look {
        self.judge.look(world)
    }

    fn outcome(&self, world: &World) -> u16 {
        self.note_hung();
        self.judge.outcome(world)
    }

    fn stuck(&self, world: &World) -> Option<u16> {
        let stuck = self.judge.stuck(world);
        if stuck.is_some() {
            self.note_hung();
        }
        stuck
    }

    fn label(&self, world: &World) -> String {
        self.judge.label(world)
    }
}

/// Runs the scenario.
pub(crate) fn watch(program: &Arc<Program>) -> Watched {
    let notes = Notes::default();
    let watch = Watch {
        program,
        notes: &notes,
        ear: Mutex::default(),
        hung: Mutex::default(),
    };
    let settings = Settings {
        limits: Limits {
            states: Some(5_000),
            ..Limits::default()
        },
        ..Settings::default()
    };
    let found = explore(&watch, &settings);
    let ear = watch.ear.lock().expect("nothing panics with it").clone();
    let log = std::mem::take(&mut *ear.log.lock().expect("nothing panics with it"));
    let hung = watch.hung.lock().expect("nothing panics with it").clone();
    Watched { log, found, hung }
}
