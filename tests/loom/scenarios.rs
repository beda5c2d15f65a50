//! Scenario files under loom: the driver and the runtime are those that the explorer runs, and so must be the outcomes.
//!
//! The list says which files, which outcomes, and how far loom goes; `tests/agreement.rs` holds the explorer to the same list.

use super::agreement::{Agreed, LIST, PROFILE, source_of};
use super::{Bound, EXECUTIONS_MAX};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tstate::runtime::Over;
use tstate::sim::driver::Machine;
use tstate::sim::scenario::{self, program::Program};
use tstate::sync::{self, ThreadIndex};

/// How the run ended, in the words of claims.
fn outcome(machine: &Machine, threads: usize) -> String {
    if machine.failed().is_some() {
        return "assertion".to_owned();
    }
    match machine.runtime.over() {
        Some(Over::Fatal(fatal)) => {
            return format!("fatal({:?})", fatal.message(machine.runtime.profile()));
        }
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

fn outcomes(program: &Arc<Program>, bound: Bound, name: &'static str) -> BTreeSet<String> {
    let executions = Arc::new(AtomicU64::new(0));
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = match bound {
        Bound::None => None,
        Bound::Preemptions(count) => Some(count),
    };
    builder.max_branches = 100_000;
    sync::allow_timeouts(0);
    let (count, found, program) = (executions.clone(), seen.clone(), program.clone());
    builder.check(move || {
        let before = count.fetch_add(1, Ordering::Relaxed);
        assert!(
            before < EXECUTIONS_MAX,
            "{name}: the search was cut short, so it claims nothing"
        );
        let (program, found) = (program.clone(), found.clone());
        // A thread of its own for `main`: loom's first one has a small stack.
        let main = sync::spawn(ThreadIndex::FIRST, move || {
            let machine = Machine::new(&program, PROFILE.parse().expect("a profile"), None);
            machine.run_thread(ThreadIndex::FIRST);
            machine.join_all();
            let outcome = outcome(&machine, program.threads.len());
            found.lock().expect("no run panics").insert(outcome);
        });
        main.join();
    });
    let executions = executions.load(Ordering::Relaxed);
    assert!(executions > 0, "{name}: nothing was run");
    let outcomes = seen.lock().expect("no run panics").clone();
    eprintln!("{name}: {bound:?}: {executions} executions, {outcomes:?}");
    outcomes
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
        let found = outcomes(&Arc::new(program), bound, name);
        let listed: BTreeSet<String> = listed.iter().map(|outcome| (*outcome).to_owned()).collect();
        assert_eq!(found, listed, "{name}");
    }
}
