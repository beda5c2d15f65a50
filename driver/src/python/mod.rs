//! A real libpython as what a scenario's statements call.
//!
//! Everything here runs on threads of the run, one at a time (see [`crate::schedule`]).

pub mod api;
mod callbacks;
mod calls;
mod configure;
mod frames;
mod handles;
pub mod injected;
mod library;
mod objects;
mod signals;
mod site;
mod start;
mod storage;
mod subinterpreters;
mod tracing;

pub use calls::Caller;
pub use frames::outside_of_frames;
pub use library::{Release, open, release, symbol};
pub use start::{initialize, started};

use crate::left;
use crate::record;
use crate::schedule::{SlotId, Waits, own};
use crate::sight;
use api::Pointer;
use handles::Handles;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard};
use tstate::runtime::{
    ConfigField, Ended, InterpreterHandle, MutexSlot, ObjectId, Over, Profile, TSS_KEYS_MAX,
    ThreadStateHandle,
};
use tstate::sim::driver::{Machine, Python, Site};
use tstate::sync::ThreadIndex;

/// `PyMutex`es of a scenario.
const MUTEXES_MAX: usize = 64;
/// The bit of a `PyMutex` that says that it is locked.
const LOCKED: u8 = 1;
/// Walks of lists end here: one that was freed under us may go in circles.
const LIST_MAX: usize = 64;

/// The library of this process, and the scenario's view of it.
#[derive(Debug)]
pub struct Libpython {
    profile: Profile,
    handles: Mutex<Handles>,
    mutexes: [AtomicU8; MUTEXES_MAX],
    /// The keys that the scenario declares.
    keys: [storage::Key; TSS_KEYS_MAX],
    /// The library is initialized, but the scenario has not called for it yet.
    ahead: AtomicBool,
    /// What `PyGILState_Check` says before the library is initialized.
    checks_before: bool,
    /// The interpreters that objects were made in.
    homes: Mutex<BTreeMap<usize, InterpreterHandle>>,
}

impl Libpython {
    /// The library that is open; `ahead` if it was initialized before the run.
    pub fn new(profile: Profile, ahead: bool, checks_before: bool) -> Self {
        Self {
            profile,
            handles: Mutex::default(),
            mutexes: std::array::from_fn(|_| AtomicU8::new(0)),
            keys: Default::default(),
            ahead: AtomicBool::new(ahead),
            checks_before,
            homes: Mutex::default(),
        }
    }

    fn handles(&self) -> MutexGuard<'_, Handles> {
        match self.handles.lock() {
            Ok(handles) => handles,
            Err(_) => record::cut("internal: a thread panicked"),
        }
    }

    /// `Py_Initialize`, if it was not done ahead of the run.
    fn initialize(&self) {
        if !self.ahead.swap(false, Ordering::Relaxed) {
            initialize();
        }
    }

    fn is_ahead(&self) -> bool {
        self.ahead.load(Ordering::Relaxed)
    }

    /// What a pointer to a thread state stands for.
    pub fn state(&self, pointer: Pointer) -> ThreadStateHandle {
        let list = self.listed_anywhere();
        left::note(pointer as usize);
        self.handles().state(pointer, &list)
    }

    /// Thread states that are in a list now are known from now on.
    pub fn note_listed(&self) {
        let _noted = self.listed_anywhere();
    }

    fn state_pointer(&self, handle: ThreadStateHandle) -> Pointer {
        self.handles().state_pointer(handle)
    }

    fn interpreter(&self, pointer: Pointer) -> InterpreterHandle {
        let main = api::interpreter_main();
        let list = self.interpreter_list();
        self.handles().interpreter(pointer, main, &list)
    }

    /// The current interpreter is where the object was made.
    fn made_here(&self, object: ObjectId) {
        let home = self.home_of(sight::current());
        if let Ok(mut homes) = self.homes.lock() {
            homes.insert(object.index(), home);
        }
    }

    /// The interpreter in whose list a thread state is; null if it is in none.
    fn home_of(&self, state: usize) -> InterpreterHandle {
        let list = self.interpreter_list();
        let home = list
            .iter()
            .find(|interpreter| states_of(**interpreter as Pointer).contains(&state));
        home.map_or(InterpreterHandle::NULL, |home| {
            self.interpreter(*home as Pointer)
        })
    }

    /// The pointers in the list of interpreters, newest first.
    fn interpreter_list(&self) -> Vec<usize> {
        if self.is_ahead() {
            return Vec::new();
        }
        walk(api::interpreter_head(), api::interpreter_next)
    }

    /// The pointers in the lists of all interpreters.
    fn listed_anywhere(&self) -> BTreeSet<usize> {
        let list = self.interpreter_list();
        list.iter()
            .flat_map(|interpreter| states_of(*interpreter as Pointer))
            .inspect(|state| left::note(*state))
            .collect()
    }

    /// The id of an interpreter; of one that is gone, an id that none has.
    fn interpreter_id(&self, handle: InterpreterHandle) -> i64 {
        let pointer = self.interpreter_pointer(handle);
        if self.interpreter_list().contains(&(pointer as usize)) {
            api::interpreter_id(pointer)
        } else {
            i64::from(i32::MAX)
        }
    }

    fn interpreter_pointer(&self, handle: InterpreterHandle) -> Pointer {
        if handle == InterpreterHandle::MAIN {
            let main = api::interpreter_main();
            if !main.is_null() {
                return main;
            }
        }
        self.handles().interpreter_pointer(handle)
    }

    fn mutex(&self, slot: MutexSlot) -> Pointer {
        match self.mutexes.get(slot.index()) {
            Some(byte) => byte.as_ptr().cast(),
            None => record::refuse("more than 64 PyMutexes"),
        }
    }

    /// The pointers in the main interpreter's list.
    fn list(&self) -> Vec<usize> {
        let main = if self.is_ahead() {
            std::ptr::null_mut()
        } else {
            api::interpreter_main()
        };
        if main.is_null() {
            return Vec::new();
        }
        states_of(main)
    }
}

/// The pointers in an interpreter's list of thread states.
fn states_of(interpreter: Pointer) -> Vec<usize> {
    walk(
        api::interpreter_threads(interpreter),
        api::thread_state_next,
    )
}

/// The pointers of a list from its first on.
fn walk(first: Pointer, next: impl Fn(Pointer) -> Pointer) -> Vec<usize> {
    std::iter::successors(Some(first), |at| (!at.is_null()).then(|| next(*at)))
        .take_while(|at| !at.is_null())
        .take(LIST_MAX)
        .map(|at| at as usize)
        .collect()
}

fn slot_of(thread: ThreadIndex) -> Option<SlotId> {
    own(|schedule| schedule.slot_of(thread.index() as u8))
}

fn waits_of(thread: ThreadIndex) -> Option<Waits> {
    slot_of(thread).map(|slot| own(|schedule| schedule.slots[slot].waits))
}

impl Python for Libpython {
    type Caller<'a> = Caller<'a>;

    fn caller<'a>(&'a self, _machine: &'a Machine<Self>) -> Caller<'a> {
        Caller { python: self }
    }

    fn profile(&self) -> Profile {
        self.profile
    }

    fn over(&self) -> Option<Over> {
        None
    }

    fn end_process(&self, over: Over) -> Ended {
        match over {
            Over::Exit(status) => match crate::child::failed() {
                Some(Site::Statement(id) | Site::Name(id)) => {
                    record::end(&format!("assertion {}", id.0))
                }
                Some(Site::Claim(_)) | None => record::end(&format!("exit {status}")),
            },
            Over::Fatal(_) | Over::Status(_) | Over::Crash(_) | Over::Limit(_) => {
                record::cut("the scenario does what has no meaning in C")
            }
        }
    }

    fn observe_ids(&self) {}
    fn observe_failures(&self) {}
    fn observe_audit(&self) {}
    fn observe_flags(&self) {}

    fn global_flag(&self, field: ConfigField) -> i32 {
        configure::global_flag(field)
    }
    fn observe_hooks(&self, _frames: bool) {}
    fn observe_signals(&self) {}

    fn leave_signals_to_parent(&self) {}

    fn attached(&self, thread: ThreadIndex) -> bool {
        !self.is_ahead() && slot_of(thread).is_some_and(|slot| sight::attached(slot) != 0)
    }

    fn attached_to(&self, thread: ThreadIndex, interpreter: InterpreterHandle) -> bool {
        let attached = slot_of(thread).map_or(0, sight::attached);
        !self.is_ahead() && attached != 0 && self.home_of(attached) == interpreter
    }

    fn waits_for_gil(&self, thread: ThreadIndex) -> bool {
        slot_of(thread).is_some_and(sight::waits_limited)
    }

    fn holds_gil(&self, thread: ThreadIndex) -> bool {
        self.attached(thread)
    }

    fn hung(&self, thread: ThreadIndex) -> bool {
        waits_of(thread) == Some(Waits::Hung)
    }

    fn gil_holder(&self) -> Option<ThreadIndex> {
        let lanes = own(|schedule| {
            let lanes = schedule.slots.iter().filter_map(|slot| slot.lane);
            lanes.collect::<BTreeSet<u8>>()
        });
        let threads = lanes.into_iter().map(|lane| ThreadIndex::new(lane.into()));
        threads.into_iter().find(|thread| self.holds_gil(*thread))
    }

    fn current_of(&self, thread: ThreadIndex) -> ThreadStateHandle {
        if self.is_ahead() {
            return ThreadStateHandle::NULL;
        }
        let seen = slot_of(thread).map_or(0, sight::seen);
        self.state(seen as Pointer)
    }

    fn initialized(&self) -> bool {
        !self.is_ahead() && api::is_initialized() != 0
    }

    fn finalizing(&self) -> bool {
        api::is_finalizing() != 0
    }

    fn interpreters(&self) -> usize {
        self.interpreter_list().len()
    }

    fn thread_states(&self) -> usize {
        self.listed_anywhere().len()
    }

    fn thread_states_of(&self, interpreter: InterpreterHandle) -> usize {
        let pointer = self.interpreter_pointer(interpreter);
        if self.interpreter_list().contains(&(pointer as usize)) {
            states_of(pointer).len()
        } else {
            0
        }
    }

    fn interpreter_of_state(&self, handle: ThreadStateHandle) -> InterpreterHandle {
        self.home_of(self.state_pointer(handle) as usize)
    }

    fn interpreter_of_object(&self, object: ObjectId) -> InterpreterHandle {
        let homes = self.homes.lock();
        let home = homes
            .ok()
            .and_then(|homes| homes.get(&object.index()).copied());
        home.unwrap_or(InterpreterHandle::NULL)
    }

    fn pending(&self) -> usize {
        record::refuse("how many pending calls are queued cannot be seen")
    }

    fn pending_of(&self, _interpreter: InterpreterHandle) -> usize {
        self.pending()
    }

    fn mutex_held(&self, mutex: MutexSlot) -> bool {
        let byte = self.mutexes.get(mutex.index());
        byte.is_some_and(|byte| byte.load(Ordering::Relaxed) & LOCKED != 0)
    }

    fn checks(&self, _thread: ThreadIndex) -> bool {
        if self.is_ahead() {
            return self.checks_before;
        }
        api::gil_state_check() != 0
    }

    fn listed(&self, each: &mut dyn FnMut(ThreadStateHandle)) {
        let list = self.list();
        let set = self.listed_anywhere();
        let mut handles = self.handles();
        for state in list {
            each(handles.state(state as Pointer, &set));
        }
    }
}
