//! Collects an [`Observation`] of the runtime.

use super::value::{
    GilObservation, InterpreterObservation, Observation, PendingObservation, ThreadObservation,
    ThreadStateObservation,
};
use crate::runtime::arena::{AttachState, Status, THREAD_STATES_MAX, ThreadState};
use crate::runtime::eval_breaker::Bit;
use crate::runtime::handle::{InterpreterHandle, ThreadStateHandle};
use crate::runtime::lists::Lists;
use crate::runtime::state::Runtime;
use crate::runtime::threading::HandleState;
use crate::sync::{THREADS_MAX, ThreadIndex, Word};

impl Runtime {
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
        let unlisted = (0..THREAD_STATES_MAX)
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
            guards: self.open_guards(),
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

pub(super) fn interpreters_of(lists: &Lists) -> Vec<(InterpreterHandle, i64)> {
    let mut all = Vec::new();
    let mut interpreter = lists.head();
    while !interpreter.is_null() {
        all.push((interpreter, lists.interpreter_id(interpreter)));
        interpreter = lists.next_interpreter(interpreter);
    }
    all
}

pub(super) fn listed(
    lists: &Lists,
    interpreter: InterpreterHandle,
) -> Vec<(ThreadStateHandle, u64)> {
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
        ensure_counter: tstate.ensure_counter.peek(),
        owned_guard: tstate.owned_guard.peek(),
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
