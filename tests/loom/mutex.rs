//! `PyMutex` between attached threads.

use crate::models::MUTEX;
use crate::{Bound, all_done, only, outcomes};

/// A waiter detaches while it is parked, so that the owner can attach and unlock. Two preemptions, one time-out.
#[test]
fn a_parked_waiter_gives_the_gil_away_preemptions_2_one_timeout() {
    only(
        &outcomes(MUTEX, Bound::Preemptions(2), 1),
        [all_done(MUTEX, 0)],
    );
}
