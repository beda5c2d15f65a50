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
//! # Kinds of cell
//!
//! | type | scheduling point | in the state key |
//! | --- | --- | --- |
//! | [`Mutex`] | before lock, before re-lock after a wait | owner and contents |
//! | [`Condvar`] | – (the wait's re-lock is one) | who waits |
//! | atomics | before each access | value |
//! | [`Semaphore`] | before acquire and post | count |
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

pub use crew::Crew;
#[cfg(loom)]
pub use engine::allow_timeouts;
pub use engine::{
    AtomicBool, AtomicU8, AtomicU32, AtomicU64, Condvar, Epoch, Event, JoinHandle, Mutex,
    MutexGuard, Plain, Remembered, Scope, Semaphore, choose, current_thread, enter_thread, frame,
    hang_forever, learned, observe, pause_point, return_from_hang, scope, simulated, spawn,
    statement, wait_until,
};
pub use local::Local;
pub use std::sync::atomic::Ordering;
pub use word::{Name, ThreadIndex, WaitResult, Word};

/// Threads that one program may have at once, the first included: the capacity of every [`Local`].
pub const THREADS_MAX: usize = 16;
