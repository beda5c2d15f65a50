//! Finalization against a thread that attaches.

use crate::models::{End, FINALIZE, FINALIZE_AFTER_DETACH, FINALIZE_LATE, Outcome};
use crate::{Bound, against_finalization, only, outcomes};

/// The worker ensures while the main thread finalizes. Three preemptions.
#[test]
fn a_worker_against_finalization_preemptions_3() {
    only(
        &outcomes(FINALIZE, Bound::Preemptions(3), 0),
        against_finalization(),
    );
}

/// The main thread was detached before, so that the worker may be in the middle. Three preemptions.
#[test]
fn a_worker_in_the_middle_of_finalization_preemptions_3() {
    only(
        &outcomes(FINALIZE_AFTER_DETACH, Bound::Preemptions(3), 0),
        against_finalization(),
    );
}

/// The worker detaches and attaches: late, it hangs. Two preemptions, one time-out.
#[test]
fn a_late_attacher_hangs_preemptions_2_one_timeout() {
    let found = outcomes(FINALIZE_LATE, Bound::Preemptions(2), 1);
    assert!(found.contains(&Outcome::Ends(vec![End::Done, End::Hung], 0)));
    assert!(found.is_subset(&against_finalization().into_iter().collect()));
}
