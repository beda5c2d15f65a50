//! State graphs as text, for Graphviz and for Mermaid.

use super::paint::{counted, escape, grouped, regrouped};
use crate::engine::{GraphEdge, GraphNode, StateGraph};
use std::collections::BTreeMap;

/// What Mermaid draws without being told otherwise.
const MERMAID_EDGES_MAX: usize = 500;

/// A block of lines for each state: its number, what can be observed, where it leads.
#[must_use]
pub fn text(title: &str, graph: &StateGraph) -> String {
    let mut text = format!("{}\n{}\n", escape(title), counts(graph));
    if !graph.cut.is_empty() {
        text += &format!("{}\n", incomplete(graph));
    }
    let ways = ways(graph);
    for node in &graph.nodes {
        text += &format!("\nstate {}\n", node.id);
        for line in &node.label {
            text += &format!("    {}\n", escape(line));
        }
        for edge in ways.get(&node.id).into_iter().flatten() {
            text += &format!("  {} -> {}\n", escape(&edge.label), edge.to);
        }
        if let Some(end) = &node.end {
            text += &format!("  end: {}\n", escape(end));
        }
    }
    text
}

/// For Graphviz: `dot -Tsvg`.
#[must_use]
pub fn dot(title: &str, graph: &StateGraph) -> String {
    let mut text = format!(
        "digraph tstate {{\n  label={};\n",
        dot_string(&escape(title))
    );
    text +=
        "  labelloc=t;\n  node [shape=box, fontname=monospace];\n  edge [fontname=monospace];\n";
    for node in &graph.nodes {
        // `\l` ends a line and aligns it to the left.
        let lines = label_lines(node)
            .iter()
            .map(|line| dot_escaped(line) + "\\l")
            .collect::<String>();
        let style = match node.end.as_deref() {
            None => "",
            Some("ok") => ", peripheries=2",
            Some(_) => ", peripheries=2, color=red",
        };
        text += &format!("  s{} [label=\"{lines}\"{style}];\n", node.id);
    }
    for edge in &graph.edges {
        text += &format!(
            "  s{} -> s{} [label={}];\n",
            edge.from,
            edge.to,
            dot_string(&escape(&edge.label))
        );
    }
    text + "}\n"
}

/// For Markdown: a flow chart.
#[must_use]
pub fn mermaid(title: &str, graph: &StateGraph) -> String {
    let mut text = String::new();
    if graph.edges.len() > MERMAID_EDGES_MAX {
        // Where the limit can be set is up to the page, but a reader can be told.
        text += &format!("%%{{init: {{\"maxEdges\": {}}}}}%%\n", graph.edges.len());
    }
    text += &format!("%% {}: {}\nflowchart TD\n", escape(title), counts(graph));
    for node in &graph.nodes {
        let lines: Vec<String> = label_lines(node)
            .iter()
            .map(|line| mermaid_escaped(line))
            .collect();
        let (open, close) = if node.end.is_some() {
            ("([", "])")
        } else {
            ("[", "]")
        };
        text += &format!("  s{}{open}\"{}\"{close}\n", node.id, lines.join("<br/>"));
    }
    for edge in &graph.edges {
        text += &format!(
            "  s{} -->|\"{}\"| s{}\n",
            edge.from,
            mermaid_escaped(&escape(&edge.label)),
            edge.to
        );
    }
    let bad = graph
        .nodes
        .iter()
        .filter(|node| node.end.as_deref().is_some_and(|end| end != "ok"));
    let bad: Vec<String> = bad.map(|node| format!("s{}", node.id)).collect();
    if !bad.is_empty() {
        text += &format!(
            "  classDef bad stroke:#c00,stroke-width:3px\n  class {} bad\n",
            bad.join(",")
        );
    }
    text
}

/// Why the graph is not whole.
#[must_use]
pub fn incomplete(graph: &StateGraph) -> String {
    let bounds: Vec<String> = graph.cut.iter().map(ToString::to_string).collect();
    format!(
        "the graph is not complete, a bound was reached: {}",
        regrouped(&bounds.join(", "))
    )
}

fn counts(graph: &StateGraph) -> String {
    let states = counted(graph.nodes.len() as u64, "state");
    let ends = graph.nodes.iter().filter(|node| node.end.is_some()).count();
    format!(
        "{states}, {} transitions, {}",
        grouped(graph.edges.len() as u64),
        counted(ends as u64, "end")
    )
}

/// The edges that leave each state, in order.
fn ways(graph: &StateGraph) -> BTreeMap<u32, Vec<&GraphEdge>> {
    let mut ways: BTreeMap<u32, Vec<&GraphEdge>> = BTreeMap::new();
    for edge in &graph.edges {
        ways.entry(edge.from).or_default().push(edge);
    }
    ways
}

fn label_lines(node: &GraphNode) -> Vec<String> {
    let end = node.end.iter().map(|end| format!("end: {end}"));
    let lines = std::iter::once(node.id.to_string())
        .chain(node.label.iter().cloned())
        .chain(end);
    lines.map(|line| escape(&line)).collect()
}

fn dot_string(text: &str) -> String {
    format!("\"{}\"", dot_escaped(text))
}

fn dot_escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// Mermaid's own form of HTML's entities.
fn mermaid_escaped(text: &str) -> String {
    let mut safe = String::new();
    for letter in text.chars() {
        if letter.is_ascii_alphanumeric()
            || !letter.is_ascii()
            || " _-.,:()*[]/+!?'=".contains(letter)
        {
            safe.push(letter);
        } else {
            safe += &format!("#{};", u32::from(letter));
        }
    }
    safe
}
