//! The runtime as one plain ordered value: what invariants read, snapshots hold and graphs draw.
//!
//! Observers peek: they are no operation of the program, and belong between two steps, or after the threads ended.
//!
//! An [`Observation`] has no counters that only grow, unless the program reads ids.

use super::callback::Callback;
use super::eval_breaker::Bit;
use super::finalize::Phase;
use super::gil::Locked;
use super::handle::{InterpreterHandle, ThreadStateHandle};
use super::initialize::Stage;
use super::lists::Lists;
use super::mutex::MutexSlot;
use super::outcome::Over;
use super::state::Runtime;
use super::thread_state::{AttachState, Status, ThreadState, Whence};
use super::threading::HandleState;
use crate::sync::{THREADS_MAX, ThreadIndex, Word};
use std::fmt;

/// A thread of the program, as far as the runtime knows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ThreadObservation {
    /// Which thread.
    pub thread: ThreadIndex,
    /// *cur*: the attached thread state.
    pub current: ThreadStateHandle,
    /// *tss*: the GILState thread state.
    pub tss: ThreadStateHandle,
    /// Inside §GIL T3 to T9.
    pub waits_for_gil: bool,
    /// Waits in the parking lot.
    pub parked: bool,
    /// Parked for good by finalization.
    pub hung: bool,
    /// The handle of a thread made by `threading`.
    pub handle: HandleState,
}

/// A thread state in a list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ThreadStateObservation {
    /// Which one.
    pub handle: ThreadStateHandle,
    /// The attach state.
    pub state: AttachState,
    /// Who made it.
    pub whence: Whence,
    /// The thread that bound it.
    pub thread: Option<ThreadIndex>,
    /// Whether it holds the GIL.
    pub holds_gil: bool,
    /// The GILState counter.
    pub gilstate_counter: i32,
    /// References.
    pub references: u32,
    /// Whether it was cleared.
    pub cleared: bool,
    /// The eval breaker.
    pub eval_breaker: Vec<Bit>,
    /// Its id, if the program reads ids.
    pub id: Option<u64>,
}

/// A GIL.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GilObservation {
    /// Whether it is taken.
    pub locked: Locked,
    /// By which thread.
    pub holder: Option<ThreadIndex>,
    /// The thread state that held it last.
    pub last_holder: ThreadStateHandle,
}

/// A queue of pending calls.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PendingObservation {
    /// Oldest first.
    pub calls: Vec<Callback>,
    /// Who runs calls.
    pub handling_thread: ThreadStateHandle,
}

/// An interpreter in the list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterpreterObservation {
    /// Which one.
    pub handle: InterpreterHandle,
    /// Newest first.
    pub thread_states: Vec<ThreadStateObservation>,
    /// The GIL in its storage.
    pub gil: GilObservation,
    /// Its queue.
    pub pending: PendingObservation,
    /// Finalization has been announced.
    pub finalizing: bool,
    /// The finalizing thread state.
    pub finalizer: ThreadStateHandle,
    /// Python's atexit callbacks, oldest first.
    pub exit_callbacks: Vec<Callback>,
    /// Callbacks of `PyUnstable_AtExit`, oldest first.
    pub exit_callbacks_native: Vec<Callback>,
    /// Its id, if the program reads ids.
    pub id: Option<i64>,
}

/// The whole runtime.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Observation {
    /// Why the process is over.
    pub over: Option<Over>,
    /// How far initialization came.
    pub stage: Stage,
    /// How far finalization came.
    pub phase: Phase,
    /// `initialized`.
    pub initialized: bool,
    /// The finalizing mark.
    pub finalizing: ThreadStateHandle,
    /// Newest first.
    pub interpreters: Vec<InterpreterObservation>,
    /// Thread states in no list that someone still refers to.
    pub unlisted: Vec<ThreadStateObservation>,
    /// The main queue.
    pub pending_main: PendingObservation,
    /// Callbacks of `Py_AtExit`, oldest first.
    pub at_exit: Vec<Callback>,
    /// The user's mutexes that are not as at first: number, bits, waiting threads.
    pub mutexes: Vec<(usize, u8, Vec<ThreadIndex>)>,
    /// The threads that the runtime has something of.
    pub threads: Vec<ThreadObservation>,
}

impl Runtime {
    /// Whether the thread is attached: from the end of an attach to the start of the detach.
    #[must_use]
    pub fn attached(&self, thread: ThreadIndex) -> bool {
        !self.current.peek(thread).is_null()
    }

    /// Whether the thread is attached to this interpreter.
    #[must_use]
    pub fn attached_to(&self, thread: ThreadIndex, interpreter: InterpreterHandle) -> bool {
        self.current
            .peek(thread)
            .slot()
            .is_some_and(|slot| self.thread_states.slot(slot).peek_interpreter() == interpreter)
    }

    /// The thread's attached thread state.
    #[must_use]
    pub fn current_of(&self, thread: ThreadIndex) -> ThreadStateHandle {
        self.current.peek(thread)
    }

    /// Whether the thread is inside §GIL T3 to T9.
    #[must_use]
    pub fn waits_for_gil(&self, thread: ThreadIndex) -> bool {
        self.gil_waiting.peek(thread)
    }

    /// Whether the thread holds a GIL.
    #[must_use]
    pub fn holds_gil(&self, thread: ThreadIndex) -> bool {
        self.interpreters
            .iter()
            .any(|interpreter| interpreter.gil_own.peek_holder() == Some(thread))
    }

    /// The thread that holds the main interpreter's GIL.
    #[must_use]
    pub fn gil_holder(&self) -> Option<ThreadIndex> {
        self.interpreters[0].gil_own.peek_holder()
    }

    /// Whether the thread's attached thread state is asked to drop its GIL.
    #[must_use]
    pub fn drop_requested(&self, thread: ThreadIndex) -> bool {
        let slot = self.current.peek(thread).slot();
        slot.is_some_and(|slot| {
            self.thread_states
                .slot(slot)
                .eval_breaker
                .peek(super::Bit::GilDropRequest)
        })
    }

    /// Whether finalization is over and left a thread state that no thread can refer to any more: in no list, of a
    /// thread that is `gone` (S24).
    #[must_use]
    pub fn leaked(&self, gone: impl Fn(ThreadIndex) -> bool) -> bool {
        self.phase() == Phase::Finished
            && (0..super::thread_state::THREAD_STATES_MAX).any(|slot| {
                let tstate = self.thread_states.slot(slot);
                tstate.peek_state() != AttachState::Free && tstate.peek_thread().is_none_or(&gone)
            })
    }

    /// Whether finalization parked the thread for good.
    #[must_use]
    pub fn hung(&self, thread: ThreadIndex) -> bool {
        self.hung.peek(thread)
    }

    /// Whether the thread waits in the parking lot.
    #[must_use]
    pub fn parked(&self, thread: ThreadIndex) -> bool {
        self.parking.peek(thread)
    }

    /// Whether a thread made by `threading` is past its exit.
    #[must_use]
    pub fn thread_ended(&self, thread: ThreadIndex) -> bool {
        self.thread_handles[thread.index()].peek_ended()
    }

    /// `Py_IsInitialized`.
    #[must_use]
    pub fn initialized(&self) -> bool {
        self.initialized.peek()
    }

    /// `Py_IsFinalizing`.
    #[must_use]
    pub fn finalizing(&self) -> bool {
        ThreadStateHandle::from_word(self.finalizing.peek()) != ThreadStateHandle::NULL
    }

    /// How far the latest initialization came.
    #[must_use]
    pub fn stage(&self) -> Stage {
        self.stage.peek()
    }

    /// How far the latest finalization came.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase.peek()
    }

    /// How many interpreters there are.
    #[must_use]
    pub fn interpreters(&self) -> usize {
        self.lists.peek(|lists| interpreters_of(lists).len())
    }

    /// How many thread states are listed, in all interpreters.
    #[must_use]
    pub fn thread_states(&self) -> usize {
        self.lists.peek(|lists| {
            interpreters_of(lists)
                .iter()
                .map(|&(handle, _)| listed(lists, handle).len())
                .sum()
        })
    }

    /// How many thread states an interpreter lists.
    #[must_use]
    pub fn thread_states_of(&self, interpreter: InterpreterHandle) -> usize {
        self.lists.peek(|lists| listed(lists, interpreter).len())
    }

    /// How many calls wait in the main queue.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.pending_main.peek()
    }

    /// Whether a user's mutex is locked.
    #[must_use]
    pub fn mutex_held(&self, mutex: MutexSlot) -> bool {
        self.mutexes[mutex.index()].peek()
    }

    /// Whether a rule was broken that CPython does not check: from then on its invariants need not hold.
    #[must_use]
    pub fn corrupted(&self) -> bool {
        self.corrupted.peek()
    }

    /// Everything.
    #[must_use]
    pub fn observe(&self) -> Observation {
        let interpreters: Vec<_> = self.lists.peek(|lists| {
            interpreters_of(lists)
                .into_iter()
                .map(|(handle, id)| self.observe_interpreter(lists, handle, id))
                .collect()
        });
        let is_listed = |handle| {
            let mut all = interpreters
                .iter()
                .flat_map(|interpreter| &interpreter.thread_states);
            all.any(|tstate: &ThreadStateObservation| tstate.handle == handle)
        };
        let unlisted = (0..super::thread_state::THREAD_STATES_MAX)
            .map(|slot| (slot, self.thread_states.slot(slot)))
            .filter(|(_, tstate)| tstate.peek_state() != AttachState::Free)
            .map(|(slot, tstate)| {
                observe_thread_state(
                    ThreadStateHandle::new(slot, tstate.generation()),
                    tstate,
                    None,
                )
            })
            .filter(|tstate| !is_listed(tstate.handle))
            .collect();
        Observation {
            over: self.over(),
            stage: self.stage(),
            phase: self.phase(),
            initialized: self.initialized(),
            finalizing: ThreadStateHandle::from_word(self.finalizing.peek()),
            unlisted,
            interpreters,
            pending_main: PendingObservation {
                calls: self.pending_main.peek_calls().collect(),
                handling_thread: self.pending_main.peek_handling_thread(),
            },
            at_exit: self.at_exit.peek().collect(),
            mutexes: self.observe_mutexes(),
            threads: self.observe_threads(),
        }
    }

    fn observe_interpreter(
        &self,
        lists: &Lists,
        handle: InterpreterHandle,
        id: i64,
    ) -> InterpreterObservation {
        let interpreter = &self.interpreters[handle.slot().unwrap_or(0)];
        let thread_states = listed(lists, handle)
            .into_iter()
            .map(|(tstate, id)| {
                let slot = self.thread_states.slot(tstate.slot().unwrap_or(0));
                observe_thread_state(tstate, slot, lists.ids_observable.then_some(id))
            })
            .collect();
        InterpreterObservation {
            handle,
            thread_states,
            gil: GilObservation {
                locked: interpreter.gil_own.peek_locked(),
                holder: interpreter.gil_own.peek_holder(),
                last_holder: interpreter.gil_own.peek_last_holder(),
            },
            pending: PendingObservation {
                calls: interpreter.pending.peek_calls().collect(),
                handling_thread: interpreter.pending.peek_handling_thread(),
            },
            finalizing: interpreter.finalizing.peek(),
            finalizer: interpreter.finalizer.peek(),
            exit_callbacks: interpreter.exit_callbacks.peek().collect(),
            exit_callbacks_native: interpreter.exit_callbacks_native.peek().collect(),
            id: lists.ids_observable.then_some(id),
        }
    }

    fn observe_mutexes(&self) -> Vec<(usize, u8, Vec<ThreadIndex>)> {
        let all = self.mutexes.iter().enumerate();
        all.map(|(slot, mutex)| {
            (
                slot,
                mutex.peek_bits(),
                mutex.peek_waiters().iter().collect(),
            )
        })
        .filter(|(_, bits, waiters): &(_, _, Vec<_>)| *bits != 0 || !waiters.is_empty())
        .collect()
    }

    fn observe_threads(&self) -> Vec<ThreadObservation> {
        (0..THREADS_MAX)
            .map(ThreadIndex::new)
            .map(|thread| ThreadObservation {
                thread,
                current: self.current.peek(thread),
                tss: self.tss[thread.index()].peek(),
                waits_for_gil: self.waits_for_gil(thread),
                parked: self.parked(thread),
                hung: self.hung(thread),
                handle: self.thread_handles[thread.index()].peek_state(),
            })
            .filter(|seen| {
                !seen.current.is_null()
                    || !seen.tss.is_null()
                    || seen.waits_for_gil
                    || seen.parked
                    || seen.hung
                    || seen.handle != HandleState::NotStarted
            })
            .collect()
    }
}

fn interpreters_of(lists: &Lists) -> Vec<(InterpreterHandle, i64)> {
    let mut all = Vec::new();
    let mut interpreter = lists.head();
    while !interpreter.is_null() {
        all.push((interpreter, lists.interpreter_id(interpreter)));
        interpreter = lists.next_interpreter(interpreter);
    }
    all
}

fn listed(lists: &Lists, interpreter: InterpreterHandle) -> Vec<(ThreadStateHandle, u64)> {
    let mut all = Vec::new();
    let mut tstate = lists.threads_head(interpreter);
    while !tstate.is_null() {
        all.push((tstate, lists.thread_state_id(tstate)));
        tstate = lists.next_thread_state(tstate);
    }
    all
}

fn observe_thread_state(
    handle: ThreadStateHandle,
    tstate: &ThreadState,
    id: Option<u64>,
) -> ThreadStateObservation {
    ThreadStateObservation {
        handle,
        state: tstate.peek_state(),
        whence: tstate.peek_whence(),
        thread: tstate.peek_thread(),
        holds_gil: tstate.holds_gil.peek(),
        gilstate_counter: tstate.gilstate_counter.peek(),
        references: tstate.peek_refcount(),
        cleared: tstate.peek_status(Status::Cleared),
        eval_breaker: Bit::ALL
            .iter()
            .copied()
            .filter(|&bit| tstate.eval_breaker.peek(bit))
            .collect(),
        id,
    }
}

impl fmt::Display for ThreadStateObservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}, {:?}", self.handle, self.state, self.whence)?;
        if let Some(id) = self.id {
            write!(f, ", id {id}")?;
        }
        if let Some(thread) = self.thread {
            write!(f, ", thread {}", thread.index())?;
        }
        write!(
            f,
            ", counter {}, references {}",
            self.gilstate_counter, self.references
        )?;
        if self.holds_gil {
            f.write_str(", holds the GIL")?;
        }
        if self.cleared {
            f.write_str(", cleared")?;
        }
        for bit in &self.eval_breaker {
            write!(f, ", {bit:?}")?;
        }
        Ok(())
    }
}

impl fmt::Display for GilObservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "gil: {:?}", self.locked)?;
        if let Some(holder) = self.holder {
            write!(f, " by thread {}", holder.index())?;
        }
        write!(f, ", last holder {}", self.last_holder)
    }
}

impl fmt::Display for PendingObservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_callbacks(f, &self.calls)?;
        if !self.handling_thread.is_null() {
            write!(f, ", handled by {}", self.handling_thread)?;
        }
        Ok(())
    }
}

impl fmt::Display for ThreadObservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "thread {}: current {}, tss {}",
            self.thread.index(),
            self.current,
            self.tss
        )?;
        if self.waits_for_gil {
            f.write_str(", waits for the GIL")?;
        }
        if self.parked {
            f.write_str(", parked")?;
        }
        if self.hung {
            f.write_str(", hung")?;
        }
        if self.handle != HandleState::NotStarted {
            write!(f, ", {:?}", self.handle)?;
        }
        Ok(())
    }
}

impl fmt::Display for Observation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "runtime: stage {:?}, phase {:?}", self.stage, self.phase)?;
        writeln!(
            f,
            "  initialized {}, finalizing {}",
            self.initialized, self.finalizing
        )?;
        if let Some(over) = self.over {
            writeln!(f, "  over: {over:?}")?;
        }
        write!(
            f,
            "  pending calls of main: {}\n  at exit: ",
            self.pending_main
        )?;
        write_callbacks(f, &self.at_exit)?;
        writeln!(f)?;
        for interpreter in &self.interpreters {
            write!(f, "{interpreter}")?;
        }
        for tstate in &self.unlisted {
            writeln!(f, "unlisted {tstate}")?;
        }
        for (slot, bits, waiters) in &self.mutexes {
            write!(f, "mutex {slot}: bits {bits}, waiting:")?;
            for thread in waiters {
                write!(f, " {}", thread.index())?;
            }
            writeln!(f)?;
        }
        for thread in &self.threads {
            writeln!(f, "{thread}")?;
        }
        Ok(())
    }
}

impl fmt::Display for InterpreterObservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.handle)?;
        if let Some(id) = self.id {
            write!(f, " id {id}")?;
        }
        if self.finalizing {
            write!(f, " finalizing, by {}", self.finalizer)?;
        }
        write!(
            f,
            "\n  {}\n  pending calls: {}\n  atexit: ",
            self.gil, self.pending
        )?;
        write_callbacks(f, &self.exit_callbacks)?;
        f.write_str("\n  native atexit: ")?;
        write_callbacks(f, &self.exit_callbacks_native)?;
        writeln!(f)?;
        for tstate in &self.thread_states {
            writeln!(f, "  {tstate}")?;
        }
        Ok(())
    }
}

fn write_callbacks(f: &mut fmt::Formatter<'_>, callbacks: &[Callback]) -> fmt::Result {
    if callbacks.is_empty() {
        return f.write_str("none");
    }
    for (place, callback) in callbacks.iter().enumerate() {
        let id = callback.id().map_or(0, |id| id.0);
        write!(
            f,
            "{}{id}({})",
            if place == 0 { "" } else { " " },
            callback.argument()
        )?;
    }
    Ok(())
}
