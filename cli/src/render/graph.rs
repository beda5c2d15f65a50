//! State graphs as text, for Graphviz and for Mermaid.

use super::paint::{counted, escape, grouped};
use crate::engine::{StateEdge, StateGraph, StateNode};
use std::collections::BTreeMap;

/// What is said of a graph that is not whole.
pub const INCOMPLETE: &str = "the graph is not complete: a bound cut the search short";

/// What Mermaid draws without being told otherwise.
const MERMAID_EDGES_MAX: usize = 500;

/// A block of lines for each node: its number, what can be seen, who leads where.
#[must_use]
pub fn text(title: &str, graph: &StateGraph) -> String {
    let mut text = format!("{}\n{}\n", escape(title), counts(graph));
    if !graph.complete {
        text += &format!("{INCOMPLETE}\n");
    }
    let ways = ways(graph);
    for (number, node) in graph.nodes.iter().enumerate() {
        text += &format!("\nnode {number}, {}\n", counted(node.states, "state"));
        for line in &node.lines {
            text += &format!("    {}\n", escape(line));
        }
        for edge in ways.get(&number).into_iter().flatten() {
            text += &format!("  {} -> {}\n", escape(&edge.thread), edge.to);
        }
        for end in &node.ends {
            text += &format!("  end: {}\n", escape(end));
        }
    }
    text
}

/// For Graphviz: `dot -Tsvg`.
#[must_use]
pub fn dot(title: &str, graph: &StateGraph) -> String {
    let title = format!("{title}: {}", counts(graph));
    let mut text = format!("digraph tstate {{\n  label={};\n", dot_string(&title));
    text += "  labelloc=t;\n  node [shape=box, fontname=monospace];\n";
    text += "  edge [fontname=monospace];\n";
    for (number, node) in graph.nodes.iter().enumerate() {
        // `\l` ends a line and aligns it to the left.
        let lines = label(number, node);
        let lines: String = lines.iter().map(|line| dot_escaped(line) + "\\l").collect();
        let style = match (node.ends.is_empty(), is_bad(node)) {
            (true, _) => "",
            (false, false) => ", peripheries=2",
            (false, true) => ", peripheries=2, color=red",
        };
        text += &format!("  s{number} [label=\"{lines}\"{style}];\n");
    }
    for edge in &graph.edges {
        let thread = dot_string(&edge.thread);
        text += &format!("  s{} -> s{} [label={thread}];\n", edge.from, edge.to);
    }
    text + "}\n"
}

/// For Markdown: a flow chart.
#[must_use]
pub fn mermaid(title: &str, graph: &StateGraph) -> String {
    let mut text = String::new();
    if graph.edges.len() > MERMAID_EDGES_MAX {
        // A page may forbid it, and then nothing is drawn either way.
        text += &format!("%%{{init: {{\"maxEdges\": {}}}}}%%\n", graph.edges.len());
    }
    text += &format!("%% {}: {}\nflowchart TD\n", escape(title), counts(graph));
    for (number, node) in graph.nodes.iter().enumerate() {
        let lines = label(number, node);
        let lines: Vec<String> = lines.iter().map(|line| mermaid_escaped(line)).collect();
        let (open, close) = if node.ends.is_empty() {
            ("[", "]")
        } else {
            ("([", "])")
        };
        text += &format!("  s{number}{open}\"{}\"{close}\n", lines.join("<br/>"));
    }
    for edge in &graph.edges {
        let thread = mermaid_escaped(&escape(&edge.thread));
        text += &format!("  s{} -->|\"{thread}\"| s{}\n", edge.from, edge.to);
    }
    let bad = graph
        .nodes
        .iter()
        .enumerate()
        .filter(|(_, node)| is_bad(node));
    let bad: Vec<String> = bad.map(|(number, _)| format!("s{number}")).collect();
    if !bad.is_empty() {
        let bad = bad.join(",");
        text += &format!("  classDef bad stroke:#c00,stroke-width:3px\n  class {bad} bad\n");
    }
    text
}

/// `12 nodes, 18 edges; of 48 states and 61 transitions`.
fn counts(graph: &StateGraph) -> String {
    let (nodes, edges) = (graph.nodes.len() as u64, graph.edges.len() as u64);
    let (states, transitions) = (grouped(graph.states), grouped(graph.transitions));
    let (nodes, edges) = (counted(nodes, "node"), counted(edges, "edge"));
    format!("{nodes}, {edges}; folded from {states} states, {transitions} transitions")
}

/// The edges that leave each node, in order.
fn ways(graph: &StateGraph) -> BTreeMap<usize, Vec<&StateEdge>> {
    let mut ways: BTreeMap<usize, Vec<&StateEdge>> = BTreeMap::new();
    for edge in &graph.edges {
        ways.entry(edge.from).or_default().push(edge);
    }
    ways
}

/// Whether a run can end here in another way than `ok`.
fn is_bad(node: &StateNode) -> bool {
    node.ends.iter().any(|end| end != "ok")
}

fn label(number: usize, node: &StateNode) -> Vec<String> {
    let ends = node.ends.iter().map(|end| format!("end: {end}"));
    let lines = std::iter::once(number.to_string()).chain(node.lines.iter().cloned());
    lines.chain(ends).map(|line| escape(&line)).collect()
}

fn dot_string(text: &str) -> String {
    format!("\"{}\"", dot_escaped(&escape(text)))
}

fn dot_escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// Mermaid's own form of HTML's entities.
fn mermaid_escaped(text: &str) -> String {
    let mut safe = String::new();
    for letter in text.chars() {
        let is_plain = letter.is_ascii_alphanumeric() || " _-.,:()*[]/+!?'=".contains(letter);
        if is_plain || !letter.is_ascii() {
            safe.push(letter);
        } else {
            safe += &format!("#{};", u32::from(letter));
        }
    }
    safe
}
