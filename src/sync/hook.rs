//! Hook points: how the simulator takes the place of the operating system's scheduler.
//!
//! Every primitive of the production engine asks [`current`] before a visible operation. Without a controller that is
//! one thread-local load; with one, the operation is announced and the controller decides when it happens. A controller
//! is installed for one OS thread and for the length of a closure ([`with_controller`]).
//!
//! All fibers of a simulation run on that one OS thread, so a controller is called from one fiber at a time.

use super::{Branch, Name, ThreadIndex, WaitResult};
use std::cell::Cell;

/// The number of a cell, in order of creation while the controller was installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CellId(pub u16);

impl CellId {
    /// A cell made while no controller was installed: its operations are not hooked.
    pub const NONE: Self = Self(u16::MAX);
}

/// What a cell is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CellKind {
    /// A mutex, with contents.
    Mutex,
    /// A condition variable.
    Condvar,
    /// An atomic word.
    Atomic,
    /// A counting semaphore.
    Semaphore,
    /// A flag that is set once.
    Event,
    /// Plain protected data.
    Plain,
    /// One thread's word of a thread-local.
    Local,
    /// A counter that only grows and enters the key as "changed since remembered".
    Epoch,
}

/// How an atomic access touches its cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// Reads.
    Load,
    /// Writes without reading.
    Store,
    /// Reads and writes in one step.
    ReadModifyWrite,
}

/// What a thread has observed in the statement around a body: kept on the thread's own stack.
#[derive(Clone, Copy, Debug)]
pub struct Around {
    /// In that statement.
    pub history: u128,
    /// In the frames below it.
    pub base: u128,
}

/// What a mutex protects, as the controller sees it. The address of the implementor is stable from its first use in a
/// run on.
pub trait Contents {
    /// A digest of the protected value as it is in memory now, whoever holds the lock.
    fn digest(&self) -> u128;
    /// The bytes of the protected value, plain data without a destructor.
    fn bytes(&self) -> (*mut u8, usize);
}

/// Decides when each visible operation happens, and holds the value of every word: a simulated atomic has no other.
///
/// Methods that stand for a visible operation return when the calling thread has done it; some suspend the calling
/// fiber for ever.
pub trait Controller {
    /// A cell is made. Cells are made before the threads run.
    /// `initial` is the value of a word, or the digest of a mutex's contents.
    fn register(&self, kind: CellKind, name: Name, initial: u128) -> CellId;
    /// The value of a word, a semaphore or an event, for an observer: no operation of the program.
    fn value(&self, cell: CellId) -> u64;

    /// Before a lock: returns when the calling thread owns the mutex.
    fn lock(&self, mutex: CellId, contents: &(dyn Contents + 'static));
    /// Before a try-lock: whether the calling thread now owns the mutex.
    fn try_lock(&self, mutex: CellId, contents: &(dyn Contents + 'static)) -> bool;
    /// The calling thread, which owns the mutex, is about to write to its contents.
    fn will_change(&self, mutex: CellId);
    /// The calling thread gives the mutex up.
    fn unlock(&self, mutex: CellId);
    /// Gives the mutex up, waits, and returns when the calling thread was woken and owns the mutex again.
    fn wait(&self, condvar: CellId, mutex: CellId, timed: bool) -> WaitResult;
    /// Wakes one waiter (any) or all.
    fn notify(&self, condvar: CellId, all: bool);

    /// An atomic load.
    fn load(&self, cell: CellId) -> u64;
    /// An atomic store.
    fn store(&self, cell: CellId, value: u64);
    /// An atomic read-modify-write; returns what the word was.
    fn modify(&self, cell: CellId, change: &dyn Fn(u64) -> u64) -> u64;

    /// Takes one from a semaphore: returns when there was one and it is taken.
    fn acquire(&self, semaphore: CellId);
    /// The same, but the handler of a signal ends the wait; whether one was taken.
    fn acquire_unless_interrupted(&self, semaphore: CellId) -> bool;
    /// Gives one to a semaphore.
    fn post(&self, semaphore: CellId);
    /// The same; whether there was a semaphore to give it to.
    fn post_unless_destroyed(&self, semaphore: CellId) -> bool;

    /// Waits until the event is set.
    fn wait_event(&self, event: CellId);
    /// Sets the event.
    fn set_event(&self, event: CellId);

    /// Reads plain data.
    fn read_plain(&self, cell: CellId) -> u64;
    /// Writes plain data, or initialises an atomic that no other thread can reach.
    fn write_plain(&self, cell: CellId, value: u64);

    /// Moves the epoch.
    fn advance(&self, epoch: CellId);
    /// The calling thread remembers the epoch's value until it forgets it.
    fn remember(&self, epoch: CellId) -> u64;
    /// Whether the epoch moved since `value` was remembered.
    fn changed(&self, epoch: CellId, value: u64) -> bool;
    /// The calling thread forgets what it remembered of the epoch.
    fn forget(&self, epoch: CellId);

    /// What the calling thread has observed so far in its current statement or scope.
    fn history(&self) -> u128;
    /// Sets the history to (`at_scope`, `digest`, contents of all locks held by the calling thread).
    fn forget_since(&self, at_scope: u128, digest: u128);

    /// The calling thread begins a statement: what it observed in the one before is forgotten but for `position`.
    fn statement(&self, position: u128);
    /// A body of statements begins inside the current one: a frame of its own. What the statement around it has
    /// observed, to be given back when the body ends.
    fn enter_frame(&self) -> Around;
    /// That body ended; the statement around it goes on knowing `result` of it.
    fn leave_frame(&self, around: Around, result: u64);
    /// The calling thread learned something by looking at state as an observer.
    fn learned(&self, value: u64);
    /// Whether what observers read from here on decides how the program goes on or what is claimed of it.
    fn observing(&self, on: bool);
    /// Waits until `condition`, which reads state as an observer, holds.
    fn wait_until(&self, condition: &dyn Fn() -> bool);

    /// A point without an effect on any cell: the others may run here.
    fn pause_point(&self);
    /// One of `alternatives` ways to go on, chosen by the scheduler.
    fn choose(&self, alternatives: u16) -> u16;
    /// As [`Self::choose`]; a program in C whose threads give each other time goes the way `usual`.
    fn choose_usually(&self, alternatives: u16, usual: u16) -> u16 {
        let _ = usual;
        self.choose(alternatives)
    }
    /// The thread with this index may run from now on.
    fn spawn(&self, thread: ThreadIndex);
    /// Whether no other thread can take a step unless the calling thread starts it.
    fn is_alone(&self) -> bool {
        false
    }
    /// The process forks: which of the two the run goes on as, chosen by the scheduler. In the child no other thread that
    /// was started ever runs again, and what those own stays owned.
    fn fork(&self) -> Branch;
    /// In a forked child: the mutex is nobody's, as a new one is. The calling thread writes its contents next, under it.
    fn renew(&self, mutex: CellId, contents: &(dyn Contents + 'static));
    /// A signal for a thread, which handles it between any two of its later steps. Whether the controller sees to that; if not, the
    /// program does.
    fn send_signal(&self, thread: ThreadIndex, signal: u8) -> bool {
        let _ = (thread, signal);
        false
    }
    /// The calling thread never runs again.
    fn hang(&self) -> !;
}

thread_local! {
    static CONTROLLER: Cell<Option<&'static dyn Controller>> = const { Cell::new(None) };
}

/// The controller installed on this OS thread.
#[inline]
#[must_use]
pub fn current() -> Option<&'static dyn Controller> {
    CONTROLLER.get()
}

/// Runs `body` with `controller` installed on this OS thread, and puts back what was installed before.
#[expect(unsafe_code, reason = "a scoped borrow is kept in a thread-local")]
pub fn with_controller<R>(controller: &dyn Controller, body: impl FnOnce() -> R) -> R {
    struct Restore(Option<&'static dyn Controller>);
    impl Drop for Restore {
        fn drop(&mut self) {
            CONTROLLER.set(self.0);
        }
    }
    // SAFETY: the reference is removed from the thread-local before this function returns or unwinds, so it is not
    // used beyond the borrow. `current` hands out the longer lifetime only to the wrapped primitives, which use it
    // within one operation.
    let extended =
        unsafe { std::mem::transmute::<&dyn Controller, &'static dyn Controller>(controller) };
    let restore = Restore(CONTROLLER.replace(Some(extended)));
    let result = body();
    drop(restore);
    result
}

/// A digest of any hashable value: XXH3-128 over the words that its `Hash` writes. Stable across machines.
pub fn digest<T: std::hash::Hash + ?Sized>(value: &T) -> u128 {
    let mut words = Words {
        buffer: [0; 32],
        used: 0,
        digest: 0,
    };
    value.hash(&mut words);
    words.total()
}

/// Folds `value` into `digest`.
#[must_use]
#[inline]
pub fn fold(digest: u128, tag: u64, value: u128) -> u128 {
    let mut bytes = [0; 40];
    bytes[..16].copy_from_slice(&digest.to_le_bytes());
    bytes[16..24].copy_from_slice(&tag.to_le_bytes());
    bytes[24..].copy_from_slice(&value.to_le_bytes());
    xxhash_rust::xxh3::xxh3_128(&bytes)
}

/// Collects the words that a `Hash` implementation writes.
struct Words {
    buffer: [u64; 32],
    used: usize,
    digest: u128,
}

impl Words {
    fn push(&mut self, word: u64) {
        if self.used == self.buffer.len() {
            self.digest = self.total();
            self.used = 0;
        }
        self.buffer[self.used] = word;
        self.used += 1;
    }

    fn total(&self) -> u128 {
        let mut bytes = [0; 32 * 8 + 16];
        for (place, word) in bytes.chunks_exact_mut(8).zip(&self.buffer[..self.used]) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        let end = self.used * 8;
        bytes[end..end + 16].copy_from_slice(&self.digest.to_le_bytes());
        xxhash_rust::xxh3::xxh3_128(&bytes[..end + 16])
    }
}

impl std::hash::Hasher for Words {
    fn finish(&self) -> u64 {
        self.total() as u64
    }
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.push(u64::from_le_bytes(word));
        }
    }
    fn write_u8(&mut self, value: u8) {
        self.push(u64::from(value));
    }
    fn write_u16(&mut self, value: u16) {
        self.push(u64::from(value));
    }
    fn write_u32(&mut self, value: u32) {
        self.push(u64::from(value));
    }
    fn write_u64(&mut self, value: u64) {
        self.push(value);
    }
    fn write_usize(&mut self, value: usize) {
        self.push(value as u64);
    }
}
