//! The models under loom: every interleaving that the C11 memory model allows, within the bound that each test names.
//!
//! A model that meets a limit of the search fails; so does one that did not run. Loom has no time: a timed wait gives up
//! at once while the test's budget lasts. Loom wakes the oldest waiter only, and never spuriously.
#![cfg(loom)]

#[path = "../agreement/mod.rs"]
mod agreement;
mod attach;
mod finalize;
mod fork;
mod gil;
mod gilstate;
mod guard;
#[path = "../models/mod.rs"]
mod models;
mod mutex;
mod pending;
mod reinit;
mod scenarios;
mod signals;
mod subinterpreter;
mod threading;
mod tracing;

use models::{End, Env, Model, Outcome};
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tstate::runtime::{Crash, Fatal, Over};
use tstate::sync::{self, ThreadIndex};

/// How far a search goes.
#[derive(Clone, Copy, Debug)]
enum Bound {
    /// Every interleaving.
    None,
    /// At most so many preemptions.
    Preemptions(usize),
}

/// Executions after which a search counts as cut short.
const EXECUTIONS_MAX: u64 = 3_000_000;

/// Explores what `run` does as the first thread of a program, with a bound and a budget of time-outs for each thread: all
/// that it gives.
fn explored<T: Clone + Debug + Ord + Send + 'static>(
    name: &'static str,
    bound: Bound,
    timeouts: u32,
    run: impl Fn() -> T + Send + Sync + 'static,
) -> BTreeSet<T> {
    let executions = Arc::new(AtomicU64::new(0));
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = match bound {
        Bound::None => None,
        Bound::Preemptions(count) => Some(count),
    };
    builder.max_branches = 100_000;
    builder.max_permutations = None;
    builder.max_duration = None;
    sync::allow_timeouts(timeouts);
    let (count, found, run) = (executions.clone(), seen.clone(), Arc::new(run));
    builder.check(move || {
        let before = count.fetch_add(1, Ordering::Relaxed);
        assert!(
            before < EXECUTIONS_MAX,
            "{name}: the search was cut short, so it claims nothing"
        );
        let (run, found) = (run.clone(), found.clone());
        // A thread of its own for the program's first: loom's has a small stack.
        let first = sync::spawn(ThreadIndex::FIRST, move || {
            let outcome = run();
            found.lock().expect("no run panics").insert(outcome);
        });
        first.join();
    });
    let executions = executions.load(Ordering::Relaxed);
    assert!(executions > 0, "{name}: nothing was run");
    let outcomes = seen.lock().expect("no run panics").clone();
    eprintln!("{name}: {bound:?}, {timeouts} time-outs: {executions} executions, {outcomes:?}");
    outcomes
}

/// The outcomes of a model.
fn outcomes(model: Model, bound: Bound, timeouts: u32) -> BTreeSet<Outcome> {
    explored(model.name, bound, timeouts, move || {
        let env = Env::new(model);
        env.root(ThreadIndex::FIRST);
        env.join_all();
        env.outcome()
    })
}

/// Every thread ends, and so many callbacks ran.
fn all_done(model: Model, called: u64) -> Outcome {
    Outcome::Ends(vec![End::Done; model.bodies.len()], called)
}

#[track_caller]
fn only(found: &BTreeSet<Outcome>, expected: impl IntoIterator<Item = Outcome>) {
    assert_eq!(*found, expected.into_iter().collect::<BTreeSet<_>>());
}

/// What 3.14 lets happen to a thread that ensures while the main thread finalizes: it is in time, it hangs, or it makes
/// a thread state too late.
fn against_finalization() -> Vec<Outcome> {
    vec![
        Outcome::Ends(vec![End::Done, End::Done], 0),
        Outcome::Ends(vec![End::Done, End::Hung], 0),
        Outcome::Over(Over::Crash(Crash::Other)),
        Outcome::Over(Over::Crash(Crash::UseAfterFree)),
        Outcome::Over(Over::Fatal(Fatal::ReleaseWithoutState)),
        Outcome::Over(Over::Fatal(Fatal::RemainingThreads)),
    ]
}
