//! Time: for threads of the run, a clock that moves with what they do, and sleeping that lets others go on.

use super::real::real;
use crate::schedule::{is_scheduled, own, relax};
use libc::{c_int, c_uint, clockid_t, fd_set, timespec, timeval};

/// By how much the clock moves when somebody looks at it.
const GLANCE: u64 = 1_000;
const NANOSECONDS: u64 = 1_000_000_000;

fn now() -> u64 {
    own(|schedule| {
        schedule.clock += GLANCE;
        schedule.clock
    })
}

fn sleep(nanoseconds: u64) {
    relax();
    own(|schedule| schedule.clock += nanoseconds);
}

fn nanoseconds(time: &timespec) -> u64 {
    (time.tv_sec.unsigned_abs())
        .saturating_mul(NANOSECONDS)
        .saturating_add(time.tv_nsec.unsigned_abs())
}

/// # Safety
///
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(clock: clockid_t, time: *mut timespec) -> c_int {
    if is_scheduled() {
        let now = now();
        let value = timespec {
            tv_sec: (now / NANOSECONDS) as libc::time_t,
            tv_nsec: (now % NANOSECONDS) as libc::c_long,
        };
        // SAFETY: the caller's place for the result.
        unsafe { time.write(value) };
        return 0;
    }
    let real = real!(c"clock_gettime" => fn(clockid_t, *mut timespec) -> c_int);
    // SAFETY: passed on as it came.
    unsafe { real(clock, time) }
}

/// # Safety
///
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gettimeofday(time: *mut timeval, zone: *mut libc::c_void) -> c_int {
    if is_scheduled() && !time.is_null() {
        let now = now();
        let value = timeval {
            tv_sec: (now / NANOSECONDS) as libc::time_t,
            tv_usec: (now % NANOSECONDS / 1_000) as libc::suseconds_t,
        };
        // SAFETY: the caller's place for the result.
        unsafe { time.write(value) };
        return 0;
    }
    let real = real!(c"gettimeofday" => fn(*mut timeval, *mut libc::c_void) -> c_int);
    // SAFETY: passed on as it came.
    unsafe { real(time, zone) }
}

/// # Safety
///
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nanosleep(length: *const timespec, rest: *mut timespec) -> c_int {
    if is_scheduled() {
        // SAFETY: the caller's length.
        sleep(nanoseconds(unsafe { &*length }));
        return 0;
    }
    let real = real!(c"nanosleep" => fn(*const timespec, *mut timespec) -> c_int);
    // SAFETY: passed on as it came.
    unsafe { real(length, rest) }
}

/// # Safety
///
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_nanosleep(
    clock: clockid_t,
    flags: c_int,
    length: *const timespec,
    rest: *mut timespec,
) -> c_int {
    if is_scheduled() {
        // SAFETY: the caller's length, or the time to sleep until.
        let length = nanoseconds(unsafe { &*length });
        let until = flags & libc::TIMER_ABSTIME != 0;
        let passed = if until {
            own(|schedule| schedule.clock)
        } else {
            0
        };
        sleep(length.saturating_sub(passed));
        return 0;
    }
    let real =
        real!(c"clock_nanosleep" => fn(clockid_t, c_int, *const timespec, *mut timespec) -> c_int);
    // SAFETY: passed on as it came.
    unsafe { real(clock, flags, length, rest) }
}

/// # Safety
///
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn usleep(length: c_uint) -> c_int {
    if is_scheduled() {
        sleep(u64::from(length) * 1_000);
        return 0;
    }
    let real = real!(c"usleep" => fn(c_uint) -> c_int);
    // SAFETY: passed on as it came.
    unsafe { real(length) }
}

/// # Safety
///
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn select(
    count: c_int,
    read: *mut fd_set,
    write: *mut fd_set,
    except: *mut fd_set,
    length: *mut timeval,
) -> c_int {
    if is_scheduled() && count == 0 && !length.is_null() {
        // SAFETY: the caller's length.
        let length = unsafe { *length };
        let seconds = length.tv_sec.unsigned_abs().saturating_mul(NANOSECONDS);
        sleep(seconds.saturating_add(length.tv_usec.unsigned_abs() * 1_000));
        return 0;
    }
    let real =
        real!(c"select" => fn(c_int, *mut fd_set, *mut fd_set, *mut fd_set, *mut timeval) -> c_int);
    // SAFETY: passed on as it came.
    unsafe { real(count, read, write, except, length) }
}

/// # Safety
///
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sched_yield() -> c_int {
    if is_scheduled() {
        relax();
        return 0;
    }
    let real = real!(c"sched_yield" => fn() -> c_int);
    // SAFETY: has no precondition.
    unsafe { real() }
}
