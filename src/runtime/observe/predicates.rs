//! Questions with small answers: what conditions and claims ask between two steps.

use super::collect::{interpreters_of, listed};
use super::value::GuardObservation;
use crate::runtime::arena::{AttachState, THREAD_STATES_MAX};
use crate::runtime::differences::{EvalBreakerOf, LateTest, PendingCallsOf};
use crate::runtime::eval_breaker::Bit;
use crate::runtime::finalize::Phase;
use crate::runtime::guard::Opened;
use crate::runtime::handle::{GuardHandle, InterpreterHandle, ThreadStateHandle};
use crate::runtime::heap::taken_by;
use crate::runtime::interpreter::INTERPRETERS_MAX;
use crate::runtime::mutex::MutexSlot;
use crate::runtime::object::ObjectId;
use crate::runtime::stage::Stage;
use crate::runtime::state::Runtime;
use crate::sync::{THREADS_MAX, ThreadIndex, Word};

impl Runtime {
    /// Whether the thread is attached: from the end of an attach to the start of the detach.
    #[must_use]
    pub fn attached(&self, thread: ThreadIndex) -> bool {
        let current = self.current.peek(thread);
        !current.is_null() && !self.is_around_the_gil(current)
    }

    /// Whether it is the current thread state of a thread that swaps as 3.12 does, and has no GIL.
    fn is_around_the_gil(&self, current: ThreadStateHandle) -> bool {
        let tstate = current.slot().map(|slot| self.thread_states.slot(slot));
        let tstate = tstate.filter(|tstate| tstate.generation() == current.generation());
        self.profile.swap_activates_first()
            && tstate.is_some_and(|tstate| tstate.peek_state() != AttachState::Attached)
    }

    /// Whether the thread is attached to this interpreter.
    #[must_use]
    pub fn attached_to(&self, thread: ThreadIndex, interpreter: InterpreterHandle) -> bool {
        let slot = self.current.peek(thread).slot();
        self.attached(thread)
            && slot
                .is_some_and(|slot| self.thread_states.slot(slot).peek_interpreter() == interpreter)
    }

    /// What the thread reads as its current thread state.
    #[must_use]
    pub fn current_of(&self, thread: ThreadIndex) -> ThreadStateHandle {
        if self.profile.current_is_of_process() {
            ThreadStateHandle::from_word(self.current_of_process.peek())
        } else {
            self.current.peek(thread)
        }
    }

    /// Whether the thread is inside §GIL T3 to T9.
    #[must_use]
    pub fn waits_for_gil(&self, thread: ThreadIndex) -> bool {
        self.gil_waiting.peek(thread) != 0
    }

    /// The thread that holds the GIL for which the thread waits.
    #[must_use]
    pub fn holder_waited_for(&self, thread: ThreadIndex) -> Option<ThreadIndex> {
        let slot = usize::from(self.gil_waiting.peek(thread)).checked_sub(1)?;
        self.interpreters[slot].gil_own.peek_holder()
    }

    /// The interpreter of a thread state; null for one that is freed.
    #[must_use]
    pub fn interpreter_of_state(&self, handle: ThreadStateHandle) -> InterpreterHandle {
        let tstate = handle.slot().map(|slot| self.thread_states.slot(slot));
        tstate
            .filter(|tstate| tstate.generation() == handle.generation())
            .map_or(InterpreterHandle::NULL, |tstate| tstate.peek_interpreter())
    }

    /// The interpreter that an object was made in.
    #[must_use]
    pub fn interpreter_of_object(&self, object: ObjectId) -> InterpreterHandle {
        self.objects[object.index()].peek().interpreter
    }

    /// Whether the thread waits for a GIL that finalization left taken: for ever, since it never asks whether it is too late.
    #[must_use]
    pub fn waits_for_dead_gil(&self, thread: ThreadIndex) -> bool {
        self.profile.late_test() == LateTest::WithGil
            && self.phase() >= Phase::Delete
            && self.waits_for_gil(thread)
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
        if self.profile.eval_breaker_of() != EvalBreakerOf::ThreadState {
            let Some(slot) = slot else { return false };
            let interpreter = match self.profile.eval_breaker_of() {
                EvalBreakerOf::Runtime => InterpreterHandle::MAIN,
                EvalBreakerOf::Interpreter | EvalBreakerOf::ThreadState => {
                    self.thread_states.slot(slot).peek_interpreter()
                }
            };
            let owner = &self.interpreters[interpreter.slot().unwrap_or(0)];
            return owner.shared_breaker.peek().1;
        }
        slot.is_some_and(|slot| {
            self.thread_states
                .slot(slot)
                .eval_breaker
                .peek(Bit::GilDropRequest)
        })
    }

    /// Whether finalization is over and left a thread state that no thread can refer to any more: in no list, of a
    /// thread that is `gone` (S24). One that is being made is its maker's.
    #[must_use]
    pub fn leaked(&self, gone: impl Fn(ThreadIndex) -> bool) -> bool {
        let of_started = |handle: ThreadStateHandle| {
            let started =
                |thread: &usize| self.thread_handles[*thread].peek_thread_state() == handle;
            (0..THREADS_MAX).find(started).map(ThreadIndex::new)
        };
        self.phase() == Phase::Finished
            && !self.initialized()
            && (0..THREAD_STATES_MAX).any(|slot| {
                let tstate = self.thread_states.slot(slot);
                let handle = ThreadStateHandle::new(slot, tstate.generation());
                let owner = tstate.peek_thread().or_else(|| of_started(handle));
                tstate.peek_state() != AttachState::Free && owner.is_some_and(&gone)
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

    /// The guards that are open, those of `PyGILState_Ensure` among them.
    #[must_use]
    pub fn open_guards(&self) -> Vec<GuardObservation> {
        let of_programs = self.guards.peek().map(|(handle, interpreter, opened)| {
            let thread = taken_by(handle.slot().unwrap_or(0));
            GuardObservation {
                thread,
                handle,
                interpreter,
                opened,
            }
        });
        let threads = (0..THREADS_MAX).map(ThreadIndex::new);
        let of_gilstate = threads.map(|thread| GuardObservation {
            thread,
            handle: GuardHandle::NULL,
            interpreter: self.guards.peek_of_gilstate(thread),
            opened: Opened::GilState,
        });
        of_programs
            .chain(of_gilstate.filter(|guard| !guard.interpreter.is_null()))
            .collect()
    }

    /// Whether a thread state owns a guard.
    #[must_use]
    pub fn guard_is_owned(&self, guard: GuardHandle) -> bool {
        let states = (0..THREAD_STATES_MAX).map(|slot| self.thread_states.slot(slot));
        let mut taken = states.filter(|tstate| tstate.peek_state() != AttachState::Free);
        !guard.is_null() && taken.any(|tstate| tstate.owned_guard.peek() == guard)
    }

    /// How many guards an interpreter's finalization waits for.
    #[must_use]
    pub fn guards_counted(&self, interpreter: InterpreterHandle) -> u32 {
        let guarded = interpreter.slot().map(|slot| &self.interpreters[slot]);
        guarded.map_or(0, |interpreter| interpreter.guards.peek())
    }

    /// The interpreter whose finalization, in this thread, waits for guards to be closed.
    #[must_use]
    pub fn waits_for_guards(&self, thread: ThreadIndex) -> Option<InterpreterHandle> {
        let waits = |slot: &usize| {
            let waiters = self.interpreters[*slot].guards.peek_waiters();
            waiters.iter().any(|waiter| waiter == thread)
        };
        let slot = (0..INTERPRETERS_MAX).find(waits)?;
        let generation = self.interpreters[slot].generation.peek();
        Some(InterpreterHandle::new(slot, generation))
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

    /// The thread states that an interpreter lists, newest first.
    #[must_use]
    pub fn thread_states_listed(&self, interpreter: InterpreterHandle) -> Vec<ThreadStateHandle> {
        self.lists.peek(|lists| {
            listed(lists, interpreter)
                .iter()
                .map(|&(handle, _)| handle)
                .collect()
        })
    }

    /// What `PyGILState_Check` says in the thread.
    #[must_use]
    pub fn checks(&self, thread: ThreadIndex) -> bool {
        let is_without_key = !self.profile.slots_outlive_the_runtime() && !self.tss_created.peek();
        if is_without_key || !self.check_enabled.peek() {
            return true;
        }
        let current = self.current_of(thread);
        !current.is_null() && current == self.tss[thread.index()].peek()
    }

    /// How many calls of `Py_AddPendingCall` wait for the main interpreter's main thread.
    #[must_use]
    pub fn pending(&self) -> usize {
        if self.profile.pending_calls_of() == PendingCallsOf::Interpreter {
            self.interpreters[0].pending.peek()
        } else {
            self.pending_main.peek()
        }
    }

    /// How many calls are queued for an interpreter; in 3.8, which has one queue, for all of them. None for one that is freed.
    #[must_use]
    pub fn pending_of(&self, interpreter: InterpreterHandle) -> usize {
        if self.profile.pending_calls_of() == PendingCallsOf::Runtime {
            return self.pending_main.peek();
        }
        let owner = interpreter.slot().map(|slot| &self.interpreters[slot]);
        owner
            .filter(|owner| owner.generation.peek() == interpreter.generation())
            .map_or(0, |owner| owner.pending.peek())
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
}
