//! Locks, condition variables, semaphores and events.

use super::Hook;
use crate::sync::{Name, SEMAPHORE_DESTROYED, WaitResult};
use std::hash::Hash;
use std::ops::{Deref, DerefMut};
use std::sync::OnceLock;
use std::time::Duration;

/// The interval after which a timed wait on real threads gives up: CPython's switch interval, 5 ms.
const SWITCH_INTERVAL: Duration = Duration::from_millis(5);

/// Why a guard outside of a simulation has one.
const REAL_LOCK: &str = "without a controller a guard holds the real lock";

/// A mutual exclusion lock that protects a `T`.
#[derive(Debug)]
pub struct Mutex<T> {
    hook: Hook,
    inner: Renewable<parking_lot::Mutex<T>>,
}

/// Storage that a forked child can have anew, at another address; see the module's front page.
#[derive(Debug)]
struct Renewable<L> {
    first: L,
    next: OnceLock<Box<Self>>,
}

impl<L> Renewable<L> {
    fn new(first: L) -> Self {
        Self {
            first,
            next: OnceLock::new(),
        }
    }

    /// The newest storage.
    #[inline]
    fn now(&self) -> &L {
        match self.next.get() {
            None => &self.first,
            Some(next) => next.now(),
        }
    }

    /// Storage that nobody has used takes the place of the newest.
    fn renew(&self, fresh: L) {
        match self.next.get() {
            Some(next) => next.renew(fresh),
            None => {
                let set = self.next.set(Box::new(Self::new(fresh)));
                debug_assert!(set.is_ok(), "a forked child has one thread");
            }
        }
    }
}

impl<T: Hash + Copy + 'static> Mutex<T> {
    /// A free lock.
    pub fn new(name: impl Into<Name>, value: T) -> Self {
        Self {
            hook: hook_new!(Mutex, name, crate::sync::hook::digest(&value)),
            inner: Renewable::new(parking_lot::Mutex::new(value)),
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
            inner: Some(self.inner.now().lock()),
        }
    }

    /// Takes the lock if it is free.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        hooked!(self.hook, controller, cell => {
            return controller.try_lock(cell, self).then(|| MutexGuard { mutex: self, inner: None });
        });
        self.inner.now().try_lock().map(|inner| MutexGuard {
            mutex: self,
            inner: Some(inner),
        })
    }

    /// Takes the lock and keeps it without a guard, until [`Mutex::let_go`].
    pub fn hold(&self) {
        std::mem::forget(self.lock());
    }

    /// Gives up a lock that the calling thread keeps without a guard.
    #[expect(unsafe_code, reason = "a lock that was kept has no guard to drop")]
    pub fn let_go(&self) {
        hooked!(self.hook, controller, cell => return controller.unlock(cell));
        // SAFETY: the calling thread took it with `hold`, which forgot the guard.
        unsafe {
            self.inner
                .now()
                .force_unlock(parking_lot::lock_api::GuardNoSend::new());
        }
    }

    /// Reads the contents of a lock that the calling thread keeps without a guard.
    #[expect(
        unsafe_code,
        reason = "a lock that was kept has no guard to read through"
    )]
    pub fn kept<R>(&self, read: impl FnOnce(&T) -> R) -> R {
        // SAFETY: the calling thread took it with `hold`, so nobody else writes, and the reference ends with this call.
        read(unsafe { &*self.inner.now().data_ptr() })
    }

    /// In a forked child: a free lock that nobody has used, with what `contents` makes of the contents, whoever had the old
    /// one. No other thread may exist, and no guard of the calling thread.
    #[expect(unsafe_code, reason = "the owner of the lock may be gone")]
    pub fn renew(&self, contents: impl FnOnce(T) -> T) {
        hooked!(self.hook, controller, cell => {
            controller.renew(cell, self);
            let mut renewed = self.lock();
            *renewed = contents(*renewed);
            return;
        });
        // SAFETY: the caller is the only thread and has no guard, so nobody writes meanwhile.
        let old = unsafe { *self.inner.now().data_ptr() };
        self.inner.renew(parking_lot::Mutex::new(contents(old)));
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
        read(unsafe { &*self.inner.now().data_ptr() })
    }
}

#[cfg(feature = "sim")]
impl<T: Hash + Copy + 'static> crate::sync::hook::Contents for Mutex<T> {
    fn digest(&self) -> u128 {
        self.peek(|value| crate::sync::hook::digest(value))
    }

    fn bytes(&self) -> (*mut u8, usize) {
        (self.inner.now().data_ptr().cast(), size_of::<T>())
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
            None => unsafe { &*self.mutex.inner.now().data_ptr() },
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
            None => unsafe { &mut *self.mutex.inner.now().data_ptr() },
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
    inner: Renewable<parking_lot::Condvar>,
}

impl Condvar {
    /// A condition variable that nobody waits on.
    pub fn new(name: impl Into<Name>) -> Self {
        Self {
            hook: hook_new!(Condvar, name, 0_u64),
            inner: Renewable::new(parking_lot::Condvar::new()),
        }
    }

    /// Releases the lock, waits for a notification, and takes the lock again.
    ///
    /// # Panics
    ///
    /// If the guard was made under a controller that is installed no more.
    pub fn wait<T: Hash + Copy + 'static>(&self, guard: &mut MutexGuard<'_, T>) {
        hooked!(self.hook, controller, cell => {
            let (WaitResult::Woken | WaitResult::TimedOut) = controller.wait(cell, guard.mutex.hook.cell, false);
            return;
        });
        self.inner
            .now()
            .wait(guard.inner.as_mut().expect(REAL_LOCK));
    }

    /// As [`Condvar::wait`], but the engine may end the wait without a notification: the switch interval is over.
    ///
    /// # Panics
    ///
    /// If the guard was made under a controller that is installed no more.
    pub fn wait_timed<T: Hash + Copy + 'static>(
        &self,
        guard: &mut MutexGuard<'_, T>,
    ) -> WaitResult {
        hooked!(self.hook, controller, cell => return controller.wait(cell, guard.mutex.hook.cell, true));
        let inner = guard.inner.as_mut().expect(REAL_LOCK);
        if self
            .inner
            .now()
            .wait_for(inner, SWITCH_INTERVAL)
            .timed_out()
        {
            WaitResult::TimedOut
        } else {
            WaitResult::Woken
        }
    }

    /// In a forked child: a condition variable that nobody has used. A simulated one has no state beside its waiters, which
    /// are gone.
    pub fn renew(&self) {
        hooked!(self.hook, controller, cell => {
            let _ = (controller, cell);
            return;
        });
        self.inner.renew(parking_lot::Condvar::new());
    }

    /// Wakes one waiter, if there is one.
    pub fn notify_one(&self) {
        hooked!(self.hook, controller, cell => return controller.notify(cell, false));
        self.inner.now().notify_one();
    }

    /// Wakes every waiter.
    pub fn notify_all(&self) {
        hooked!(self.hook, controller, cell => return controller.notify(cell, true));
        self.inner.now().notify_all();
    }
}

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

    /// Blocks until there is one and takes it, or until the handler of a signal has run meanwhile; whether it was taken.
    /// Only simulated signals end a wait.
    #[must_use]
    pub fn acquire_unless_interrupted(&self) -> bool {
        hooked!(self.hook, controller, cell => return controller.acquire_unless_interrupted(cell));
        self.acquire();
        true
    }

    /// Gives one.
    pub fn post(&self) {
        hooked!(self.hook, controller, cell => return controller.post(cell));
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
        hooked!(self.hook, controller, cell => return controller.post_unless_destroyed(cell));
        let mut count = self.count.lock();
        if *count == SEMAPHORE_DESTROYED {
            return false;
        }
        *count += 1;
        self.posted.notify_one();
        true
    }

    /// Makes it anew, with `count`, where no other thread can reach it yet: no visible operation.
    pub fn init(&self, count: u32) {
        hooked!(self.hook, controller, cell => return controller.write_plain(cell, u64::from(count)));
        *self.count.lock() = count;
    }

    /// It is gone: nobody waits for it, and who gives to it from now on is told. No visible operation.
    pub fn destroy(&self) {
        self.init(SEMAPHORE_DESTROYED);
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
