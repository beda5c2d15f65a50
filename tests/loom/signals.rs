//! Async exceptions against the end of their targets. A signal has no thread of its own: the explorer interrupts one.

use crate::models::{ASYNC_EXC, ASYNC_EXC_DYING, Outcome};
use crate::{Bound, all_done, only, outcomes};
use tstate::runtime::{Crash, Over};

/// The target is deleted by its own thread, which needs the GIL for that: it is there or not. Two preemptions.
#[test]
fn an_exception_meets_a_thread_state_or_none_preemptions_2() {
    only(
        &outcomes(ASYNC_EXC, Bound::Preemptions(2), 0),
        [all_done(ASYNC_EXC, 0)],
    );
}

/// The target is deleted by a thread that has no GIL: it may be freed between the look and the exchange. Three preemptions.
#[test]
fn an_exception_may_meet_a_thread_state_that_is_freed_preemptions_3() {
    only(
        &outcomes(ASYNC_EXC_DYING, Bound::Preemptions(3), 0),
        [
            all_done(ASYNC_EXC_DYING, 0),
            Outcome::Over(Over::Crash(Crash::UseAfterFree)),
        ],
    );
}
