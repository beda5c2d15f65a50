//! What the calling thread is about, for functions of C that the library calls: most of what Python does inside is nobody's
//! business.

use super::api::{self, Pointer};
use std::cell::{Cell, RefCell};
use std::ffi::CStr;

thread_local! {
    /// It evaluates a frame of the scenario's own.
    static EVALUATING: Cell<bool> = const { Cell::new(false) };
    /// It raises an audit event of the scenario's own.
    static AUDITING: Cell<bool> = const { Cell::new(false) };
    /// What the scenario imports.
    static IMPORTING: RefCell<Option<String>> = const { RefCell::new(None) };
}

fn with<R>(
    flag: &'static std::thread::LocalKey<Cell<bool>>,
    value: bool,
    call: impl FnOnce() -> R,
) -> R {
    let before = flag.replace(value);
    let result = call();
    flag.set(before);
    result
}

/// A frame of the scenario's own.
pub(super) fn evaluating<R>(call: impl FnOnce() -> R) -> R {
    with(&EVALUATING, true, call)
}

/// Whether the calling thread evaluates one, and not what it calls.
pub(super) fn evaluates() -> bool {
    EVALUATING.get()
}

/// What a frame of the scenario's own calls.
pub fn outside_of_frames<R>(call: impl FnOnce() -> R) -> R {
    with(&EVALUATING, false, || with(&AUDITING, false, call))
}

/// An audit event of the scenario's own.
pub(super) fn auditing<R>(call: impl FnOnce() -> R) -> R {
    with(&AUDITING, true, call)
}

/// Whether the calling thread raises one.
pub(super) fn is_own_event() -> bool {
    AUDITING.get()
}

/// An import of the scenario's own.
pub(super) fn importing<R>(name: &str, call: impl FnOnce() -> R) -> R {
    let before = IMPORTING.replace(Some(name.to_owned()));
    let result = call();
    IMPORTING.set(before);
    result
}

/// Whether that is what the scenario imports: a text of Python.
pub(super) fn is_import_of(name: Pointer) -> bool {
    let text = api::text(name);
    if text.is_null() {
        return false;
    }
    // SAFETY: the library's text is terminated and belongs to its object.
    let text = unsafe { CStr::from_ptr(text) };
    IMPORTING.with_borrow(|importing| {
        let importing = importing.as_deref();
        importing.is_some_and(|importing| importing.as_bytes() == text.to_bytes())
    })
}
