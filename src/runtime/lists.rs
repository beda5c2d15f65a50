//! What HEAD_LOCK protects: the interpreters, their thread states, the ids, the threads to wait for.
//!
//! CPython: `Python/pystate.c` (`_PyRuntime.interpreters`), `Modules/_threadmodule.c` (`shutdown_handles`); 3.14.
//!
//! # States
//!
//! | value | meaning | who owns it |
//! | --- | --- | --- |
//! | `interpreters` | newest first; the main one is last | the holder of HEAD_LOCK |
//! | a thread list | newest first, doubly linked | the holder of HEAD_LOCK |
//! | ids | grow within one life of the runtime or of an interpreter | the holder of HEAD_LOCK |
//! | `shutdown_handles` | non-daemon threads in order of their start, with their interpreters | the holder of HEAD_LOCK |
//!
//! # Invariants
//!
//! S12 TsListWellFormed, S13 TsListNewestFirst, S15 InterpListWellFormed, S16 HeadLockDiscipline, S17 HeadLockLeaf.
//!
//! Ids leave the state key unless the program can see them ([`Lists::ids_observable`]): two states that differ in ids
//! only behave alike until someone reads one.

use super::arena::THREAD_STATES_MAX;
use super::handle::{InterpreterHandle, ThreadStateHandle};
use super::interpreter::INTERPRETERS_MAX;
use crate::sync::{THREADS_MAX, ThreadIndex};
use std::hash::{Hash, Hasher};

/// The links of one thread state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Links {
    previous: ThreadStateHandle,
    next: ThreadStateHandle,
    id: u64,
}

/// The list of one interpreter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct InterpreterLinks {
    next: InterpreterHandle,
    id: i64,
    threads_head: ThreadStateHandle,
    thread_id_last: u64,
}

const UNLINKED: Links = Links {
    previous: ThreadStateHandle::NULL,
    next: ThreadStateHandle::NULL,
    id: 0,
};
const INTERPRETER_UNLINKED: InterpreterLinks = InterpreterLinks {
    next: InterpreterHandle::NULL,
    id: -1,
    threads_head: ThreadStateHandle::NULL,
    thread_id_last: 0,
};

/// The contents of HEAD_LOCK.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lists {
    head: InterpreterHandle,
    main: InterpreterHandle,
    id_next: i64,
    interpreters: [InterpreterLinks; INTERPRETERS_MAX],
    thread_states: [Links; THREAD_STATES_MAX],
    shutdown_handles: [(InterpreterHandle, ThreadIndex); THREADS_MAX],
    shutdown_handles_count: usize,
    /// Whether the program reads ids, so that they belong to the state.
    pub(super) ids_observable: bool,
}

impl Lists {
    pub(super) fn new() -> Self {
        Self {
            head: InterpreterHandle::NULL,
            main: InterpreterHandle::NULL,
            id_next: -1,
            interpreters: [INTERPRETER_UNLINKED; INTERPRETERS_MAX],
            thread_states: [UNLINKED; THREAD_STATES_MAX],
            shutdown_handles: [(InterpreterHandle::NULL, ThreadIndex::FIRST); THREADS_MAX],
            shutdown_handles_count: 0,
            ids_observable: false,
        }
    }

    /// Everything as before the first initialization, ids starting at 0 (§INIT I4). What is kept of an earlier life keeps
    /// its id: in C it lies in the thread state.
    pub(super) fn reset(&mut self) {
        *self = Self {
            id_next: 0,
            thread_states: self.thread_states,
            ids_observable: self.ids_observable,
            ..Self::new()
        };
    }

    /// The newest interpreter.
    pub(super) fn head(&self) -> InterpreterHandle {
        self.head
    }

    /// The main interpreter, or null outside of its life.
    pub(super) fn main(&self) -> InterpreterHandle {
        self.main
    }

    /// The next older interpreter.
    pub(super) fn next_interpreter(&self, interpreter: InterpreterHandle) -> InterpreterHandle {
        interpreter
            .slot()
            .map_or(InterpreterHandle::NULL, |slot| self.interpreters[slot].next)
    }

    /// Whether an interpreter is in the list.
    pub(super) fn is_listed(&self, interpreter: InterpreterHandle) -> bool {
        let mut listed = self.head;
        while !listed.is_null() && listed != interpreter {
            listed = self.next_interpreter(listed);
        }
        !listed.is_null()
    }

    /// The id of an interpreter.
    pub(super) fn interpreter_id(&self, interpreter: InterpreterHandle) -> i64 {
        interpreter
            .slot()
            .map_or(-1, |slot| self.interpreters[slot].id)
    }

    /// The interpreter with this id, or null.
    pub(super) fn interpreter_with_id(&self, id: i64) -> InterpreterHandle {
        let mut listed = self.head;
        while !listed.is_null() && self.interpreter_id(listed) != id {
            listed = self.next_interpreter(listed);
        }
        listed
    }

    /// The lowest slot without an interpreter, but for the main one's.
    pub(super) fn unused_interpreter(&self) -> Option<usize> {
        (1..INTERPRETERS_MAX).find(|&slot| self.interpreters[slot] == INTERPRETER_UNLINKED)
    }

    /// The newest interpreter but the main one, or null.
    pub(super) fn newest_sub_interpreter(&self) -> InterpreterHandle {
        if self.head == self.main {
            self.next_interpreter(self.head)
        } else {
            self.head
        }
    }

    /// Whether a thread state is the only one of its interpreter.
    pub(super) fn is_alone(
        &self,
        interpreter: InterpreterHandle,
        thread_state: ThreadStateHandle,
    ) -> bool {
        self.threads_head(interpreter) == thread_state
            && self.next_thread_state(thread_state).is_null()
    }

    /// Puts a new interpreter at the head and gives it an id.
    pub(super) fn insert_interpreter(&mut self, interpreter: InterpreterHandle) {
        let slot = interpreter
            .slot()
            .expect("an interpreter that is inserted exists");
        self.interpreters[slot] = InterpreterLinks {
            next: self.head,
            id: self.id_next,
            ..INTERPRETER_UNLINKED
        };
        self.id_next += 1;
        self.head = interpreter;
        if self.main.is_null() {
            self.main = interpreter;
        }
        debug_assert!(
            self.interpreters_well_formed(),
            "S15: the interpreters are acyclic and the main one is last"
        );
    }

    /// Whether no initialization has begun yet.
    pub(super) fn is_before_ids(&self) -> bool {
        self.id_next < 0
    }

    /// An interpreter that is not made has taken its id.
    pub(super) fn use_up_interpreter_id(&mut self) {
        self.id_next += 1;
    }

    /// Takes an interpreter out of the list; whether it was there.
    pub(super) fn remove_interpreter(&mut self, interpreter: InterpreterHandle) -> bool {
        let Some(slot) = interpreter.slot() else {
            return false;
        };
        let after = self.interpreters[slot].next;
        if self.head == interpreter {
            self.head = after;
        } else {
            let Some(before) =
                (0..INTERPRETERS_MAX).find(|&place| self.interpreters[place].next == interpreter)
            else {
                return false;
            };
            self.interpreters[before].next = after;
        }
        self.interpreters[slot] = INTERPRETER_UNLINKED;
        if self.main == interpreter {
            self.main = InterpreterHandle::NULL;
        }
        true
    }

    /// The newest thread state of an interpreter.
    pub(super) fn threads_head(&self, interpreter: InterpreterHandle) -> ThreadStateHandle {
        interpreter.slot().map_or(ThreadStateHandle::NULL, |slot| {
            self.interpreters[slot].threads_head
        })
    }

    /// The next older thread state.
    pub(super) fn next_thread_state(&self, thread_state: ThreadStateHandle) -> ThreadStateHandle {
        thread_state.slot().map_or(ThreadStateHandle::NULL, |slot| {
            self.thread_states[slot].next
        })
    }

    /// Whether the storage of a thread state is in its interpreter's list, as whatever.
    pub(super) fn holds_storage(
        &self,
        interpreter: InterpreterHandle,
        thread_state: ThreadStateHandle,
    ) -> bool {
        let mut listed = self.threads_head(interpreter);
        while !listed.is_null() && listed.slot() != thread_state.slot() {
            listed = self.next_thread_state(listed);
        }
        !listed.is_null()
    }

    /// The id of a thread state.
    pub(super) fn thread_state_id(&self, thread_state: ThreadStateHandle) -> u64 {
        thread_state
            .slot()
            .map_or(0, |slot| self.thread_states[slot].id)
    }

    /// Puts a new thread state at the head of its interpreter's list and gives it an id (§TS N3).
    pub(super) fn insert_thread_state(
        &mut self,
        interpreter: InterpreterHandle,
        thread_state: ThreadStateHandle,
    ) {
        let (Some(place), Some(slot)) = (interpreter.slot(), thread_state.slot()) else {
            return;
        };
        let list = &mut self.interpreters[place];
        list.thread_id_last += 1;
        let next = list.threads_head;
        list.threads_head = thread_state;
        self.thread_states[slot] = Links {
            previous: ThreadStateHandle::NULL,
            next,
            id: list.thread_id_last,
        };
        if let Some(after) = next.slot() {
            self.thread_states[after].previous = thread_state;
        }
        debug_assert!(
            self.well_formed(interpreter),
            "S12, S13: doubly linked, newest first"
        );
    }

    /// Takes a thread state out of its interpreter's list (§TS K2). Its own links stay as they are, as in C.
    ///
    /// Differs: nothing for one that finalization took out before, where C would write through stale links: whoever
    /// deletes it is found out when the finalizer gives it up.
    pub(super) fn remove_thread_state(
        &mut self,
        interpreter: InterpreterHandle,
        thread_state: ThreadStateHandle,
    ) {
        let (Some(place), Some(slot)) = (interpreter.slot(), thread_state.slot()) else {
            return;
        };
        let mut listed = self.threads_head(interpreter);
        while listed != thread_state {
            let Some(slot) = listed.slot() else { return };
            listed = self.thread_states[slot].next;
        }
        let Links {
            previous,
            next,
            id: _,
        } = self.thread_states[slot];
        match previous.slot() {
            Some(before) => self.thread_states[before].next = next,
            None => self.interpreters[place].threads_head = next,
        }
        if let Some(after) = next.slot() {
            self.thread_states[after].previous = previous;
        }
        debug_assert!(
            self.well_formed(interpreter),
            "S12, S13: doubly linked, newest first"
        );
    }

    /// Leaves only `kept` in the list (§FINAL F10); the others, newest first, and their number.
    pub(super) fn remove_thread_states_except(
        &mut self,
        interpreter: InterpreterHandle,
        kept: ThreadStateHandle,
    ) -> ([ThreadStateHandle; THREAD_STATES_MAX], usize) {
        let mut removed = [ThreadStateHandle::NULL; THREAD_STATES_MAX];
        let mut count = 0;
        let mut thread_state = self.threads_head(interpreter);
        while let Some(slot) = thread_state.slot() {
            if thread_state != kept {
                removed[count] = thread_state;
                count += 1;
            }
            thread_state = self.thread_states[slot].next;
        }
        if let (Some(place), Some(slot)) = (interpreter.slot(), kept.slot()) {
            self.interpreters[place].threads_head = kept;
            self.thread_states[slot].next = ThreadStateHandle::NULL;
            self.thread_states[slot].previous = ThreadStateHandle::NULL;
        }
        debug_assert!(
            self.well_formed(interpreter),
            "S12, S33: the list is the finalizer's alone"
        );
        (removed, count)
    }

    /// A non-daemon thread starts: finalization will wait for it.
    pub(super) fn add_shutdown_handle(
        &mut self,
        interpreter: InterpreterHandle,
        thread: ThreadIndex,
    ) {
        self.shutdown_handles[self.shutdown_handles_count] = (interpreter, thread);
        self.shutdown_handles_count += 1;
    }

    /// A thread needs no waiting for any more; nothing happens if it is not in the list.
    pub(super) fn remove_shutdown_handle(&mut self, thread: ThreadIndex) {
        let count = self.shutdown_handles_count;
        if let Some(place) = self.shutdown_handles[..count]
            .iter()
            .position(|&(_, listed)| listed == thread)
        {
            self.shutdown_handles.copy_within(place + 1..count, place);
            self.shutdown_handles_count -= 1;
        }
    }

    /// The first thread of an interpreter to wait for that is not `but`.
    pub(super) fn first_shutdown_handle(
        &self,
        interpreter: InterpreterHandle,
        but: ThreadIndex,
    ) -> Option<ThreadIndex> {
        self.shutdown_handles[..self.shutdown_handles_count]
            .iter()
            .find(|&&(owner, listed)| owner == interpreter && listed != but)
            .map(|&(_, listed)| listed)
    }

    fn well_formed(&self, interpreter: InterpreterHandle) -> bool {
        let mut previous = ThreadStateHandle::NULL;
        let mut id_before = u64::MAX;
        let mut thread_state = self.threads_head(interpreter);
        while let Some(slot) = thread_state.slot() {
            let links = self.thread_states[slot];
            if links.previous != previous || links.id >= id_before {
                return false;
            }
            id_before = links.id;
            previous = thread_state;
            thread_state = links.next;
        }
        true
    }

    fn interpreters_well_formed(&self) -> bool {
        let mut id_before = i64::MAX;
        let mut last = InterpreterHandle::NULL;
        let mut interpreter = self.head;
        while let Some(slot) = interpreter.slot() {
            if self.interpreters[slot].id >= id_before {
                return false;
            }
            id_before = self.interpreters[slot].id;
            last = interpreter;
            interpreter = self.interpreters[slot].next;
        }
        last == self.main
    }
}

impl Hash for Lists {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.main.hash(state);
        let mut interpreter = self.head;
        while let Some(slot) = interpreter.slot() {
            interpreter.hash(state);
            let links = &self.interpreters[slot];
            if self.ids_observable {
                (self.id_next, links.id, links.thread_id_last).hash(state);
            }
            let mut thread_state = links.threads_head;
            while let Some(slot) = thread_state.slot() {
                thread_state.hash(state);
                thread_state = self.thread_states[slot].next;
            }
            ThreadStateHandle::NULL.hash(state);
            interpreter = links.next;
        }
        if self.ids_observable {
            // Those in no list too: their ids can still be read.
            self.thread_states
                .iter()
                .for_each(|links| links.id.hash(state));
        }
        self.shutdown_handles[..self.shutdown_handles_count].hash(state);
    }
}
