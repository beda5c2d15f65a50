//! Checks the scenario files named on the command line, and tells the shortest run of each outcome that is not `ok`.

use std::sync::Arc;
use tstate::sim::{CheckOptions, check, counterexample, scenario};

#[expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "an example talks to its user, of speed too"
)]
fn main() {
    for path in std::env::args().skip(1) {
        let source = std::fs::read_to_string(&path).expect("the file can be read");
        let start = std::time::Instant::now();
        let file = scenario::parse(&source).expect("the file parses");
        let program = Arc::new(scenario::check(&file).expect("the file is right"));
        for profile in &program.profiles {
            let checked = check(
                &program,
                &source,
                *profile,
                &CheckOptions::default(),
                &mut |_| true,
            );
            let verdict = checked.verdict;
            println!(
                "{path} {profile}: {} {} states, {} transitions, {} steps, {} restarts {:?}",
                verdict.status(),
                verdict.states,
                verdict.transitions,
                verdict.steps,
                checked.exploration.restarts,
                start.elapsed()
            );
            for failure in &verdict.failures {
                println!("  {}", failure.message);
            }
            for found in &verdict.outcomes {
                println!(
                    "  {} ({} ends, {} steps): {}",
                    found.text, found.ends, found.steps, found.schedule
                );
                let trace = counterexample(&program, &source, found);
                if found.text != "ok" {
                    for row in &trace.rows {
                        println!(
                            "    {:3} {:10} {}{} {:?} {:?} {:?} {:?}",
                            row.number,
                            trace.threads[row.thread].name,
                            "  ".repeat(row.depth as usize),
                            row.text,
                            row.mark,
                            row.result,
                            row.gil,
                            row.changes
                        );
                    }
                    println!("    {:?} {:?}", trace.explanation, trace.standing);
                }
                assert_eq!(
                    trace.outcome, found.text,
                    "a schedule replays to its outcome"
                );
            }
        }
    }
}
