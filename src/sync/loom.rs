//! Loom primitives: every interleaving that the C11 memory model allows, up to the bounds of a model.
//!
//! The same items as `os.rs`. What differs, because of loom 0.7:
//!
//! * There is no time. A timed wait gives up at once while a budget for each thread lasts ([`allow_timeouts`]), then
//!   waits without limit. Enough to reach what time-outs make possible, not every schedule of them.
//! * There is no allowed hang: [`hang_forever`] returns, and the caller goes up to the root of its thread.
//! * Nothing may unwind with a lock held; a deadlock ends the process.
//! * A forked child is a model of its own: threads keep locks ([`Mutex::hold`]) and end, and the reset follows.
//! * A condition variable wakes the oldest waiter and never spuriously; [`choose`] takes the first way.
//!
//! [`Plain`], [`Local`] and [`Epoch`] are standard words that loom does not see: a rule orders them, and what breaks the
//! rule is no failure here. Observers read shadows: the value that the last operation left, in order of execution.

#![expect(
    clippy::disallowed_types,
    reason = "this is the floor: the wrapped types are named here and nowhere else"
)]

use super::{Branch, Name, Ordering, SEMAPHORE_DESTROYED, ThreadIndex, WaitResult, Word};
use std::cell::Cell;
use std::hash::Hash;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::OnceLock;
use std::sync::atomic as shadow;

/// Why a guard has one.
const HELD: &str = "a guard holds its lock outside of a wait";
/// Why loom's locks are not poisoned.
const NO_UNWINDING: &str = "nothing unwinds with a lock held";

/// A mutual exclusion lock that protects a `T`. Loom guards the gate; who is through it has the value.
#[derive(Debug)]
pub struct Mutex<T> {
    storage: Storage<T>,
}

#[derive(Debug)]
struct Storage<T> {
    gate: loom::sync::Mutex<()>,
    value: parking_lot::Mutex<T>,
    /// What [`Mutex::renew`] made.
    next: OnceLock<Box<Self>>,
}

impl<T> Storage<T> {
    fn new(value: T) -> Self {
        Self {
            gate: loom::sync::Mutex::new(()),
            value: parking_lot::Mutex::new(value),
            next: OnceLock::new(),
        }
    }

    fn now(&self) -> &Self {
        self.next.get().map_or(self, |next| next.now())
    }
}

impl<T: Hash + Copy + 'static> Mutex<T> {
    /// A free lock.
    pub fn new(name: impl Into<Name>, value: T) -> Self {
        let _: Name = name.into();
        Self {
            storage: Storage::new(value),
        }
    }

    fn now(&self) -> &Storage<T> {
        self.storage.now()
    }

    /// Blocks until the lock is free and takes it.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        let storage = self.now();
        let gate = storage.gate.lock().expect(NO_UNWINDING);
        MutexGuard {
            value: Some(storage.value.lock()),
            gate: Some(gate),
            storage,
        }
    }

    /// Takes the lock if it is free.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        let storage = self.now();
        let gate = storage.gate.try_lock().ok()?;
        Some(MutexGuard {
            value: Some(storage.value.lock()),
            gate: Some(gate),
            storage,
        })
    }

    /// Takes the lock and keeps it without a guard, until [`Mutex::let_go`] or for good: the value is left to observers.
    pub fn hold(&self) {
        let mut guard = self.lock();
        drop(guard.value.take());
        std::mem::forget(guard.gate.take());
    }

    /// Gives up a lock that the calling thread keeps without a guard. Loom's cannot be unlocked without one: others get new
    /// storage, and those that wait already never go on.
    pub fn let_go(&self) {
        self.renew(|value| value);
    }

    /// Reads the contents of a lock that the calling thread keeps without a guard.
    pub fn kept<R>(&self, read: impl FnOnce(&T) -> R) -> R {
        read(&self.now().value.lock())
    }

    /// A free lock that nobody has used, with what `contents` makes of the contents. The old one may be kept by a thread that
    /// is gone, but not with a guard.
    pub fn renew(&self, contents: impl FnOnce(T) -> T) {
        let now = self.now();
        let value = contents(*now.value.lock());
        let set = now.next.set(Box::new(Storage::new(value)));
        assert!(set.is_ok(), "a forked child has one thread");
    }

    /// Reads the contents for an observer while nobody holds the lock: no operation of the program.
    #[cfg(feature = "sim")]
    pub fn peek<R>(&self, read: impl FnOnce(&T) -> R) -> R {
        read(
            &self
                .now()
                .value
                .try_lock()
                .expect("observers look while nobody holds the lock"),
        )
    }
}

/// The right to use what a [`Mutex`] protects, until dropped.
#[derive(Debug)]
pub struct MutexGuard<'a, T: Hash + Copy + 'static> {
    value: Option<parking_lot::MutexGuard<'a, T>>,
    gate: Option<loom::sync::MutexGuard<'a, ()>>,
    storage: &'a Storage<T>,
}

impl<T: Hash + Copy + 'static> Deref for MutexGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.value.as_ref().expect(HELD)
    }
}

impl<T: Hash + Copy + 'static> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_mut().expect(HELD)
    }
}

/// A condition variable.
#[derive(Debug)]
pub struct Condvar {
    first: loom::sync::Condvar,
    renewed: OnceLock<loom::sync::Condvar>,
}

impl Condvar {
    /// A condition variable that nobody waits on.
    pub fn new(name: impl Into<Name>) -> Self {
        let _: Name = name.into();
        Self {
            first: loom::sync::Condvar::new(),
            renewed: OnceLock::new(),
        }
    }

    fn now(&self) -> &loom::sync::Condvar {
        self.renewed.get().unwrap_or(&self.first)
    }

    /// A condition variable that nobody has used. Once in one execution.
    pub fn renew(&self) {
        let set = self.renewed.set(loom::sync::Condvar::new());
        assert!(set.is_ok(), "a model renews a condition variable once");
    }

    /// Releases the lock, waits for a notification, and takes the lock again.
    pub fn wait<T: Hash + Copy + 'static>(&self, guard: &mut MutexGuard<'_, T>) {
        drop(guard.value.take());
        let gate = guard.gate.take().expect(HELD);
        guard.gate = Some(self.now().wait(gate).expect(NO_UNWINDING));
        guard.value = Some(guard.storage.value.lock());
    }

    /// As [`Condvar::wait`], but gives up at once while the calling thread's budget lasts.
    pub fn wait_timed<T: Hash + Copy + 'static>(
        &self,
        guard: &mut MutexGuard<'_, T>,
    ) -> WaitResult {
        let left = TIMEOUTS_LEFT.with(|left| left.replace(left.get().saturating_sub(1)));
        if left == 0 {
            self.wait(guard);
            return WaitResult::Woken;
        }
        drop(guard.value.take());
        drop(guard.gate.take());
        loom::thread::yield_now();
        guard.gate = Some(guard.storage.gate.lock().expect(NO_UNWINDING));
        guard.value = Some(guard.storage.value.lock());
        WaitResult::TimedOut
    }

    /// Wakes one waiter, if there is one.
    pub fn notify_one(&self) {
        self.now().notify_one();
    }

    /// Wakes every waiter.
    pub fn notify_all(&self) {
        self.now().notify_all();
    }
}

macro_rules! atomic {
    ($name:ident, $inner:ty, $shadow:ty, $value:ty, $doc:literal) => {
        #[doc = $doc]
        #[derive(Debug)]
        pub struct $name {
            inner: $inner,
            shadow: $shadow,
        }

        impl $name {
            /// A word with this value.
            pub fn new(name: impl Into<Name>, value: $value) -> Self {
                let _: Name = name.into();
                Self {
                    inner: <$inner>::new(value),
                    shadow: <$shadow>::new(value),
                }
            }

            fn now(&self, value: $value) {
                self.shadow.store(value, Ordering::Relaxed);
            }

            /// Sets the value of a word that no other thread can reach yet.
            pub fn init(&self, value: $value) {
                self.store(value, Ordering::Relaxed);
            }

            /// Reads the word.
            pub fn load(&self, order: Ordering) -> $value {
                self.inner.load(order)
            }

            /// Writes the word.
            pub fn store(&self, value: $value, order: Ordering) {
                self.inner.store(value, order);
                self.now(value);
            }

            /// Writes the word and returns what it was.
            pub fn swap(&self, value: $value, order: Ordering) -> $value {
                let before = self.inner.swap(value, order);
                self.now(value);
                before
            }

            /// Writes `new` if the word is `current`; returns what it was, as `Ok` if it was written.
            ///
            /// # Errors
            ///
            /// What the word was instead, if it was not `current`.
            pub fn compare_exchange(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                let result = self.inner.compare_exchange(current, new, success, failure);
                if result.is_ok() {
                    self.now(new);
                }
                result
            }

            /// Sets the bits of `value`; returns what the word was.
            pub fn fetch_or(&self, value: $value, order: Ordering) -> $value {
                let before = self.inner.fetch_or(value, order);
                self.now(before | value);
                before
            }

            /// Keeps only the bits of `value`; returns what the word was.
            pub fn fetch_and(&self, value: $value, order: Ordering) -> $value {
                let before = self.inner.fetch_and(value, order);
                self.now(before & value);
                before
            }

            /// The value, for an observer: no operation of the program.
            #[must_use]
            pub fn peek(&self) -> $value {
                self.shadow.load(Ordering::Relaxed)
            }
        }
    };
}

macro_rules! atomic_number {
    ($name:ident, $value:ty) => {
        impl $name {
            /// Adds, wrapping around; returns what the word was.
            pub fn fetch_add(&self, value: $value, order: Ordering) -> $value {
                let before = self.inner.fetch_add(value, order);
                self.now(before.wrapping_add(value));
                before
            }

            /// Subtracts, wrapping around; returns what the word was.
            pub fn fetch_sub(&self, value: $value, order: Ordering) -> $value {
                let before = self.inner.fetch_sub(value, order);
                self.now(before.wrapping_sub(value));
                before
            }
        }
    };
}

atomic!(
    AtomicBool,
    loom::sync::atomic::AtomicBool,
    shadow::AtomicBool,
    bool,
    "A boolean that threads share."
);
atomic!(
    AtomicU8,
    loom::sync::atomic::AtomicU8,
    shadow::AtomicU8,
    u8,
    "A byte that threads share."
);
atomic!(
    AtomicU32,
    loom::sync::atomic::AtomicU32,
    shadow::AtomicU32,
    u32,
    "A 32-bit word that threads share."
);
atomic!(
    AtomicU64,
    loom::sync::atomic::AtomicU64,
    shadow::AtomicU64,
    u64,
    "A 64-bit word that threads share."
);
atomic_number!(AtomicU8, u8);
atomic_number!(AtomicU32, u32);
atomic_number!(AtomicU64, u64);

/// A counting semaphore.
#[derive(Debug)]
pub struct Semaphore {
    count: Mutex<u32>,
    posted: Condvar,
}

impl Semaphore {
    /// A semaphore that holds `count`.
    pub fn new(name: impl Into<Name>, count: u32) -> Self {
        let name = name.into();
        Self {
            count: Mutex::new(name, count),
            posted: Condvar::new(name),
        }
    }

    /// Blocks until there is one, and takes it.
    pub fn acquire(&self) {
        let mut count = self.count.lock();
        while *count == 0 {
            self.posted.wait(&mut count);
        }
        *count -= 1;
    }

    /// As [`Semaphore::acquire`]: there are no signals here.
    #[must_use]
    pub fn acquire_unless_interrupted(&self) -> bool {
        self.acquire();
        true
    }

    /// Gives one.
    pub fn post(&self) {
        *self.count.lock() += 1;
        self.posted.notify_one();
    }

    /// A semaphore that is not there yet.
    pub fn destroyed(name: impl Into<Name>) -> Self {
        Self::new(name, SEMAPHORE_DESTROYED)
    }

    /// Gives one; whether there was a semaphore to give it to.
    #[must_use]
    pub fn post_unless_destroyed(&self) -> bool {
        let mut count = self.count.lock();
        if *count == SEMAPHORE_DESTROYED {
            return false;
        }
        *count += 1;
        self.posted.notify_one();
        true
    }

    /// Makes it anew, with `count`, where no other thread can reach it yet.
    pub fn init(&self, count: u32) {
        *self.count.lock() = count;
    }

    /// It is gone: who gives to it from now on is told.
    pub fn destroy(&self) {
        self.init(SEMAPHORE_DESTROYED);
    }

    /// The count, for an observer: no operation of the program.
    #[must_use]
    pub fn peek(&self) -> u32 {
        *self.count.now().value.lock()
    }
}

/// A flag that is set once and waited for: the end of a thread.
#[derive(Debug)]
pub struct Event {
    set: Mutex<bool>,
    changed: Condvar,
}

impl Event {
    /// An event that has not happened.
    pub fn new(name: impl Into<Name>) -> Self {
        let name = name.into();
        Self {
            set: Mutex::new(name, false),
            changed: Condvar::new(name),
        }
    }

    /// The event has happened: every waiter goes on.
    pub fn set(&self) {
        *self.set.lock() = true;
        self.changed.notify_all();
    }

    /// Blocks until the event has happened.
    pub fn wait(&self) {
        let mut set = self.set.lock();
        while !*set {
            self.changed.wait(&mut set);
        }
    }

    /// Whether it has happened, for an observer: no operation of the program.
    #[must_use]
    pub fn peek(&self) -> bool {
        *self.set.now().value.lock()
    }
}

/// Plain data that a rule protects. The rule stands where it is declared.
#[derive(Debug)]
pub struct Plain<T> {
    word: shadow::AtomicU64,
    value: PhantomData<T>,
}

impl<T: Word> Plain<T> {
    /// A word with this value.
    pub fn new(name: impl Into<Name>, value: T) -> Self {
        let _: Name = name.into();
        Self {
            word: shadow::AtomicU64::new(value.to_word()),
            value: PhantomData,
        }
    }

    /// Reads the value.
    pub fn read(&self) -> T {
        T::from_word(self.word.load(Ordering::Relaxed))
    }

    /// Writes the value.
    pub fn write(&self, value: T) {
        self.word.store(value.to_word(), Ordering::Relaxed);
    }

    /// Changes the value.
    pub fn update(&self, change: impl Fn(T) -> T) {
        self.write(change(self.read()));
    }

    /// The value, for an observer: no operation of the program.
    #[must_use]
    pub fn peek(&self) -> T {
        self.read()
    }
}

/// A counter that only grows, of which nothing can be learned but whether it moved since a value was remembered.
#[derive(Debug)]
pub struct Epoch {
    count: Plain<u64>,
}

impl Epoch {
    /// A counter that has not moved.
    pub fn new(name: impl Into<Name>) -> Self {
        Self {
            count: Plain::new(name, 0),
        }
    }

    /// Moves the counter.
    pub fn advance(&self) {
        self.count.write(self.count.read() + 1);
    }

    /// Remembers the value now, until the result is dropped.
    pub fn remember(&self) -> Remembered<'_> {
        Remembered {
            epoch: self,
            value: self.count.read(),
        }
    }
}

/// A remembered value of an [`Epoch`].
#[derive(Debug)]
#[must_use]
pub struct Remembered<'a> {
    epoch: &'a Epoch,
    value: u64,
}

impl Remembered<'_> {
    /// Whether the counter moved since.
    pub fn changed(&self) -> bool {
        self.epoch.count.read() != self.value
    }
}

/// Nothing here: loom merges no states.
#[derive(Clone, Copy, Debug)]
pub struct Scope(());

/// Nothing here: loom merges no states.
#[must_use]
pub fn scope() -> Scope {
    Scope(())
}

impl Scope {
    /// Nothing here: loom merges no states.
    pub fn again<T: Hash>(&self, live: &T) {
        let _ = live;
    }

    /// Nothing here: loom merges no states.
    pub fn end<T: Hash>(self, result: &T) {
        let _ = result;
    }
}

thread_local! {
    /// Time-outs that each thread of a model may meet in one execution. Of the OS thread, which runs whole models.
    static TIMEOUTS: Cell<u32> = const { Cell::new(0) };
}

loom::thread_local! {
    static THREAD: Cell<ThreadIndex> = Cell::new(ThreadIndex::FIRST);
    static TIMEOUTS_LEFT: Cell<u32> = Cell::new(TIMEOUTS.get());
}

/// Each thread of the models that the calling OS thread runs from here on meets up to `count` time-outs in each
/// execution.
pub fn allow_timeouts(count: u32) {
    TIMEOUTS.set(count);
}

/// Which thread of the program is running.
#[must_use]
pub fn current_thread() -> ThreadIndex {
    THREAD.with(Cell::get)
}

/// The calling thread is this thread of the program from now on.
pub fn enter_thread(thread: ThreadIndex) {
    THREAD.with(|cell| cell.set(thread));
}

/// Bytes of stack for a thread: a scenario's driver, and callbacks inside calls, need more than loom's 32 KiB.
const STACK_BYTES: usize = 256 * 1024;

/// A thread that was spawned.
#[derive(Debug)]
pub struct JoinHandle(loom::thread::JoinHandle<()>);

impl JoinHandle {
    /// Blocks until the thread has ended; for the harness around a program, which joins its threads with [`Event`]s.
    ///
    /// # Panics
    ///
    /// If the thread panicked.
    pub fn join(self) {
        self.0.join().expect("a thread of a model does not panic");
    }
}

/// Starts the thread with this index.
pub fn spawn(thread: ThreadIndex, body: impl FnOnce() + Send + 'static) -> JoinHandle {
    let builder = loom::thread::Builder::new().stack_size(STACK_BYTES);
    let started = builder.spawn(move || {
        enter_thread(thread);
        body();
    });
    JoinHandle(started.expect("loom starts every thread it has room for"))
}

/// Nothing here: [`hang_forever`] always returns.
pub fn return_from_hang() {}

/// The calling thread takes no further step: it returns up to its root without touching shared state.
pub fn hang_forever() {}

/// Nothing here: loom merges no states.
pub fn statement(position: u64) {
    let _ = position;
}

/// Runs a body of statements inside the current statement, such as a callback inside a call.
pub fn frame<R>(body: impl FnOnce() -> R, result: impl FnOnce(&R) -> u64) -> R {
    let _ = result;
    body()
}

/// Nothing here: loom merges no states.
pub fn learned(value: u64) {
    let _ = value;
}

/// Reads state as an observer.
pub fn observe<R>(read: impl FnOnce() -> R) -> R {
    read()
}

/// Waits, never yielding what is held, until `condition`, which reads state as an observer, holds.
pub fn wait_until(condition: &dyn Fn() -> bool) {
    while !condition() {
        loom::thread::yield_now();
    }
}

/// A point at which other threads may run: a native wait of arbitrary length.
pub fn pause_point() {
    loom::thread::yield_now();
}

/// One of `alternatives` ways to go on: the first.
#[must_use]
pub fn choose(alternatives: u16) -> u16 {
    let _ = alternatives;
    0
}

/// As [`choose`].
#[must_use]
pub fn choose_usually(alternatives: u16, usual: u16) -> u16 {
    let _ = usual;
    choose(alternatives)
}

/// Whether a controller decides when operations happen: never.
#[must_use]
pub fn simulated() -> bool {
    false
}

/// Sends a signal to a thread: the program has to look for it.
#[must_use]
pub fn send_signal(thread: ThreadIndex, signal: u8) -> bool {
    let _ = (thread, signal);
    false
}

/// The process forks: the parent's run goes on.
pub fn fork() -> Branch {
    Branch::Parent
}
