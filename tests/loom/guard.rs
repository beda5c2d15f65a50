//! Guards against finalization: whoever has one is waited for, and nobody gets one too late.

use crate::models::{
    ENSURED_FROM_VIEW, GUARD_CLOSED, GUARD_ENSURED, GUARD_TRIED, GUARD_TRIED_BY_TWO,
};
use crate::{Bound, all_done, only, outcomes};

/// The main thread waits for the guard, whenever the worker closes it: no wake-up is lost. Five preemptions.
#[test]
fn a_finalizer_is_woken_by_the_last_guard_preemptions_5() {
    only(
        &outcomes(GUARD_CLOSED, Bound::Preemptions(5), 0),
        [all_done(GUARD_CLOSED, 0)],
    );
}

/// The worker attaches and detaches under the guard, while the main thread waits or is about to. Four preemptions.
#[test]
fn an_ensure_under_a_guard_is_never_cut_off_preemptions_4() {
    only(
        &outcomes(GUARD_ENSURED, Bound::Preemptions(4), 0),
        [all_done(GUARD_ENSURED, 0)],
    );
}

/// The worker opens a guard before the last step of finalization, which then waits, or never. Five preemptions.
#[test]
fn a_guard_is_had_in_time_or_never_preemptions_5() {
    only(
        &outcomes(GUARD_TRIED, Bound::Preemptions(5), 0),
        [all_done(GUARD_TRIED, 0)],
    );
}

/// Two workers at once. Four preemptions.
#[test]
fn two_guards_are_both_waited_for_preemptions_4() {
    only(
        &outcomes(GUARD_TRIED_BY_TWO, Bound::Preemptions(4), 0),
        [all_done(GUARD_TRIED_BY_TWO, 0)],
    );
}

/// The thread state keeps the guard while the worker is detached: it never hangs. Four preemptions.
#[test]
fn an_ensure_from_a_view_is_never_cut_off_preemptions_4() {
    only(
        &outcomes(ENSURED_FROM_VIEW, Bound::Preemptions(4), 0),
        [all_done(ENSURED_FROM_VIEW, 0)],
    );
}
