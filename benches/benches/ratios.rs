//! Prints one table of what is measured in this run. With the name of a case it measures that one alone, in this
//! process, so that peaks of memory are apart.

use std::process::Command;
use tstate::sim::explorer::Exploration;
use tstate_bench::hooks::costs;
use tstate_bench::protocol::{SHARED, merged, title, unmerged};
use tstate_bench::protocols::Protocol;
use tstate_bench::scenarios::{FINALIZATION, WORKERS, explored};
use tstate_bench::stopwatch::{median, peak_mebibytes};
use tstate_bench::{peers, stopwatch};

/// States after which a scenario is cut.
const STATES_MAX: u64 = 4_000_000;

/// What is explored alone.
const ALONE: [&str; 6] = [
    "P1 3 2",
    "P1 5 3",
    "S1 few points",
    "S1 all points",
    "S2 few points",
    "S2 all points",
];
/// Child processes for each of these.
const CHILDREN: usize = 3;

fn main() {
    match std::env::args().skip_while(|word| word != "--case").nth(1) {
        Some(case) => alone(&case),
        None => table(),
    }
}

/// A case of [`ALONE`].
fn explore_alone(case: &str) -> Exploration {
    match case {
        "P1 3 2" => merged(Protocol::HandOff(3, 2)),
        "P1 5 3" => merged(Protocol::HandOff(5, 3)),
        "S1 few points" => explored(WORKERS, false, STATES_MAX),
        "S1 all points" => explored(WORKERS, true, STATES_MAX),
        "S2 few points" => explored(FINALIZATION, false, STATES_MAX),
        "S2 all points" => explored(FINALIZATION, true, STATES_MAX),
        unknown => panic!("no case is called `{unknown}`"),
    }
}

/// Measures one case and prints it as words for [`table`].
fn alone(case: &str) {
    let (seconds, found) = median(|| explore_alone(case));
    println!(
        "{seconds} {} {} {} {} {} {}",
        found.graph.nodes().len(),
        found.graph.edge_count(),
        found.steps,
        found.steps_in_full,
        peak_mebibytes(),
        u8::from(!found.cut.is_empty()),
    );
}

/// The numbers that [`alone`] prints, from a process of its own.
fn child(case: &str) -> Vec<f64> {
    let this = std::env::current_exe().expect("a process knows its program");
    let output = Command::new(this).args(["--case", case]).output();
    let output = output.expect("the bench can start itself");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let words = String::from_utf8(output.stdout).expect("numbers are text");
    let number = |word: &str| word.parse().expect("a case prints numbers");
    words.split_whitespace().map(number).collect()
}

fn table() {
    println!(
        "| to a full answer | executions | s | executions/s | time of loom, shuttle / this | rate / loom's, shuttle's |"
    );
    println!("|---|---|---|---|---|---|");
    for protocol in SHARED {
        beside_peers(protocol);
    }
    println!();
    println!(
        "| alone | states | transitions | s | states/s | steps/s | steps/s if replayed | MiB |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for case in ALONE {
        print_alone(case);
    }
    println!();
    println!("| on a real thread, no controller | ns | held against | ns | ratio |");
    println!("|---|---|---|---|---|");
    for cost in costs() {
        let ratio = cost.ours / cost.raw;
        println!(
            "| {} | {:.1} | {} | {:.1} | {ratio:.2} |",
            cost.what, cost.ours, cost.against, cost.raw
        );
    }
}

fn beside_peers(protocol: Protocol) {
    let counted =
        |explored: fn(Protocol) -> Exploration| median(|| explored(protocol).executions as usize);
    let rows = [
        ("merged", counted(merged)),
        ("unmerged", counted(unmerged)),
        ("loom", median(|| peers::loom_executions(protocol))),
        ("shuttle", median(|| peers::shuttle_executions(protocol))),
    ];
    let [_, _, (_, loom), (_, shuttle)] = rows;
    let rate = |(seconds, executions): (f64, usize)| executions as f64 / seconds;
    for (tool, row) in rows {
        let (seconds, executions) = row;
        let cut = if seconds < peers::SHUTTLE_SECONDS_MAX {
            ""
        } else {
            " (cut)"
        };
        println!(
            "| {} {tool} | {executions}{cut} | {seconds:.6} | {:.0} | {:.1}, {:.1} | {:.1}, {:.1} |",
            title(protocol),
            rate(row),
            loom.0 / seconds,
            shuttle.0 / seconds,
            rate(row) / rate(loom),
            rate(row) / rate(shuttle),
        );
    }
}

/// The median of some processes by time, and the numbers of the last, which time has no part in.
fn print_alone(case: &str) {
    let mut seconds = Vec::new();
    let mut last = Vec::new();
    for _ in 0..CHILDREN {
        last = child(case);
        seconds.push(last[0]);
        if last[0] > 10.0 {
            break;
        }
    }
    let seconds = stopwatch::middle(&mut seconds);
    let [_, states, transitions, steps, in_full, peak, cut] = last[..] else {
        panic!("a case prints seven numbers");
    };
    let cut = if cut == 0.0 { "" } else { " (cut)" };
    println!(
        "| {case} | {states}{cut} | {transitions} | {seconds:.4} | {:.0} | {:.2} M | {:.2} M | {peak:.1} |",
        states / seconds,
        steps / seconds / 1e6,
        in_full / seconds / 1e6,
    );
}
