//! Guards, which keep an interpreter from being finalized, and views, which name one without keeping it.
//!
//! CPython: `Python/pystate.c` (`PyInterpreterGuard_FromCurrent`, `PyInterpreterGuard_FromView`, `PyInterpreterGuard_Close`,
//! `PyInterpreterView_FromCurrent`, `PyInterpreterView_FromMain`, `PyInterpreterView_Close`), `Python/pylifecycle.c` (the wait in
//! `Py_FinalizeEx` and `Py_EndInterpreter`); PEP 788, 3.15. Before 3.15 nobody asks.
//!
//! # States
//!
//! | `finalization_guards` | meaning | who may change it |
//! | --- | --- | --- |
//! | 0 | no guard is open | whoever opens one; the finalizer |
//! | n | n guards are open: finalization waits | whoever opens or closes one |
//! | [`ENDED`] | no guard can be had any more | the next initialization |
//!
//! A guard is a block of memory with a pointer to its interpreter, a view one with an interpreter's id. Ids begin again with each
//! life of the runtime, so a view that was kept means whatever interpreter has that id then (P33).
//!
//! # Transitions
//!
//! | from → to | operation | who may take it | holding |
//! | --- | --- | --- | --- |
//! | n → n + 1 | [`Guards::open`] | any thread, of the interpreter's id | HEAD_LOCK |
//! | n → n + 1 | [`Guards::open`] | a thread that is attached to the interpreter | the GIL |
//! | n → n - 1 | [`Caller::close_guard`] | whoever has the guard, once | – |
//! | 0 → [`ENDED`] | [`Guards::end`] | the finalizer, §FINAL J8 | the GIL, HEAD_LOCK |
//!
//! # Protocol
//!
//! Open: take memory · from a view: HEAD_LOCK, find the id · unless [`ENDED`], count with an exchange that is tried again. The word
//! is the only thing asked: a guard can be had while finalization waits for others, runs exit functions and joins threads, until
//! the exchange of J8. Close: read the interpreter · count down · the last one wakes everybody who is parked at the word · free the memory. Only
//! the address is used after the count: the interpreter may be gone.
//!
//! Wait, J6: while the word is not 0, park at it, detached. J8 finds out under HEAD_LOCK if one was opened since, and begins
//! again.
//!
//! `PyGILState_Ensure` in a thread without a thread state opens a guard on the main interpreter, makes the state, and
//! closes the guard *before* it attaches: finalization may begin in between, but then the state is in the list and is
//! marked. So no state made by Ensure is missed, unlike in 3.14. Differs: it takes no memory for the guard.
//!
//! In a forked child guards stay open, also those that only a thread had which is not there: nobody can close them, and
//! finalization of the child waits for ever (observed: 3.15.2).
//!
//! # Invariants
//!
//! S72 GuardBlocks, S73 GuardAbsorbing, L12 GuardWaitEnds.
//!
//! # Memory order
//!
//! All sequentially consistent, as in C. A guard's memory: [`super::heap`].
//!
//! # Lock order
//!
//! HEAD_LOCK is held over the opening from a view; the bucket's lock is a leaf.
//!
//! # Outcomes
//!
//! Hang of `PyGILState_Ensure`: before initialization, once no guard can be had, and after finalization. Deadlock of a
//! finalizer that waits for a guard which nobody closes. A crash for null, without an attached thread state where one is
//! asked for, and for a guard or view that was closed: use after free.
//!
//! # Checked by
//!
//! `tests/loom/guard.rs`, `scenarios/guard`.

use super::handle::{GuardHandle, InterpreterHandle, ViewHandle};
use super::heap::Heap;
use super::outcome::{Crash, Ended, Step};
use super::parking::{Bucket, Waiters};
use super::raw_mutex::RawMutex;
use super::state::Caller;
use crate::sync::{AtomicU32, Local, Ordering, Word, scope};

/// `_PyInterpreterGuard_GUARDS_NOT_ALLOWED`: the word once no guard can be had.
const ENDED: u32 = u32::MAX;

/// By which call a guard was opened: for observers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Opened {
    /// `PyInterpreterGuard_FromCurrent`
    FromCurrent,
    /// `PyInterpreterGuard_FromView`
    FromView,
    /// `PyThreadState_EnsureFromView`, which leaves it to the thread state.
    Ensure,
    /// `PyGILState_Ensure`, while it makes a thread state.
    GilState,
}

super::handle::word_for_enum!(Opened {
    FromCurrent,
    FromView,
    Ensure,
    GilState
});

/// The memory of guards and views.
#[derive(Debug)]
pub(super) struct GuardMemory {
    guards: Heap,
    views: Heap,
    /// The interpreter that `PyGILState_Ensure` guards just now. Rule: the thread's own; for observers.
    of_gilstate: Local<InterpreterHandle>,
}

/// What a guard's memory holds: the interpreter's word, and above it who opened it.
const OPENED_FROM: u32 = 16;

fn contents(interpreter: InterpreterHandle, opened: Opened) -> u32 {
    interpreter.to_word() as u32 | (opened.to_word() as u32) << OPENED_FROM
}

fn interpreter_in(contents: u32) -> InterpreterHandle {
    InterpreterHandle::from_word(u64::from(contents & 0xffff))
}

impl GuardMemory {
    pub(super) fn new() -> Self {
        Self {
            guards: Heap::new("guard", "guard.taken"),
            views: Heap::new("view", "view.taken"),
            of_gilstate: Local::new("guard.of_gilstate", InterpreterHandle::NULL),
        }
    }

    /// The open guards with their interpreters and how they were opened, for an observer.
    #[cfg(feature = "sim")]
    pub(super) fn peek(
        &self,
    ) -> impl Iterator<Item = (GuardHandle, InterpreterHandle, Opened)> + '_ {
        self.guards.peek().map(|(slot, generation, contents)| {
            let opened = Opened::from_word(u64::from(contents >> OPENED_FROM));
            let handle = GuardHandle::new(slot, generation);
            (handle, interpreter_in(contents), opened)
        })
    }

    /// The interpreter that a thread's `PyGILState_Ensure` guards, or null, for an observer.
    #[cfg(feature = "sim")]
    pub(super) fn peek_of_gilstate(&self, thread: crate::sync::ThreadIndex) -> InterpreterHandle {
        self.of_gilstate.peek(thread)
    }
}

/// `finalization_guards` and its bucket of the parking lot.
#[derive(Debug)]
pub(super) struct Guards {
    count: AtomicU32,
    bucket: Bucket,
}

impl Guards {
    pub(super) fn new(slot: usize) -> Self {
        Self {
            count: AtomicU32::new(("interpreter.guards", slot), 0),
            bucket: RawMutex::new(("interpreter.guards_bucket", slot), Waiters::NONE),
        }
    }

    /// As in a new life of the interpreter.
    pub(super) fn reset(&self) {
        self.count.init(0);
    }

    /// In a forked child: the parking lot is emptied. Guards stay open, whoever had them.
    pub(super) fn forget_waiters(&self) {
        self.bucket.renew(Waiters::NONE);
    }

    /// Who waits for guards to be closed, for an observer.
    #[cfg(feature = "sim")]
    pub(super) fn peek_waiters(&self) -> Waiters {
        self.bucket.peek()
    }

    /// How many guards are open, for an observer; none once none can be had.
    #[cfg(feature = "sim")]
    pub(super) fn peek(&self) -> u32 {
        Some(self.count.peek())
            .filter(|count| *count != ENDED)
            .unwrap_or(0)
    }

    /// n → n + 1; whether a guard could be had.
    fn open(&self) -> bool {
        let scope = scope();
        let mut count = self.count.load(Ordering::SeqCst);
        let opened = loop {
            scope.again(&count);
            if count == ENDED {
                break false;
            }
            match self.exchange(count, count + 1) {
                Ok(_) => break true,
                Err(now) => count = now,
            }
        };
        scope.end(&opened);
        opened
    }

    /// Whether no guard can be had any more, for assertions.
    pub(super) fn are_ended(&self) -> bool {
        self.count.peek() == ENDED
    }

    /// J8. 0 → [`ENDED`]; whether no guard was open.
    pub(super) fn end(&self) -> bool {
        self.exchange(0, ENDED).is_ok()
    }

    fn exchange(&self, from: u32, to: u32) -> Result<u32, u32> {
        self.count
            .compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst)
    }
}

impl Caller<'_> {
    /// Opens a guard on the current interpreter, which is not finalized before it is closed; null once finalization waits for
    /// no guard any more, and without memory.
    ///
    /// # Errors
    ///
    /// A crash without an attached thread state. Source: contract 2.19; observed: 3.15.2.
    #[doc(alias = "PyInterpreterGuard_FromCurrent")]
    pub fn interpreter_guard_from_current(&self) -> Step<GuardHandle> {
        let interpreter = self.current_interpreter()?;
        let Some(guard) = self.take_guard(interpreter, Opened::FromCurrent) else {
            return Ok(GuardHandle::NULL);
        };
        if self.interpreter(interpreter)?.guards.open() {
            return Ok(guard);
        }
        self.free_guard(guard)?;
        Ok(GuardHandle::NULL)
    }

    /// Opens a guard on the interpreter of a view; null if there is none of that id, once its finalization waits for no guard
    /// any more, and without memory.
    ///
    /// Blocks while another thread has HEAD_LOCK.
    ///
    /// # Errors
    ///
    /// A crash for null and for a view that was closed. Source: contract 2.19, P32; observed: 3.15.2.
    #[doc(alias = "PyInterpreterGuard_FromView")]
    pub fn interpreter_guard_from_view(&self, view: ViewHandle) -> Step<GuardHandle> {
        self.guard_from_view(view, Opened::FromView)
    }

    pub(super) fn guard_from_view(&self, view: ViewHandle, opened: Opened) -> Step<GuardHandle> {
        let id = self.viewed(view)?;
        // Differs: the memory is taken once it is known for what, which nobody else can see.
        if self.runtime.failures.takes_allocation() {
            return Ok(GuardHandle::NULL);
        }
        let lists = self.runtime.lists.lock();
        let interpreter = lists.interpreter_with_id(id);
        let is_open = !interpreter.is_null() && self.interpreter(interpreter)?.guards.open();
        drop(lists);
        if !is_open {
            return Ok(GuardHandle::NULL);
        }
        match self.take_block(interpreter, opened) {
            Some(guard) => Ok(guard),
            None => {
                self.close_guard(interpreter)?;
                Ok(GuardHandle::NULL)
            }
        }
    }

    /// Closes a guard: the last one of an interpreter lets its finalization go on.
    ///
    /// # Errors
    ///
    /// A crash for null and for a guard that was closed before. Source: contract 2.19.
    #[doc(alias = "PyInterpreterGuard_Close")]
    pub fn interpreter_guard_close(&self, guard: GuardHandle) -> Step<()> {
        let interpreter = self.guarded(guard)?;
        self.close_guard(interpreter)?;
        self.free_guard(guard)
    }

    /// The interpreter of an open guard.
    pub(super) fn guarded(&self, guard: GuardHandle) -> Step<InterpreterHandle> {
        let Some(slot) = guard.slot() else {
            return Err(self.crash(Crash::Other));
        };
        let memory = &self.runtime.guards.guards;
        match memory.read(slot, guard.generation()) {
            Some(contents) => Ok(interpreter_in(contents)),
            None => Err(self.crash(Crash::UseAfterFree)),
        }
    }

    fn take_guard(&self, interpreter: InterpreterHandle, opened: Opened) -> Option<GuardHandle> {
        if self.runtime.failures.takes_allocation() {
            return None;
        }
        self.take_block(interpreter, opened)
    }

    fn take_block(&self, interpreter: InterpreterHandle, opened: Opened) -> Option<GuardHandle> {
        let memory = &self.runtime.guards.guards;
        let (slot, generation) = memory.take(contents(interpreter, opened))?;
        Some(GuardHandle::new(slot, generation))
    }

    fn free_guard(&self, guard: GuardHandle) -> Step<()> {
        let memory = &self.runtime.guards.guards;
        let freed = guard
            .slot()
            .is_some_and(|slot| memory.free(slot, guard.generation()));
        if freed {
            Ok(())
        } else {
            Err(self.crash(Crash::UseAfterFree))
        }
    }

    /// The current interpreter, which C reads without a look at the thread state.
    fn current_interpreter(&self) -> Step<InterpreterHandle> {
        let current = self.current();
        if current.is_null() {
            return Err(self.crash(Crash::NoThreadState));
        }
        self.interpreter_of(current)
    }

    /// Remembers the current interpreter; null without memory.
    ///
    /// # Errors
    ///
    /// A crash without an attached thread state. Source: contract 2.19; observed: 3.15.2.
    #[doc(alias = "PyInterpreterView_FromCurrent")]
    pub fn interpreter_view_from_current(&self) -> Step<ViewHandle> {
        let interpreter = self.current_interpreter()?;
        // Differs: C reads the id without the lock. It never changes.
        let id = self.runtime.lists.lock().interpreter_id(interpreter);
        Ok(self.take_view(id))
    }

    /// Remembers the main interpreter, whether or not there is one; null without memory. Source: contract 2.19.
    ///
    /// # Errors
    ///
    /// None.
    #[doc(alias = "PyInterpreterView_FromMain")]
    pub fn interpreter_view_from_main(&self) -> Step<ViewHandle> {
        Ok(self.take_view(0))
    }

    /// Frees a view; nothing for null.
    ///
    /// # Errors
    ///
    /// A crash for a view that was closed before. Source: contract 2.19; observed: 3.15.2.
    #[doc(alias = "PyInterpreterView_Close")]
    pub fn interpreter_view_close(&self, view: ViewHandle) -> Step<()> {
        let Some(slot) = view.slot() else {
            return Ok(());
        };
        if self.runtime.guards.views.free(slot, view.generation()) {
            Ok(())
        } else {
            Err(self.crash(Crash::UseAfterFree))
        }
    }

    fn take_view(&self, id: i64) -> ViewHandle {
        if self.runtime.failures.takes_allocation() {
            return ViewHandle::NULL;
        }
        let taken = self.runtime.guards.views.take(id as u32);
        taken.map_or(ViewHandle::NULL, |(slot, generation)| {
            ViewHandle::new(slot, generation)
        })
    }

    /// The id that a view remembers.
    fn viewed(&self, view: ViewHandle) -> Step<i64> {
        let Some(slot) = view.slot() else {
            return Err(self.crash(Crash::Other));
        };
        match self.runtime.guards.views.read(slot, view.generation()) {
            Some(id) => Ok(i64::from(id)),
            None => Err(self.crash(Crash::UseAfterFree)),
        }
    }

    /// The guard of `PyGILState_Ensure`: the main interpreter, guarded, or null.
    pub(super) fn guard_main(&self) -> Step<InterpreterHandle> {
        let lists = self.runtime.lists.lock();
        let main = lists.main();
        let opened = !main.is_null() && self.interpreter(main)?.guards.open();
        drop(lists);
        if !opened {
            return Ok(InterpreterHandle::NULL);
        }
        self.runtime.guards.of_gilstate.write(main);
        Ok(main)
    }

    /// The end of [`Caller::guard_main`].
    pub(super) fn unguard_main(&self, main: InterpreterHandle) -> Step<()> {
        self.runtime
            .guards
            .of_gilstate
            .write(InterpreterHandle::NULL);
        self.close_guard(main)
    }

    /// n → n - 1; the last one wakes all who wait.
    fn close_guard(&self, interpreter: InterpreterHandle) -> Step<()> {
        let guards = &self.interpreter(interpreter)?.guards;
        let before = guards.count.fetch_sub(1, Ordering::SeqCst);
        debug_assert!(
            !self.runtime.sane() || (before != 0 && before != ENDED),
            "S73: a guard is closed once"
        );
        if before != 1 {
            return Ok(());
        }
        self.lock_raw(&guards.bucket);
        let woken = guards.bucket.read();
        guards.bucket.write(Waiters::NONE);
        self.unlock_raw(&guards.bucket)?;
        for thread in woken.iter() {
            self.runtime.parking.hand_off(thread, false);
            self.runtime.parking.post(thread);
        }
        Ok(())
    }

    /// §FINAL J6: waits, detached, until no guard is open.
    pub(super) fn wait_for_guards(&self, interpreter: InterpreterHandle) -> Step<()> {
        let guards = &self.interpreter(interpreter)?.guards;
        let scope = scope();
        loop {
            scope.again(&());
            let open = guards.count.load(Ordering::SeqCst);
            if open == 0 {
                break;
            }
            self.park_at(&guards.bucket, || {
                guards.count.load(Ordering::SeqCst) == open
            })?;
        }
        scope.end(&());
        Ok(())
    }

    /// `_PyThreadState_HangThread` of a thread that has no thread state.
    pub(super) fn hang_without_state(&self) -> Ended {
        self.runtime.hung.write(true);
        Ended::Hung
    }
}
