//! Breakpoints and single steps.

use super::code::{Image, Place, is_access, places};
use super::{SEEN_OFTEN, WINDOW};
use crate::python;
use crate::schedule::{is_scheduled, own, step_at};
use libc::{c_int, c_void, siginfo_t, ucontext_t};
use std::cell::Cell;
use std::ops::Range;
use std::sync::OnceLock;
use tstate_driver::Inline;

const PAGE: usize = 4096;
/// The instruction that interrupts.
const BREAKPOINT: u8 = 0xcc;
/// The processor's flag to interrupt after the next instruction.
const TRAP_FLAG: i64 = 1 << 8;
/// What the kernel says of an interruption by that flag.
const STEPPED: c_int = 2;

/// What is known of the library.
#[derive(Debug)]
struct Known {
    /// Sorted by address.
    places: Vec<Place>,
    code: Range<usize>,
    inline: Inline,
}

static KNOWN: OnceLock<Known> = OnceLock::new();

thread_local! {
    /// The place where the thread stood last, how often in a row, and how far the run was then.
    static LAST: Cell<(usize, u64, u64)> = const { Cell::new((0, 0, 0)) };
    /// The place whose instruction the thread is about to have done; 0 outside.
    static STEPPING: Cell<usize> = const { Cell::new(0) };
    /// Instructions of the window that is open.
    static LEFT: Cell<u32> = const { Cell::new(0) };
    /// The thread stands at a point.
    static STANDS: Cell<bool> = const { Cell::new(false) };
}

/// Finds the places of the library that is open.
///
/// # Errors
///
/// The library has no tables for unwinding.
pub fn find(inline: Inline) -> Result<(), String> {
    let code = python::symbol("Py_GetVersion").ok_or("no library is open")?;
    let known = Known {
        places: places(code, inline == Inline::Accesses)?,
        code: Image::of(code).code(),
        inline,
    };
    KNOWN.get_or_init(|| known);
    Ok(())
}

/// From here on what was found are points of the run, in this process.
///
/// # Errors
///
/// The library's code may not be changed.
pub fn arm() -> Result<(), String> {
    let Some(known) = KNOWN.get() else {
        return Ok(());
    };
    let handler: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) = interrupts;
    // SAFETY: all bytes zero are an action with no signals blocked; the handler has the type that its flag asks for.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_NODEFER;
        libc::sigaction(libc::SIGTRAP, &action, std::ptr::null_mut());
    }
    let page = |place: &Place| place.address - place.address % PAGE;
    for places in known.places.chunk_by(|one, other| page(one) == page(other)) {
        let access = libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC;
        // SAFETY: the page is the library's code, which this process alone changes.
        let failed = unsafe { libc::mprotect(page(&places[0]) as *mut c_void, PAGE, access) } != 0;
        if failed {
            return Err("the library's code cannot be changed here".to_owned());
        }
        for place in places {
            set(place.address, BREAKPOINT);
        }
    }
    Ok(())
}

/// Writes the first byte of the instruction there.
fn set(address: usize, byte: u8) {
    // SAFETY: `arm` made the page writable, and nobody else runs the library's code now.
    unsafe { (address as *mut u8).write_volatile(byte) };
}

impl Known {
    fn place(&self, address: usize) -> Option<Place> {
        let at = self
            .places
            .binary_search_by_key(&address, |place| place.address);
        at.ok().map(|at| self.places[at])
    }
}

extern "C" fn interrupts(_: c_int, about: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel passes why, and the thread's registers, which are this handler's to change.
    let (why, registers) = unsafe {
        let context = &mut *context.cast::<ucontext_t>();
        ((*about).si_code, &mut context.uc_mcontext.gregs)
    };
    let (next, flags) = (libc::REG_RIP as usize, libc::REG_EFL as usize);
    let stepped = STEPPING.replace(0);
    if stepped != 0 {
        set(stepped, BREAKPOINT);
    }
    let address = registers[next] as usize;
    let known = KNOWN.get();
    if why == STEPPED {
        if !known.is_some_and(|known| goes_on_stepping(known, address)) {
            registers[flags] &= !TRAP_FLAG;
        }
        return;
    }
    let place = known.and_then(|known| known.place(address - 1));
    let (Some(known), Some(place)) = (known, place) else {
        // It is not ours: it kills, as it would have.
        // SAFETY: gives the signal its default action, and sends it to this thread.
        unsafe {
            libc::signal(libc::SIGTRAP, libc::SIG_DFL);
            libc::raise(libc::SIGTRAP);
        }
        return;
    };
    if place.is_point {
        stand(place.address);
    }
    set(place.address, place.byte);
    if known.inline == Inline::Accesses {
        LEFT.set(WINDOW);
    }
    STEPPING.set(place.address);
    registers[next] = place.address as i64;
    registers[flags] |= TRAP_FLAG;
}

/// An instruction is done, and this is the next: whether the one after it is to be looked at too.
fn goes_on_stepping(known: &Known, next: usize) -> bool {
    let left = LEFT.get();
    if left == 0 || !known.code.contains(&next) {
        LEFT.set(0);
        return false;
    }
    LEFT.set(left - 1);
    // At a place a breakpoint comes next, which is no instruction of the library's.
    if known.place(next).is_none() && is_access(next) {
        stand(next);
    }
    true
}

/// The calling thread is at a point, unless it is none of the run, or is at one already, or is the only one left.
fn stand(place: usize) {
    let is_point = is_scheduled() && !STANDS.get() && own(|schedule| schedule.has_others());
    if !is_point || is_repeated(place) {
        return;
    }
    STANDS.set(true);
    // SAFETY: the place is the calling thread's.
    let error = unsafe { *libc::__errno_location() };
    let before = own(|schedule| schedule.version());
    step_at(place);
    crate::child::look_for_signals();
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = error };
    STANDS.set(false);
    // If nobody else went on, it is one operation further.
    let (_, times, _) = LAST.get();
    LAST.set((place, times, before + 1));
}

/// Whether the thread was here often, and nothing else has happened.
fn is_repeated(place: usize) -> bool {
    let (last, times, version) = LAST.get();
    let again = last == place && version == own(|schedule| schedule.version());
    let times = if again { times + 1 } else { 1 };
    LAST.set((place, times, version));
    !times.is_power_of_two() && !times.is_multiple_of(SEEN_OFTEN)
}
