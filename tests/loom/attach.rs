//! Attach, detach and swap.

use crate::models::{OWN_THREAD_STATE, SWAP};
use crate::{Bound, all_done, only, outcomes};

/// The worker attaches and detaches a thread state of its own while the main thread detaches and attaches, unbounded.
#[test]
fn attach_and_detach_exclude_each_other_unbounded() {
    only(
        &outcomes(OWN_THREAD_STATE, Bound::None, 0),
        [all_done(OWN_THREAD_STATE, 0)],
    );
}

/// The same with one time-out for each thread.
#[test]
fn attach_and_detach_exclude_each_other_unbounded_one_timeout() {
    only(
        &outcomes(OWN_THREAD_STATE, Bound::None, 1),
        [all_done(OWN_THREAD_STATE, 0)],
    );
}

/// The main thread swaps forth and back while a worker waits: the swap gives the GIL away in between. Unbounded.
#[test]
fn swap_returns_what_it_detached_unbounded() {
    only(&outcomes(SWAP, Bound::None, 0), [all_done(SWAP, 0)]);
}
