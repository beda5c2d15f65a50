//! Explores a scenario from Rust, over every interleaving, and prints the outcomes.
//!
//! `tstate check` does the same and judges the claims in the file for you.

use std::sync::Arc;
use tstate::sim::verdict::{Status, Verdict};
use tstate::sim::{CheckOptions, check, scenario};

const SOURCE: &str = include_str!("../scenarios/deadlock/join-attached.capi");

/// What is reachable in a scenario under the first CPython release that it names.
fn explore(source: &str) -> Verdict {
    // Two steps: the text becomes a tree, and the names in it are resolved. Both return everything that is wrong.
    let file = scenario::parse(source).expect("the text follows the grammar");
    let program = Arc::new(scenario::check(&file).expect("every name is known"));
    // Limits would go here. The closure sees how far the search is, and could stop it.
    let options = CheckOptions::default();
    let profile = program.profiles[0];
    let checked = check(&program, source, profile, &options, &mut |_| true);
    checked.verdict
}

#[expect(clippy::print_stdout, reason = "an example talks to its user")]
pub(crate) fn main() {
    let verdict = explore(SOURCE);
    let (profile, states) = (verdict.profile, verdict.states);
    println!("Python {profile}, {states} states: {}", verdict.status());
    for found in &verdict.outcomes {
        let (text, steps, switches) = (&found.text, found.steps, found.switches);
        println!("{text}: at best {steps} steps, {switches} switches between threads");
        println!("  schedule {}", found.schedule);
    }
    // The file claims the deadlock, so the status is that of a claim that holds.
    assert_eq!(verdict.status(), Status::Met);
    assert_eq!(verdict.outcomes.len(), 1);
    assert_eq!(verdict.outcomes[0].text, "deadlock(main, worker)");
}
