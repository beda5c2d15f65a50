//! A library, opened, and its functions by name.

use crate::record;
use std::ffi::{CStr, CString, c_char, c_void};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What is opened.
static HANDLE: AtomicUsize = AtomicUsize::new(0);
static RELEASE: OnceLock<Release> = OnceLock::new();

/// Which release a library is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// 13 of 3.13.5.
    pub minor: u8,
    /// 5 of 3.13.5.
    pub patch: u8,
    /// What `Py_GetVersion` says.
    pub version: String,
    /// Built with assertions.
    pub debug: bool,
    /// Built without the GIL.
    pub free_threaded: bool,
}

impl Release {
    /// Whether threads of `threading` end by `PyThread_exit_thread`, also when nobody makes them (until bpo-44434).
    pub fn ends_threads_by_exit(&self) -> bool {
        (self.minor, self.patch) < (9, 6)
    }
}

/// Opens the library for the whole process.
pub fn open(path: &str) -> Result<&'static Release, String> {
    let name = CString::new(path).map_err(|_| "a path has no null byte".to_owned())?;
    // SAFETY: the name is terminated; libpython's initializers do nothing but set variables.
    let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_GLOBAL) };
    if handle.is_null() {
        // SAFETY: after a failure the message is there, terminated.
        let message = unsafe { CStr::from_ptr(libc::dlerror()) };
        return Err(message.to_string_lossy().into_owned());
    }
    HANDLE.store(handle as usize, Ordering::Relaxed);
    let version = version().ok_or_else(|| format!("{path} is no libpython"))?;
    let numbers = version.split([' ', '+']).next().unwrap_or_default();
    let digits = |part: &str| -> String { part.chars().take_while(char::is_ascii_digit).collect() };
    let mut parts = numbers.split('.').map(|part| digits(part).parse::<u8>());
    let (Some(Ok(3)), Some(Ok(minor)), Some(Ok(patch))) =
        (parts.next(), parts.next(), parts.next())
    else {
        return Err(format!("{path} is CPython {numbers}, which is not known"));
    };
    Ok(RELEASE.get_or_init(|| Release {
        minor,
        patch,
        debug: symbol("_Py_NegativeRefcount").is_some() || symbol("_Py_RefTotal").is_some(),
        free_threaded: version.contains("free-threading"),
        version,
    }))
}

fn version() -> Option<String> {
    let address = symbol("Py_GetVersion")?;
    // SAFETY: the function of that name has this type in every release, needs no initialization, and returns a
    // terminated string that stays.
    let text = unsafe {
        let function = std::mem::transmute::<usize, extern "C" fn() -> *const c_char>(address);
        CStr::from_ptr(function())
    };
    Some(text.to_string_lossy().into_owned())
}

/// The release of the library that is open.
pub fn release() -> &'static Release {
    RELEASE
        .get()
        .unwrap_or_else(|| record::cut("internal: no library is open"))
}

/// The address of a symbol of the library.
pub fn symbol(name: &str) -> Option<usize> {
    let handle = HANDLE.load(Ordering::Relaxed) as *mut c_void;
    let name = CString::new(name).ok()?;
    // SAFETY: the handle is of an open library or null, which means the program; the name is terminated.
    let address = unsafe { libc::dlsym(handle, name.as_ptr()) };
    (!address.is_null()).then_some(address as usize)
}

/// Whether something of the library's own memory, of code or of constants, lies there.
pub fn is_of_library(address: usize) -> bool {
    let file = |address: usize| {
        // SAFETY: a description of null pointers is one; any address may be asked for.
        unsafe {
            let mut found: libc::Dl_info = std::mem::zeroed();
            let is_known = libc::dladdr(address as *const c_void, &raw mut found) != 0;
            is_known.then_some(found.dli_fbase as usize)
        }
    };
    let library = symbol("Py_GetVersion").and_then(file);
    library.is_some() && file(address) == library
}

/// The address of the first of `names`, separated by `|`, that the library has; the run is refused without one.
pub fn required(cache: &AtomicUsize, names: &str) -> usize {
    let known = cache.load(Ordering::Relaxed);
    if known != 0 {
        return known;
    }
    match names.split('|').find_map(symbol) {
        Some(address) => {
            cache.store(address, Ordering::Relaxed);
            address
        }
        None => {
            let name = names.split('|').next().unwrap_or_default();
            record::refuse(&format!("{name} is not in this library"))
        }
    }
}
