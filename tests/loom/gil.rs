//! The GIL changes hands.

use crate::models::{ENSURE_BY_TWO, HAND_OFF};
use crate::{Bound, all_done, only, outcomes};

/// The worker asks for the GIL while the main thread runs to a check point: it gets it, unbounded.
#[test]
fn a_waiter_gets_the_gil_unbounded() {
    only(&outcomes(HAND_OFF, Bound::None, 0), [all_done(HAND_OFF, 0)]);
}

/// One time-out for each thread: the drop request, the forced switch, the second taking; unbounded.
#[test]
fn a_drop_request_is_honoured_unbounded_one_timeout() {
    only(&outcomes(HAND_OFF, Bound::None, 1), [all_done(HAND_OFF, 0)]);
}

/// Two waiters at once, two preemptions, one time-out.
#[test]
fn two_waiters_both_get_the_gil_preemptions_2_one_timeout() {
    only(
        &outcomes(ENSURE_BY_TWO, Bound::Preemptions(2), 1),
        [all_done(ENSURE_BY_TWO, 0)],
    );
}
