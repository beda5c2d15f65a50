//! C functions that run a scenario's callbacks.

use super::api::{self, Pointer};
use super::frames::{is_import_of, is_own_event};
use super::injected;
use super::library::symbol;
use crate::{child, record};
use std::ffi::{CStr, c_char, c_int};
use std::sync::atomic::{AtomicUsize, Ordering};
use tstate::runtime::{AuditEvent, Callback};
use tstate::sync::Word;

/// Bodies for which there are functions of their own, where C passes nothing to tell them apart by.
pub(super) const BODIES_MAX: usize = 64;
/// What capsules are called.
pub(super) const CAPSULE: &CStr = c"tstate";

/// A callback and its argument as a pointer, never null.
pub(super) fn packed(callback: Callback) -> Pointer {
    callback.to_word() as Pointer
}

/// Runs what was packed.
pub(super) fn run(data: Pointer) -> c_int {
    let callback = Callback::from_word(data as u64);
    match callback.id() {
        Some(id) => child::callback(id, callback.argument()),
        None => 0,
    }
}

/// Raises the exception that a callback's -1 stands for.
pub(super) fn raise() {
    if let Some(address) = symbol("PyExc_RuntimeError") {
        // SAFETY: the symbol is a variable that holds the class.
        let class = unsafe { *(address as *const Pointer) };
        api::error_set(class, c"the scenario's callback failed".as_ptr());
    }
}

/// For `Py_AddPendingCall`.
pub(super) extern "C-unwind" fn pending(data: Pointer) -> c_int {
    let result = run(data);
    if result == -1 {
        raise();
    }
    result
}

/// For `_PyEval_AddPendingCall` of a call whose argument the library frees: it holds what was packed.
pub(super) extern "C-unwind" fn pending_in_memory(data: Pointer) -> c_int {
    // SAFETY: `in_memory` made it, and the library frees it after this call.
    pending(unsafe { *data.cast::<Pointer>() })
}

/// A callback in memory that the library may free.
pub(super) fn in_memory(callback: Callback) -> Pointer {
    let place = api::raw_malloc(size_of::<Pointer>());
    if place.is_null() {
        record::cut("no memory");
    }
    // SAFETY: it is large enough, and nobody else has it.
    unsafe { place.cast::<Pointer>().write(packed(callback)) };
    place
}

/// For `PySys_AddAuditHook`: events that the model does not know are nobody's business.
pub(super) extern "C-unwind" fn audit_hook(
    event: *const c_char,
    arguments: Pointer,
    data: Pointer,
) -> c_int {
    // SAFETY: the library's names of events are terminated.
    let event = unsafe { CStr::from_ptr(event) };
    let Ok(name) = event.to_str() else { return 0 };
    if injected::is_hooking() || !is_told(name, arguments) {
        return 0;
    }
    let result = match Callback::from_word(data as u64).id() {
        Some(id) => child::audit(id, name),
        None => 0,
    };
    if result == -1 {
        raise();
    }
    result
}

/// Whether the model knows the event: the scenario's own, the import of what the scenario imports, and what else is named.
fn is_told(name: &str, arguments: Pointer) -> bool {
    if name == AuditEvent::Import.name() {
        return !arguments.is_null() && is_import_of(api::tuple_item(arguments, 0));
    }
    is_own_event() || AuditEvent::ALL.iter().any(|known| known.name() == name)
}

/// For `PyUnstable_AtExit`.
pub(super) extern "C-unwind" fn unstable_at_exit(data: Pointer) {
    run(data);
}

/// For capsules: their destructor.
pub(super) extern "C-unwind" fn dropped(capsule: Pointer) {
    run(api::capsule_pointer(capsule, CAPSULE.as_ptr()));
}

/// For Python's callables, whose `self` is a capsule.
pub(super) extern "C-unwind" fn called(this: Pointer, _arguments: Pointer) -> Pointer {
    let result = run(api::capsule_pointer(this, CAPSULE.as_ptr()));
    if result == -1 {
        raise();
        return std::ptr::null_mut();
    }
    none()
}

/// For the threads of `threading`, whose `self` is the thread's number.
pub(super) extern "C-unwind" fn thread_body(this: Pointer, _arguments: Pointer) -> Pointer {
    child::run_python_body(api::number_value(this) as usize);
    none()
}

/// For capsules that only hold a callback.
pub(super) extern "C-unwind" fn kept(_capsule: Pointer) {}

/// For programs that run in another interpreter: their argument is what was packed.
extern "C-unwind" fn called_by_number(_this: Pointer, number: Pointer) -> Pointer {
    if run(api::number_value(number) as Pointer) == -1 {
        raise();
        return std::ptr::null_mut();
    }
    none()
}

fn the_none() -> Pointer {
    symbol("_Py_NoneStruct").map_or(std::ptr::null_mut(), |address| address as Pointer)
}

/// Whether an object is `None`.
pub(super) fn is_none(object: Pointer) -> bool {
    object == the_none()
}

fn none() -> Pointer {
    let none = the_none();
    api::increase(none);
    none
}

static AT_EXIT: [AtomicUsize; BODIES_MAX] = [const { AtomicUsize::new(0) }; BODIES_MAX];

extern "C-unwind" fn at_exit_of<const BODY: usize>() {
    run(AT_EXIT[BODY].load(Ordering::Relaxed) as Pointer);
}

/// A function of C for each body of a scenario.
macro_rules! for_each_body {
    ($function:ident) => {
        for_each_body!($function:
            0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31
            32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60
            61 62 63)
    };
    ($function:ident: $($body:literal)+) => { [$($function::<$body>),+] };
}
pub(super) use for_each_body;

const AT_EXIT_FUNCTIONS: [extern "C-unwind" fn(); BODIES_MAX] = for_each_body!(at_exit_of);

/// For `Py_AtExit`.
pub(super) fn at_exit(callback: Callback) -> extern "C-unwind" fn() {
    let body = callback.id().map_or(0, |id| usize::from(id.0));
    if body >= BODIES_MAX {
        record::refuse("Py_AtExit of a callback beyond the 64th body");
    }
    AT_EXIT[body].store(packed(callback) as usize, Ordering::Relaxed);
    AT_EXIT_FUNCTIONS[body]
}

/// `PyMethodDef`
#[repr(C)]
struct Definition {
    name: *const c_char,
    function: Option<api::Function>,
    flags: c_int,
    documentation: *const c_char,
}

// SAFETY: a definition is constant.
unsafe impl Sync for Definition {}

/// `METH_VARARGS`
const ARGUMENTS: c_int = 1;
/// `METH_NOARGS`
const NO_ARGUMENTS: c_int = 4;
/// `METH_O`
const ONE_ARGUMENT: c_int = 8;

const fn definition(function: api::Function, flags: c_int) -> Definition {
    Definition {
        name: CAPSULE.as_ptr(),
        function: Some(function),
        flags,
        documentation: std::ptr::null(),
    }
}

static CALLED: Definition = definition(called, NO_ARGUMENTS);
static THREAD_BODY: Definition = definition(thread_body, NO_ARGUMENTS);
static BY_NUMBER: Definition = definition(called_by_number, ONE_ARGUMENT);
static HANDLES: Definition = definition(called, ARGUMENTS);

fn function(definition: &'static Definition, this: Pointer) -> Pointer {
    let definition: *const Definition = definition;
    let made = api::function_new(definition.cast_mut().cast(), this, std::ptr::null_mut());
    api::decrease(this);
    made
}

/// A Python callable that runs the callback.
pub(super) fn callable(callback: Callback) -> Pointer {
    let capsule = api::capsule(packed(callback), CAPSULE.as_ptr(), kept);
    function(&CALLED, capsule)
}

/// The same, for signals: it is given a number and a frame.
pub(super) fn handler(callback: Callback) -> Pointer {
    let capsule = api::capsule(packed(callback), CAPSULE.as_ptr(), kept);
    function(&HANDLES, capsule)
}

/// A Python callable that runs the body of a thread.
pub(super) fn thread_callable(thread: usize) -> Pointer {
    function(&THREAD_BODY, api::number(thread as i64))
}

/// A Python callable that runs the callback that was packed into the number it is given.
pub(super) fn by_number() -> Pointer {
    function(&BY_NUMBER, api::number(0))
}
