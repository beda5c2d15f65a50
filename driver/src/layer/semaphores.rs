//! Semaphores.

use super::fence::touch;
use super::real::real;
use crate::schedule::{Waits, block, is_scheduled, own, step_at};
use libc::{EAGAIN, ETIMEDOUT, c_int, c_uint, clockid_t, sem_t, timespec};

/// Whether the semaphore is one of ours: the thread is, and it was initialized.
fn is_known(semaphore: *mut sem_t) -> bool {
    touch(semaphore);
    is_scheduled() && own(|schedule| schedule.semaphores.contains_key(&(semaphore as usize)))
}

fn fail(error: c_int) -> c_int {
    // SAFETY: the calling thread's own error number.
    unsafe { *libc::__errno_location() = error };
    -1
}

/// Takes one if there is one.
fn take(address: usize) -> bool {
    own(|schedule| match schedule.semaphores.get_mut(&address) {
        Some(count) if *count > 0 => {
            *count -= 1;
            true
        }
        Some(_) | None => false,
    })
}

fn wait(semaphore: *mut sem_t, timed: bool) -> c_int {
    let semaphore = semaphore as usize;
    step_at(semaphore);
    while !take(semaphore) {
        if block(Waits::Semaphore { semaphore, timed }) {
            return fail(ETIMEDOUT);
        }
    }
    0
}

/// # Safety
///
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sem_init(semaphore: *mut sem_t, shared: c_int, value: c_uint) -> c_int {
    if is_scheduled() {
        own(|schedule| {
            schedule
                .semaphores
                .insert(semaphore as usize, u64::from(value))
        });
    }
    let real = real!(c"sem_init" => fn(*mut sem_t, c_int, c_uint) -> c_int);
    // SAFETY: passed on as it came.
    unsafe { real(semaphore, shared, value) }
}

/// # Safety
///
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sem_destroy(semaphore: *mut sem_t) -> c_int {
    if is_scheduled() {
        own(|schedule| schedule.semaphores.remove(&(semaphore as usize)));
    }
    let real = real!(c"sem_destroy" => fn(*mut sem_t) -> c_int);
    // SAFETY: passed on as it came.
    unsafe { real(semaphore) }
}

/// # Safety
///
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sem_wait(semaphore: *mut sem_t) -> c_int {
    if is_known(semaphore) {
        return wait(semaphore, false);
    }
    let real = real!(c"sem_wait" => fn(*mut sem_t) -> c_int);
    // SAFETY: passed on as it came.
    unsafe { real(semaphore) }
}

/// # Safety
///
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sem_trywait(semaphore: *mut sem_t) -> c_int {
    if is_known(semaphore) {
        step_at(semaphore as usize);
        return if take(semaphore as usize) {
            0
        } else {
            fail(EAGAIN)
        };
    }
    let real = real!(c"sem_trywait" => fn(*mut sem_t) -> c_int);
    // SAFETY: passed on as it came.
    unsafe { real(semaphore) }
}

/// # Safety
///
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sem_timedwait(semaphore: *mut sem_t, until: *const timespec) -> c_int {
    if is_known(semaphore) {
        return wait(semaphore, true);
    }
    let real = real!(c"sem_timedwait" => fn(*mut sem_t, *const timespec) -> c_int);
    // SAFETY: passed on as it came.
    unsafe { real(semaphore, until) }
}

/// # Safety
///
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sem_clockwait(
    semaphore: *mut sem_t,
    clock: clockid_t,
    until: *const timespec,
) -> c_int {
    if is_known(semaphore) {
        return wait(semaphore, true);
    }
    let real = real!(c"sem_clockwait" => fn(*mut sem_t, clockid_t, *const timespec) -> c_int);
    // SAFETY: passed on as it came.
    unsafe { real(semaphore, clock, until) }
}

/// # Safety
///
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sem_post(semaphore: *mut sem_t) -> c_int {
    if is_known(semaphore) {
        own(|schedule| {
            *schedule.semaphores.entry(semaphore as usize).or_default() += 1;
            schedule.moved();
        });
        step_at(semaphore as usize + 1);
        return 0;
    }
    let real = real!(c"sem_post" => fn(*mut sem_t) -> c_int);
    // SAFETY: passed on as it came.
    unsafe { real(semaphore) }
}
