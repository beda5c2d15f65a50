//! A second life of the runtime against a thread of the first.

use crate::models::{End, LIVE_TWICE, Outcome};
use crate::{Bound, against_finalization, all_done, outcomes};
use tstate::runtime::{Fatal, Over};

/// The worker is in the first life only, in the second only, or in both: there it is marked, and hangs. Three preemptions.
#[test]
fn a_thread_of_the_first_life_hangs_in_the_second_preemptions_3() {
    let found = outcomes(LIVE_TWICE, Bound::Preemptions(3), 0);
    assert!(found.contains(&all_done(LIVE_TWICE, 0)));
    assert!(found.contains(&Outcome::Ends(vec![End::Done, End::Hung], 0)));
    // The second life makes the GIL anew, whoever came for the first one's too late to be told.
    let mut allowed = against_finalization();
    allowed.push(Outcome::Over(Over::Fatal(Fatal::GilNotLocked)));
    assert!(found.is_subset(&allowed.into_iter().collect()));
}
