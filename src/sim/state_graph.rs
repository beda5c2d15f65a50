//! The state graph of a scenario, folded to what a reader follows.
//!
//! States that look alike (each thread at the same statement, attached or not, waiting or not; the same GIL holder and
//! phase) are one node here; an edge says which thread moved. The counts are those of the full graph.

use super::check::{CheckOptions, settings};
use super::explorer::explore;
use super::graph::NodeId;
use super::judge::{Case, Notes};
use super::names::outcome_text;
use super::scenario::program::Program;
use crate::runtime::profile::Profile;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A node: states that look alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateNode {
    /// What they look like, a line each thread and one for the GIL.
    pub lines: Vec<String>,
    /// The outcomes of runs that end here.
    pub ends: BTreeSet<String>,
    /// How many states of the full graph they are.
    pub states: u64,
}

/// An edge: a thread moves.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StateEdge {
    /// From this node.
    pub from: usize,
    /// To that one.
    pub to: usize,
    /// The thread that moves.
    pub thread: String,
}

/// A folded state graph. Nodes are in order of discovery, the first state first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateGraph {
    /// The nodes.
    pub nodes: Vec<StateNode>,
    /// The edges, in order, each once.
    pub edges: BTreeSet<StateEdge>,
    /// States of the full graph.
    pub states: u64,
    /// Transitions of the full graph.
    pub transitions: u64,
    /// Whether the full graph is complete.
    pub complete: bool,
}

/// Explores `program`, whose text is `source`, and folds its state graph.
#[must_use]
pub fn state_graph(
    program: &Arc<Program>,
    source: &str,
    profile: Profile,
    options: &CheckOptions,
) -> StateGraph {
    let notes = Notes::default();
    let case = Case {
        program,
        profile,
        notes: &notes,
    };
    let mut settings = settings(program, options);
    settings.keep_labels = true;
    // A reader wants every state between two operations, not only those where threads meet.
    settings.tuning.few_points = false;
    let found = explore(&case, &settings);
    let mut graph = StateGraph {
        states: found.graph.nodes().len() as u64,
        transitions: found.graph.edge_count() as u64,
        complete: found.cut.is_empty(),
        ..StateGraph::default()
    };
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    let mut folded = Vec::new();
    for (node, label) in found.graph.nodes().iter().zip(&found.labels) {
        let place = *places.entry(label).or_insert_with(|| {
            let lines = label.lines().map(|line| readable(line, source)).collect();
            graph.nodes.push(StateNode {
                lines,
                ends: BTreeSet::new(),
                states: 0,
            });
            graph.nodes.len() - 1
        });
        graph.nodes[place].states += 1;
        if let Some(outcome) = node.outcome.filter(|_| node.ends) {
            graph.nodes[place]
                .ends
                .insert(outcome_text(program, &notes.outcome(outcome)));
        }
        folded.push(place);
    }
    for (from, place) in folded.iter().enumerate() {
        for edge in found.graph.edges(from as NodeId) {
            let to = folded[edge.to as usize];
            if to != *place {
                let thread = program.threads[edge.choice.thread()].name.to_string();
                graph.edges.insert(StateEdge {
                    from: *place,
                    to,
                    thread,
                });
            }
        }
    }
    graph
}

/// Puts the line and text of the statement where a label has its offset (`@123`).
fn readable(line: &str, source: &str) -> String {
    let Some((name, rest)) = line.split_once(": @") else {
        return line.to_owned();
    };
    let digits = rest
        .find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(rest.len());
    let offset: usize = rest[..digits].parse().unwrap_or(0);
    let number = source.as_bytes()[..offset.min(source.len())]
        .iter()
        .filter(|byte| **byte == b'\n')
        .count()
        + 1;
    let text = source
        .get(offset..)
        .unwrap_or_default()
        .split(['\n', ';', '{'])
        .next()
        .unwrap_or_default();
    let text = text.split("//").next().unwrap_or_default().trim();
    format!("{name}: {number} {text}{}", &rest[digits..])
}
