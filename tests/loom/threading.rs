//! Threads of `threading` and finalization.

use crate::models::{DAEMON_THREAD, End, Outcome, PYTHON_THREAD};
use crate::{Bound, all_done, only, outcomes};

/// Finalization waits for a non-daemon thread, unbounded.
#[test]
fn finalization_waits_for_a_thread_unbounded() {
    only(
        &outcomes(PYTHON_THREAD, Bound::None, 0),
        [all_done(PYTHON_THREAD, 0)],
    );
}

/// A daemon thread ends in time, or hangs where it attaches again; unbounded.
#[test]
fn a_daemon_thread_is_in_time_or_hangs_unbounded() {
    let expected = [
        all_done(DAEMON_THREAD, 0),
        Outcome::Ends(vec![End::Done, End::Hung], 0),
    ];
    only(&outcomes(DAEMON_THREAD, Bound::None, 0), expected);
}
