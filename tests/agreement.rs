//! The explorer comes to the same outcomes as loom on the listed scenario files (`tests/loom/scenarios.rs`).
#![cfg(not(loom))]

#[path = "agreement/mod.rs"]
mod list;

use list::{Agreed, LIST, PROFILE, source_of};
use std::collections::BTreeSet;
use std::sync::Arc;
use tstate::sim::{CheckOptions, check, scenario};

#[test]
fn the_explorer_comes_to_the_listed_outcomes() {
    for Agreed { name, outcomes, .. } in LIST {
        let source = source_of(name);
        let file = scenario::parse(&source).unwrap_or_else(|errors| panic!("{name}: {errors:?}"));
        let program = scenario::check(&file).unwrap_or_else(|errors| panic!("{name}: {errors:?}"));
        let program = Arc::new(program);
        let checked = check(
            &program,
            &source,
            PROFILE.parse().expect("a profile"),
            &CheckOptions::default(),
            &mut |_| true,
        );
        let found = checked
            .verdict
            .outcomes
            .iter()
            .map(|found| match found.text.split_once('(') {
                Some(("hang", _)) => "hang".to_owned(),
                _ => found.text.clone(),
            });
        let listed: BTreeSet<String> = outcomes
            .iter()
            .map(|outcome| (*outcome).to_owned())
            .collect();
        assert_eq!(found.collect::<BTreeSet<_>>(), listed, "{name}");
    }
}
