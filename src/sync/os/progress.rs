//! What a thread tells the simulator of its own progress: statements, scopes, choices. Next to nothing on real threads.

#![expect(
    clippy::disallowed_methods,
    reason = "this is the floor: a pause on real threads gives the turn away"
)]

#[cfg(feature = "sim")]
use super::hook;
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
        controller.enter_frame();
        let value = body();
        controller.leave_frame(result(&value));
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
