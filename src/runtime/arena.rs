//! The arena of thread states: slots, the word that says what is in one, and who may take and free one.
//!
//! CPython: `Python/pystate.c` (`alloc_threadstate`, `free_threadstate`); 3.14. What happens to a thread state is in
//! [`super::thread_state`].
//!
//! # States
//!
//! | state | meaning | who owns the data in it |
//! | --- | --- | --- |
//! | `Free` | the slot holds nothing | the allocator |
//! | `Detached` | no thread runs with it | the thread that will attach it; the finalizer, holding the GIL |
//! | `Attached` | one thread runs with it and holds the GIL | that thread |
//! | `ShuttingDown` | the finalizer took it out of the list; terminal | whoever has a reference |
//!
//! # Protocol
//!
//! Slots of the heap belong to regions, one for each thread ([`super::region`]), so that a slot's name tells who made what is in
//! it, in every order of arrival. When a region is full there is a shared one.
//!
//! # Invariants
//!
//! S18 NoUseAfterFreeTs, S23 RefcountBalance.
//!
//! # Memory order
//!
//! The state word holds the slot's generation too. Freeing exchanges it with release, the allocator that finds a slot
//! free loads with acquire: the last use happens before the next owner's initialization. Owners write it without
//! ceremony (`init`): the only other writer, the finalizer, holds the GIL, and nobody else reads it.

use super::eval_breaker::EvalBreaker;
use super::frames::Frames;
use super::handle::{GuardHandle, InterpreterHandle, next_generation};
use super::interpreter::INTERPRETERS_MAX;
use super::region::Regions;
use super::tracing::Tracing;
use crate::sync::{AtomicU32, Ordering, Plain, THREADS_MAX, Word};

/// Slots of one thread's region.
const REGION: usize = 3;
/// Slots of the shared region.
const SHARED: usize = 8;
const SHARED_FIRST: usize = THREADS_MAX * REGION;
pub(super) const EMBEDDED_FIRST: usize = SHARED_FIRST + SHARED;

/// Thread states that exist at once, those embedded in interpreters included.
pub const THREAD_STATES_MAX: usize = EMBEDDED_FIRST + INTERPRETERS_MAX;

/// The attach state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AttachState {
    /// Nothing is in the slot.
    Free,
    /// `_Py_THREAD_DETACHED`.
    Detached,
    /// `_Py_THREAD_ATTACHED`.
    Attached,
    /// `_Py_THREAD_SHUTTING_DOWN`.
    ShuttingDown,
}

super::handle::word_for_enum!(AttachState {
    Free,
    Detached,
    Attached,
    ShuttingDown
});

/// Who made a thread state: `_whence`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Whence {
    /// `PyThreadState_New`.
    Unknown,
    /// Initialization.
    Init,
    /// Finalization.
    Fini,
    /// `threading`; since 3.15 threads to wait for only.
    Threading,
    /// `PyGILState_Ensure`, and since 3.15 `PyThreadState_Ensure`.
    GilState,
    /// `threading`, a daemon: since 3.15.
    ThreadingDaemon,
    /// An extension module's init function: since 3.13.
    Exec,
}

super::handle::word_for_enum!(Whence {
    Unknown,
    Init,
    Fini,
    Threading,
    GilState,
    ThreadingDaemon,
    Exec
});

/// The bits of `_status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Status {
    Bound = 1,
    Unbound = 2,
    BoundGilState = 4,
    Active = 8,
    Finalizing = 16,
    Cleared = 32,
    Finalized = 64,
}

/// One slot of the arena.
#[derive(Debug)]
pub(super) struct ThreadState {
    /// [`AttachState`] in the low byte, the generation above it.
    state: AtomicU32,
    pub(super) eval_breaker: EvalBreaker,
    /// References: the list's and the OS thread's. Sequentially consistent, as in C.
    pub(super) refcount: AtomicU32,
    /// `async_exc`: an exception as a number, or 0.
    pub(super) async_exc: AtomicU32,
    /// Rule: the GIL; in §TS K3, K6 the deleter alone.
    status: Plain<u8>,
    /// `holds_gil`. Rule: the GIL's mutex.
    pub(super) holds_gil: Plain<bool>,
    /// Rule: the owning thread.
    pub(super) gilstate_counter: Plain<i32>,
    /// `ensure.counter`. Rule: the owning thread, and of the next two.
    pub(super) ensure_counter: Plain<i32>,
    /// `ensure.delete_on_release`.
    pub(super) deleted_on_release: Plain<bool>,
    /// `ensure.owned_guard`.
    pub(super) owned_guard: Plain<GuardHandle>,
    /// `interp`. Rule: written at creation, before another thread can know the slot.
    pub(super) interpreter: Plain<InterpreterHandle>,
    /// `_whence`. Rule: as `interpreter`.
    whence: Plain<Whence>,
    /// `thread_id`: the thread that bound it. Rule: written once, by that thread.
    pub(super) thread: Plain<u8>,
    pub(super) tracing: Tracing,
    pub(super) frames: Frames,
}

impl ThreadState {
    fn new(slot: usize) -> Self {
        Self {
            state: AtomicU32::new(("tstate.state", slot), 0),
            eval_breaker: EvalBreaker::new(slot),
            refcount: AtomicU32::new(("tstate.refcount", slot), 0),
            async_exc: AtomicU32::new(("tstate.async_exc", slot), 0),
            status: Plain::new(("tstate.status", slot), 0),
            holds_gil: Plain::new(("tstate.holds_gil", slot), false),
            gilstate_counter: Plain::new(("tstate.gilstate_counter", slot), 0),
            ensure_counter: Plain::new(("tstate.ensure_counter", slot), 0),
            deleted_on_release: Plain::new(("tstate.delete_on_release", slot), false),
            owned_guard: Plain::new(("tstate.owned_guard", slot), GuardHandle::NULL),
            interpreter: Plain::new(("tstate.interp", slot), InterpreterHandle::NULL),
            whence: Plain::new(("tstate.whence", slot), Whence::Unknown),
            thread: Plain::new(("tstate.thread_id", slot), 0),
            tracing: Tracing::new(slot),
            frames: Frames::new(slot),
        }
    }

    fn pack(generation: u8, state: AttachState) -> u32 {
        u32::from(generation) << 8 | state as u32
    }

    fn unpack(word: u32) -> (u8, AttachState) {
        (
            (word >> 8) as u8,
            AttachState::from_word(u64::from(word & 0xff)),
        )
    }

    /// The attach state, as a visible operation.
    pub(super) fn load(&self) -> AttachState {
        Self::unpack(self.state.load(Ordering::Relaxed)).1
    }

    /// The attach state, for an observer.
    pub(super) fn peek_state(&self) -> AttachState {
        Self::unpack(self.state.peek()).1
    }

    pub(super) fn generation(&self) -> u8 {
        Self::unpack(self.state.peek()).0
    }

    /// A5, B4: the owner's plain store under the GIL.
    pub(super) fn set_by_owner(&self, state: AttachState) {
        self.state.init(Self::pack(self.generation(), state));
    }

    /// F11: the finalizer's store, sequentially consistent; pairs with the owner's relaxed load in "must hang?". Whether the
    /// slot still was of this generation: what C writes into memory that was freed is not kept.
    #[must_use]
    pub(super) fn shut_down(&self, generation: u8) -> bool {
        let word = Self::pack(generation, AttachState::ShuttingDown);
        let before = self.state.swap(word, Ordering::SeqCst);
        if Self::unpack(before).0 == generation {
            return true;
        }
        self.state.init(before);
        false
    }

    pub(super) fn whence(&self) -> Whence {
        self.whence.read()
    }

    pub(super) fn is(&self, status: Status) -> bool {
        self.status.read() & status as u8 != 0
    }

    pub(super) fn set(&self, status: Status, value: bool) {
        let others = self.status.read() & !(status as u8);
        self.status
            .write(if value { others | status as u8 } else { others });
    }

    /// The interpreter, for an observer.
    #[cfg(feature = "sim")]
    pub(super) fn peek_interpreter(&self) -> InterpreterHandle {
        self.interpreter.peek()
    }

    /// The bits of `_status` and the counter, for an observer.
    #[cfg(feature = "sim")]
    pub(super) fn peek_status(&self, status: Status) -> bool {
        self.status.peek() & status as u8 != 0
    }

    #[cfg(feature = "sim")]
    pub(super) fn peek_thread(&self) -> Option<crate::sync::ThreadIndex> {
        self.thread
            .peek()
            .checked_sub(1)
            .map(|thread| crate::sync::ThreadIndex::new(usize::from(thread)))
    }

    #[cfg(feature = "sim")]
    pub(super) fn peek_refcount(&self) -> u32 {
        self.refcount.peek()
    }

    #[cfg(feature = "sim")]
    pub(super) fn peek_whence(&self) -> Whence {
        self.whence.peek()
    }

    /// The fields of a new thread state; nobody else can reach it yet.
    pub(super) fn initialize(&self, interpreter: InterpreterHandle, whence: Whence) {
        self.state
            .init(Self::pack(self.generation(), AttachState::Detached));
        self.eval_breaker.init();
        self.refcount.init(2);
        self.async_exc.init(0);
        self.status.write(0);
        self.holds_gil.write(false);
        self.gilstate_counter.write(1);
        self.ensure_counter.write(0);
        self.deleted_on_release.write(false);
        self.owned_guard.write(GuardHandle::NULL);
        self.interpreter.write(interpreter);
        self.whence.write(whence);
        self.thread.write(0);
        self.tracing.init();
        self.frames.init();
    }
}

/// The arena.
#[derive(Debug)]
pub(super) struct ThreadStates {
    slots: [ThreadState; THREAD_STATES_MAX],
    regions: Regions,
    /// The slots of the shared region that are taken. Acquire to take, release to free.
    taken_shared: AtomicU32,
}

impl ThreadStates {
    pub(super) fn new() -> Self {
        Self {
            slots: std::array::from_fn(ThreadState::new),
            regions: Regions::new("tstate.taken", REGION),
            taken_shared: AtomicU32::new("tstate.taken_shared", 0),
        }
    }

    pub(super) fn slot(&self, slot: usize) -> &ThreadState {
        &self.slots[slot]
    }

    /// Takes a slot of the heap: the calling thread's lowest, else a shared one.
    pub(super) fn take(&self) -> Option<usize> {
        self.regions
            .take(|slot| self.freed_by_another(slot))
            .or_else(|| self.take_shared())
    }

    fn freed_by_another(&self, slot: usize) -> bool {
        ThreadState::unpack(self.slots[slot].state.load(Ordering::Acquire)).1 == AttachState::Free
    }

    fn take_shared(&self) -> Option<usize> {
        let scope = crate::sync::scope();
        let place = loop {
            scope.again(&());
            let taken = self.taken_shared.load(Ordering::Relaxed);
            let Some(place) = (0..SHARED).find(|place| taken & 1 << place == 0) else {
                break None;
            };
            if self.taken_shared.fetch_or(1 << place, Ordering::Acquire) & 1 << place == 0 {
                break Some(SHARED_FIRST + place);
            }
        };
        scope.end(&place);
        place
    }

    /// Frees a slot: its generation moves with the exchange that makes it free, any → Free. Whether it was the
    /// handle's: two that free the same are found out in the step of the second.
    pub(super) fn free(&self, slot: usize, generation: u8) -> bool {
        let free = ThreadState::pack(next_generation(generation), AttachState::Free);
        let before = self.slots[slot].state.swap(free, Ordering::AcqRel);
        if ThreadState::unpack(before).0 != generation {
            return false;
        }
        if !self.regions.give_back(slot) && (SHARED_FIRST..EMBEDDED_FIRST).contains(&slot) {
            self.taken_shared
                .fetch_and(!(1 << (slot - SHARED_FIRST)), Ordering::Release);
        }
        true
    }
}

/// Which interpreter a slot is embedded in.
pub(super) fn embedded_in(slot: usize) -> Option<usize> {
    slot.checked_sub(EMBEDDED_FIRST)
}
