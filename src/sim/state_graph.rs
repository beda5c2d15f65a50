//! The state graph of a scenario, folded to what a reader follows.
//!
//! States that look alike (each thread at the same statement, attached or not, waiting or not; the same GIL holder and
//! phase) are one node here; an edge says which thread moved. The counts are those of the full graph.

use super::check::{CheckOptions, settings};
use super::explorer::{Exploration, explore};
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
    StateGraph {
        states: found.graph.nodes().len() as u64,
        transitions: found.graph.edge_count() as u64,
        complete: found.cut.is_empty(),
        ..fold(&case, source, &found).finish(program)
    }
}

/// Folds a graph of states that has labels.
pub(super) fn fold<'a>(case: &Case<'_>, source: &'a str, found: &Exploration) -> Folding<'a> {
    let mut folding = Folding::new(source);
    let texts = found.labels.texts();
    for label in texts {
        folding.place(label);
    }
    let places = found.labels.places();
    for (from, (node, place)) in found.graph.nodes().iter().zip(places).enumerate() {
        let here = *place as usize;
        folding.graph.nodes[here].states += 1;
        if let Some(outcome) = node.outcome.filter(|_| node.ends) {
            folding.ends(
                here,
                outcome_text(case.program, &case.notes.outcome(outcome)),
            );
        }
        for edge in found.graph.edges(from as NodeId) {
            folding.joins(
                here,
                places[edge.to as usize] as usize,
                edge.choice.thread(),
            );
        }
    }
    folding
}

/// A folded graph in the making.
pub(super) struct Folding<'a> {
    source: &'a str,
    places: BTreeMap<String, usize>,
    edges: BTreeSet<(usize, usize, usize)>,
    graph: StateGraph,
}

impl<'a> Folding<'a> {
    /// An empty one, of the scenario with this text.
    pub(super) fn new(source: &'a str) -> Self {
        Self {
            source,
            places: BTreeMap::new(),
            edges: BTreeSet::new(),
            graph: StateGraph::default(),
        }
    }

    /// The node of states with this label.
    pub(super) fn place(&mut self, label: &str) -> usize {
        if let Some(place) = self.places.get(label) {
            return *place;
        }
        let lines = label.lines().map(|line| readable(line, self.source));
        self.graph.nodes.push(StateNode {
            lines: lines.collect(),
            ends: BTreeSet::new(),
            states: 0,
        });
        let place = self.graph.nodes.len() - 1;
        self.places.insert(label.to_owned(), place);
        place
    }

    /// A run can end so in a state of this node.
    pub(super) fn ends(&mut self, node: usize, outcome: String) {
        self.graph.nodes[node].ends.insert(outcome);
    }

    /// A step of the thread leads from one to the other.
    pub(super) fn joins(&mut self, from: usize, to: usize, thread: usize) {
        if from != to {
            self.edges.insert((from, to, thread));
        }
    }

    pub(super) fn finish(self, program: &Program) -> StateGraph {
        let edges = self.edges.into_iter().map(|(from, to, thread)| StateEdge {
            from,
            to,
            thread: program.threads[thread].name.to_string(),
        });
        StateGraph {
            edges: edges.collect(),
            ..self.graph
        }
    }
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
