//! Threads, and what a thread tells its controller.

#[cfg(feature = "sim")]
use crate::sync::hook;
use crate::sync::{Branch, ThreadIndex};
use std::cell::Cell;
use std::hash::Hash;

/// What the calling thread had observed where [`scope`] was called.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    #[cfg(feature = "sim")]
    at: u128,
}

/// Remembers what the calling thread has observed so far, so that a loop or function below can be forgotten.
#[must_use]
pub fn scope() -> Scope {
    Scope {
        #[cfg(feature = "sim")]
        at: hook::current().map_or(0, |controller| controller.history()),
    }
}

impl Scope {
    /// At the head of a loop: what was observed since the scope began is forgotten but for `live`, the locals that
    /// outlive an iteration, and the contents of the locks held now.
    pub fn again<T: Hash>(&self, live: &T) {
        #[cfg(feature = "sim")]
        if let Some(controller) = hook::current() {
            controller.forget_since(self.at, hook::digest(live));
        }
        let _ = live;
    }

    /// At the end of a loop or function: only `result`, what the code after it can still see, is kept.
    pub fn end<T: Hash>(self, result: &T) {
        self.again(&(u8::MAX, result));
    }
}

thread_local! {
    static THREAD: Cell<ThreadIndex> = const { Cell::new(ThreadIndex::FIRST) };
    static HANG_RETURNS: Cell<bool> = const { Cell::new(false) };
}

/// Which thread of the program is running.
#[must_use]
pub fn current_thread() -> ThreadIndex {
    THREAD.get()
}

/// The calling OS thread is this thread of the program from now on.
pub fn enter_thread(thread: ThreadIndex) {
    THREAD.set(thread);
}

/// A thread that was spawned.
#[derive(Debug)]
pub struct JoinHandle(Option<std::thread::JoinHandle<()>>);

impl JoinHandle {
    /// Blocks until the thread has ended; for the harness around a program, which joins its threads with [`Event`]s.
    ///
    /// # Panics
    ///
    /// If the thread panicked.
    pub fn join(self) {
        if let Some(handle) = self.0
            && let Err(payload) = handle.join()
        {
            std::panic::resume_unwind(payload);
        }
    }
}

/// Starts the thread with this index. A simulator has its fiber ready and ignores `body`, which must be what that
/// fiber runs.
pub fn spawn(thread: ThreadIndex, body: impl FnOnce() + Send + 'static) -> JoinHandle {
    #[cfg(feature = "sim")]
    if let Some(controller) = hook::current() {
        drop(body);
        controller.spawn(thread);
        return JoinHandle(None);
    }
    let hang_returns = HANG_RETURNS.get();
    JoinHandle(Some(std::thread::spawn(move || {
        HANG_RETURNS.set(hang_returns);
        enter_thread(thread);
        body();
    })))
}

/// Whether a controller decides on this thread what happens when.
#[must_use]
pub fn simulated() -> bool {
    #[cfg(feature = "sim")]
    return hook::current().is_some();
    #[cfg(not(feature = "sim"))]
    false
}

/// From here on [`hang_forever`] returns on the calling OS thread and on those it spawns: for a harness that joins all
/// its threads.
pub fn return_from_hang() {
    HANG_RETURNS.set(true);
}

/// The calling thread takes no further step. Returns only in harnesses that must join every thread (loom, and real
/// threads after [`return_from_hang`]); the caller then returns up to the root of its thread without touching shared
/// state.
pub fn hang_forever() {
    #[cfg(feature = "sim")]
    if let Some(controller) = hook::current() {
        controller.hang();
    }
    while !HANG_RETURNS.get() {
        std::thread::park();
    }
}

/// The calling thread begins a statement of its program: what it observed before is forgotten but for `position`,
/// which must determine all that the thread keeps.
pub fn statement(position: u64) {
    #[cfg(feature = "sim")]
    if let Some(controller) = hook::current() {
        controller.statement(u128::from(position));
    }
    let _ = position;
}

/// Runs a body of statements inside the current statement, such as a callback inside a call.
pub fn frame<R>(body: impl FnOnce() -> R, result: impl FnOnce(&R) -> u64) -> R {
    #[cfg(feature = "sim")]
    if let Some(controller) = hook::current() {
        let around = controller.enter_frame();
        let value = body();
        controller.leave_frame(around, result(&value));
        return value;
    }
    let _ = result;
    body()
}

/// The calling thread learned `value` by looking at state as an observer (the `peek` methods).
pub fn learned(value: u64) {
    #[cfg(feature = "sim")]
    if let Some(controller) = hook::current() {
        controller.learned(value);
    }
    let _ = value;
}

/// Reads state as an observer (the `peek` methods) where that decides how the program goes on or what is claimed of it.
pub fn observe<R>(read: impl FnOnce() -> R) -> R {
    #[cfg(feature = "sim")]
    if let Some(controller) = hook::current() {
        controller.observing(true);
        let value = read();
        controller.observing(false);
        return value;
    }
    read()
}

/// Waits, never yielding what is held, until `condition`, which reads state as an observer, holds.
pub fn wait_until(condition: &dyn Fn() -> bool) {
    #[cfg(feature = "sim")]
    if let Some(controller) = hook::current() {
        return controller.wait_until(condition);
    }
    while !condition() {
        std::thread::yield_now();
    }
}

/// A point at which other threads may run: a native wait of arbitrary length.
pub fn pause_point() {
    #[cfg(feature = "sim")]
    if let Some(controller) = hook::current() {
        return controller.pause_point();
    }
    std::thread::yield_now();
}

/// One of `alternatives` ways to go on: every one in a simulation, the first on real threads and under loom.
#[must_use]
pub fn choose(alternatives: u16) -> u16 {
    #[cfg(feature = "sim")]
    if let Some(controller) = hook::current() {
        return controller.choose(alternatives);
    }
    let _ = alternatives;
    0
}

/// As [`choose`]; a program in C whose threads give each other time goes the way `usual`.
#[must_use]
pub fn choose_usually(alternatives: u16, usual: u16) -> u16 {
    #[cfg(feature = "sim")]
    if let Some(controller) = hook::current() {
        return controller.choose_usually(alternatives, usual);
    }
    let _ = (alternatives, usual);
    0
}

/// Sends a signal to a thread. Whether the simulator runs the program's handler on it, between any two of its later steps; on
/// real threads and under loom the program has to look for itself.
#[must_use]
pub fn send_signal(thread: ThreadIndex, signal: u8) -> bool {
    #[cfg(feature = "sim")]
    if let Some(controller) = hook::current() {
        return controller.send_signal(thread, signal);
    }
    let _ = (thread, signal);
    false
}

/// The process forks: the parent's run or the child's goes on, both in a simulation; on real threads and under loom the
/// parent's.
pub fn fork() -> Branch {
    #[cfg(feature = "sim")]
    if let Some(controller) = hook::current() {
        return controller.fork();
    }
    Branch::Parent
}
