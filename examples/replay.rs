//! Replays a counterexample: a schedule is a string, and runs to the same rows on every machine.
//!
//! `tstate replay` draws the rows as a table with a column for each thread.

use std::sync::Arc;
use tstate::sim::report::Trace;
use tstate::sim::scenario::program::Program;
use tstate::sim::schedule::Schedule;
use tstate::sim::{CheckOptions, check, replay, scenario};

const SOURCE: &str = include_str!("../scenarios/deadlock/join-attached.capi");

/// The schedule of the shortest run to the worst outcome, as `tstate check` prints it.
fn worst(program: &Arc<Program>) -> String {
    let options = CheckOptions::default();
    let profile = program.profiles[0];
    let checked = check(program, SOURCE, profile, &options, &mut |_| true);
    let worst = checked.verdict.outcomes.last();
    worst.expect("every run ends somehow").schedule.to_string()
}

/// Runs one schedule, step by step.
fn tell(program: &Arc<Program>, schedule: &str) -> Trace {
    let schedule: Schedule = schedule.parse().expect("it has the form of a schedule");
    replay(program, SOURCE, &schedule).expect("it was made from this text")
}

#[expect(clippy::print_stdout, reason = "an example talks to its user")]
pub(crate) fn main() {
    let file = scenario::parse(SOURCE).expect("the text follows the grammar");
    let program = Arc::new(scenario::check(&file).expect("every name is known"));
    let schedule = worst(&program);
    let trace = tell(&program, &schedule);
    println!("{schedule} ends in {}", trace.outcome);
    for row in &trace.rows {
        let thread = &trace.threads[row.thread].name;
        let gil = row.gil.as_deref().unwrap_or("nobody");
        let changes = row.changes.join("; ");
        println!(
            "{:3}  {thread:8}  {:28}  GIL: {gil:8}  {changes}",
            row.number, row.text
        );
    }
    for sentence in &trace.explanation {
        println!("{sentence}");
    }
    assert_eq!(trace.outcome, "deadlock(main, worker)");
    assert_eq!(trace, tell(&program, &schedule), "a replay is the same");
}
