//! Python objects, as far as the lifecycle touches them: finalizers, collections, and what clearing a thread state runs.
//!
//! CPython: `Objects/object.c`, `Python/gc.c`; the objects here stand for whatever has a `__del__`, a weakref callback
//! or a `tp_dealloc` that calls back.
//!
//! # States
//!
//! | state | meaning | who owns the data in it |
//! | --- | --- | --- |
//! | `None` | not created | – |
//! | `Alive` | referred to | its interpreter |
//! | `Garbage` | dropped, but part of a cycle | the next collection |
//! | `Dead` | freed | – |
//!
//! # Transitions
//!
//! | from → to | operation | who may take it | holding |
//! | --- | --- | --- | --- |
//! | None, Dead → Alive | [`Caller::object_new`] | an attached thread | the GIL |
//! | Alive → Dead | drop, of the last reference; module teardown F18, unless the runtime refers to it | an attached thread; the finalizer | the GIL |
//! | Alive → Garbage | drop of a cyclic object | an attached thread | the GIL |
//! | Garbage → Dead | collection, F16, F18, F26 | an attached thread; the finalizer | the GIL |
//!
//! The finalizer may do anything. What a function of tracing is registered with the runtime refers to.
//!
//! # Invariants
//!
//! *FinalizedOnce*: an object is dead before its finalizer runs.

use super::allocation::Memory;
use super::callback::{Callback, CallbackId};
use super::handle::{InterpreterHandle, ThreadStateHandle};
use super::outcome::{Crash, Step};
use super::ref_tracer::RefEvent;
use super::state::Caller;
use crate::sync::{Plain, Word, scope};

/// Objects that one program has.
pub const OBJECTS_MAX: usize = 16;

/// Callbacks registered for the clearing of thread states at once.
pub const AT_CLEAR_MAX: usize = 8;

/// The name of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(u8);

impl ObjectId {
    /// The object with this number.
    ///
    /// # Panics
    ///
    /// If `index` is not below [`OBJECTS_MAX`]: the number is checked where programs are accepted.
    #[must_use]
    pub const fn new(index: usize) -> Self {
        assert!(index < OBJECTS_MAX, "more objects than OBJECTS_MAX");
        Self(index as u8)
    }

    /// The number: what a finalizer gets as its argument.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// What an object is declared as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ObjectKind {
    /// Only a collection frees it.
    pub cyclic: bool,
    /// What runs when it dies.
    pub finalizer: Option<CallbackId>,
}

/// The state of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectState {
    /// Not created.
    None,
    /// Referred to.
    Alive,
    /// Dropped, waiting for a collection.
    Garbage,
    /// Freed.
    Dead,
}

super::handle::word_for_enum!(ObjectState {
    None,
    Alive,
    Garbage,
    Dead
});

/// One object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Object {
    pub(super) state: ObjectState,
    pub(super) interpreter: InterpreterHandle,
    kind: ObjectKind,
    /// References that the runtime holds.
    held: u8,
    /// Whether the program has dropped its own.
    dropped: bool,
}

impl Object {
    pub(super) const NONE: Self = Self {
        state: ObjectState::None,
        interpreter: InterpreterHandle::NULL,
        kind: ObjectKind {
            cyclic: false,
            finalizer: None,
        },
        held: 0,
        dropped: false,
    };
}

impl Word for Object {
    fn to_word(self) -> u64 {
        let finalizer = self
            .kind
            .finalizer
            .map_or(0, |CallbackId(id)| u64::from(id) << 1 | 1);
        u64::from(self.held) << 48
            | finalizer << 24
            | u64::from(self.dropped) << 5
            | self.interpreter.to_word() << 8
            | u64::from(self.kind.cyclic) << 4
            | self.state.to_word()
    }

    fn from_word(word: u64) -> Self {
        let finalizer = word >> 24 & 0xff_ffff;
        Self {
            state: ObjectState::from_word(word & 0xf),
            interpreter: InterpreterHandle::from_word(word >> 8 & 0xffff),
            kind: ObjectKind {
                cyclic: word >> 4 & 1 != 0,
                finalizer: (finalizer & 1 != 0).then_some(CallbackId((finalizer >> 1) as u16)),
            },
            held: (word >> 48) as u8,
            dropped: word >> 5 & 1 != 0,
        }
    }
}

/// A callback that runs in the clearing of a thread state. Rule: the GIL.
#[derive(Debug)]
pub(super) struct AtClear {
    owner: Plain<ThreadStateHandle>,
    callback: Plain<Callback>,
}

impl AtClear {
    pub(super) fn new(place: usize) -> Self {
        Self {
            owner: Plain::new(("at_clear.owner", place), ThreadStateHandle::NULL),
            callback: Plain::new(("at_clear.callback", place), Callback::NONE),
        }
    }
}

impl Caller<'_> {
    /// `ts->...` of a call that touches an object: the interpreter of the attached thread state.
    fn interpreter_attached(&self) -> Step<InterpreterHandle> {
        let current = self.attached_or_crash()?;
        self.interpreter_of(current)
    }

    /// Creates an object in the current interpreter.
    ///
    /// # Errors
    ///
    /// A crash without an attached thread state.
    pub fn object_new(&self, object: ObjectId, kind: ObjectKind) -> Step<()> {
        let interpreter = self.interpreter_attached()?;
        self.allocate(Memory::Object)?;
        self.runtime.objects[object.index()].write(Object {
            state: ObjectState::Alive,
            interpreter,
            kind,
            held: 0,
            dropped: false,
        });
        self.trace_reference(object, RefEvent::Create)
    }

    /// Uses an object: looks its type up.
    ///
    /// # Errors
    ///
    /// A crash without an attached thread state, in another interpreter, or if the object is dead.
    pub fn object_touch(&self, object: ObjectId) -> Step<()> {
        let interpreter = self.interpreter_attached()?;
        let found = self.runtime.objects[object.index()].read();
        match found.state {
            ObjectState::None | ObjectState::Dead => Err(self.crash(Crash::UseAfterFree)),
            ObjectState::Alive | ObjectState::Garbage if found.interpreter != interpreter => {
                Err(self.crash(Crash::WrongInterpreter))
            }
            ObjectState::Alive | ObjectState::Garbage => Ok(()),
        }
    }

    /// Drops the last reference: the finalizer runs here, or after a later collection if the object is cyclic.
    ///
    /// # Errors
    ///
    /// As [`Caller::object_touch`]; what ended the thread in the finalizer.
    pub fn object_drop(&self, object: ObjectId) -> Step<()> {
        self.object_touch(object)?;
        let cell = &self.runtime.objects[object.index()];
        let found = cell.read();
        if found.dropped {
            return Err(self.crash(Crash::UseAfterFree));
        }
        cell.write(Object {
            dropped: true,
            ..found
        });
        self.free_if_unreferenced(object)
    }

    /// The runtime holds a reference.
    pub(super) fn hold_object(&self, object: Option<ObjectId>) {
        let Some(object) = object else { return };
        let cell = &self.runtime.objects[object.index()];
        let found = cell.read();
        cell.write(Object {
            held: found.held + 1,
            ..found
        });
    }

    /// The runtime gives up a reference: the finalizer runs here if it was the last one.
    pub(super) fn let_object_go(&self, object: Option<ObjectId>) -> Step<()> {
        let Some(object) = object else { return Ok(()) };
        let cell = &self.runtime.objects[object.index()];
        let found = cell.read();
        cell.write(Object {
            held: found.held.saturating_sub(1),
            ..found
        });
        if found.state == ObjectState::Alive {
            self.free_if_unreferenced(object)
        } else {
            Ok(())
        }
    }

    /// Alive → Dead or Garbage, if nobody refers to it.
    fn free_if_unreferenced(&self, object: ObjectId) -> Step<()> {
        let cell = &self.runtime.objects[object.index()];
        let found = cell.read();
        if !found.dropped || found.held > 0 {
            return Ok(());
        }
        if found.kind.cyclic {
            cell.write(Object {
                state: ObjectState::Garbage,
                ..found
            });
            Ok(())
        } else {
            self.finalize_object(object.index())
        }
    }

    /// Any → Dead, then the finalizer. A collection finalizes before it frees.
    fn finalize_object(&self, index: usize) -> Step<()> {
        let cell = &self.runtime.objects[index];
        let found = cell.read();
        cell.write(Object {
            state: ObjectState::Dead,
            ..found
        });
        let object = ObjectId::new(index);
        if !found.kind.cyclic {
            self.trace_reference(object, RefEvent::Destroy)?;
        }
        if let Some(finalizer) = found.kind.finalizer {
            let _unraisable = self.host.call(self, finalizer, index as u64)?;
        }
        if found.kind.cyclic {
            self.trace_reference(object, RefEvent::Destroy)?;
        }
        Ok(())
    }

    /// Kills the objects of an interpreter that are in one of these states, oldest name first.
    fn finalize_objects(&self, interpreter: InterpreterHandle, states: &[ObjectState]) -> Step<()> {
        let scope = scope();
        for index in 0..OBJECTS_MAX {
            let found = self.runtime.objects[index].read();
            if found.interpreter == interpreter && states.contains(&found.state) {
                if found.held > 0 {
                    self.runtime.objects[index].write(Object {
                        dropped: true,
                        ..found
                    });
                } else {
                    self.finalize_object(index)?;
                }
            }
            scope.again(&index);
        }
        scope.end(&());
        Ok(())
    }

    /// A cyclic collection on this thread; 0.
    ///
    /// # Errors
    ///
    /// A crash without an attached thread state; what ended the thread in a finalizer.
    #[doc(alias = "PyGC_Collect")]
    pub fn gc_collect(&self) -> Step<i32> {
        let interpreter = self.interpreter_attached()?;
        self.finalize_objects(interpreter, &[ObjectState::Garbage])?;
        Ok(0)
    }

    /// §FINAL F18: what nobody dropped dies.
    pub(super) fn tear_down_modules(&self) -> Step<()> {
        let interpreter = self.interpreter_attached()?;
        self.finalize_objects(interpreter, &[ObjectState::Alive, ObjectState::Garbage])
    }

    /// The interpreter is gone: what nobody killed is not there any more.
    pub(super) fn abandon_objects(&self, interpreter: InterpreterHandle) {
        for cell in &self.runtime.objects {
            let found = cell.read();
            let left = matches!(found.state, ObjectState::Alive | ObjectState::Garbage);
            if left && found.interpreter == interpreter {
                cell.write(Object {
                    state: ObjectState::Dead,
                    ..found
                });
            }
        }
    }

    /// `callback` runs once, in the clearing of a thread state; whether there was room.
    ///
    /// # Errors
    ///
    /// Use after free.
    pub fn at_clear(&self, owner: ThreadStateHandle, callback: Callback) -> Step<bool> {
        self.thread_state(owner)?;
        for place in &self.runtime.at_clear {
            if place.owner.read().is_null() {
                place.owner.write(owner);
                place.callback.write(callback);
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// `callback` runs once, in the clearing of an interpreter's fields (F24), newest first; whether there was room.
    ///
    /// # Errors
    ///
    /// Use after free.
    pub fn at_interpreter_clear(&self, owner: InterpreterHandle, callback: Callback) -> Step<bool> {
        Ok(self.interpreter(owner)?.at_clear.push(callback))
    }

    /// F24: what the interpreter's fields referred to.
    pub(super) fn run_at_interpreter_clear(&self, owner: InterpreterHandle) -> Step<()> {
        let stack = &self.interpreter(owner)?.at_clear;
        while let Some(callback) = stack.pop() {
            let _unraisable = self.run(callback)?;
        }
        Ok(())
    }

    /// Runs what was registered for the clearing of a thread state, in order.
    pub(super) fn run_at_clear(&self, owner: ThreadStateHandle) -> Step<()> {
        for place in &self.runtime.at_clear {
            if place.owner.read() == owner {
                place.owner.write(ThreadStateHandle::NULL);
                let callback = place.callback.read();
                place.callback.write(Callback::NONE);
                let _unraisable = self.run(callback)?;
            }
        }
        Ok(())
    }
}
