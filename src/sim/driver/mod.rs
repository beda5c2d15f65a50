//! Runs a scenario: its threads' bodies, statement by statement, on the runtime.
//!
//! The same driver runs on real threads, under loom and in the explorer. It owns what a scenario adds to the runtime:
//! names, native mutexes, semaphores and flags, and counts of callbacks.
//!
//! # What a thread keeps
//!
//! Names live in cells ([`Plain`], one for each thread that may bind them), loop counters are part of the position that
//! a statement announces, and everything else is forgotten at the next statement. So a thread's place in its body and
//! the cells determine how it goes on.

mod announce;
mod call;
mod condition;
mod fork;
mod natives;
mod python;
mod signal;
mod site;
mod statement;
mod value;

pub use condition::{Reader, Unbound};
pub use natives::NativeMutex;
pub use python::{Calls, Python, evaluated, reference_traced, traced};
pub use site::Site;
pub use value::Value;

use super::scenario::program::{BodyId, BodyKind, Program, Reads, StatementId, ThreadId};
use crate::runtime::profile::Profile;
use crate::runtime::{CallbackId, Crash, Ended, ObjectKind, Over, Runtime, Step};
use crate::sync::{
    AtomicBool, AtomicU64, Branch, Crew, Event, Plain, Semaphore, THREADS_MAX, ThreadIndex, Word,
    current_thread, frame, hang_forever, pause_point, simulated, spawn, statement,
};
use std::sync::{Arc, Weak};

use statement::{Flow, position};

/// Callbacks that one thread may register with `at_thread_exit`.
const THREAD_EXITS_MAX: usize = 4;
/// Callbacks inside callbacks, after which the thread has run out of C stack.
const DEPTH_MAX: u8 = 8;
/// Names of one body; a nested activation of a callback saves as many.
const NAMES_MAX: usize = 32;

/// Marks the argument of a callback that was queued with `Py_AddPendingCall`, so that its runs can be counted.
const PENDING: u64 = 1 << 46;

/// Marks Python's handler of the signal, so that its runs can be counted.
const SIGNALLED: u64 = 15 << 42;

/// What a scenario did, for who wants to tell: called on the thread that does it.
pub trait Listener<P: Python = Runtime>: Sync + Send {
    /// A statement begins.
    fn begins(&self, machine: &Machine<P>, thread: ThreadIndex, statement: StatementId);
    /// The statement ends with this result.
    fn ends(
        &self,
        machine: &Machine<P>,
        thread: ThreadIndex,
        statement: StatementId,
        result: Option<Value>,
    );
    /// A callback's body begins.
    fn enters(&self, machine: &Machine<P>, thread: ThreadIndex, body: BodyId);
    /// A callback's body ends.
    fn leaves(&self, machine: &Machine<P>, thread: ThreadIndex);
    /// The process has forked, and the run goes on as this one.
    fn forks(&self, machine: &Machine<P>, thread: ThreadIndex, branch: Branch) {
        let _ = (machine, thread, branch);
    }
    /// The process ends as [`Host::uses_freed_block`](crate::runtime::Host::uses_freed_block) says.
    fn uses_freed_block(&self) {}
}

/// A thread of the scenario.
struct Lane {
    ended: Event,
    /// Callbacks under way, one inside the other. Rule: the thread's own.
    depth: Plain<u8>,
    /// The statement under way, plus one. Rule: the thread's own.
    at: Plain<u16>,
    exited: Plain<bool>,
    /// Whether it was started. Rule: the starter's, once; read by who ends.
    launched: Plain<bool>,
    names: Vec<Plain<Value>>,
    exits: [Plain<Value>; THREAD_EXITS_MAX],
}

/// What filled a `PyConfig` last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Filled {
    /// Nothing: it holds whatever was in memory.
    Not,
    /// `PyConfig_InitPythonConfig`.
    Python,
    /// `PyConfig_InitIsolatedConfig`.
    Isolated,
}

impl Word for Filled {
    fn to_word(self) -> u64 {
        self as u64
    }
    fn from_word(word: u64) -> Self {
        match word {
            0 => Self::Not,
            1 => Self::Python,
            _ => Self::Isolated,
        }
    }
}

/// The state of one scenario in one process.
pub struct Machine<P: Python = Runtime> {
    program: Arc<Program>,
    this: Weak<Self>,
    /// CPython.
    pub runtime: P,
    lanes: Vec<Lane>,
    /// Names of callbacks: for each body, for each thread.
    callback_names: Vec<Vec<Vec<Plain<Value>>>>,
    flags: Vec<AtomicBool>,
    mutexes: Vec<NativeMutex>,
    semaphores: Vec<Semaphore>,
    /// How many threads of a body (second index) a body (first index) has started.
    started: Vec<Vec<Plain<u8>>>,
    /// How often a callback was entered, where a condition asks.
    runs: Vec<Plain<u64>>,
    reads: Reads,
    /// Pending calls accepted and not yet run, for each callback.
    owed: Vec<Plain<i64>>,
    /// Threads inside `Py_AddPendingCall` with this callback, whose call may run before they count it.
    adding: Vec<Plain<i64>>,
    /// Pending calls that the process was forked with, for each callback.
    inherited: Vec<Plain<i64>>,
    /// What filled each `PyConfig`. Rule: whoever fills it, before anybody else reads it.
    filled: Vec<Plain<Filled>>,
    /// Signals for the first thread that no simulator delivers, as bits.
    arriving: AtomicU64,
    /// Python's handler of the signal. Rule: the GIL.
    handler: Plain<Value>,
    /// Runs of it that signals allow for, for each callback: up to two, as signals that come together are one.
    due: Vec<Plain<i64>>,
    failed: Plain<u64>,
    process_ended: Plain<bool>,
    /// How many forks the run followed into the child. Rule, of the three: the thread that forks.
    generation: Plain<u8>,
    /// The threads that were left behind then, as bits.
    gone: Plain<u64>,
    /// The process's first thread: `main`, or the one that forked it.
    first: Plain<ThreadIndex>,
    /// Real threads are asked to end: their process is over. Never in a simulation, where they just run no more.
    cut_off: Plain<bool>,
    listener: Option<Arc<dyn Listener<P>>>,
    crew: Crew,
}

impl<P: Python> std::fmt::Debug for Machine<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Machine")
            .field("program", &self.program.scenario)
            .finish_non_exhaustive()
    }
}

/// Where a body runs: whose names it reads.
#[derive(Clone, Copy, Debug)]
struct Activation {
    thread: ThreadIndex,
    body: BodyId,
}

impl Machine {
    /// A process in which nothing has run, on the runtime.
    #[must_use]
    pub fn new(
        program: &Arc<Program>,
        profile: Profile,
        listener: Option<Arc<dyn Listener>>,
    ) -> Arc<Self> {
        Self::on(program, || Runtime::new(profile), listener)
    }
}

impl<P: Python> Machine<P> {
    /// A process in which nothing has run, on the CPython that `python` makes.
    #[must_use]
    pub fn on(
        program: &Arc<Program>,
        python: impl FnOnce() -> P,
        listener: Option<Arc<dyn Listener<P>>>,
    ) -> Arc<Self> {
        Arc::new_cyclic(|this| {
            let runtime = python();
            let bodies = program.bodies.len();
            let reads = Reads::of(program);
            Self {
                this: this.clone(),
                runtime,
                lanes: (0..program.threads.len())
                    .map(|thread| lane(program, thread))
                    .collect(),
                callback_names: (0..bodies)
                    .map(|body| callback_names(program, body))
                    .collect(),
                flags: (0..program.flags.len())
                    .map(|flag| AtomicBool::new(("flag", flag), false))
                    .collect(),
                mutexes: (0..program.mutexes.len()).map(NativeMutex::new).collect(),
                semaphores: program
                    .semaphores
                    .iter()
                    .enumerate()
                    .map(|(index, semaphore)| {
                        Semaphore::new(("semaphore", index), u32::from(semaphore.initial))
                    })
                    .collect(),
                started: (0..bodies)
                    .map(|_| {
                        (0..bodies)
                            .map(|body| Plain::new(("started", body), 0))
                            .collect()
                    })
                    .collect(),
                runs: (0..bodies)
                    .map(|body| Plain::new(("runs", body), 0))
                    .collect(),
                reads,
                owed: (0..bodies)
                    .map(|body| Plain::new(("owed", body), 0))
                    .collect(),
                adding: (0..bodies)
                    .map(|body| Plain::new(("adding", body), 0))
                    .collect(),
                inherited: (0..bodies)
                    .map(|body| Plain::new(("inherited", body), 0))
                    .collect(),
                filled: (0..program.structures.len())
                    .map(|structure| Plain::new(("filled", structure), Filled::Not))
                    .collect(),
                arriving: AtomicU64::new("arriving", 0),
                handler: Plain::new("handler", Value::Unbound),
                due: (0..bodies)
                    .map(|body| Plain::new(("due", body), 0))
                    .collect(),
                failed: Plain::new("failed", 0),
                process_ended: Plain::new("process_ended", false),
                generation: Plain::new("generation", 0),
                gone: Plain::new("gone", 0),
                first: Plain::new("first", ThreadIndex::FIRST),
                cut_off: Plain::new("cut_off", false),
                program: Arc::clone(program),
                listener,
                crew: Crew::default(),
            }
        })
    }

    /// The scenario.
    #[must_use]
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// What each thread does: `main` from the start, the others once started.
    pub fn run_thread(&self, thread: ThreadIndex) {
        let caller = self.runtime.caller(self);
        if thread == ThreadIndex::FIRST {
            self.announce();
        }
        let body = self.program.threads[thread.index()].body;
        let activation = Activation { thread, body };
        let statements = &self.program.bodies[body.index()].block;
        let run = || self.block(&caller, activation, statements, 0).map(|_| ());
        let result = match self.program.bodies[body.index()].kind {
            BodyKind::Python | BodyKind::Daemon => caller.python_thread(run),
            BodyKind::Main | BodyKind::Foreign | BodyKind::Callback => run(),
        };
        let result = match result {
            Err(Ended::Exited) => {
                self.lanes[thread.index()].exited.write(true);
                self.run_exits(&caller, thread).and(Err(Ended::Exited))
            }
            Ok(()) if thread != ThreadIndex::FIRST => self.run_exits(&caller, thread),
            other => other,
        };
        match result {
            Err(Ended::Hung) => hang_forever(),
            Err(Ended::ProcessOver) if !simulated() => caller.let_others_end(),
            Err(Ended::ProcessOver) | Ok(()) | Err(Ended::Exited) => {}
        }
        if thread == ThreadIndex::FIRST && result != Err(Ended::Exited) {
            if result.is_ok() {
                // Others may run between the last statement and the end of the process.
                statement(u64::MAX);
                pause_point();
            }
            self.process_ended.write(true);
        }
        // A thread that ends the process has not ended before it.
        let cut_off = matches!(result, Err(Ended::ProcessOver)) && simulated();
        if !cut_off && !matches!(result, Err(Ended::Hung)) {
            self.lanes[thread.index()].ended.set();
            self.end_without_main();
        }
    }

    /// The program's own text of these words; one that nothing is equal to if it has none.
    #[must_use]
    pub fn text(&self, words: &str) -> Value {
        let mut texts = self.program.texts.iter();
        let place = texts.position(|text| **text == *words);
        Value::Text(place.map_or(u16::MAX, |place| place as u16))
    }

    /// The body of a thread that Python itself made, inside whatever Python does around it.
    ///
    /// # Errors
    ///
    /// What ended the thread or the process in it.
    pub fn run_python_body(&self, thread: ThreadIndex) -> Step<()> {
        let body = self.program.threads[thread.index()].body;
        let statements = &self.program.bodies[body.index()].block;
        let activation = Activation { thread, body };
        self.block(&self.runtime.caller(self), activation, statements, 0)
            .map(|_| ())
    }

    /// The calling thread, which Python made or ended, runs no more of its body: what `at_thread_exit` registered runs,
    /// and the thread is over for those that wait for it.
    ///
    /// # Errors
    ///
    /// What ended the thread or the process in it.
    pub fn leave_thread(&self, thread: ThreadIndex, exited: bool) -> Step<()> {
        let lane = &self.lanes[thread.index()];
        if exited {
            lane.exited.write(true);
        }
        self.run_exits(&self.runtime.caller(self), thread)?;
        lane.ended.set();
        Ok(())
    }

    /// Ends what is left of a process on real threads: they leave their waits and end at their next statement. For a
    /// harness, after it has noted what happened; again while threads are left, since each wakes from one wait a call.
    pub fn cut_off(&self) {
        self.cut_off.write(true);
        let _over = self.runtime.end_process(Over::Exit(0));
        for _ in 0..self.lanes.len() {
            self.semaphores.iter().for_each(Semaphore::post);
            let mutexes = self.mutexes.iter().map(NativeMutex::semaphore);
            mutexes.for_each(Semaphore::post);
        }
        self.lanes.iter().for_each(|lane| lane.ended.set());
        self.runtime.caller(self).let_others_end();
    }

    /// Nothing, or the end of a real thread whose process was cut off.
    fn goes_on(&self) -> Step<()> {
        if !simulated() && self.cut_off.peek() {
            return Err(Ended::ProcessOver);
        }
        Ok(())
    }

    /// Joins every thread that was started, where threads are real: for a harness, after [`Machine::run_thread`] of the
    /// first thread. Nothing may be left that waits for ever.
    pub fn join_all(&self) {
        self.crew.join_all();
    }

    /// What `at_thread_exit` registered, newest first. A thread that is ended in one of them goes on with the next.
    fn run_exits(&self, caller: &P::Caller<'_>, thread: ThreadIndex) -> Step<()> {
        for exit in self.lanes[thread.index()].exits.iter().rev() {
            if let Value::Callback(body) = exit.read() {
                exit.write(Value::Unbound);
                match self.callback(caller, CallbackId(u16::from(body)), 0) {
                    Ok(_) => {}
                    Err(Ended::Exited) => self.lanes[thread.index()].exited.write(true),
                    Err(over) => return Err(over),
                }
            }
        }
        Ok(())
    }

    /// Starts the thread on its own stack.
    fn launch(&self, thread: ThreadIndex) {
        self.lanes[thread.index()].launched.write(true);
        let machine = self.this.upgrade().expect("a machine that runs is alive");
        let handle = spawn(thread, move || machine.run_thread(thread));
        if !simulated() {
            self.crew.add(handle);
        }
    }

    /// The calling thread ends the process, after whatever others do first.
    fn end_process(&self, over: Over) -> Ended {
        pause_point();
        self.runtime.end_process(over)
    }

    /// An assertion failed: the first one counts, and the process is over.
    fn fail(&self, site: Site) -> Ended {
        // Others may run first, as before whatever else ends the process.
        pause_point();
        if self.failed.peek() == 0 {
            self.failed.write(site.to_word());
        }
        self.runtime.end_process(Over::Exit(1))
    }

    /// Notes from outside of any thread that a claim failed.
    pub fn fail_claim(&self, index: usize) {
        if self.failed.peek() == 0 {
            self.failed.write(Site::Claim(index as u16).to_word());
        }
    }

    /// The assertion that failed first.
    #[must_use]
    pub fn failed(&self) -> Option<Site> {
        Some(self.failed.peek())
            .filter(|word| *word != 0)
            .map(Site::from_word)
    }

    /// Whether `main` has ended.
    #[must_use]
    pub fn process_ended(&self) -> bool {
        self.process_ended.peek()
    }

    /// Whether the thread's body has ended.
    #[must_use]
    pub fn ended(&self, thread: ThreadIndex) -> bool {
        self.lanes[thread.index()].ended.peek()
    }

    /// The statement that the thread's body, or a callback that it runs, is at.
    #[must_use]
    pub fn at(&self, thread: ThreadIndex) -> Option<StatementId> {
        self.lanes[thread.index()]
            .at
            .peek()
            .checked_sub(1)
            .map(StatementId)
    }

    /// Whether finalization ended and unwound the thread.
    #[must_use]
    pub fn exited(&self, thread: ThreadIndex) -> bool {
        self.lanes[thread.index()].exited.peek()
    }

    /// Pending calls to this callback that were accepted and have not run; negative if it ran too often.
    #[must_use]
    pub fn owed(&self, body: BodyId) -> i64 {
        let owed = self.owed[body.index()].peek();
        if owed < 0 {
            (owed + self.adding[body.index()].peek()).min(0)
        } else {
            owed
        }
    }

    /// The native mutexes.
    #[must_use]
    pub fn mutexes(&self) -> &[NativeMutex] {
        &self.mutexes
    }

    /// The native flags, for an observer.
    pub fn flags(&self) -> impl Iterator<Item = bool> {
        self.flags.iter().map(AtomicBool::peek)
    }

    /// What the native semaphores stand at, for an observer.
    pub fn semaphores(&self) -> impl Iterator<Item = u32> {
        self.semaphores.iter().map(Semaphore::peek)
    }

    fn names(&self, activation: Activation) -> &[Plain<Value>] {
        match self.program.bodies[activation.body.index()].kind {
            BodyKind::Callback => {
                &self.callback_names[activation.body.index()][activation.thread.index()]
            }
            BodyKind::Main | BodyKind::Foreign | BodyKind::Python | BodyKind::Daemon => {
                &self.lanes[activation.thread.index()].names
            }
        }
    }

    /// Runs a callback's body with names of its own.
    fn activate(&self, caller: &P::Caller<'_>, body: BodyId, arguments: &[u64]) -> Step<i32> {
        let activation = Activation {
            thread: current_thread(),
            body,
        };
        let callback = &self.program.bodies[body.index()];
        let names = self.names(activation);
        let mut saved = [Value::Unbound; NAMES_MAX];
        for (saved, name) in saved.iter_mut().zip(names) {
            *saved = name.read();
            name.write(Value::Unbound);
        }
        for (place, parameter) in names
            .iter()
            .take(usize::from(callback.parameters))
            .enumerate()
        {
            let argument = arguments.get(place).copied();
            parameter.write(argument.map_or(Value::NULL, Value::from_word));
        }
        let at = &self.lanes[activation.thread.index()].at;
        let outer = at.read();
        let outcome = self.block(caller, activation, &callback.block, 0)?;
        at.write(outer);
        for (saved, name) in saved.iter().zip(names) {
            name.write(*saved);
        }
        Ok(outcome.result().unwrap_or(callback.returns) as i32)
    }
}

impl<P: Python> Machine<P> {
    /// Runs a registered callback on the calling thread and returns what it returns.
    ///
    /// # Errors
    ///
    /// What ended the thread inside the callback.
    pub fn callback(
        &self,
        caller: &P::Caller<'_>,
        callback: CallbackId,
        argument: u64,
    ) -> Step<i32> {
        let body = BodyId(callback.0 as u8);
        if argument & PENDING != 0 {
            self.ran_pending(body);
        }
        let argument = match argument & !PENDING {
            SIGNALLED => self.ran_handler(body),
            argument => argument,
        };
        self.callback_with(caller, callback, &[argument])
    }

    /// The same, of a callback that is given these arguments, as words.
    ///
    /// # Errors
    ///
    /// What ended the thread inside the callback.
    pub fn callback_with(
        &self,
        caller: &P::Caller<'_>,
        callback: CallbackId,
        arguments: &[u64],
    ) -> Step<i32> {
        let body = BodyId(callback.0 as u8);
        let thread = current_thread();
        let depth = &self.lanes[thread.index()].depth;
        if depth.read() == DEPTH_MAX {
            // Callbacks that call themselves without end run out of C stack.
            return Err(caller.crash(Crash::Other));
        }
        depth.write(depth.read() + 1);
        if self.reads.runs.contains(&body.index()) {
            self.runs[body.index()].update(|runs| runs + 1);
        }
        if let Some(listener) = &self.listener {
            listener.enters(self, thread, body);
        }
        let result = frame(
            || self.activate(caller, body, arguments),
            |result| result.map_or(u64::MAX, |value| value.to_word()),
        );
        // A thread that ends inside the callback does not leave it.
        if let Some(listener) = self.listener.as_ref().filter(|_| result.is_ok()) {
            listener.leaves(self, thread);
        }
        depth.write(depth.read() - 1);
        result
    }
}

fn lane(program: &Program, thread: usize) -> Lane {
    let body = &program.bodies[program.threads[thread].body.index()];
    Lane {
        ended: Event::new(("ended", thread)),
        depth: Plain::new(("depth", thread), 0),
        at: Plain::new(("at", thread), 0),
        exited: Plain::new(("exited", thread), false),
        launched: Plain::new(("launched", thread), false),
        names: body
            .variables
            .iter()
            .map(|_| Plain::new(("name", thread), Value::Unbound))
            .collect(),
        exits: std::array::from_fn(|_| Plain::new(("at_thread_exit", thread), Value::Unbound)),
    }
}

fn callback_names(program: &Program, body: usize) -> Vec<Vec<Plain<Value>>> {
    let body = &program.bodies[body];
    let threads = if body.kind == BodyKind::Callback {
        program.threads.len().min(THREADS_MAX)
    } else {
        0
    };
    let names = |thread| {
        body.variables
            .iter()
            .map(|_| Plain::new(("local", thread), Value::Unbound))
            .collect()
    };
    (0..threads).map(names).collect()
}

/// The thread of the program that has this number in the scenario.
#[must_use]
pub fn index_of(thread: ThreadId) -> ThreadIndex {
    ThreadIndex::new(thread.index())
}

/// What the runtime knows of an object.
fn object_kind(program: &Program, object: usize) -> ObjectKind {
    let object = &program.objects[object];
    ObjectKind {
        cyclic: object.cyclic,
        finalizer: object.finalizer.map(|body| CallbackId(u16::from(body.0))),
    }
}
