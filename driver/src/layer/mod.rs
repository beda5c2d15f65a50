//! What the program defines in the C library's place: for threads of the run, objects of our own under the run's
//! scheduler; for all others, the real functions.
//!
//! A library that is opened later binds to these first, because the program exports them (`build.rs`, `symbols.txt`).
//! Waiting is then an exact event that names its object, and nothing waits for time to pass. What libpython does inline is
//! no event here, unless [`inline`] stops there.
//!
//! An object is known by its address. A mutex or condition variable that was never initialized is a statically
//! initialized one; a semaphore that was not is left to the C library, so that a use after free stays a crash.

pub mod fence;
pub mod inline;
mod locks;
pub mod real;
mod semaphores;
mod threads;
mod time;

pub use threads::{fail_next_thread, launch, main_begins, names_next};
