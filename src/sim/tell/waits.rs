//! What a thread waits for, as data: the sentences of a told run and its drawings are made of it.

use crate::runtime::InterpreterHandle;
use crate::sim::judge::Judge;
use crate::sim::report::Wait;
use crate::sim::scenario::program::Program;
use crate::sim::world::{Standing, Waits, World};
use crate::sync::ThreadIndex;
use crate::sync::hook::CellId;

/// What a thread waits for, and who could give it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Waiting {
    /// Nothing: finalization parked it for good.
    Parked,
    /// A GIL.
    Gil(Option<ThreadIndex>),
    /// That no guard of the interpreter is open; these opened some.
    Guards(InterpreterHandle, Vec<ThreadIndex>),
    /// A lock of the runtime.
    Lock(String, Option<ThreadIndex>),
    /// A native mutex of the program, by index.
    Mutex(usize, Option<ThreadIndex>),
    /// A native semaphore of the program, by index.
    Semaphore(usize),
    /// The end of a thread.
    End(ThreadIndex),
    /// Something else that another thread does.
    Event(String),
    /// A condition variable.
    Condvar(String),
    /// A condition that it asks again and again.
    Condition,
}

impl Waiting {
    /// What the thread waits for now.
    pub(super) fn of(judge: &Judge<'_>, world: &World, thread: ThreadIndex) -> Option<Self> {
        let runtime = &judge.machine().runtime;
        if judge.machine().is_gone(thread) {
            return None;
        }
        if runtime.hung(thread) {
            return Some(Self::Parked);
        }
        if runtime.waits_for_gil(thread) {
            return Some(Self::Gil(runtime.holder_waited_for(thread)));
        }
        if let Some(interpreter) = runtime.waits_for_guards(thread) {
            let open = runtime.open_guards().into_iter();
            let mut openers: Vec<ThreadIndex> = open
                .filter(|guard| guard.interpreter == interpreter)
                .map(|guard| guard.thread)
                .collect();
            openers.sort_unstable();
            openers.dedup();
            return Some(Self::Guards(interpreter, openers));
        }
        let Standing::Blocked(waits) = world.standing(thread) else {
            return None;
        };
        let holder = judge.waits_for(world, thread);
        Some(match waits {
            Waits::Mutex(cell) => Self::Lock(world.info(cell).name.to_string(), holder),
            Waits::Semaphore(cell) | Waits::Event(cell) => Self::of_cell(world, cell, holder),
            Waits::Condvar { condvar, .. } => Self::Condvar(world.info(condvar).name.to_string()),
            Waits::Condition => Self::Condition,
        })
    }

    fn of_cell(world: &World, cell: CellId, holder: Option<ThreadIndex>) -> Self {
        let name = world.info(cell).name;
        let index = usize::from(name.index.unwrap_or(0));
        match (name.what, holder) {
            ("mutex", holder) => Self::Mutex(index, holder),
            ("semaphore", _) => Self::Semaphore(index),
            ("ended" | "thread_handle.exiting", Some(joined)) => Self::End(joined),
            _ => Self::Event(name.to_string()),
        }
    }

    /// What it is, in a few words; none if it is a thread's end and nothing between the two.
    fn what(&self, program: &Program) -> Option<String> {
        Some(match self {
            Self::Parked => "parked for good by finalization".to_owned(),
            Self::Gil(_) => "the GIL".to_owned(),
            Self::Guards(..) => "open guards to be closed".to_owned(),
            Self::Lock(name, _) | Self::Event(name) | Self::Condvar(name) => name.clone(),
            Self::Mutex(index, _) => program.mutexes[*index].name.to_string(),
            Self::Semaphore(index) => {
                format!("semaphore {}", program.semaphores[*index].declared.name)
            }
            Self::End(_) => return None,
            Self::Condition => "a condition".to_owned(),
        })
    }

    fn holders(&self) -> Vec<usize> {
        let holders = match self {
            Self::Gil(holder) | Self::Lock(_, holder) | Self::Mutex(_, holder) => {
                holder.iter().copied().collect()
            }
            Self::End(thread) => vec![*thread],
            Self::Guards(_, openers) => openers.clone(),
            Self::Parked
            | Self::Semaphore(_)
            | Self::Event(_)
            | Self::Condvar(_)
            | Self::Condition => Vec::new(),
        };
        holders.into_iter().map(ThreadIndex::index).collect()
    }

    /// The same for readers.
    pub(super) fn wait(&self, program: &Program, thread: ThreadIndex) -> Wait {
        Wait {
            thread: thread.index(),
            what: self.what(program),
            parked: *self == Self::Parked,
            holders: self.holders(),
            by: match self {
                Self::Guards(..) => "opened by",
                Self::Parked
                | Self::Gil(_)
                | Self::Lock(..)
                | Self::Mutex(..)
                | Self::Semaphore(_)
                | Self::End(_)
                | Self::Event(_)
                | Self::Condvar(_)
                | Self::Condition => "held by",
            },
        }
    }

    /// How a thread stands that waits so, in a few words: `waits for the GIL, held by main`.
    pub(super) fn standing(&self, program: &Program) -> String {
        let names: Vec<&str> = self
            .holders()
            .into_iter()
            .map(|holder| &*program.threads[holder].name)
            .collect();
        let names = names.join(", ");
        match (self, self.what(program)) {
            (Self::Parked, Some(what)) => what,
            (Self::Condition, _) => "waits until a condition holds".to_owned(),
            (_, None) => format!("waits for {names} to end"),
            (_, Some(what)) if names.is_empty() => format!("waits for {what}"),
            (Self::Guards(..), Some(_)) => format!("waits until {names} has no guard open"),
            (_, Some(what)) => format!("waits for {what}, held by {names}"),
        }
    }
}
