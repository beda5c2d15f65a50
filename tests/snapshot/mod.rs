//! What a scenario's snapshot says: plain text, the same on every machine.

use super::corpus::ScenarioFile;
use super::trials::options;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;
use tstate::sim::explorer::explore;
use tstate::sim::judge::{Case, Notes};
use tstate::sim::report::{Mark, Trace};
use tstate::sim::scenario::program::Program;
use tstate::sim::verdict::{Outcome, Verdict};
use tstate::sim::{check, counterexample, state_graph};
use tstate::sync::hook;

/// Ends of one outcome that are written out.
const ENDS_MAX: usize = 6;
/// Nodes of a folded state graph that is written out.
const NODES_MAX: usize = 40;
/// Rows of a run that is written out.
const ROWS_MAX: usize = 80;

/// What a scenario is under one profile, without the profile's name.
pub(crate) fn snapshot(file: &ScenarioFile, program: &Arc<Program>, verdict: &Verdict) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{} states, {} transitions",
        verdict.states, verdict.transitions
    );
    let _ = writeln!(text, "\noutcomes");
    for found in &verdict.outcomes {
        let _ = writeln!(text, "  {}: {} steps", found.text, found.steps);
    }
    runs(&mut text, file, program, verdict);
    ends(&mut text, program, verdict);
    graph(&mut text, file, program, verdict);
    text
}

fn digest(text: &str) -> String {
    format!("digest {:032x}", hook::digest(text))
}

fn indented(text: &mut String, block: &str) {
    for line in block.trim_end().lines() {
        let _ = writeln!(text, "{}", format!("  {line}").trim_end());
    }
}

/// The shortest run of each outcome that is not `ok`.
fn runs(text: &mut String, file: &ScenarioFile, program: &Arc<Program>, verdict: &Verdict) {
    for found in &verdict.outcomes {
        if found.outcome == Outcome::Ok {
            continue;
        }
        let trace = counterexample(program, &file.source, found);
        let _ = writeln!(text, "\nshortest run to {}", found.text);
        if trace.rows.len() > ROWS_MAX {
            let _ = writeln!(
                text,
                "  {} rows, {}",
                trace.rows.len(),
                digest(&table(&trace))
            );
        } else {
            indented(text, &table(&trace));
        }
        for why in trace.explanation.iter().chain(&trace.standing) {
            let _ = writeln!(text, "  {why}");
        }
        // Without the profile, which the group's heading names, and the digest of the file.
        let schedule = found.schedule.to_string();
        let choices = schedule.rsplit('/').next().unwrap_or_default();
        let _ = writeln!(text, "  {choices}");
    }
}

/// A run as lines: number, thread, statement, how far it came, what changed.
pub(crate) fn table(trace: &Trace) -> String {
    let names = trace
        .threads
        .iter()
        .map(|thread| thread.name.chars().count());
    let width = names.max().unwrap_or(0);
    let mut text = String::from("\n");
    for row in &trace.rows {
        let name = &trace.threads[row.thread].name;
        let indent = "  ".repeat(row.depth as usize);
        let mark = match row.mark {
            Mark::Whole => "",
            Mark::Begins => " (begins)",
            Mark::Continues => " (goes on)",
            Mark::Returns => " (ends)",
            Mark::Blocks => " (blocks)",
            Mark::Hangs => " (hangs)",
            Mark::Ends => " (thread ends)",
        };
        let result = row.result.as_ref().map(|result| format!(" -> {result}"));
        let gil = row.gil.as_deref().unwrap_or("nobody");
        let mut changes = vec![format!("GIL: {gil}")];
        changes.extend(row.changes.iter().cloned());
        let _ = writeln!(
            text,
            "{:3} {name:width$} {indent}{}{mark}{} | {}",
            row.number,
            row.text,
            result.unwrap_or_default(),
            changes.join("; ")
        );
    }
    text
}

/// What the runtime is at the ends of runs.
fn ends(text: &mut String, program: &Arc<Program>, verdict: &Verdict) {
    let notes = Notes::with_ends();
    let case = Case {
        program,
        profile: verdict.profile,
        notes: &notes,
    };
    let found = explore(&case, &check::settings(program, &options()));
    debug_assert_eq!(found.graph.nodes().len() as u64, verdict.states);
    let mut by_name: BTreeMap<&Outcome, (&str, BTreeSet<String>)> = BTreeMap::new();
    let ends = notes.ends();
    for found in &verdict.outcomes {
        if let Some(ends) = ends.get(&found.outcome) {
            by_name.insert(&found.outcome, (&found.text, ends.clone()));
        }
    }
    for (name, ends) in by_name.values() {
        let all: Vec<&str> = ends.iter().map(String::as_str).collect();
        let _ = writeln!(
            text,
            "\nthe runtime where runs end in {name}: {}",
            all.len()
        );
        if all.len() > ENDS_MAX {
            let _ = writeln!(text, "  {}", digest(&all.join("\n")));
        } else {
            all.iter().for_each(|end| {
                indented(text, end);
                text.push('\n');
            });
            text.pop();
        }
    }
}

/// The folded state graph.
fn graph(text: &mut String, file: &ScenarioFile, program: &Arc<Program>, verdict: &Verdict) {
    let graph = state_graph(program, &file.source, verdict.profile, &options());
    let mut lines = String::new();
    for (number, node) in graph.nodes.iter().enumerate() {
        let _ = write!(lines, "{number}: {}", node.lines.join(" | "));
        if !node.ends.is_empty() {
            let ends: Vec<&str> = node.ends.iter().map(String::as_str).collect();
            let _ = write!(lines, " | ends: {}", ends.join(", "));
        }
        lines.push('\n');
    }
    for edge in &graph.edges {
        let _ = writeln!(lines, "{} -> {} {}", edge.from, edge.to, edge.thread);
    }
    let (nodes, edges) = (graph.nodes.len(), graph.edges.len());
    let _ = writeln!(text, "\nfolded state graph: {nodes} nodes, {edges} edges");
    if nodes > NODES_MAX {
        let _ = writeln!(text, "  {}", digest(&lines));
    } else {
        indented(text, &lines);
    }
}
