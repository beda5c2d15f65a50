//! Async exceptions against the end of their targets.
//!
//! A signal has no thread of its own: only the explorer interrupts one. That a target is freed between the look and the exchange,
//! by a thread without the GIL, is found by the explorer too (`signals/async-exception-to-a-dying-state`): for loom the two words
//! have nothing to do with each other.

use crate::models::ASYNC_EXC;
use crate::{Bound, all_done, only, outcomes};

/// The target is deleted by its own thread, which needs the GIL for that: it is there or not. Unbounded.
#[test]
fn an_exception_meets_a_thread_state_or_none_unbounded() {
    only(
        &outcomes(ASYNC_EXC, Bound::None, 0),
        [all_done(ASYNC_EXC, 0)],
    );
}
