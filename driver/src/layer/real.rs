//! The C library's own functions, found behind ours.

use std::ffi::CStr;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A function of the C library, looked up at its first use.
#[derive(Debug)]
pub struct Real {
    name: &'static CStr,
    /// Its version where an older one has the same name.
    version: Option<&'static CStr>,
    address: AtomicUsize,
}

impl Real {
    /// The function of that name.
    pub const fn new(name: &'static CStr) -> Self {
        Self {
            name,
            version: None,
            address: AtomicUsize::new(0),
        }
    }

    /// The function of that name, of which glibc on x86-64 has an older one that works differently.
    pub const fn versioned(name: &'static CStr, version: &'static CStr) -> Self {
        Self {
            name,
            version: Some(version),
            address: AtomicUsize::new(0),
        }
    }

    /// Its address.
    pub fn address(&self) -> usize {
        let known = self.address.load(Ordering::Relaxed);
        if known != 0 {
            return known;
        }
        // SAFETY: both names are terminated strings; looking a symbol up has no other precondition.
        let found = unsafe {
            let newest = self.version.map_or(std::ptr::null_mut(), |version| {
                libc::dlvsym(libc::RTLD_NEXT, self.name.as_ptr(), version.as_ptr())
            });
            if newest.is_null() {
                libc::dlsym(libc::RTLD_NEXT, self.name.as_ptr())
            } else {
                newest
            }
        };
        if found.is_null() {
            // Nothing can be said here: even the way to panic may need this function.
            // SAFETY: ends the process without touching anything.
            unsafe { libc::_exit(127) };
        }
        self.address.store(found as usize, Ordering::Relaxed);
        found as usize
    }
}

/// Calls the C library's function: `real!("sem_post" => fn(*mut sem_t) -> c_int)(semaphore)`.
macro_rules! real {
    ($name:literal => fn($($parameter:ty),*) $(-> $result:ty)?) => {{
        static REAL: $crate::layer::real::Real = $crate::layer::real::Real::new($name);
        // SAFETY: the name stands for a function of this type in the C library's headers.
        unsafe { std::mem::transmute::<usize, unsafe extern "C" fn($($parameter),*) $(-> $result)?>(REAL.address()) }
    }};
    ($name:literal, $version:literal => fn($($parameter:ty),*) $(-> $result:ty)?) => {{
        static REAL: $crate::layer::real::Real =
            $crate::layer::real::Real::versioned($name, $version);
        // SAFETY: the name stands for a function of this type in the C library's headers.
        unsafe { std::mem::transmute::<usize, unsafe extern "C" fn($($parameter),*) $(-> $result)?>(REAL.address()) }
    }};
}
pub(crate) use real;
