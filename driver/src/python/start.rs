//! The library's initialization: without `site`, unless something hangs on it, isolated from the user's environment.
//!
//! From 3.14 on by `PyInitConfig`, which is isolated from the start; before by the global flags and `Py_InitializeEx`. An error
//! ends the process as it does there.

use super::api::{self, Pointer, Status};
use super::library::symbol;
use super::{configure, objects, site};
use crate::{child, record, sight};
use std::ffi::{CStr, CString, c_char, c_int};
use tstate::runtime::{Config, StatusError};
use tstate_driver::Started;

/// The functions of `PyInitConfig` that are used here.
struct Configuration {
    config: Pointer,
    set_int: extern "C-unwind" fn(Pointer, *const c_char, i64) -> c_int,
    set_str: extern "C-unwind" fn(Pointer, *const c_char, *const c_char) -> c_int,
    error: extern "C-unwind" fn(Pointer, *mut *const c_char) -> c_int,
    initialize: extern "C-unwind" fn(Pointer) -> c_int,
    free: extern "C-unwind" fn(Pointer),
}

impl Configuration {
    /// A new one, if the library has all that it takes.
    fn new() -> Option<Self> {
        let create = symbol("PyInitConfig_Create")?;
        let set_int = symbol("PyInitConfig_SetInt")?;
        let set_str = symbol("PyInitConfig_SetStr")?;
        let error = symbol("PyInitConfig_GetError")?;
        let initialize = symbol("Py_InitializeFromInitConfig")?;
        let free = symbol("PyInitConfig_Free")?;
        // SAFETY: the symbols have these types in every release that has them (since 3.14).
        unsafe {
            let create = std::mem::transmute::<usize, extern "C-unwind" fn() -> Pointer>(create);
            Some(Self {
                config: create(),
                set_int: std::mem::transmute::<
                    usize,
                    extern "C-unwind" fn(Pointer, *const c_char, i64) -> c_int,
                >(set_int),
                set_str: std::mem::transmute::<
                    usize,
                    extern "C-unwind" fn(Pointer, *const c_char, *const c_char) -> c_int,
                >(set_str),
                error: std::mem::transmute::<
                    usize,
                    extern "C-unwind" fn(Pointer, *mut *const c_char) -> c_int,
                >(error),
                initialize: std::mem::transmute::<usize, extern "C-unwind" fn(Pointer) -> c_int>(
                    initialize,
                ),
                free: std::mem::transmute::<usize, extern "C-unwind" fn(Pointer)>(free),
            })
        }
    }

    fn run(self) {
        let numbers = [
            (c"site_import", site::is_wanted().into()),
            (c"write_bytecode", 0),
            // Isolation ignores the environment, in which the seed of hashes is fixed for the older releases.
            (c"use_hash_seed", 1),
            (c"hash_seed", 0),
        ];
        for (name, value) in numbers {
            self.succeeds((self.set_int)(self.config, name.as_ptr(), value));
        }
        let home = std::env::var("PYTHONHOME").ok();
        if let Some(home) = home.and_then(|home| CString::new(home).ok()) {
            self.succeeds((self.set_str)(self.config, c"home".as_ptr(), home.as_ptr()));
        }
        self.succeeds((self.initialize)(self.config));
        (self.free)(self.config);
    }

    /// Ends the run with the library's own words if it says no: as `Py_Initialize` does.
    fn succeeds(&self, status: c_int) {
        if status == 0 {
            return;
        }
        let mut text = std::ptr::null();
        (self.error)(self.config, &mut text);
        if let Some(status) = self.status(text) {
            api::exit_status_exception(status);
        }
        let text = if text.is_null() {
            c"no reason"
        } else {
            // SAFETY: the library's text is terminated and lives as long as the configuration.
            unsafe { CStr::from_ptr(text) }
        };
        record::refuse(&format!(
            "the library cannot be initialized: {}",
            text.to_string_lossy()
        ));
    }

    /// The status of the error whose message is this very text, as it lies in the configuration: of an error
    /// `PyInitConfig_GetError` passes the status's own pointer on. Its function is nowhere else to be had. Nothing if there is
    /// none, or not one alone.
    fn status(&self, text: *const c_char) -> Option<Status> {
        // SAFETY: the configuration is a block of the C library's, which knows its length.
        let length = unsafe { libc::malloc_usable_size(self.config) };
        let words = length / size_of::<usize>();
        let last = words.checked_sub(size_of::<Status>() / size_of::<usize>())?;
        let begin: *const usize = self.config.cast();
        let mut found = (0..=last).filter_map(|word| {
            // SAFETY: so many words of the block lie behind this one, and any words are a status.
            let status = unsafe { begin.add(word).cast::<Status>().read() };
            status.is_error(text).then_some(status)
        });
        found.next().filter(|_| found.next().is_none())
    }
}

fn initialize_by_flags() {
    for (flag, value) in [
        ("Py_NoSiteFlag", (!site::is_wanted()).into()),
        ("Py_NoUserSiteDirectory", 1),
        ("Py_DontWriteBytecodeFlag", 1),
    ] {
        if let Some(address) = symbol(flag) {
            // SAFETY: the flags are plain ints of the library, read by initialization only.
            unsafe { (address as *mut c_int).write(value) };
        }
    }
    api::initialize_ex(0);
}

/// `Py_InitializeFromConfig`, of a configuration or of null.
pub(super) fn initialize_from_config(config: Option<&Config>) -> Result<(), StatusError> {
    let status = configure::initialize(config);
    if status.is_ok() && config.is_some() && sight::current() != 0 {
        objects::begin();
    }
    status
}

/// Initializes the library.
pub fn initialize() {
    if api::is_initialized() != 0 {
        return;
    }
    match Configuration::new() {
        _ if child::is_running() && child::names_flags() => configure::initialize_as_told(),
        Some(configuration) => configuration.run(),
        None => initialize_by_flags(),
    }
    objects::begin();
}

/// What [`started`] asks of Python, as one text: the flag, and the names of the modules.
const QUESTION: &CStr = c"(lambda sys: str(sys.flags.no_site) + ' ' + ' '.join(sorted(sys.modules)))(__import__('sys'))";

/// Initializes the library as runs do, and tells what is in it then.
pub fn started() -> Result<Started, String> {
    initialize();
    let answer = objects::text_of(QUESTION).ok_or("Python gives no answer")?;
    let mut words = answer.split(' ').map(str::to_owned);
    Ok(Started {
        no_site: words.next().is_some_and(|flag| flag == "1"),
        modules: words.collect(),
    })
}
