//! Python's module of interpreters: programs run in another interpreter, and its destruction (3.13 and newer).
//!
//! What runs is a text, as any program given to `_interpreters.exec`. All it does is to call a function that each
//! sub-interpreter finds among its builtins, which is put there as soon as it is made.

use super::api::{self, Pointer};
use super::callbacks::{by_number, packed};
use super::objects::{attribute, in_main};
use crate::{child, record};
use std::ffi::CString;
use std::sync::atomic::{AtomicUsize, Ordering};
use tstate::runtime::Callback;
use tstate::sim::scenario::calls::Call;

/// `_interpreters.exec` and `_interpreters.destroy` of this life of the library.
static EXEC: AtomicUsize = AtomicUsize::new(0);
static DESTROY: AtomicUsize = AtomicUsize::new(0);

/// Whether the scenario asks for any of this.
fn is_wanted() -> bool {
    [Call::InterpretersRun, Call::InterpretersDestroy]
        .into_iter()
        .any(child::calls)
}

/// A life of the library begins; the caller is attached.
pub(super) fn begin() {
    if !is_wanted() {
        return;
    }
    for (place, name) in [(&EXEC, c"exec"), (&DESTROY, c"destroy")] {
        let function = attribute(c"_interpreters", name);
        place.store(
            function.map_or(0, |found| found as usize),
            Ordering::Relaxed,
        );
    }
    prepare();
}

/// An interpreter was made, and the caller is attached to it.
pub(super) fn prepare() {
    if is_wanted() {
        give_builtin();
    }
}

/// The function by which a program runs a callback, among the builtins of the current interpreter.
pub(super) fn give_builtin() {
    let builtins = api::module_dict(api::import_add(c"builtins".as_ptr()));
    let function = by_number();
    api::dict_set(builtins, c"tstate_run".as_ptr(), function);
    api::decrease(function);
}

/// `_interpreters.exec`: 0, or -1 if it raises or the program does.
pub(super) fn run(interpreter: i64, program: Callback) -> i32 {
    let text = format!("tstate_run({})", packed(program) as usize);
    let text = CString::new(text).unwrap_or_default();
    let arguments = api::tuple(2);
    api::tuple_set(arguments, 0, api::number(interpreter));
    api::tuple_set(arguments, 1, api::text_new(text.as_ptr()));
    call(&EXEC, arguments)
}

/// `_interpreters.destroy`: 0, or -1 if it raises.
pub(super) fn destroy(interpreter: i64) -> i32 {
    let arguments = api::tuple(1);
    api::tuple_set(arguments, 0, api::number(interpreter));
    call(&DESTROY, arguments)
}

/// 0 if the call returns `None`: `exec` returns what its program raised.
fn call(function: &AtomicUsize, arguments: Pointer) -> i32 {
    if !in_main() {
        record::refuse("not driven: the module of interpreters is used in the main one only");
    }
    let function = function.load(Ordering::Relaxed) as Pointer;
    if function.is_null() {
        record::refuse("not driven: the library has no module of interpreters");
    }
    let result = api::call(function, arguments, std::ptr::null_mut());
    api::decrease(arguments);
    if result.is_null() {
        api::error_clear();
        return -1;
    }
    let is_none = super::callbacks::is_none(result);
    api::decrease(result);
    if is_none { 0 } else { -1 }
}
