//! Small programs on the runtime, for every engine: each is what its threads do.
//!
//! Thread 0 is the main thread: it initializes, starts the others, and runs its body attached. A body may be ended by
//! finalization (hung) or by the end of the process. The outcome is how each thread ended, or why the process did.

#![expect(
    clippy::disallowed_types,
    reason = "what threads bound is gathered beside the program, which does not see it"
)]
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each engine uses some of the models, from a file of its own"
)]

use std::sync::Arc;
use tstate::runtime::{
    Callback, CallbackId, Caller, Daemon, Ended, GilState, GuardHandle, Host, InterpreterConfig,
    InterpreterHandle, MutexSlot, Over, Profile, Runtime, Step, ThreadStateHandle, Token,
};
use tstate::sync::{self, Event, Plain, ThreadIndex, Word};

/// Threads of a model, at most.
pub const THREADS: usize = 4;

/// How a thread ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    /// Not yet.
    Running,
    /// Its body ended.
    Done,
    /// Finalization parked it.
    Hung,
    /// The process was over.
    Over,
}

/// The release that models follow, but for those of guards.
pub const PROFILE: Profile = Profile::release(14).expect("a release");

/// The first release with guards.
pub const WITH_GUARDS: Profile = Profile::release(15).expect("a release");

const ENDS: [End; 4] = [End::Running, End::Done, End::Hung, End::Over];

impl Word for End {
    fn to_word(self) -> u64 {
        self as u64
    }
    fn from_word(word: u64) -> Self {
        ENDS[word as usize]
    }
}

/// How an execution ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// How each thread ended, and how many callbacks ran.
    Ends(Vec<End>, u64),
    /// Why the process did.
    Over(Over),
}

/// A body of one thread.
pub type Body = fn(&Arc<Env>, &Caller<'_>) -> Step<()>;

/// A program.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    /// What it shows.
    pub name: &'static str,
    /// The bodies; the first is the main thread's.
    pub bodies: &'static [Body],
    /// Threads that `threading` starts; the main thread starts the others before its body.
    pub python: &'static [usize],
    /// The release that it follows.
    pub profile: Profile,
}

/// The state of one execution.
#[derive(Debug)]
pub struct Env {
    pub runtime: Runtime,
    model: Model,
    /// Each thread's end, for the others.
    ended: [Event; THREADS],
    ends: [Plain<End>; THREADS],
    called: Plain<u64>,
    /// A thread state that the main thread makes for another one. Rule: written before `handed` is set.
    hand: Plain<ThreadStateHandle>,
    /// A guard, in the same way.
    guard: Plain<GuardHandle>,
    handed: Event,
    itself: std::sync::OnceLock<std::sync::Weak<Env>>,
}

impl Env {
    /// Nothing has run yet.
    pub fn new(model: Model) -> Arc<Self> {
        let env = Arc::new(Self {
            runtime: Runtime::new(model.profile),
            model,
            ended: std::array::from_fn(|thread| Event::new(("ended", thread))),
            ends: std::array::from_fn(|thread| Plain::new(("end", thread), End::Running)),
            called: Plain::new("called", 0),
            hand: Plain::new("hand", NOTHING),
            guard: Plain::new("hand.guard", GuardHandle::NULL),
            handed: Event::new("handed"),
            itself: std::sync::OnceLock::new(),
        });
        env.itself.set(Arc::downgrade(&env)).expect("set once");
        env
    }

    /// What a thread runs from its first step to its last.
    pub fn root(self: &Arc<Self>, thread: ThreadIndex) {
        let caller = Caller::new(&self.runtime, &**self);
        let result = if thread == ThreadIndex::FIRST {
            self.main(&caller)
        } else if self.model.python.contains(&thread.index()) {
            caller.python_thread(|| self.model.bodies[thread.index()](self, &caller))
        } else {
            self.model.bodies[thread.index()](self, &caller)
        };
        let end = match result {
            Ok(()) => End::Done,
            Err(Ended::Hung | Ended::Exited) => End::Hung,
            Err(Ended::ProcessOver) => End::Over,
        };
        self.ends[thread.index()].write(end);
        match end {
            End::Hung => sync::hang_forever(),
            End::Over if !sync::simulated() => {
                caller.let_others_end();
                self.handed.set();
            }
            End::Done | End::Running | End::Over => {}
        }
        self.ended[thread.index()].set();
    }

    fn main(self: &Arc<Self>, caller: &Caller<'_>) -> Step<()> {
        caller.initialize()?;
        for thread in 1..self.model.bodies.len() {
            if !self.model.python.contains(&thread) {
                let _started = self.spawn(ThreadIndex::new(thread));
            }
        }
        sync::statement(0);
        self.model.bodies[0](self, caller)
    }

    /// Waits for the end of a thread, as it is.
    pub fn join(&self, thread: usize) {
        self.ended[thread].wait();
    }

    /// How the execution ended; when all threads did, or the process.
    pub fn outcome(&self) -> Outcome {
        match self.runtime.over() {
            Some(over) => Outcome::Over(over),
            None => {
                let ends = self.ends[..self.model.bodies.len()]
                    .iter()
                    .map(Plain::peek)
                    .collect();
                Outcome::Ends(ends, self.called.peek())
            }
        }
    }

    /// Waits for the end of every thread: for engines in which a process does not end by itself.
    pub fn join_all(&self) {
        for thread in 1..self.model.bodies.len() {
            self.ended[thread].wait();
        }
    }

    /// Whether every thread ended in some way.
    pub fn all_ended(&self) -> bool {
        self.ends[..self.model.bodies.len()]
            .iter()
            .all(|end| end.peek() != End::Running)
    }
}

impl Host for Env {
    fn call(&self, _: &Caller<'_>, _: CallbackId, _: u64) -> Step<i32> {
        sync::frame(|| self.called.write(self.called.read() + 1), |&()| 0);
        Ok(0)
    }

    fn spawn(&self, thread: ThreadIndex) -> bool {
        let env = self
            .itself
            .get()
            .and_then(std::sync::Weak::upgrade)
            .expect("who runs a model holds it");
        let _handle = sync::spawn(thread, move || env.root(thread));
        true
    }
}

/// Marks statements: what a thread observed in the one before is forgotten but for its number and what it keeps.
fn statement(number: u64, kept: ThreadStateHandle) {
    sync::statement(number << 32 | kept.to_word());
}

/// The second thread's.
const WORKER_IDENT: i64 = 2;
const NOTHING: ThreadStateHandle = ThreadStateHandle::NULL;

fn ensure_and_release(caller: &Caller<'_>, first: u64) -> Step<()> {
    statement(first, NOTHING);
    let before = caller.gil_state_ensure()?;
    assert_eq!(before, GilState::Unlocked);
    statement(first + 1, NOTHING);
    caller.gil_state_release(before)
}

fn once(_: &Arc<Env>, caller: &Caller<'_>) -> Step<()> {
    ensure_and_release(caller, 1)
}

fn twice(_: &Arc<Env>, caller: &Caller<'_>) -> Step<()> {
    ensure_and_release(caller, 1)?;
    ensure_and_release(caller, 3)
}

/// Ensure, detach, attach, release.
fn with_a_pause(_: &Arc<Env>, caller: &Caller<'_>) -> Step<()> {
    statement(1, NOTHING);
    let before = caller.gil_state_ensure()?;
    statement(2, NOTHING);
    let saved = caller.eval_save_thread()?;
    statement(3, saved);
    caller.eval_restore_thread(saved)?;
    statement(4, NOTHING);
    caller.gil_state_release(before)
}

fn join_all_detached(env: &Arc<Env>, caller: &Caller<'_>) -> Step<()> {
    statement(101, NOTHING);
    let saved = caller.eval_save_thread()?;
    statement(102, saved);
    for thread in 1..env.model.bodies.len() {
        env.join(thread);
    }
    caller.eval_restore_thread(saved)
}

fn finalize(_: &Arc<Env>, caller: &Caller<'_>) -> Step<()> {
    statement(110, NOTHING);
    caller.finalize_ex().map(drop)
}

fn detach_then_finalize(env: &Arc<Env>, caller: &Caller<'_>) -> Step<()> {
    statement(103, NOTHING);
    let saved = caller.eval_save_thread()?;
    statement(104, saved);
    caller.eval_restore_thread(saved)?;
    finalize(env, caller)
}

/// A thread state of its own, attached and detached twice, deleted.
fn own_thread_state(_: &Arc<Env>, caller: &Caller<'_>) -> Step<()> {
    statement(1, NOTHING);
    let own = caller.thread_state_new(InterpreterHandle::MAIN)?;
    statement(2, own);
    caller.eval_acquire_thread(own)?;
    statement(3, own);
    caller.eval_release_thread(own)?;
    statement(4, own);
    caller.eval_restore_thread(own)?;
    statement(5, own);
    caller.thread_state_clear(own)?;
    statement(6, own);
    caller.thread_state_delete_current()
}

fn swap_and_join(env: &Arc<Env>, caller: &Caller<'_>) -> Step<()> {
    statement(120, NOTHING);
    let other = caller.thread_state_new(InterpreterHandle::MAIN)?;
    statement(121, other);
    let main = caller.thread_state_swap(other)?;
    let again = caller.thread_state_swap(main)?;
    assert_eq!(again, other, "S11: a swap returns what it detached");
    statement(122, other);
    caller.thread_state_clear(other)?;
    caller.thread_state_delete(other)?;
    join_all_detached(env, caller)
}

/// Check points on both sides: a drop request is honoured.
fn check(_: &Arc<Env>, caller: &Caller<'_>) -> Step<()> {
    statement(1, NOTHING);
    let before = caller.gil_state_ensure()?;
    statement(2, NOTHING);
    caller.eval()?;
    statement(3, NOTHING);
    caller.gil_state_release(before)
}

fn check_and_join(env: &Arc<Env>, caller: &Caller<'_>) -> Step<()> {
    statement(130, NOTHING);
    caller.eval()?;
    join_all_detached(env, caller)
}

fn add(_: &Arc<Env>, caller: &Caller<'_>) -> Step<()> {
    statement(1, NOTHING);
    caller
        .add_pending_call(Callback::new(CallbackId(1), 0))
        .map(drop)
}

/// Of the main interpreter's own queue.
fn add_own(_: &Arc<Env>, caller: &Caller<'_>) -> Step<()> {
    statement(1, NOTHING);
    caller
        .eval_add_pending_call(InterpreterHandle::MAIN, Callback::new(CallbackId(1), 0), 0)
        .map(drop)
}

/// The same, attached, with a check of its own.
fn add_own_and_check(_: &Arc<Env>, caller: &Caller<'_>) -> Step<()> {
    statement(1, NOTHING);
    let before = caller.gil_state_ensure()?;
    statement(2, NOTHING);
    let call = Callback::new(CallbackId(1), 0);
    caller.eval_add_pending_call(InterpreterHandle::MAIN, call, 0)?;
    statement(3, NOTHING);
    caller.eval()?;
    statement(4, NOTHING);
    caller.gil_state_release(before)
}

/// Waits for threads that need no GIL without giving it up.
fn check_join_attached_check(env: &Arc<Env>, caller: &Caller<'_>) -> Step<()> {
    statement(132, NOTHING);
    caller.eval()?;
    statement(133, NOTHING);
    for thread in 1..env.model.bodies.len() {
        env.join(thread);
    }
    statement(134, NOTHING);
    caller.eval().map(drop)
}

/// Raises an exception in the second thread, which may be there or not.
fn raise_in_worker(env: &Arc<Env>, caller: &Caller<'_>) -> Step<()> {
    statement(210, NOTHING);
    let saved = caller.eval_save_thread()?;
    statement(211, saved);
    caller.eval_restore_thread(saved)?;
    statement(212, NOTHING);
    let found = caller.thread_state_set_async_exc(WORKER_IDENT, 1)?;
    assert!(found == 0 || found == 1, "one thread state or none");
    join_all_detached(env, caller)
}

/// A thread state of the second thread's is deleted while nothing of it is attached.
fn delete_a_spare_one(_: &Arc<Env>, caller: &Caller<'_>) -> Step<()> {
    statement(1, NOTHING);
    assert_eq!(caller.thread_get_ident()?, WORKER_IDENT);
    let before = caller.gil_state_ensure()?;
    statement(2, NOTHING);
    let spare = caller.thread_state_new(InterpreterHandle::MAIN)?;
    caller.thread_state_clear(spare)?;
    statement(3, spare);
    let saved = caller.eval_save_thread()?;
    statement(4, spare);
    caller.thread_state_delete(spare)?;
    statement(5, saved);
    caller.eval_restore_thread(saved)?;
    statement(6, NOTHING);
    caller.gil_state_release(before)
}

fn check_join_check(env: &Arc<Env>, caller: &Caller<'_>) -> Step<()> {
    check_and_join(env, caller)?;
    statement(131, NOTHING);
    caller.eval().map(drop)
}

fn lock_and_unlock(_: &Arc<Env>, caller: &Caller<'_>) -> Step<()> {
    statement(1, NOTHING);
    let before = caller.gil_state_ensure()?;
    statement(2, NOTHING);
    caller.mutex_lock(MutexSlot::new(0))?;
    statement(3, NOTHING);
    caller.mutex_unlock(MutexSlot::new(0))?;
    statement(4, NOTHING);
    caller.gil_state_release(before)
}

fn lock_detach_and_join(env: &Arc<Env>, caller: &Caller<'_>) -> Step<()> {
    statement(140, NOTHING);
    caller.mutex_lock(MutexSlot::new(0))?;
    statement(141, NOTHING);
    let saved = caller.eval_save_thread()?;
    statement(142, saved);
    caller.eval_restore_thread(saved)?;
    statement(143, NOTHING);
    caller.mutex_unlock(MutexSlot::new(0))?;
    join_all_detached(env, caller)
}

fn start_and_finalize(env: &Arc<Env>, caller: &Caller<'_>) -> Step<()> {
    statement(150, NOTHING);
    assert_eq!(caller.thread_start(ThreadIndex::new(1), Daemon::No)?, 0);
    finalize(env, caller)
}

fn start_daemon_and_finalize(env: &Arc<Env>, caller: &Caller<'_>) -> Step<()> {
    statement(150, NOTHING);
    assert_eq!(caller.thread_start(ThreadIndex::new(1), Daemon::Yes)?, 0);
    finalize(env, caller)
}

/// A sub-interpreter: its first thread state, attached.
fn new_interpreter(caller: &Caller<'_>, gil: i64) -> Step<ThreadStateHandle> {
    let config = InterpreterConfig {
        gil,
        ..InterpreterConfig::LEGACY
    };
    let made = caller.new_interpreter_from_config(&config)?;
    Ok(made.expect("the configuration is legal"))
}

/// The GIL is one, and swaps drop it.
fn swap_across_and_join(env: &Arc<Env>, caller: &Caller<'_>) -> Step<()> {
    statement(160, NOTHING);
    let main = caller.thread_state_get()?;
    let sub = new_interpreter(caller, 1)?;
    statement(161, sub);
    assert_eq!(
        caller.thread_state_swap(main)?,
        sub,
        "S11: a swap returns what it detached"
    );
    statement(162, sub);
    caller.thread_state_swap(sub)?;
    statement(163, sub);
    caller.end_interpreter(sub)?;
    statement(164, NOTHING);
    env.join(1);
    caller.eval_restore_thread(main)
}

/// Waits for the worker attached to an interpreter with a GIL of its own.
fn join_beside_the_main_gil(env: &Arc<Env>, caller: &Caller<'_>) -> Step<()> {
    statement(170, NOTHING);
    let main = caller.thread_state_get()?;
    let sub = new_interpreter(caller, 2)?;
    statement(171, sub);
    env.join(1);
    assert_eq!(caller.thread_state_get()?, sub, "S8: nobody took it away");
    caller.end_interpreter(sub)?;
    statement(172, NOTHING);
    caller.eval_restore_thread(main)
}

/// Makes a thread state of a new interpreter for the worker, and ends the interpreter meanwhile.
fn hand_over_and_end(env: &Arc<Env>, caller: &Caller<'_>) -> Step<()> {
    statement(180, NOTHING);
    let main = caller.thread_state_get()?;
    let sub = new_interpreter(caller, 1)?;
    statement(181, sub);
    let interpreter = caller.thread_state_get_interpreter(sub)?;
    let other = caller.thread_state_new(interpreter)?;
    env.hand.write(other);
    env.handed.set();
    statement(182, sub);
    caller.eval_save_thread()?;
    statement(183, sub);
    caller.eval_restore_thread(sub)?;
    statement(184, sub);
    caller.end_interpreter(sub)?;
    statement(185, NOTHING);
    caller.eval_restore_thread(main)?;
    statement(186, NOTHING);
    caller.eval_save_thread().map(drop)
}

/// Attaches what it was handed, and detaches.
fn take_what_is_handed(env: &Arc<Env>, caller: &Caller<'_>) -> Step<()> {
    env.handed.wait();
    if env.runtime.over().is_some() {
        return Err(Ended::ProcessOver);
    }
    let other = env.hand.read();
    statement(1, other);
    caller.eval_acquire_thread(other)?;
    statement(2, other);
    caller.eval_release_thread(other)
}

/// Finalizes with a sub-interpreter left.
fn leave_one_and_finalize(env: &Arc<Env>, caller: &Caller<'_>) -> Step<()> {
    statement(190, NOTHING);
    let main = caller.thread_state_get()?;
    new_interpreter(caller, 1)?;
    statement(191, main);
    caller.thread_state_swap(main)?;
    finalize(env, caller)
}

/// Two lives; the worker sees one or both.
fn live_twice(env: &Arc<Env>, caller: &Caller<'_>) -> Step<()> {
    detach_then_finalize(env, caller)?;
    statement(200, NOTHING);
    caller.initialize()?;
    statement(201, NOTHING);
    caller.eval_save_thread().map(drop)
}

/// A statement at whose begin the thread has this, and nothing else.
fn statement_with(place: u64, word: u64) {
    sync::statement((place << 32) | (word + 1));
}

/// Opens a guard for the worker, and finalizes.
fn hand_a_guard_and_finalize(env: &Arc<Env>, caller: &Caller<'_>) -> Step<()> {
    statement(210, NOTHING);
    let guard = caller.interpreter_guard_from_current()?;
    assert!(!guard.is_null(), "S73: nothing bars guards yet");
    env.guard.write(guard);
    env.handed.set();
    finalize(env, caller)
}

/// Closes the guard that it was handed.
fn close_what_is_handed(env: &Arc<Env>, caller: &Caller<'_>) -> Step<()> {
    env.handed.wait();
    statement(1, NOTHING);
    assert_eq!(caller.is_finalizing()?, 0, "S72: a guard is open");
    statement(2, NOTHING);
    caller.interpreter_guard_close(env.guard.read())
}

/// Attaches under the guard that it was handed, and closes it after.
fn ensure_under_what_is_handed(env: &Arc<Env>, caller: &Caller<'_>) -> Step<()> {
    env.handed.wait();
    statement(1, NOTHING);
    let token = caller.thread_state_ensure(env.guard.read())?;
    assert_eq!(token, Token::NoState, "S74: it was not attached");
    statement(2, NOTHING);
    caller.thread_state_release(token)?;
    statement(3, NOTHING);
    assert_eq!(caller.is_finalizing()?, 0, "S72: a guard is open");
    statement(4, NOTHING);
    caller.interpreter_guard_close(env.guard.read())
}

/// Asks for a guard; one that cannot be had once cannot be had again.
fn try_twice(_: &Arc<Env>, caller: &Caller<'_>) -> Step<()> {
    statement(1, NOTHING);
    let view = caller.interpreter_view_from_main()?;
    statement_with(2, view.to_word());
    let guard = caller.interpreter_guard_from_view(view)?;
    statement_with(3, view.to_word() << 16 | guard.to_word());
    if guard.is_null() {
        let again = caller.interpreter_guard_from_view(view)?;
        assert!(again.is_null(), "S73: no guard can be had any more");
        return Ok(());
    }
    assert_eq!(caller.is_finalizing()?, 0, "S72: a guard is open");
    statement_with(4, guard.to_word());
    caller.interpreter_guard_close(guard)
}

/// Attaches from a view, if that can be had.
fn ensure_from_view(_: &Arc<Env>, caller: &Caller<'_>) -> Step<()> {
    statement(1, NOTHING);
    let view = caller.interpreter_view_from_main()?;
    statement_with(2, view.to_word());
    let token = caller.thread_state_ensure_from_view(view)?;
    if token == Token::Null {
        return Ok(());
    }
    statement(3, NOTHING);
    let saved = caller.eval_save_thread()?;
    statement(4, saved);
    caller.eval_restore_thread(saved)?;
    statement(5, NOTHING);
    assert_eq!(caller.is_finalizing()?, 0, "S72: a guard is open");
    statement(6, NOTHING);
    caller.thread_state_release(token)
}

fn nothing(_: &Arc<Env>, _: &Caller<'_>) -> Step<()> {
    Ok(())
}

const fn model(name: &'static str, bodies: &'static [Body]) -> Model {
    Model {
        name,
        bodies,
        python: &[],
        profile: PROFILE,
    }
}

const fn with_guards(name: &'static str, bodies: &'static [Body]) -> Model {
    Model {
        profile: WITH_GUARDS,
        ..model(name, bodies)
    }
}

/// One worker takes the GIL once while the main thread is detached.
pub const ENSURE_ONCE: Model = model("ensure_once", &[join_all_detached, once]);
/// Two workers.
pub const ENSURE_BY_TWO: Model = model("ensure_by_two", &[join_all_detached, once, once]);
/// One worker, twice.
pub const ENSURE_TWICE: Model = model("ensure_twice", &[join_all_detached, twice]);
/// A worker and the main thread both reach check points.
pub const HAND_OFF: Model = model("hand_off", &[check_and_join, check]);
/// A worker attaches and detaches a thread state of its own.
pub const OWN_THREAD_STATE: Model =
    model("own_thread_state", &[join_all_detached, own_thread_state]);
/// The main thread swaps between two thread states while a worker wants the GIL.
pub const SWAP: Model = model("swap", &[swap_and_join, once]);
/// Finalization against a worker that ensures.
pub const FINALIZE: Model = model("finalize", &[finalize, once]);
/// The same, the main thread detached for a while before.
pub const FINALIZE_AFTER_DETACH: Model =
    model("finalize_after_detach", &[detach_then_finalize, once]);
/// The same, the worker detached for a while: it attaches late.
pub const FINALIZE_LATE: Model = model("finalize_late", &[detach_then_finalize, with_a_pause]);
/// The same with two workers.
pub const FINALIZE_BY_TWO: Model = model("finalize_by_two", &[detach_then_finalize, once, once]);
/// A producer of one pending call.
pub const PENDING_ONE: Model = model("pending_one", &[check_join_check, add]);
/// Two producers.
pub const PENDING_TWO: Model = model("pending_two", &[check_join_check, add, add]);
/// A producer against finalization: the call runs or is dropped.
pub const PENDING_FINALIZE: Model = model("pending_finalize", &[finalize, add]);
/// A producer of one call of the interpreter's queue, while the main thread gives the GIL up and takes it.
pub const OWN_QUEUE: Model = model("own_queue", &[check_join_check, add_own]);
/// The same while the main thread keeps the GIL.
pub const OWN_QUEUE_ATTACHED: Model =
    model("own_queue_attached", &[check_join_attached_check, add_own]);
/// Two producers.
pub const OWN_QUEUE_BY_TWO: Model =
    model("own_queue_by_two", &[check_join_check, add_own, add_own]);
/// A producer that may run the call itself, against the main thread.
pub const OWN_QUEUE_HANDLED: Model =
    model("own_queue_handled", &[check_join_check, add_own_and_check]);
/// A producer against finalization.
pub const OWN_QUEUE_FINALIZE: Model = model("own_queue_finalize", &[finalize, add_own]);
/// An async exception for a thread that comes and goes.
pub const ASYNC_EXC: Model = model("async_exc", &[raise_in_worker, with_a_pause]);
/// The same for a thread state that is deleted without the GIL.
pub const ASYNC_EXC_DYING: Model = model("async_exc_dying", &[raise_in_worker, delete_a_spare_one]);
/// A worker waits for a `PyMutex` attached, whose owner must attach.
pub const MUTEX: Model = model("mutex", &[lock_detach_and_join, lock_and_unlock]);
/// A thread of `threading`, which finalization waits for.
pub const PYTHON_THREAD: Model = Model {
    name: "python_thread",
    bodies: &[start_and_finalize, nothing],
    python: &[1],
    profile: PROFILE,
};
/// A daemon thread of `threading`, which lets others in once: its starter waits until it has attached.
pub const DAEMON_THREAD: Model = Model {
    name: "daemon_thread",
    bodies: &[start_daemon_and_finalize, with_a_pause],
    python: &[1],
    profile: PROFILE,
};

/// The main thread swaps between two interpreters that share the GIL while a worker wants it.
pub const SWAP_ACROSS: Model = model("swap_across", &[swap_across_and_join, once]);
/// The main thread stays attached to an interpreter with a GIL of its own until a worker was attached to the main one.
pub const OWN_GIL: Model = model("own_gil", &[join_beside_the_main_gil, once]);
/// An interpreter ends while a worker attaches to it.
pub const END_LATE: Model = model("end_late", &[hand_over_and_end, take_what_is_handed]);
/// Finalization ends a sub-interpreter while a worker ensures.
pub const FINALIZE_WITH_SUB: Model = model("finalize_with_sub", &[leave_one_and_finalize, once]);
/// A second life begins while a worker is in the first one.
pub const LIVE_TWICE: Model = model("live_twice", &[live_twice, with_a_pause]);

/// The main thread finalizes under a guard that a worker closes.
pub const GUARD_CLOSED: Model = with_guards(
    "guard_closed",
    &[hand_a_guard_and_finalize, close_what_is_handed],
);
/// The worker attaches before it closes the guard.
pub const GUARD_ENSURED: Model = with_guards(
    "guard_ensured",
    &[hand_a_guard_and_finalize, ensure_under_what_is_handed],
);
/// A worker asks for a guard while the main thread finalizes.
pub const GUARD_TRIED: Model = with_guards("guard_tried", &[finalize, try_twice]);
/// Two workers do.
pub const GUARD_TRIED_BY_TWO: Model =
    with_guards("guard_tried_by_two", &[finalize, try_twice, try_twice]);
/// A worker attaches from a view while the main thread finalizes.
pub const ENSURED_FROM_VIEW: Model =
    with_guards("ensured_from_view", &[finalize, ensure_from_view]);

/// Every model but the largest.
pub const ALL: &[Model] = &[
    ENSURE_ONCE,
    ENSURE_BY_TWO,
    ENSURE_TWICE,
    HAND_OFF,
    OWN_THREAD_STATE,
    SWAP,
    FINALIZE,
    FINALIZE_AFTER_DETACH,
    FINALIZE_LATE,
    PENDING_ONE,
    PENDING_TWO,
    PENDING_FINALIZE,
    OWN_QUEUE,
    OWN_QUEUE_ATTACHED,
    OWN_QUEUE_BY_TWO,
    OWN_QUEUE_HANDLED,
    OWN_QUEUE_FINALIZE,
    ASYNC_EXC,
    ASYNC_EXC_DYING,
    MUTEX,
    PYTHON_THREAD,
    DAEMON_THREAD,
    SWAP_ACROSS,
    OWN_GIL,
    END_LATE,
    FINALIZE_WITH_SUB,
    LIVE_TWICE,
    GUARD_CLOSED,
    GUARD_ENSURED,
    GUARD_TRIED,
    ENSURED_FROM_VIEW,
];
