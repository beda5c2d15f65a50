//! The swappable primitives: the only folder that names `parking_lot`, `loom`, `std::sync` and `std::thread`.
//!
//! One facade, three engines. The runtime above is written once against these types and runs
//!
//! | engine | chosen by | what a primitive is |
//! | --- | --- | --- |
//! | production | default | `parking_lot` and the standard atomics |
//! | simulated | a [`hook::Controller`] installed on the OS thread (feature `sim`) | the production types, which pass a hook before each visible operation |
//! | loom | `--cfg loom` | loom's types, every interleaving under the C11 memory model |
//!
//! # What code above must keep to
//!
//! * Everything that two threads share, and everything that a thread keeps between two visible operations outside its
//!   own stack, lives in one of these types. Shared state that is neither hooked nor named deterministically makes the
//!   explorer unsound.
//! * A fiber owns no heap across a visible operation: the simulator restores stacks and cells by copying bytes, so a
//!   `Vec` or `Box` that lives on a fiber's stack would be freed twice. Use arrays, slots and handles.
//! * What a [`Mutex`] protects implements `Hash`: plain data and handles, no references, maps, floats or atomics.
//! * Timed waits are events that the engine may deliver ([`Condvar::wait_timed`]), never a clock.
//! * A loop that retries calls [`scope`] before it, [`Scope::again`] at the head of each iteration with the locals that
//!   outlive the iteration, and [`Scope::end`] with what the loop or function computed. This is how retry loops close
//!   into cycles of a finite state graph. An argument left out is a false merge; the explorer's audit finds it.
//!
//! # Fork
//!
//! [`fork`] is what the native call does, to a simulated process: the run goes on as the parent, or as the child, in which
//! the other threads never run again and own what they owned. Nothing is copied. On real threads and under loom it is always
//! the parent's run that goes on.
//!
//! [`Mutex::renew`] and [`Condvar::renew`] are for the child. A lock that a thread had which is gone is not unlocked in its
//! place: its wait queue, and whatever the gone thread had begun to do to it, stay behind. It gets storage of its own that
//! nobody has used, at another address, and the old storage is kept for the guards that will never be dropped. With
//! `parking_lot` the address matters: waiters are queued by it in a table of the whole process, where those of gone threads
//! stand for ever and would be woken in place of living ones. A reset cannot reach that table: a bucket that a gone thread
//! had locked stays locked, so that a child may still block where it has to wait for a lock whose address falls there.
//! Whoever embeds the runtime and forks it for real has to fork while no other thread waits for one of its locks.
//!
//! [`Mutex::hold`] and [`Mutex::let_go`] keep a lock without a guard, from one call to another: HEAD_LOCK over a fork.
//!
//! # Signals
//!
//! [`send_signal`] stops a thread between any two of its visible operations, wherever it stands, and runs the program's handler
//! on its stack: with every lock that it has at that point. [`Semaphore::acquire_unless_interrupted`] ends then, if it had to
//! wait; all other waits go on. That is for simulations. Elsewhere it does nothing but say so, and the
//! program runs the handler where it suits it.
//!
//! # Kinds of cell
//!
//! | type | scheduling point | in the state key |
//! | --- | --- | --- |
//! | [`Mutex`] | before lock, before re-lock after a wait | owner and contents |
//! | [`Condvar`] | – (the wait's re-lock is one) | who waits |
//! | atomics | before each access | value |
//! | [`Semaphore`] | before acquire and post | count, or that it is destroyed |
//! | [`Event`] | only where the wait has to block | set or not |
//! | [`Plain`] | none: data that a rule protects | value |
//! | [`Local`] | none: one word for each thread | value |
//! | [`Epoch`] | none: a counter that only grows | per remembered value: changed since or not |

#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "this is the floor: what it wraps is named here and nowhere else"
)]

mod crew;
#[cfg(feature = "sim")]
pub mod hook;
mod local;
mod word;

#[cfg(loom)]
#[path = "loom.rs"]
mod engine;
#[cfg(not(loom))]
#[path = "os/mod.rs"]
mod engine;

pub use crew::{Crew, is_alone};
#[cfg(loom)]
pub use engine::allow_timeouts;
pub use engine::{
    AtomicBool, AtomicU8, AtomicU32, AtomicU64, Condvar, Epoch, Event, JoinHandle, Mutex,
    MutexGuard, Plain, Remembered, Scope, Semaphore, choose, choose_usually, current_thread,
    enter_thread, fork, frame, hang_forever, learned, observe, pause_point, return_from_hang,
    scope, send_signal, simulated, spawn, statement, wait_until,
};
pub use local::Local;
pub use std::sync::atomic::Ordering;
pub use word::{Branch, Name, ThreadIndex, WaitResult, Word};

/// Threads that one program may have at once, the first included: the capacity of every [`Local`].
pub const THREADS_MAX: usize = 16;

/// The count of a semaphore that is not there.
pub(crate) const SEMAPHORE_DESTROYED: u32 = u32::MAX;
