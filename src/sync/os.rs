//! Production primitives, which pass a hook where the feature `sim` is on.
//!
//! `parking_lot` for locks and condition variables, the standard atomics for words. With a controller installed none
//! of them is touched but for the memory of what a [`Mutex`] protects: who owns what and what a word holds is the
//! controller's, so that it can put an earlier state back.
//!
//! Memory order: what the caller names is what the standard atomic gets. [`Plain`], [`Local`] and [`Epoch`] are relaxed
//! words: a lock, or the rule written where they are declared, orders them.

#![expect(
    clippy::disallowed_types,
    reason = "this is the floor: the wrapped types are named here and nowhere else"
)]

#[cfg(feature = "sim")]
use super::hook::{self, CellId, CellKind};
use super::{Name, Ordering, THREADS_MAX, ThreadIndex, WaitResult, Word};
use std::cell::Cell;
use std::hash::Hash;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::atomic;
use std::time::Duration;

/// The interval after which a timed wait on real threads gives up: CPython's switch interval, 5 ms.
const SWITCH_INTERVAL: Duration = Duration::from_millis(5);

/// Why a guard outside of a simulation has one.
const REAL_LOCK: &str = "without a controller a guard holds the real lock";

/// The number under which the simulator knows a cell. Nothing at all without the feature.
#[derive(Clone, Copy, Debug)]
struct Hook {
    #[cfg(feature = "sim")]
    cell: CellId,
}

impl Hook {
    #[cfg(feature = "sim")]
    fn new(kind: CellKind, name: Name, initial: impl FnOnce() -> u128) -> Self {
        Self {
            cell: hook::current().map_or(CellId::NONE, |controller| {
                controller.register(kind, name, initial())
            }),
        }
    }
}

macro_rules! hook_new {
    ($kind:ident, $name:expr, $initial:expr) => {{
        #[cfg(feature = "sim")]
        let made = Hook::new(CellKind::$kind, $name.into(), || u128::from($initial));
        #[cfg(not(feature = "sim"))]
        let made = {
            let _: Name = $name.into();
            Hook {}
        };
        made
    }};
}

/// Passes a hook: `hooked!(self.hook, controller, cell => expression)`; nothing without the feature or a controller.
macro_rules! hooked {
    ($hook:expr, $controller:ident, $cell:ident => $body:expr) => {
        #[cfg(feature = "sim")]
        if let Some($controller) = hook::current() {
            let $cell = $hook.cell;
            $body
        }
    };
}

/// A mutual exclusion lock that protects a `T`.
#[derive(Debug)]
pub struct Mutex<T> {
    hook: Hook,
    inner: parking_lot::Mutex<T>,
}

impl<T: Hash + Copy + 'static> Mutex<T> {
    /// A free lock.
    pub fn new(name: impl Into<Name>, value: T) -> Self {
        Self {
            hook: hook_new!(Mutex, name, hook::digest(&value)),
            inner: parking_lot::Mutex::new(value),
        }
    }

    /// Blocks until the lock is free and takes it.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        hooked!(self.hook, controller, cell => {
            controller.lock(cell, self);
            return MutexGuard { mutex: self, inner: None };
        });
        MutexGuard {
            mutex: self,
            inner: Some(self.inner.lock()),
        }
    }

    /// Takes the lock if it is free.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        hooked!(self.hook, controller, cell => {
            return controller.try_lock(cell, self).then(|| MutexGuard { mutex: self, inner: None });
        });
        self.inner.try_lock().map(|inner| MutexGuard {
            mutex: self,
            inner: Some(inner),
        })
    }

    /// Reads the contents for an observer, whoever holds the lock: no operation of the program, for the simulator
    /// between two steps only.
    #[cfg(feature = "sim")]
    #[expect(
        unsafe_code,
        reason = "between two steps no fiber runs, so nobody writes"
    )]
    pub fn peek<R>(&self, read: impl FnOnce(&T) -> R) -> R {
        // SAFETY: observers run between two steps of a simulation, on the one OS thread that runs all fibers: nobody
        // writes meanwhile, and the reference ends with this call.
        read(unsafe { &*self.inner.data_ptr() })
    }
}

#[cfg(feature = "sim")]
impl<T: Hash + Copy + 'static> hook::Contents for Mutex<T> {
    fn digest(&self) -> u128 {
        self.peek(|value| hook::digest(value))
    }

    fn bytes(&self) -> (*mut u8, usize) {
        (self.inner.data_ptr().cast(), size_of::<T>())
    }
}

/// The right to use what a [`Mutex`] protects, until dropped.
#[derive(Debug)]
pub struct MutexGuard<'a, T: Hash + Copy + 'static> {
    mutex: &'a Mutex<T>,
    /// The real lock; `None` in a simulation, where the controller lets one fiber at a time own the mutex.
    inner: Option<parking_lot::MutexGuard<'a, T>>,
}

impl<T: Hash + Copy + 'static> Deref for MutexGuard<'_, T> {
    type Target = T;
    #[expect(
        unsafe_code,
        reason = "a simulated guard stands for the controller's word that the mutex is owned"
    )]
    fn deref(&self) -> &T {
        match &self.inner {
            Some(inner) => inner,
            // SAFETY: a guard without a real lock is made only after the controller gave the mutex to this fiber, and
            // all fibers run on one OS thread, so nobody else has a reference while this one is used.
            None => unsafe { &*self.mutex.inner.data_ptr() },
        }
    }
}

impl<T: Hash + Copy + 'static> DerefMut for MutexGuard<'_, T> {
    #[expect(
        unsafe_code,
        reason = "a simulated guard stands for the controller's word that the mutex is owned"
    )]
    fn deref_mut(&mut self) -> &mut T {
        hooked!(self.mutex.hook, controller, cell => controller.will_change(cell));
        match &mut self.inner {
            Some(inner) => inner,
            // SAFETY: as in `deref`.
            None => unsafe { &mut *self.mutex.inner.data_ptr() },
        }
    }
}

impl<T: Hash + Copy + 'static> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        if self.inner.take().is_none() {
            hooked!(self.mutex.hook, controller, cell => controller.unlock(cell));
        }
    }
}

/// A condition variable. The simulated one wakes any waiter, in any order, and spuriously where asked to.
#[derive(Debug)]
pub struct Condvar {
    hook: Hook,
    inner: parking_lot::Condvar,
}

impl Condvar {
    /// A condition variable that nobody waits on.
    pub fn new(name: impl Into<Name>) -> Self {
        Self {
            hook: hook_new!(Condvar, name, 0_u64),
            inner: parking_lot::Condvar::new(),
        }
    }

    /// Releases the lock, waits for a notification, and takes the lock again.
    pub fn wait<T: Hash + Copy + 'static>(&self, guard: &mut MutexGuard<'_, T>) {
        hooked!(self.hook, controller, cell => {
            let (WaitResult::Woken | WaitResult::TimedOut) = controller.wait(cell, guard.mutex.hook.cell, false);
            return;
        });
        self.inner.wait(guard.inner.as_mut().expect(REAL_LOCK));
    }

    /// As [`Condvar::wait`], but the engine may end the wait without a notification: the switch interval is over.
    pub fn wait_timed<T: Hash + Copy + 'static>(
        &self,
        guard: &mut MutexGuard<'_, T>,
    ) -> WaitResult {
        hooked!(self.hook, controller, cell => return controller.wait(cell, guard.mutex.hook.cell, true));
        let inner = guard.inner.as_mut().expect(REAL_LOCK);
        if self.inner.wait_for(inner, SWITCH_INTERVAL).timed_out() {
            WaitResult::TimedOut
        } else {
            WaitResult::Woken
        }
    }

    /// Wakes one waiter, if there is one.
    pub fn notify_one(&self) {
        hooked!(self.hook, controller, cell => return controller.notify(cell, false));
        self.inner.notify_one();
    }

    /// Wakes every waiter.
    pub fn notify_all(&self) {
        hooked!(self.hook, controller, cell => return controller.notify(cell, true));
        self.inner.notify_all();
    }
}

macro_rules! atomic {
    ($name:ident, $inner:ty, $value:ty, $doc:literal) => {
        #[doc = $doc]
        #[derive(Debug)]
        pub struct $name {
            hook: Hook,
            inner: $inner,
        }

        impl $name {
            /// A word with this value.
            pub fn new(name: impl Into<Name>, value: $value) -> Self {
                Self { hook: hook_new!(Atomic, name, Word::to_word(value)), inner: <$inner>::new(value) }
            }

            /// Sets the value of a word that no other thread can reach yet: no visible operation.
            pub fn init(&self, value: $value) {
                hooked!(self.hook, controller, cell => return controller.write_plain(cell, Word::to_word(value)));
                self.inner.store(value, Ordering::Relaxed);
            }

            /// Reads the word.
            pub fn load(&self, order: Ordering) -> $value {
                hooked!(self.hook, controller, cell => return Word::from_word(controller.load(cell)));
                self.inner.load(order)
            }

            /// Writes the word.
            pub fn store(&self, value: $value, order: Ordering) {
                hooked!(self.hook, controller, cell => return controller.store(cell, Word::to_word(value)));
                self.inner.store(value, order);
            }

            /// Writes the word and returns what it was.
            pub fn swap(&self, value: $value, order: Ordering) -> $value {
                self.modify(|_| value, |inner| inner.swap(value, order))
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
                let before = self.modify(
                    |word| if word == current { new } else { word },
                    |inner| match inner.compare_exchange(current, new, success, failure) {
                        Ok(value) | Err(value) => value,
                    },
                );
                if before == current { Ok(before) } else { Err(before) }
            }

            /// Sets the bits of `value`; returns what the word was.
            pub fn fetch_or(&self, value: $value, order: Ordering) -> $value {
                self.modify(|word| word | value, |inner| inner.fetch_or(value, order))
            }

            /// Keeps only the bits of `value`; returns what the word was.
            pub fn fetch_and(&self, value: $value, order: Ordering) -> $value {
                self.modify(|word| word & value, |inner| inner.fetch_and(value, order))
            }

            /// The two spellings of one read-modify-write: as a function of the word, and on the real atomic.
            fn modify(
                &self,
                simulated: impl Fn($value) -> $value,
                real: impl FnOnce(&$inner) -> $value,
            ) -> $value {
                hooked!(self.hook, controller, cell => {
                    let change = |word| Word::to_word(simulated(Word::from_word(word)));
                    return Word::from_word(controller.modify(cell, &change));
                });
                let _ = simulated;
                real(&self.inner)
            }

            /// The value, for an observer: no operation of the program.
            #[must_use]
            pub fn peek(&self) -> $value {
                hooked!(self.hook, controller, cell => return Word::from_word(controller.value(cell)));
                self.inner.load(Ordering::Relaxed)
            }
        }
    };
}

macro_rules! atomic_number {
    ($name:ident, $value:ty) => {
        impl $name {
            /// Adds, wrapping around; returns what the word was.
            pub fn fetch_add(&self, value: $value, order: Ordering) -> $value {
                self.modify(
                    |word| word.wrapping_add(value),
                    |inner| inner.fetch_add(value, order),
                )
            }

            /// Subtracts, wrapping around; returns what the word was.
            pub fn fetch_sub(&self, value: $value, order: Ordering) -> $value {
                self.modify(
                    |word| word.wrapping_sub(value),
                    |inner| inner.fetch_sub(value, order),
                )
            }
        }
    };
}

atomic!(
    AtomicBool,
    atomic::AtomicBool,
    bool,
    "A boolean that threads share."
);
atomic!(AtomicU8, atomic::AtomicU8, u8, "A byte that threads share.");
atomic!(
    AtomicU32,
    atomic::AtomicU32,
    u32,
    "A 32-bit word that threads share."
);
atomic!(
    AtomicU64,
    atomic::AtomicU64,
    u64,
    "A 64-bit word that threads share."
);
atomic_number!(AtomicU8, u8);
atomic_number!(AtomicU32, u32);
atomic_number!(AtomicU64, u64);

/// A counting semaphore.
#[derive(Debug)]
pub struct Semaphore {
    hook: Hook,
    count: parking_lot::Mutex<u32>,
    posted: parking_lot::Condvar,
}

impl Semaphore {
    /// A semaphore that holds `count`.
    pub fn new(name: impl Into<Name>, count: u32) -> Self {
        Self {
            hook: hook_new!(Semaphore, name, u64::from(count)),
            count: parking_lot::Mutex::new(count),
            posted: parking_lot::Condvar::new(),
        }
    }

    /// Blocks until there is one, and takes it.
    pub fn acquire(&self) {
        hooked!(self.hook, controller, cell => return controller.acquire(cell));
        let mut count = self.count.lock();
        while *count == 0 {
            self.posted.wait(&mut count);
        }
        *count -= 1;
    }

    /// Gives one.
    pub fn post(&self) {
        hooked!(self.hook, controller, cell => return controller.post(cell));
        *self.count.lock() += 1;
        self.posted.notify_one();
    }

    /// The count, for an observer: no operation of the program.
    #[must_use]
    pub fn peek(&self) -> u32 {
        hooked!(self.hook, controller, cell => return controller.value(cell) as u32);
        *self.count.lock()
    }
}

/// A flag that is set once and waited for: the end of a thread.
#[derive(Debug)]
pub struct Event {
    hook: Hook,
    set: parking_lot::Mutex<bool>,
    changed: parking_lot::Condvar,
}

impl Event {
    /// An event that has not happened.
    pub fn new(name: impl Into<Name>) -> Self {
        Self {
            hook: hook_new!(Event, name, 0_u64),
            set: parking_lot::Mutex::new(false),
            changed: parking_lot::Condvar::new(),
        }
    }

    /// The event has happened: every waiter goes on.
    pub fn set(&self) {
        hooked!(self.hook, controller, cell => return controller.set_event(cell));
        *self.set.lock() = true;
        self.changed.notify_all();
    }

    /// Blocks until the event has happened.
    pub fn wait(&self) {
        hooked!(self.hook, controller, cell => return controller.wait_event(cell));
        let mut set = self.set.lock();
        while !*set {
            self.changed.wait(&mut set);
        }
    }

    /// Whether it has happened, for an observer: no operation of the program.
    #[must_use]
    pub fn peek(&self) -> bool {
        hooked!(self.hook, controller, cell => return controller.value(cell) != 0);
        *self.set.lock()
    }
}

/// Plain data that a rule protects: in the state key, no scheduling point. The rule stands where it is declared.
#[derive(Debug)]
pub struct Plain<T> {
    hook: Hook,
    word: atomic::AtomicU64,
    value: PhantomData<T>,
}

impl<T: Word> Plain<T> {
    /// A word with this value.
    pub fn new(name: impl Into<Name>, value: T) -> Self {
        let word = value.to_word();
        Self {
            hook: hook_new!(Plain, name, word),
            word: atomic::AtomicU64::new(word),
            value: PhantomData,
        }
    }

    /// Reads the value.
    pub fn read(&self) -> T {
        hooked!(self.hook, controller, cell => return T::from_word(controller.read_plain(cell)));
        T::from_word(self.word.load(Ordering::Relaxed))
    }

    /// Writes the value.
    pub fn write(&self, value: T) {
        hooked!(self.hook, controller, cell => return controller.write_plain(cell, value.to_word()));
        self.word.store(value.to_word(), Ordering::Relaxed);
    }

    /// Changes the value in one go, learning nothing of it: a count for observers.
    pub fn update(&self, change: impl Fn(T) -> T) {
        hooked!(self.hook, controller, cell => {
            return controller.write_plain(cell, change(T::from_word(controller.value(cell))).to_word());
        });
        let change = |word| Some(change(T::from_word(word)).to_word());
        let updated = self
            .word
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, change);
        debug_assert!(updated.is_ok(), "the change always gives a value");
    }

    /// The value, for an observer: no operation of the program.
    #[must_use]
    pub fn peek(&self) -> T {
        hooked!(self.hook, controller, cell => return T::from_word(controller.value(cell)));
        T::from_word(self.word.load(Ordering::Relaxed))
    }
}

/// One word for each thread, as a C thread-local or a thread-specific storage slot.
#[derive(Debug)]
pub struct Local<T> {
    words: [Plain<T>; THREADS_MAX],
}

impl<T: Word> Local<T> {
    /// A thread-local that is `value` in every thread.
    pub fn new(what: &'static str, value: T) -> Self {
        Self {
            words: std::array::from_fn(|thread| Plain::new((what, thread), value)),
        }
    }

    /// The calling thread's value.
    pub fn read(&self) -> T {
        self.words[current_thread().index()].read()
    }

    /// Sets the calling thread's value.
    pub fn write(&self, value: T) {
        self.words[current_thread().index()].write(value);
    }

    /// Another thread's value, for an observer: no operation of the program.
    #[must_use]
    pub fn peek(&self, thread: ThreadIndex) -> T {
        self.words[thread.index()].peek()
    }
}

/// A counter that only grows, of which nothing can be learned but whether it moved since a value was remembered.
#[derive(Debug)]
pub struct Epoch {
    hook: Hook,
    count: atomic::AtomicU64,
}

impl Epoch {
    /// A counter that has not moved.
    pub fn new(name: impl Into<Name>) -> Self {
        Self {
            hook: hook_new!(Epoch, name, 0_u64),
            count: atomic::AtomicU64::new(0),
        }
    }

    /// Moves the counter.
    pub fn advance(&self) {
        hooked!(self.hook, controller, cell => return controller.advance(cell));
        self.count
            .store(self.count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// Remembers the value now, until the result is dropped.
    pub fn remember(&self) -> Remembered<'_> {
        hooked!(self.hook, controller, cell => {
            return Remembered { epoch: self, value: controller.remember(cell) };
        });
        Remembered {
            epoch: self,
            value: self.count.load(Ordering::Relaxed),
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
        hooked!(self.epoch.hook, controller, cell => return controller.changed(cell, self.value));
        self.epoch.count.load(Ordering::Relaxed) != self.value
    }
}

impl Drop for Remembered<'_> {
    fn drop(&mut self) {
        hooked!(self.epoch.hook, controller, cell => controller.forget(cell));
    }
}

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
