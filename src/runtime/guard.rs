//! Guards: what keeps an interpreter from being finalized while a thread state is made in it.
//!
//! CPython: `PyInterpreterGuard_FromView`, `PyInterpreterGuard_Close`, and the wait in `Py_FinalizeEx` (PEP 788); 3.15.
//! Before 3.15 nobody asks.
//!
//! # States
//!
//! | `finalization_guards` | meaning | who may change it |
//! | --- | --- | --- |
//! | 0 | no guard is open | whoever opens one; the finalizer |
//! | n | n guards are open: finalization waits | whoever opens or closes one |
//! | [`ENDED`] | no guard can be had any more | the next initialization |
//!
//! # Transitions
//!
//! | from → to | operation | who may take it | holding |
//! | --- | --- | --- | --- |
//! | n → n + 1 | [`Guards::open`] | any thread | HEAD_LOCK |
//! | n → n - 1 | [`Caller::close_guard`] | who opened it | – |
//! | 0 → [`ENDED`] | [`Guards::end`] | the finalizer, §FINAL J8 | the GIL, HEAD_LOCK |
//!
//! # Protocol
//!
//! `PyGILState_Ensure` in a thread without a thread state opens a guard on the main interpreter, makes the state, and
//! closes the guard *before* it attaches: finalization may begin in between, but then the state is in the list and is
//! marked. So no state made by Ensure is missed, unlike in 3.14.
//!
//! Differs: programs cannot open guards of their own yet.
//!
//! # Invariants
//!
//! S72 GuardBlocks, S73 GuardAbsorbing, L12 GuardWaitEnds.
//!
//! # Memory order
//!
//! All sequentially consistent, as in C.
//!
//! # Lock order
//!
//! HEAD_LOCK is held over the opening; the bucket's lock is a leaf.
//!
//! # Outcomes
//!
//! Hang of Ensure: before initialization, once no guard can be had, and after finalization.

use super::handle::InterpreterHandle;
use super::outcome::{Ended, Step};
use super::parking::Waiters;
use super::state::Caller;
use crate::sync::{AtomicU32, Mutex, Ordering, scope};

/// `_PyInterpreterGuard_GUARDS_NOT_ALLOWED`: the word once no guard can be had.
const ENDED: u32 = u32::MAX;

/// `finalization_guards` and its bucket of the parking lot.
#[derive(Debug)]
pub(super) struct Guards {
    count: AtomicU32,
    bucket: Mutex<Waiters>,
}

impl Guards {
    pub(super) fn new(slot: usize) -> Self {
        Self {
            count: AtomicU32::new(("interpreter.guards", slot), 0),
            bucket: Mutex::new(("interpreter.guards_bucket", slot), Waiters::NONE),
        }
    }

    /// As in a new life of the interpreter.
    pub(super) fn reset(&self) {
        self.count.init(0);
    }

    /// In a forked child: the parking lot is emptied. Guards stay open, whoever had them.
    pub(super) fn forget_waiters(&self) {
        self.bucket.renew(super::fork::nobody_waits);
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
    /// `PyInterpreterGuard_FromView` of the main interpreter's view: the interpreter, guarded, or null.
    pub(super) fn guard_main(&self) -> Step<InterpreterHandle> {
        let lists = self.runtime.lists.lock();
        let main = lists.main();
        let opened = !main.is_null() && self.interpreter(main)?.guards.open();
        drop(lists);
        Ok(if opened {
            main
        } else {
            InterpreterHandle::NULL
        })
    }

    /// `PyInterpreterGuard_Close`: n → n - 1; the last one wakes the finalizer.
    pub(super) fn close_guard(&self, interpreter: InterpreterHandle) -> Step<()> {
        let guards = &self.interpreter(interpreter)?.guards;
        let before = guards.count.fetch_sub(1, Ordering::SeqCst);
        debug_assert!(
            !self.runtime.sane() || (before != 0 && before != ENDED),
            "S73: a guard is closed once"
        );
        if before != 1 {
            return Ok(());
        }
        let mut waiters = guards.bucket.lock();
        let oldest = waiters.pop();
        debug_assert!(waiters.is_empty(), "only the finalizer waits for guards");
        if let Some(thread) = oldest {
            self.runtime.parking.hand_off(thread, false);
        }
        drop(waiters);
        if let Some(thread) = oldest {
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
