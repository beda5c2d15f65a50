//! The state graph as a drawing, with the way of the run through it.

use super::layout::{Layout, Point, layered};
use super::markup::{colour, escaped, kind, number};
use super::runs::Run;
use crate::engine::StateGraph;
use crate::render::paint::{counted, grouped};
use std::collections::{BTreeMap, BTreeSet};

/// With more nodes than this a drawing does not help a reader.
const NODES_MAX: usize = 300;

/// Between layers, between neighbours, around everything; of a node.
const ALONG: f64 = 46.0;
const ACROSS: f64 = 30.0;
const MARGIN: f64 = 18.0;
const RADIUS: f64 = 11.0;
/// How far an edge back is bent aside where there is one forwards.
const BOW: f64 = 18.0;

/// What of a graph is drawn.
struct Part {
    /// The nodes, by their numbers in the graph.
    nodes: Vec<usize>,
    /// Edges between them by their places in `nodes`, with the threads that move.
    edges: BTreeMap<(usize, usize), Vec<usize>>,
}

/// The figure. A node has its number in `data-node`; the title is what its states look like.
#[must_use]
pub(super) fn figure(run: &Run<'_>) -> String {
    let part = part(run);
    let edges: Vec<(usize, usize)> = part.edges.keys().copied().collect();
    let layout = layered(part.nodes.len(), &edges);
    let width = 2.0 * MARGIN + ALONG * layout.layers.saturating_sub(1) as f64;
    let height = 2.0 * MARGIN + ACROSS * layout.breadth;
    let (width, height) = (number(width), number(height));
    let arrow = format!("run-{}-arrow", run.number);
    let mut text = format!(
        "<figure class=\"graph\">\n<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"State graph\">\
         <svg width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
         aria-label=\"State graph, with the run's way through it\">\n\
         <defs><marker id=\"{arrow}\" viewBox=\"0 0 6 6\" refX=\"5\" refY=\"3\" markerWidth=\"8\" markerHeight=\"8\" \
         markerUnits=\"userSpaceOnUse\" orient=\"auto-start-reverse\"><path class=\"head\" d=\"M0 0L6 3L0 6z\"/></marker></defs>\n"
    );
    let way: BTreeSet<(usize, usize)> = run
        .shown
        .path
        .windows(2)
        .map(|pair| (pair[0], pair[1]))
        .collect();
    // The way of the run lies on top.
    for on_way in [false, true] {
        for (at, ((from, to), threads)) in part.edges.iter().enumerate() {
            let ends = (part.nodes[*from], part.nodes[*to]);
            if way.contains(&ends) == on_way {
                let is_double = part.edges.contains_key(&(*to, *from));
                let bow = if layout.turned[at] && is_double {
                    BOW
                } else {
                    0.0
                };
                text += &edge(run, &layout, (at, threads), (on_way, bow), &arrow);
            }
        }
    }
    for (place, node) in part.nodes.iter().enumerate() {
        text += &circle(run, *node, at(layout.nodes[place]));
    }
    text += "</svg></div>\n";
    text += &caption(run, &part);
    text + "</figure>\n"
}

/// Everything, or the way of the run and what is one step beside it.
fn part(run: &Run<'_>) -> Part {
    let graph = run.graph;
    let nodes = if run.whole && graph.nodes.len() <= NODES_MAX {
        (0..graph.nodes.len()).collect()
    } else {
        beside(graph, &run.shown.path)
    };
    let places: BTreeMap<usize, usize> = nodes
        .iter()
        .enumerate()
        .map(|(at, node)| (*node, at))
        .collect();
    let threads = &run.shown.account.trace.threads;
    let mut edges: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
    for edge in &graph.edges {
        if let (Some(from), Some(to)) = (places.get(&edge.from), places.get(&edge.to)) {
            let thread = threads.iter().position(|thread| thread.name == edge.thread);
            edges.entry((*from, *to)).or_default().extend(thread);
        }
    }
    Part { nodes, edges }
}

/// The nodes of the way, and what is one edge behind them, as far as there is room; the first node first.
fn beside(graph: &StateGraph, path: &[usize]) -> Vec<usize> {
    let mut nodes: BTreeSet<usize> = path.iter().copied().collect();
    let mut next: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for edge in &graph.edges {
        next.entry(edge.from).or_default().push(edge.to);
    }
    for node in path {
        for to in next.get(node).into_iter().flatten() {
            if nodes.len() < NODES_MAX {
                nodes.insert(*to);
            }
        }
    }
    nodes.into_iter().collect()
}

fn at(point: Point) -> (f64, f64) {
    (MARGIN + ALONG * point.along, MARGIN + ACROSS * point.across)
}

fn edge(
    run: &Run<'_>,
    layout: &Layout,
    (edge, threads): (usize, &[usize]),
    (on_way, bow): (bool, f64),
    arrow: &str,
) -> String {
    let points: Vec<(f64, f64)> = layout.ways[edge].iter().map(|point| at(*point)).collect();
    let mut path = String::new();
    for (piece, pair) in points.windows(2).enumerate() {
        let ((mut x, y), (mut to_x, to_y)) = (pair[0], pair[1]);
        if piece == 0 {
            x += RADIUS;
            path = format!("M{} {}", number(x), number(y));
        }
        if piece + 2 == points.len() {
            to_x -= RADIUS;
        }
        let bend = number(f64::midpoint(x, to_x));
        let (bent_y, bent_to_y) = (number(y + bow), number(to_y + bow));
        let (to_x, to_y) = (number(to_x), number(to_y));
        path += &format!("C{bend} {bent_y} {bend} {bent_to_y} {to_x} {to_y}");
    }
    let names = &run.shown.account.trace.threads;
    let names = threads.iter().filter_map(|thread| names.get(*thread));
    let names: Vec<&str> = names.map(|thread| thread.name.as_str()).collect();
    let class = threads
        .first()
        .map_or_else(String::new, |thread| colour(*thread));
    let way = if on_way { " way" } else { "" };
    let (back, end) = if layout.turned[edge] {
        (" back", "start")
    } else {
        ("", "end")
    };
    format!(
        "<path class=\"edge {class}{way}{back}\" d=\"{path}\" marker-{end}=\"url(#{arrow})\"><title>{}</title></path>\n",
        escaped(&names.join(", "))
    )
}

fn circle(run: &Run<'_>, node: usize, (x, y): (f64, f64)) -> String {
    let Some(state) = run.graph.nodes.get(node) else {
        return String::new();
    };
    // A deadlock whose threads go round in timed waits has no end of its own in the graph.
    let mut ends: BTreeSet<&str> = state.ends.iter().map(String::as_str).collect();
    if run.shown.round.is_none() && run.shown.path.last() == Some(&node) {
        ends.insert(&run.found.text);
    }
    let counts =
        (state.states > 1).then(|| format!("({} states look like this)", grouped(state.states)));
    let lines: Vec<String> = state
        .lines
        .iter()
        .cloned()
        .chain(ends.iter().map(|end| format!("end: {end}")))
        .chain(counts)
        .collect();
    let way = if run.shown.path.contains(&node) {
        " way"
    } else {
        ""
    };
    let is_bad = ends.iter().any(|end| kind(end) == "bad");
    let end = match (ends.is_empty(), is_bad) {
        (true, _) => "",
        (false, true) => " end bad",
        (false, false) => " end good",
    };
    let ring = if end.is_empty() {
        String::new()
    } else {
        format!("<circle class=\"ring\" r=\"{}\"/>", number(RADIUS - 3.0))
    };
    let title: Vec<String> = lines.iter().map(|line| escaped(line)).collect();
    format!(
        "<g class=\"node{way}{end}\" data-node=\"{node}\" transform=\"translate({} {})\"><title>{}</title>\
         <circle r=\"{}\"/>{ring}<text dy=\".35em\">{node}</text></g>\n",
        number(x),
        number(y),
        title.join("\n"),
        number(RADIUS)
    )
}

fn caption(run: &Run<'_>, part: &Part) -> String {
    let graph = run.graph;
    let of = format!(
        "{} and {}",
        counted(graph.states, "state"),
        counted(graph.transitions, "transition")
    );
    let drawn = counted(part.nodes.len() as u64, "node");
    let is_whole = run.whole && part.nodes.len() == graph.nodes.len();
    let neighbourhood = format!(
        "Drawn is the neighbourhood of this run, {drawn}: the states that it comes to, and those one step beside."
    );
    let what = match (is_whole, graph.complete) {
        (true, _) => format!("The state graph with every step: {drawn}, folded from {of}."),
        (false, true) => {
            format!("The whole graph has {of}, too many to read. {neighbourhood}")
        }
        (false, false) => {
            format!("A bound cut the search after {of}. {neighbourhood}")
        }
    };
    format!(
        "<figcaption><p>{what} States that look alike are one node; a colour is the thread that moves; \
         a double circle is an end; dashed edges lead back.</p><p class=\"here-says\" hidden></p></figcaption>\n"
    )
}
