//! Scenario files under loom: the driver and the runtime are those that the explorer runs, and so must be the outcomes.
//!
//! The list says which files, which outcomes, and how far loom goes; `tests/agreement.rs` holds the explorer to the same list.

use super::agreement::{Agreed, LIST, PROFILE, source_of};
use super::{Bound, explored};
use std::collections::BTreeSet;
use std::sync::Arc;
use tstate::runtime::Over;
use tstate::sim::driver::Machine;
use tstate::sim::scenario::{self, program::Program};
use tstate::sync::ThreadIndex;

/// How the run ended, in the words of claims.
fn outcome(machine: &Machine, threads: usize) -> String {
    if machine.failed().is_some() {
        return "assertion".to_owned();
    }
    match machine.runtime.over() {
        Some(Over::Fatal(fatal)) => {
            return format!("fatal({:?})", fatal.message(machine.runtime.profile()));
        }
        Some(Over::Status(error)) => {
            return format!("fatal({:?})", error.message(machine.runtime.profile()));
        }
        Some(Over::Limit(_)) => return "inconclusive".to_owned(),
        Some(Over::Crash(crash)) if crash.name().is_empty() => return "crash".to_owned(),
        Some(Over::Crash(crash)) => return format!("crash({})", crash.name()),
        Some(Over::Exit(_)) | None => {}
    }
    let hung = (0..threads).filter(|thread| machine.runtime.hung(ThreadIndex::new(*thread)));
    match hung.count() {
        0 => "ok".to_owned(),
        _ => "hang".to_owned(),
    }
}

fn outcomes(program: Program, bound: Bound, name: &'static str) -> BTreeSet<String> {
    let program = Arc::new(program);
    explored(name, bound, 0, move || {
        let profile = PROFILE.parse().expect("a profile");
        let machine = Machine::new(&program, profile, None);
        machine.run_thread(ThreadIndex::FIRST);
        machine.join_all();
        outcome(&machine, program.threads.len())
    })
}

#[test]
fn scenario_files_come_to_the_listed_outcomes() {
    for Agreed {
        name,
        outcomes: listed,
        preemptions,
    } in LIST
    {
        let source = source_of(name);
        let file = scenario::parse(&source).unwrap_or_else(|errors| panic!("{name}: {errors:?}"));
        let program = scenario::check(&file).unwrap_or_else(|errors| panic!("{name}: {errors:?}"));
        let bound = preemptions.map_or(Bound::None, Bound::Preemptions);
        let found = outcomes(program, bound, name);
        let listed: BTreeSet<String> = listed.iter().map(|outcome| (*outcome).to_owned()).collect();
        assert_eq!(found, listed, "{name}");
    }
}
