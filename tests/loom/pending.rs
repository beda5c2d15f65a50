//! Pending calls.

use crate::models::{
    OWN_QUEUE, OWN_QUEUE_ATTACHED, OWN_QUEUE_BY_TWO, OWN_QUEUE_FINALIZE, OWN_QUEUE_HANDLED,
    Outcome, PENDING_FINALIZE, PENDING_ONE, PENDING_TWO,
};
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

/// A call for the interpreter while the main thread takes the GIL: it looks at the queue under the GIL's mutex (T12), under which
/// the producer looks for a holder to tell (Q4). Unbounded.
#[test]
fn a_call_for_the_interpreter_is_found_by_the_taker_unbounded() {
    only(
        &outcomes(OWN_QUEUE, Bound::None, 0),
        [all_done(OWN_QUEUE, 1)],
    );
}

/// The main thread keeps the GIL: it is told (Q4). Unbounded.
#[test]
fn a_call_for_the_interpreter_is_told_to_the_holder_unbounded() {
    only(
        &outcomes(OWN_QUEUE_ATTACHED, Bound::None, 0),
        [all_done(OWN_QUEUE_ATTACHED, 1)],
    );
}

/// Two producers against one that drains, two preemptions.
#[test]
fn two_calls_for_the_interpreter_run_once_preemptions_2() {
    only(
        &outcomes(OWN_QUEUE_BY_TWO, Bound::Preemptions(2), 0),
        [all_done(OWN_QUEUE_BY_TWO, 2)],
    );
}

/// Two threads that may both run the call: one does. Two preemptions, one time-out.
#[test]
fn a_call_for_the_interpreter_runs_on_one_thread_preemptions_2_one_timeout() {
    only(
        &outcomes(OWN_QUEUE_HANDLED, Bound::Preemptions(2), 1),
        [all_done(OWN_QUEUE_HANDLED, 1)],
    );
}

/// A producer against finalization: the call runs, or is dropped. Two preemptions.
#[test]
fn a_call_for_the_interpreter_at_finalization_runs_or_is_dropped_preemptions_2() {
    let expected = [0, 1].map(|calls| all_done(OWN_QUEUE_FINALIZE, calls));
    only(
        &outcomes(OWN_QUEUE_FINALIZE, Bound::Preemptions(2), 0),
        expected,
    );
}
