//! Mutexes and condition variables.

use super::fence::touch;
use super::real::real;
use crate::schedule::{
    Waits, block, is_scheduled, me, own, signal_all, signal_one, step_at, step_to_wait,
};
use libc::{
    EBUSY, ETIMEDOUT, c_int, clockid_t, pthread_cond_t, pthread_condattr_t, pthread_mutex_t,
    pthread_mutexattr_t, timespec,
};

/// Where glibc keeps a mutex's kind, in 32-bit words.
const KIND_AT: usize = 4;
const KIND_MASK: c_int = 3;

/// Whether the mutex may be locked again by its owner.
fn is_recursive(mutex: *mut pthread_mutex_t) -> bool {
    // SAFETY: the caller of the function that we stand in for passes a mutex; its kind is a plain word that glibc
    // writes at initialization.
    let kind = unsafe { mutex.cast::<c_int>().add(KIND_AT).read() };
    kind & KIND_MASK == libc::PTHREAD_MUTEX_RECURSIVE
}

fn lock(mutex: *mut pthread_mutex_t) {
    touch(mutex);
    let (me, address) = (me(), mutex as usize);
    step_at(address);
    if own(|schedule| schedule.mutex(address).owner) == Some(me) && is_recursive(mutex) {
        own(|schedule| schedule.mutex(address).count += 1);
        return;
    }
    take(address);
}

/// Takes the mutex as soon as it is free.
fn take(address: usize) {
    let me = me();
    while own(|schedule| schedule.mutex(address).owner.is_some()) {
        block(Waits::Mutex(address));
    }
    touch(address as *const pthread_mutex_t);
    own(|schedule| schedule.mutex(address).owner = Some(me));
}

fn unlock(address: usize) {
    touch(address as *const pthread_mutex_t);
    own(|schedule| {
        let mutex = schedule.mutex(address);
        if mutex.count > 0 {
            mutex.count -= 1;
        } else {
            mutex.owner = None;
        }
        schedule.moved();
    });
}

fn wait(condition: *mut pthread_cond_t, mutex: *mut pthread_mutex_t, timed: bool) -> c_int {
    touch(condition);
    let (address, place) = (mutex as usize, condition as usize);
    let condition = own(|schedule| schedule.condition(condition as usize));
    step_to_wait(place, timed);
    // From here to the wait nobody else runs: a wake-up in between would be lost.
    unlock(address);
    let timed_out = block(Waits::Condition {
        condition,
        timed,
        mutex: address,
    });
    take(address);
    if timed_out { ETIMEDOUT } else { 0 }
}

/// # Safety
///
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_mutex_init(
    mutex: *mut pthread_mutex_t,
    attributes: *const pthread_mutexattr_t,
) -> c_int {
    if is_scheduled() {
        own(|schedule| schedule.mutexes.remove(&(mutex as usize)));
    }
    let real = real!(c"pthread_mutex_init" => fn(*mut pthread_mutex_t, *const pthread_mutexattr_t) -> c_int);
    // SAFETY: passed on as it came.
    unsafe { real(mutex, attributes) }
}

/// # Safety
///
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_mutex_destroy(mutex: *mut pthread_mutex_t) -> c_int {
    if is_scheduled() {
        own(|schedule| schedule.mutexes.remove(&(mutex as usize)));
        return 0;
    }
    let real = real!(c"pthread_mutex_destroy" => fn(*mut pthread_mutex_t) -> c_int);
    // SAFETY: passed on as it came.
    unsafe { real(mutex) }
}

/// # Safety
///
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_mutex_lock(mutex: *mut pthread_mutex_t) -> c_int {
    if is_scheduled() {
        lock(mutex);
        return 0;
    }
    let real = real!(c"pthread_mutex_lock" => fn(*mut pthread_mutex_t) -> c_int);
    // SAFETY: passed on as it came.
    unsafe { real(mutex) }
}

/// # Safety
///
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_mutex_trylock(mutex: *mut pthread_mutex_t) -> c_int {
    if is_scheduled() {
        step_at(mutex as usize);
        touch(mutex);
        let (me, address) = (me(), mutex as usize);
        let recursive = is_recursive(mutex);
        return own(|schedule| {
            let mutex = schedule.mutex(address);
            match mutex.owner {
                None => mutex.owner = Some(me),
                Some(owner) if owner == me && recursive => mutex.count += 1,
                Some(_) => return EBUSY,
            }
            0
        });
    }
    let real = real!(c"pthread_mutex_trylock" => fn(*mut pthread_mutex_t) -> c_int);
    // SAFETY: passed on as it came.
    unsafe { real(mutex) }
}

/// # Safety
///
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_mutex_unlock(mutex: *mut pthread_mutex_t) -> c_int {
    if is_scheduled() {
        unlock(mutex as usize);
        step_at(mutex as usize + 1);
        return 0;
    }
    let real = real!(c"pthread_mutex_unlock" => fn(*mut pthread_mutex_t) -> c_int);
    // SAFETY: passed on as it came.
    unsafe { real(mutex) }
}

/// # Safety
///
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_cond_init(
    condition: *mut pthread_cond_t,
    attributes: *const pthread_condattr_t,
) -> c_int {
    if is_scheduled() {
        own(|schedule| schedule.make_condition(condition as usize));
    }
    let real = real!(c"pthread_cond_init", c"GLIBC_2.3.2" => fn(*mut pthread_cond_t, *const pthread_condattr_t) -> c_int);
    // SAFETY: passed on as it came.
    unsafe { real(condition, attributes) }
}

/// Differs: glibc waits until nobody uses the condition variable any more. Here a waiter stays where it is and can only
/// time out, so that no run depends on how many time-outs it may have.
///
/// # Safety
///
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_cond_destroy(condition: *mut pthread_cond_t) -> c_int {
    if is_scheduled() {
        own(|schedule| schedule.conditions.remove(&(condition as usize)));
        return 0;
    }
    let real = real!(c"pthread_cond_destroy", c"GLIBC_2.3.2" => fn(*mut pthread_cond_t) -> c_int);
    // SAFETY: passed on as it came.
    unsafe { real(condition) }
}

/// # Safety
///
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_cond_wait(
    condition: *mut pthread_cond_t,
    mutex: *mut pthread_mutex_t,
) -> c_int {
    if is_scheduled() {
        return wait(condition, mutex, false);
    }
    let real = real!(c"pthread_cond_wait", c"GLIBC_2.3.2" => fn(*mut pthread_cond_t, *mut pthread_mutex_t) -> c_int);
    // SAFETY: passed on as it came.
    unsafe { real(condition, mutex) }
}

/// # Safety
///
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_cond_timedwait(
    condition: *mut pthread_cond_t,
    mutex: *mut pthread_mutex_t,
    until: *const timespec,
) -> c_int {
    if is_scheduled() {
        return wait(condition, mutex, true);
    }
    let real = real!(c"pthread_cond_timedwait", c"GLIBC_2.3.2" => fn(*mut pthread_cond_t, *mut pthread_mutex_t, *const timespec) -> c_int);
    // SAFETY: passed on as it came.
    unsafe { real(condition, mutex, until) }
}

/// # Safety
///
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_cond_clockwait(
    condition: *mut pthread_cond_t,
    mutex: *mut pthread_mutex_t,
    clock: clockid_t,
    until: *const timespec,
) -> c_int {
    if is_scheduled() {
        return wait(condition, mutex, true);
    }
    let real = real!(c"pthread_cond_clockwait" => fn(*mut pthread_cond_t, *mut pthread_mutex_t, clockid_t, *const timespec) -> c_int);
    // SAFETY: passed on as it came.
    unsafe { real(condition, mutex, clock, until) }
}

/// # Safety
///
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_cond_signal(condition: *mut pthread_cond_t) -> c_int {
    if is_scheduled() {
        touch(condition);
        let place = condition as usize + 1;
        own(|schedule| {
            let condition = schedule.condition(condition as usize);
            signal_one(schedule, condition);
        });
        step_at(place);
        return 0;
    }
    let real = real!(c"pthread_cond_signal", c"GLIBC_2.3.2" => fn(*mut pthread_cond_t) -> c_int);
    // SAFETY: passed on as it came.
    unsafe { real(condition) }
}

/// # Safety
///
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_cond_broadcast(condition: *mut pthread_cond_t) -> c_int {
    if is_scheduled() {
        touch(condition);
        let place = condition as usize + 1;
        own(|schedule| {
            let condition = schedule.condition(condition as usize);
            signal_all(schedule, condition);
        });
        step_at(place);
        return 0;
    }
    let real = real!(c"pthread_cond_broadcast", c"GLIBC_2.3.2" => fn(*mut pthread_cond_t) -> c_int);
    // SAFETY: passed on as it came.
    unsafe { real(condition) }
}
