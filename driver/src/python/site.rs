//! What the import of `site` runs: a `sitecustomize` of ours, built in, whose making runs what `at_site` registered.
//!
//! Without a callback the library is initialized without `site`, which would only be slow.

use super::api::{self, Pointer};
use super::callbacks::{packed, run};
use super::objects;
use std::ffi::CStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use tstate::runtime::Callback;

const NAME: &CStr = c"sitecustomize";
/// `PYTHON_API_VERSION`
const API_VERSION: i32 = 1013;
/// Words of a `PyModuleDef`: its size of 0 asks for `make` in each life of the library.
const WORDS: usize = 13;
/// Its count of references, and its name.
const COUNT_WORD: usize = 0;
const NAME_WORD: usize = 5;

static CALLBACK: AtomicUsize = AtomicUsize::new(0);
/// `PyModuleDef`, which the library writes to.
static DEFINITION: [AtomicUsize; WORDS] = [const { AtomicUsize::new(0) }; WORDS];

/// Registers the callback, before initialization.
pub(super) fn at_site(callback: Callback) {
    if !is_wanted() {
        api::append_inittab(NAME.as_ptr(), make);
    }
    CALLBACK.store(packed(callback) as usize, Ordering::Relaxed);
}

/// Whether initialization has to import `site`.
pub(super) fn is_wanted() -> bool {
    CALLBACK.load(Ordering::Relaxed) != 0
}

/// The import of `sitecustomize`.
extern "C-unwind" fn make() -> Pointer {
    objects::begin();
    run(CALLBACK.load(Ordering::Relaxed) as Pointer);
    empty_module()
}

/// A module in which there is nothing.
pub(super) fn empty_module() -> Pointer {
    DEFINITION[COUNT_WORD].store(1, Ordering::Relaxed);
    DEFINITION[NAME_WORD].store(NAME.as_ptr() as usize, Ordering::Relaxed);
    api::module_new(DEFINITION.as_ptr().cast_mut().cast(), API_VERSION)
}
