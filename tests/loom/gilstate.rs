//! Ensure and Release.

use crate::models::{ENSURE_BY_TWO, ENSURE_ONCE, ENSURE_TWICE};
use crate::{Bound, all_done, only, outcomes};

/// One worker, one pair of calls, unbounded.
#[test]
fn ensure_and_release_pair_up_unbounded() {
    only(
        &outcomes(ENSURE_ONCE, Bound::None, 0),
        [all_done(ENSURE_ONCE, 0)],
    );
}

/// One worker, two pairs, one time-out, unbounded.
#[test]
fn ensure_and_release_pair_up_again_unbounded_one_timeout() {
    only(
        &outcomes(ENSURE_TWICE, Bound::None, 1),
        [all_done(ENSURE_TWICE, 0)],
    );
}

/// Two workers, two preemptions.
#[test]
fn two_workers_ensure_and_release_preemptions_2() {
    only(
        &outcomes(ENSURE_BY_TWO, Bound::Preemptions(2), 0),
        [all_done(ENSURE_BY_TWO, 0)],
    );
}
