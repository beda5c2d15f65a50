//! Failures that a scenario asks for, as far as a library can be made to fail from outside.
//!
//! Nothing in the library is changed, also where a scenario looks on while memory is taken. A stage that imports a module fails by an audit hook that refuses the import, an
//! allocation by an allocator that gives none. Both act only inside the calls that make an interpreter or a thread state.
//!
//! The configuration is copied to a sub-interpreter as soon as the caller's thread state is put aside, and a copy needs memory: the first that is
//! asked for from there on.

use super::api::{self, Allocator, Pointer};
use super::callbacks::{packed, raise, run};
use super::library::release;
use crate::record;
use std::cell::Cell;
use std::ffi::{CStr, c_char, c_int};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tstate::runtime::{Callback, Stage};
use tstate::sync::Word;

/// The smallest interpreter of all releases, and the largest thread state, in bytes.
const INTERPRETER_MIN: usize = 2_000;
/// The smallest thread state of all releases.
const THREAD_STATE_MIN: usize = 200;
/// `PYMEM_DOMAIN_RAW`
const DOMAIN_RAW: c_int = 0;
/// `PYMEM_DOMAIN_OBJ`
const DOMAIN_OBJECT: c_int = 2;

/// What a call makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Making {
    /// Nothing that can be made to fail.
    Nothing,
    /// The runtime.
    Runtime,
    /// An interpreter, and perhaps its first thread state.
    Interpreter,
    /// A thread state.
    ThreadState,
    /// Something small: the first memory that is asked for.
    Block,
    /// An object of the scenario's.
    Object,
}

thread_local! {
    static MAKING: Cell<Making> = const { Cell::new(Making::Nothing) };
    /// Inside the callback that looks on.
    static TELLING: Cell<bool> = const { Cell::new(false) };
    /// What the call has allocated so far, of what it makes.
    static ALLOCATED: Cell<(bool, bool)> = const { Cell::new((false, false)) };
    /// The thread state with which an interpreter began to be made, where the copy of its configuration is to fail.
    static CALLER: Cell<Pointer> = const { Cell::new(std::ptr::null_mut()) };
}

/// The stage that fails next, plus one.
static STAGE: AtomicUsize = AtomicUsize::new(0);
static ALLOCATION: AtomicBool = AtomicBool::new(false);
static HOOKED: AtomicBool = AtomicBool::new(false);
/// Our own hook is being added.
static HOOKING: AtomicBool = AtomicBool::new(false);
/// The library's allocator.
static ALLOCATOR: OnceLock<Allocator> = OnceLock::new();
/// That for objects.
static OBJECT_ALLOCATOR: OnceLock<Allocator> = OnceLock::new();
/// The callback that looks on, packed, or 0.
static LOOKS_ON: AtomicUsize = AtomicUsize::new(0);

/// The module whose import is the first thing that a stage does.
fn module_of(stage: Stage) -> Option<&'static CStr> {
    if stage == Stage::ImportlibExternal {
        Some(c"_frozen_importlib_external")
    } else if stage == Stage::Encodings {
        Some(c"encodings")
    } else if stage == Stage::Streams && release().minor <= 13 {
        // Since 3.14 `_io` is asked directly.
        Some(c"io")
    } else if stage == Stage::Site {
        Some(c"site")
    } else {
        None
    }
}

/// Why a stage cannot be made to fail in the library at hand, if it cannot.
pub fn refusal(stage: Stage, imports_site: bool) -> Option<String> {
    let name = stage.name().unwrap_or("of no name");
    if stage == Stage::Site && !imports_site {
        return Some("not driven: `site` is not imported in this run".to_owned());
    }
    let takes_memory = stage == Stage::MainInterpreter
        || (stage == Stage::FirstThreadState && release().minor < 13);
    let can_fail = takes_memory || stage == Stage::CopyConfig || module_of(stage).is_some();
    (!can_fail).then(|| {
        format!(
            "not driven: the stage `{name}` cannot be made to fail without changing the library"
        )
    })
}

/// The next run of the stage fails.
pub(super) fn fail_stage(stage: Stage) {
    if module_of(stage).is_some() {
        hook();
    } else {
        take_allocator();
    }
    STAGE.store(stage.to_word() as usize + 1, Ordering::Relaxed);
}

/// The next allocation of an interpreter or a thread state fails.
pub(super) fn fail_allocation() {
    take_allocator();
    ALLOCATION.store(true, Ordering::Relaxed);
}

/// Whether an allocation is to fail.
pub(super) fn wants_allocation() -> bool {
    ALLOCATION.load(Ordering::Relaxed)
}

/// Makes a call in which failures strike.
pub(super) fn during<R>(making: Making, call: impl FnOnce() -> R) -> R {
    if making == Making::Interpreter && stage() == Some(Stage::CopyConfig) {
        let caller = api::thread_state_unchecked();
        if caller.is_null() {
            record::refuse("not driven: who is not attached puts no thread state aside");
        }
        CALLER.set(caller);
    }
    let before = (MAKING.replace(making), ALLOCATED.replace((false, false)));
    let result = call();
    MAKING.set(before.0);
    ALLOCATED.set(before.1);
    result
}

/// The callback runs in every allocation of what the scenario makes; null: none does.
pub(super) fn look_on(callback: Callback) {
    take_allocator();
    if OBJECT_ALLOCATOR.get().is_none() {
        let mut allocator = Allocator::NONE;
        api::allocator(DOMAIN_OBJECT, &raw mut allocator);
        let _first = OBJECT_ALLOCATOR.set(allocator);
        let ours = Allocator {
            malloc: Some(object_malloc),
            ..allocator
        };
        api::set_allocator(DOMAIN_OBJECT, &raw const ours);
    }
    LOOKS_ON.store(packed(callback) as usize, Ordering::Relaxed);
}

/// Tells who looks on of an allocation of this size, if it is of what the scenario makes; but not of its own.
fn tell(size: usize) {
    let hook = LOOKS_ON.load(Ordering::Relaxed);
    if TELLING.get() || hook == 0 {
        return;
    }
    let (interpreter, thread_state) = ALLOCATED.get();
    let is_one = match MAKING.get() {
        Making::Nothing | Making::Runtime | Making::Block => false,
        Making::Object => !interpreter,
        Making::Interpreter if size >= INTERPRETER_MIN && !interpreter => {
            ALLOCATED.set((true, thread_state));
            true
        }
        Making::Interpreter => {
            let fits = (THREAD_STATE_MIN..INTERPRETER_MIN).contains(&size);
            let is_one = interpreter && !thread_state && fits;
            if is_one && release().minor >= 12 {
                record::refuse(
                    "not driven: which allocation of an interpreter is its thread state cannot be seen (since 3.12)",
                );
            }
            ALLOCATED.set((interpreter, thread_state || is_one));
            is_one
        }
        Making::ThreadState => {
            let is_one = !thread_state && (THREAD_STATE_MIN..INTERPRETER_MIN).contains(&size);
            ALLOCATED.set((interpreter, thread_state || is_one));
            is_one
        }
    };
    if is_one {
        TELLING.set(true);
        during(Making::Nothing, || run(hook as Pointer));
        TELLING.set(false);
    }
}

extern "C-unwind" fn object_malloc(context: Pointer, size: usize) -> Pointer {
    if MAKING.get() == Making::Object {
        tell(size);
        MAKING.set(Making::Nothing);
    }
    match OBJECT_ALLOCATOR
        .get()
        .and_then(|allocator| allocator.malloc)
    {
        Some(real) => real(context, size),
        None => std::ptr::null_mut(),
    }
}

/// Whether hooks of the scenario are not meant: ours is being added.
pub(super) fn is_hooking() -> bool {
    HOOKING.load(Ordering::Relaxed)
}

fn stage() -> Option<Stage> {
    let word = STAGE.load(Ordering::Relaxed);
    word.checked_sub(1)
        .map(|word| Stage::from_word(word as u64))
}

fn hook() {
    if HOOKED.swap(true, Ordering::Relaxed) {
        return;
    }
    HOOKING.store(true, Ordering::Relaxed);
    let added = api::add_audit_hook(refuse_import, std::ptr::null_mut());
    HOOKING.store(false, Ordering::Relaxed);
    if added != 0 {
        record::refuse("not driven: the library takes no audit hook");
    }
}

/// Refuses the import that the stage which is to fail begins with.
extern "C-unwind" fn refuse_import(
    event: *const c_char,
    arguments: Pointer,
    _data: Pointer,
) -> c_int {
    // SAFETY: the library's names of events are terminated.
    let event = unsafe { CStr::from_ptr(event) };
    if MAKING.get() == Making::Nothing || event != c"import" || arguments.is_null() {
        return 0;
    }
    let Some(module) = stage().and_then(module_of) else {
        return 0;
    };
    let name = api::text(api::tuple_item(arguments, 0));
    // SAFETY: the text is terminated and belongs to the tuple.
    if name.is_null() || unsafe { CStr::from_ptr(name) } != module {
        return 0;
    }
    STAGE.store(0, Ordering::Relaxed);
    raise();
    -1
}

fn take_allocator() {
    if ALLOCATOR.get().is_some() {
        return;
    }
    let mut allocator = Allocator::NONE;
    api::allocator(DOMAIN_RAW, &raw mut allocator);
    let _first = ALLOCATOR.set(allocator);
    let ours = Allocator {
        context: allocator.context,
        malloc: Some(malloc),
        calloc: Some(calloc),
        realloc: allocator.realloc,
        free: allocator.free,
    };
    api::set_allocator(DOMAIN_RAW, &raw const ours);
}

/// Whether an allocation of this size is the one that fails.
fn strikes(size: usize) -> bool {
    let making = MAKING.get();
    let interpreter = making == Making::Interpreter && size >= INTERPRETER_MIN;
    let makes_state = matches!(making, Making::ThreadState | Making::Interpreter);
    let thread_state = makes_state && (THREAD_STATE_MIN..INTERPRETER_MIN).contains(&size);
    let asked_for = match stage() {
        Some(Stage::MainInterpreter) => interpreter,
        Some(Stage::FirstThreadState) => making == Making::Interpreter && thread_state,
        Some(Stage::CopyConfig) => {
            making == Making::Interpreter && api::thread_state_unchecked() != CALLER.get()
        }
        _ => false,
    };
    if asked_for {
        STAGE.store(0, Ordering::Relaxed);
        return true;
    }
    let block = making == Making::Block;
    (interpreter || thread_state || block) && ALLOCATION.swap(false, Ordering::Relaxed)
}

extern "C-unwind" fn malloc(context: Pointer, size: usize) -> Pointer {
    tell(size);
    match ALLOCATOR.get().and_then(|allocator| allocator.malloc) {
        Some(real) if !strikes(size) => real(context, size),
        _ => std::ptr::null_mut(),
    }
}

extern "C-unwind" fn calloc(context: Pointer, count: usize, size: usize) -> Pointer {
    tell(count * size);
    match ALLOCATOR.get().and_then(|allocator| allocator.calloc) {
        Some(real) if !strikes(count * size) => real(context, count, size),
        _ => std::ptr::null_mut(),
    }
}
