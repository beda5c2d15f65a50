//! Pending calls.

use crate::models::{Outcome, PENDING_FINALIZE, PENDING_ONE, PENDING_TWO};
use crate::{Bound, all_done, only, outcomes};

/// One producer: the call runs once, unbounded.
#[test]
fn an_added_call_runs_once_unbounded() {
    only(
        &outcomes(PENDING_ONE, Bound::None, 0),
        [all_done(PENDING_ONE, 1)],
    );
}

/// Two producers: both calls run once, two preemptions.
#[test]
fn two_added_calls_run_once_preemptions_2() {
    only(
        &outcomes(PENDING_TWO, Bound::Preemptions(2), 0),
        [all_done(PENDING_TWO, 2)],
    );
}

/// A producer against finalization: the call runs, or comes after the last look and is dropped. Two preemptions.
#[test]
fn a_call_added_during_finalization_runs_or_is_dropped_preemptions_2() {
    let expected: [Outcome; 2] = [all_done(PENDING_FINALIZE, 0), all_done(PENDING_FINALIZE, 1)];
    only(
        &outcomes(PENDING_FINALIZE, Bound::Preemptions(2), 0),
        expected,
    );
}
