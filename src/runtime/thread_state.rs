//! Thread states: the arena, and how one is created, bound, cleared and deleted.
//!
//! CPython: `Python/pystate.c` (`new_threadstate`, `bind_tstate`, `PyThreadState_Clear`, `tstate_delete_common`,
//! `decref_threadstate`); 3.14.
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
//! # Transitions
//!
//! | from → to | operation | who may take it | holding |
//! | --- | --- | --- | --- |
//! | Free → Detached | [`Caller::create_thread_state`] | the creating thread | – |
//! | Detached → Attached | attach A5 | the owner | the GIL |
//! | Attached → Detached | detach B4 | the owner | the GIL |
//! | any → ShuttingDown | finalization F11 | the finalizer | the GIL |
//! | any → Free | [`Caller::free_thread_state`] | the deleter, or the last reference | – |
//!
//! # Protocol
//!
//! Slots of the heap belong to regions, one for each thread, so that a slot's name tells who made what is in it, in
//! every order of arrival. A thread knows by itself which slots of its region it took; only when all are taken does it
//! look for those that others freed. When a region is full there is a shared one.
//!
//! A reader goes through [`Caller::thread_state`], and asks [`Caller::live`] right after an access to an atomic: a
//! check before it would need a scheduling point of its own.
//!
//! # Invariants
//!
//! S14 TsIdUnique, S18 NoUseAfterFreeTs, S20 ClearBeforeDelete, S21 NoDeleteAttached, S22 BindOnce, S23 RefcountBalance.
//!
//! # Memory order
//!
//! The state word holds the slot's generation too. Freeing stores it with release, the allocator that finds a slot
//! free loads with acquire: the last use happens before the next owner's initialization. Owners write it without
//! ceremony (`init`): the only other writer, the finalizer, holds the GIL, and nobody else reads it.
//!
//! # Lock order
//!
//! HEAD_LOCK is taken inside, nothing may be held.
//!
//! # Outcomes
//!
//! Use after free; fatal *tstate %p is still current*.

use super::eval_breaker::EvalBreaker;
use super::gil::Release;
use super::handle::{InterpreterHandle, ThreadStateHandle, next_generation};
use super::interpreter::INTERPRETERS_MAX;
use super::outcome::{Crash, Fatal, Step};
use super::state::Caller;
use crate::sync::{AtomicU32, Ordering, Plain, THREADS_MAX, ThreadIndex, Word, current_thread};

/// Slots of one thread's region.
const REGION: usize = 3;
/// Slots of the shared region.
const SHARED: usize = 8;
const SHARED_FIRST: usize = THREADS_MAX * REGION;
const EMBEDDED_FIRST: usize = SHARED_FIRST + SHARED;

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
    /// `threading`.
    Threading,
    /// `PyGILState_Ensure`.
    GilState,
}

super::handle::word_for_enum!(Whence {
    Unknown,
    Init,
    Fini,
    Threading,
    GilState
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
    refcount: AtomicU32,
    /// Rule: the GIL; in §TS K3, K6 the deleter alone.
    status: Plain<u8>,
    /// `holds_gil`. Rule: the GIL's mutex.
    pub(super) holds_gil: Plain<bool>,
    /// Rule: the owning thread.
    pub(super) gilstate_counter: Plain<i32>,
    /// `interp`. Rule: written at creation, before another thread can know the slot.
    interpreter: Plain<InterpreterHandle>,
    /// `_whence`. Rule: as `interpreter`.
    whence: Plain<Whence>,
    /// `thread_id`: the thread that bound it. Rule: written once, by that thread.
    thread: Plain<u8>,
}

impl ThreadState {
    fn new(slot: usize) -> Self {
        Self {
            state: AtomicU32::new(("tstate.state", slot), 0),
            eval_breaker: EvalBreaker::new(slot),
            refcount: AtomicU32::new(("tstate.refcount", slot), 0),
            status: Plain::new(("tstate.status", slot), 0),
            holds_gil: Plain::new(("tstate.holds_gil", slot), false),
            gilstate_counter: Plain::new(("tstate.gilstate_counter", slot), 0),
            interpreter: Plain::new(("tstate.interp", slot), InterpreterHandle::NULL),
            whence: Plain::new(("tstate.whence", slot), Whence::Unknown),
            thread: Plain::new(("tstate.thread_id", slot), 0),
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

    /// F11: the finalizer's store, sequentially consistent; pairs with the owner's relaxed load in "must hang?".
    pub(super) fn shut_down(&self) {
        self.state.store(
            Self::pack(self.generation(), AttachState::ShuttingDown),
            Ordering::SeqCst,
        );
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
    pub(super) fn peek_interpreter(&self) -> InterpreterHandle {
        self.interpreter.peek()
    }

    /// The bits of `_status` and the counter, for an observer.
    pub(super) fn peek_status(&self, status: Status) -> bool {
        self.status.peek() & status as u8 != 0
    }

    pub(super) fn peek_thread(&self) -> Option<ThreadIndex> {
        self.thread
            .peek()
            .checked_sub(1)
            .map(|thread| ThreadIndex::new(usize::from(thread)))
    }

    pub(super) fn peek_refcount(&self) -> u32 {
        self.refcount.peek()
    }

    pub(super) fn peek_whence(&self) -> Whence {
        self.whence.peek()
    }

    /// The fields of a new thread state; nobody else can reach it yet.
    fn initialize(&self, interpreter: InterpreterHandle, whence: Whence) {
        self.state
            .init(Self::pack(self.generation(), AttachState::Detached));
        self.eval_breaker.init();
        self.refcount.init(2);
        self.status.write(0);
        self.holds_gil.write(false);
        self.gilstate_counter.write(1);
        self.interpreter.write(interpreter);
        self.whence.write(whence);
        self.thread.write(0);
    }
}

/// The arena.
#[derive(Debug)]
pub(super) struct ThreadStates {
    slots: [ThreadState; THREAD_STATES_MAX],
    /// The slots of each region that its thread took and did not itself free. Rule: that thread's own.
    taken: [Plain<u8>; THREADS_MAX],
    /// The slots of the shared region that are taken. Acquire to take, release to free.
    taken_shared: AtomicU32,
}

impl ThreadStates {
    pub(super) fn new() -> Self {
        Self {
            slots: std::array::from_fn(ThreadState::new),
            taken: std::array::from_fn(|thread| Plain::new(("tstate.taken", thread), 0)),
            taken_shared: AtomicU32::new("tstate.taken_shared", 0),
        }
    }

    pub(super) fn slot(&self, slot: usize) -> &ThreadState {
        &self.slots[slot]
    }

    /// Takes a slot of the heap: the calling thread's lowest, else a shared one.
    fn take(&self) -> Option<usize> {
        let thread = current_thread().index();
        let first = thread * REGION;
        let taken = self.taken[thread].read();
        let unused = (0..REGION).find(|place| taken & 1 << place == 0);
        let place =
            unused.or_else(|| (0..REGION).find(|place| self.freed_by_another(first + place)));
        if let Some(place) = place {
            self.taken[thread].write(taken | 1 << place);
            return Some(first + place);
        }
        self.take_shared()
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
    fn free(&self, slot: usize, generation: u8) -> bool {
        let free = ThreadState::pack(next_generation(generation), AttachState::Free);
        let before = self.slots[slot].state.swap(free, Ordering::AcqRel);
        if ThreadState::unpack(before).0 != generation {
            return false;
        }
        let thread = current_thread().index();
        if slot / REGION == thread {
            let taken = self.taken[thread].read();
            self.taken[thread].write(taken & !(1 << (slot % REGION)));
        } else if (SHARED_FIRST..EMBEDDED_FIRST).contains(&slot) {
            self.taken_shared
                .fetch_and(!(1 << (slot - SHARED_FIRST)), Ordering::Release);
        }
        true
    }
}

/// Which interpreter a slot is embedded in.
fn embedded_in(slot: usize) -> Option<usize> {
    slot.checked_sub(EMBEDDED_FIRST)
}

impl<'a> Caller<'a> {
    /// The storage of a thread state, whoever owns it now: for [`Caller::thread_state`] and static storage.
    pub(super) fn storage(&self, handle: ThreadStateHandle) -> Step<&'a ThreadState> {
        match handle.slot() {
            Some(slot) => Ok(self.runtime.thread_states.slot(slot)),
            None => Err(self.crash(Crash::NoThreadState)),
        }
    }

    /// Reads through a pointer to a thread state: its plain fields may be used in this step.
    pub(super) fn thread_state(&self, handle: ThreadStateHandle) -> Step<&'a ThreadState> {
        let tstate = self.storage(handle)?;
        self.live(handle)?;
        Ok(tstate)
    }

    /// Finds out that a thread state was freed. Called right after a visible operation on it, in the same step.
    pub(super) fn live(&self, handle: ThreadStateHandle) -> Step<()> {
        if self.storage(handle)?.generation() == handle.generation() {
            Ok(())
        } else {
            Err(self.crash(Crash::UseAfterFree))
        }
    }

    /// Reads `ts->interp`.
    pub(super) fn interpreter_of(&self, handle: ThreadStateHandle) -> Step<InterpreterHandle> {
        Ok(self.thread_state(handle)?.interpreter.read())
    }

    /// §TS new, N1 and N3: a detached thread state at the head of the list; null if there is no room.
    ///
    /// Free → Detached.
    pub(super) fn create_thread_state(
        &self,
        interpreter: InterpreterHandle,
        whence: Whence,
    ) -> Step<ThreadStateHandle> {
        let owner = self.interpreter(interpreter)?;
        let embedded = owner.preallocated.swap(false, Ordering::SeqCst);
        self.interpreter(interpreter)?;
        let arena = &self.runtime.thread_states;
        let slot = if embedded {
            interpreter.slot().map(|slot| EMBEDDED_FIRST + slot)
        } else {
            arena.take()
        };
        let Some(slot) = slot else {
            return Ok(ThreadStateHandle::NULL);
        };
        let tstate = arena.slot(slot);
        tstate.initialize(interpreter, whence);
        let handle = ThreadStateHandle::new(slot, tstate.generation());
        self.runtime
            .lists
            .lock()
            .insert_thread_state(interpreter, handle);
        Ok(handle)
    }

    /// §TS bind: the thread state is this thread's, and its GILState one if the thread has none.
    pub(super) fn bind_thread_state(&self, handle: ThreadStateHandle) -> Step<()> {
        let tstate = self.thread_state(handle)?;
        debug_assert!(
            !self.runtime.sane() || !tstate.is(Status::Bound),
            "S22: a thread state is bound once"
        );
        tstate.thread.write(current_thread().index() as u8 + 1);
        tstate.set(Status::Bound, true);
        if self.tss_own().read().is_null() {
            self.bind_gilstate(handle)?;
        }
        Ok(())
    }

    /// §TS delete_common, K1 to K6, and the freeing of the storage.
    pub(super) fn delete_thread_state(
        &self,
        handle: ThreadStateHandle,
        release_gil: bool,
    ) -> Step<()> {
        if handle == self.current() {
            return Err(self.fatal(Fatal::StillCurrent));
        }
        let tstate = self.thread_state(handle)?;
        let interpreter = tstate.interpreter.read();
        let mut lists = self.runtime.lists.lock();
        self.live(handle)?;
        lists.remove_thread_state(interpreter, handle);
        drop(lists);
        if tstate.is(Status::BoundGilState) {
            self.tss_own().write(ThreadStateHandle::NULL);
            tstate.set(Status::BoundGilState, false);
        }
        tstate.set(Status::Unbound, true);
        if release_gil {
            self.drop_gil(interpreter, handle, Release::Final)?;
        }
        tstate.set(Status::Finalized, true);
        self.free_thread_state(handle)
    }

    /// `free_threadstate`: any → Free. An embedded one goes back to its interpreter.
    pub(super) fn free_thread_state(&self, handle: ThreadStateHandle) -> Step<()> {
        let Some(slot) = handle.slot() else {
            return Err(self.crash(Crash::NoThreadState));
        };
        if !self.runtime.thread_states.free(slot, handle.generation()) {
            return Err(self.crash(Crash::UseAfterFree));
        }
        if let Some(interpreter) = embedded_in(slot) {
            self.runtime.interpreters[interpreter]
                .preallocated
                .store(true, Ordering::SeqCst);
        }
        Ok(())
    }

    /// §INIT I5: the storage of an interpreter's first thread state holds nothing, whatever an earlier life left.
    pub(super) fn free_embedded(&self, interpreter: InterpreterHandle) -> Step<()> {
        let preallocated = &self.interpreter(interpreter)?.preallocated;
        if let Some(slot) = interpreter.slot()
            && !preallocated.swap(true, Ordering::SeqCst)
        {
            let arena = &self.runtime.thread_states;
            let slot = EMBEDDED_FIRST + slot;
            let _freed = arena.free(slot, arena.slot(slot).generation());
        }
        Ok(())
    }

    /// `decref_threadstate`: gives one reference up and frees with the last one (S23).
    pub(super) fn release_reference(&self, handle: ThreadStateHandle) -> Step<()> {
        let before = self
            .storage(handle)?
            .refcount
            .fetch_sub(1, Ordering::SeqCst);
        self.live(handle)?;
        debug_assert!(
            !self.runtime.sane() || before > 0,
            "S23: a reference is given up once"
        );
        if before == 1 {
            self.free_thread_state(handle)
        } else {
            Ok(())
        }
    }

    /// Makes a thread state of an interpreter for the calling thread; null without memory. It is not attached.
    ///
    /// # Errors
    ///
    /// A crash for an interpreter that is null or freed. Source: contract 2.8, §TS.
    #[doc(alias = "PyThreadState_New")]
    pub fn thread_state_new(&self, interpreter: InterpreterHandle) -> Step<ThreadStateHandle> {
        let handle = self.create_thread_state(interpreter, Whence::Unknown)?;
        if !handle.is_null() {
            self.bind_thread_state(handle)?;
        }
        Ok(handle)
    }

    /// Drops what a thread state refers to: destructors run here and may do anything.
    ///
    /// # Errors
    ///
    /// A crash without an attached thread state or for a freed one; what ended the thread in a destructor. Source:
    /// contract 2.8.
    #[doc(alias = "PyThreadState_Clear")]
    pub fn thread_state_clear(&self, handle: ThreadStateHandle) -> Step<()> {
        self.attached_or_crash()?;
        self.thread_state(handle)?.set(Status::Finalizing, true);
        self.run_at_clear(handle)?;
        self.thread_state(handle)?.set(Status::Cleared, true);
        Ok(())
    }

    /// Takes a cleared thread state out of the list and frees it.
    ///
    /// # Errors
    ///
    /// Fatal for null and for the current one; use after free. Source: contract 2.8.
    #[doc(alias = "PyThreadState_Delete")]
    pub fn thread_state_delete(&self, handle: ThreadStateHandle) -> Step<()> {
        if handle.is_null() {
            return Err(self.fatal(Fatal::DeleteNull));
        }
        self.delete_thread_state(handle, false)
    }

    /// Deletes the attached thread state and drops the GIL for good.
    ///
    /// # Errors
    ///
    /// Fatal without an attached thread state; use after free. Source: contract 2.8.
    #[doc(alias = "PyThreadState_DeleteCurrent")]
    pub fn thread_state_delete_current(&self) -> Step<()> {
        let current = self.current();
        if current.is_null() {
            return Err(self.fatal(Fatal::DeleteCurrentNull));
        }
        self.runtime.current.write(ThreadStateHandle::NULL);
        self.delete_thread_state(current, true)
    }

    /// The attached thread state.
    ///
    /// # Errors
    ///
    /// Fatal without one. Source: contract 2.5.
    #[doc(alias = "PyThreadState_Get")]
    pub fn thread_state_get(&self) -> Step<ThreadStateHandle> {
        let current = self.current();
        if current.is_null() {
            Err(self.fatal(Fatal::GetNull))
        } else {
            Ok(current)
        }
    }

    /// The attached thread state, or null. Source: contract 2.5.
    ///
    /// # Errors
    ///
    /// None.
    #[doc(alias = "PyThreadState_GetUnchecked")]
    #[doc(alias = "_PyThreadState_UncheckedGet")]
    pub fn thread_state_get_unchecked(&self) -> Step<ThreadStateHandle> {
        Ok(self.current())
    }

    /// The id of a thread state within its interpreter.
    ///
    /// # Errors
    ///
    /// Use after free. Source: contract 2.8.
    #[doc(alias = "PyThreadState_GetID")]
    pub fn thread_state_get_id(&self, handle: ThreadStateHandle) -> Step<u64> {
        let id = self.runtime.lists.lock().thread_state_id(handle);
        self.thread_state(handle)?;
        Ok(id)
    }

    /// The interpreter of a thread state.
    ///
    /// # Errors
    ///
    /// Use after free. Source: contract 2.8.
    #[doc(alias = "PyThreadState_GetInterpreter")]
    pub fn thread_state_get_interpreter(
        &self,
        handle: ThreadStateHandle,
    ) -> Step<InterpreterHandle> {
        self.interpreter_of(handle)
    }

    /// The next older thread state of the same interpreter, or null. Source: contract 2.14.
    ///
    /// # Errors
    ///
    /// Use after free.
    #[doc(alias = "PyThreadState_Next")]
    pub fn thread_state_next(&self, handle: ThreadStateHandle) -> Step<ThreadStateHandle> {
        let next = self.runtime.lists.lock().next_thread_state(handle);
        self.thread_state(handle)?;
        Ok(next)
    }
}
