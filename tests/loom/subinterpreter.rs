//! Several interpreters.

use crate::models::{END_LATE, End, FINALIZE_WITH_SUB, OWN_GIL, Outcome, SWAP_ACROSS};
use crate::{Bound, against_finalization, all_done, only, outcomes};
use tstate::runtime::{Crash, Over};

/// A worker gets the GIL while the main thread swaps between interpreters that share it. Three preemptions.
#[test]
fn swaps_across_interpreters_let_a_worker_in_preemptions_3() {
    only(
        &outcomes(SWAP_ACROSS, Bound::Preemptions(3), 0),
        [all_done(SWAP_ACROSS, 0)],
    );
}

/// Who is attached to an interpreter with its own GIL waits for a worker that attaches to the main one;
/// unbounded.
#[test]
fn an_own_gil_keeps_nobody_from_the_main_one_unbounded() {
    only(&outcomes(OWN_GIL, Bound::None, 0), [all_done(OWN_GIL, 0)]);
}

/// `Py_EndInterpreter` against a thread that attaches to the interpreter: in time, or it hangs, or reads what is gone.
/// Three preemptions.
#[test]
fn a_thread_is_in_time_or_hangs_when_its_interpreter_ends_preemptions_3() {
    let expected = [
        all_done(END_LATE, 0),
        Outcome::Ends(vec![End::Done, End::Hung], 0),
        Outcome::Over(Over::Crash(Crash::UseAfterFree)),
    ];
    only(&outcomes(END_LATE, Bound::Preemptions(3), 0), expected);
}

/// A worker ensures while the main thread ends a sub-interpreter and finalizes. Three preemptions.
#[test]
fn a_worker_against_finalization_with_a_sub_interpreter_preemptions_3() {
    let found = outcomes(FINALIZE_WITH_SUB, Bound::Preemptions(3), 0);
    assert!(found.contains(&all_done(FINALIZE_WITH_SUB, 0)));
    assert!(found.contains(&Outcome::Ends(vec![End::Done, End::Hung], 0)));
    assert!(found.is_subset(&against_finalization().into_iter().collect()));
}
