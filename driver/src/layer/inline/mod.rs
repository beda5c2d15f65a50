//! Points of a run inside code of the library, where it calls nobody.
//!
//! * [`Inline::Atomics`]: before locked instructions, exchanges with memory and fences. A `PyMutex` nobody waits for, the lock
//!   of the lists of thread states since 3.13 among them, is taken and given back by one; since 3.13 the holder of the GIL is
//!   asked for it by one.
//! * [`Inline::Accesses`]: also before what only reads or writes memory other than the stack, atomic or not, among the next
//!   [`WINDOW`] instructions after such an operation, and after a call of a lock, a condition variable, a semaphore or a
//!   thread has returned; as long as the library calls nobody else.
//!
//! # Protocol
//!
//! 1. Before the first run, the places are found: functions by the tables by which the library's frames are unwound, so that
//!    nothing is taken for code that is none, and instructions by a decoder ([`find`]).
//! 2. A run puts a breakpoint on the first byte of each ([`arm`]). Its code is its own copy; others do not see it.
//! 3. Whoever comes to one is interrupted by `SIGTRAP` before the instruction. It stands at a point ([`step_at`]); others may
//!    go on, and come to the same place.
//! 4. When it goes on, it puts the byte back and has the processor interrupt it after one instruction, then puts the
//!    breakpoint there again. Meanwhile it has the turn, so nobody passes where the breakpoint is not.
//! 5. While a window is open the processor goes on to interrupt it after each instruction.
//!
//! # Loops
//!
//! Of an instruction that a thread comes to again and again, with no other point of anybody in between, the first two times
//! are points, then every time that is a power of two or a multiple of [`SEEN_OFTEN`]. Such loops empty tables, of a
//! thousand objects or one; what spins waits for others, who get their turn.
//!
//! [`step_at`]: crate::schedule::step_at

#[cfg(target_arch = "x86_64")]
mod code;
#[cfg(target_arch = "x86_64")]
mod machine;

#[cfg(target_arch = "x86_64")]
pub use machine::{arm, find};

/// Instructions of the library in which plain accesses are points.
#[cfg(target_arch = "x86_64")]
const WINDOW: u32 = 64;

/// See the module's documentation.
#[cfg(target_arch = "x86_64")]
const SEEN_OFTEN: u64 = 64;

/// Nothing is known of this processor's instructions.
///
/// # Errors
///
/// Always.
#[cfg(not(target_arch = "x86_64"))]
pub fn find(_: tstate_driver::Inline) -> Result<(), String> {
    Err("inline operations are known on x86-64 only".to_owned())
}

/// Does nothing.
///
/// # Errors
///
/// Never.
#[cfg(not(target_arch = "x86_64"))]
pub fn arm() -> Result<(), String> {
    Ok(())
}
