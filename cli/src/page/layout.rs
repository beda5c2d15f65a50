//! Where the nodes of a small graph go: in layers from left to right, most edges forwards, few of them crossing.
//!
//! The way of Sugiyama, Tagawa and Toda: turn the edges that close cycles, give every node a layer, put a point into each
//! layer that an edge passes, order the layers so that few edges cross, then straighten. No step looks at chance or at a
//! hash, so equal graphs get equal pictures. What it takes grows with the square of a layer: enough for some hundreds of
//! nodes.

/// Sweeps over the layers to find a good order.
const SWEEPS: usize = 16;

/// Sweeps over the layers to straighten edges.
const STRAIGHTENINGS: usize = 12;

/// A place: `along` is the layer, `across` the place within it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Point {
    /// The layer, from 0.
    pub(super) along: f64,
    /// The place within the layer, from 0; neighbours are at least 1 apart.
    pub(super) across: f64,
}

/// A drawing.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Layout {
    /// Where the nodes are.
    pub(super) nodes: Vec<Point>,
    /// The points of each edge, always with `along` growing.
    pub(super) ways: Vec<Vec<Point>>,
    /// Whether each edge goes backwards, from its last point to its first.
    pub(super) turned: Vec<bool>,
    /// How many layers there are.
    pub(super) layers: usize,
    /// The greatest `across`.
    pub(super) breadth: f64,
}

/// Lays out `count` nodes, of which the first is the root. No edge may lead from a node to itself.
#[must_use]
pub(super) fn layered(count: usize, edges: &[(usize, usize)]) -> Layout {
    if count == 0 {
        return Layout::default();
    }
    let turned = closing(count, edges);
    let forwards: Vec<(usize, usize)> = edges
        .iter()
        .zip(&turned)
        .map(|(&(from, to), turned)| if *turned { (to, from) } else { (from, to) })
        .collect();
    let layer = layers(count, &forwards);
    let mut net = Net::new(&layer, &forwards);
    net.order();
    let across = net.straighten(count);
    let point = |vertex: usize| Point {
        along: net.layer[vertex] as f64,
        across: across[vertex],
    };
    let ways = net.ways.iter();
    Layout {
        nodes: (0..count).map(point).collect(),
        ways: ways
            .map(|way| way.iter().map(|vertex| point(*vertex)).collect())
            .collect(),
        turned,
        layers: net.rows.len(),
        breadth: across.iter().copied().fold(0.0, f64::max),
    }
}

/// The edges that lead back to a node from which they were reached: without them there is no cycle.
fn closing(count: usize, edges: &[(usize, usize)]) -> Vec<bool> {
    const OPEN: u8 = 1;
    const DONE: u8 = 2;
    let mut out = vec![Vec::new(); count];
    for (number, (from, _)) in edges.iter().enumerate() {
        out[*from].push(number);
    }
    let mut closing = vec![false; edges.len()];
    let mut state = vec![0; count];
    for root in 0..count {
        let mut stack = vec![(root, 0)];
        while let Some((node, next)) = stack.pop() {
            if next == 0 {
                if state[node] != 0 {
                    continue;
                }
                state[node] = OPEN;
            }
            let Some(edge) = out[node].get(next) else {
                state[node] = DONE;
                continue;
            };
            stack.push((node, next + 1));
            let to = edges[*edge].1;
            match state[to] {
                OPEN => closing[*edge] = true,
                DONE => {}
                _ => stack.push((to, 0)),
            }
        }
    }
    closing
}

/// The longest way from a root, and then as near to the nodes behind as the ones before allow.
fn layers(count: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut before = vec![0; count];
    let (mut into, mut out) = (vec![Vec::new(); count], vec![Vec::new(); count]);
    for (from, to) in edges {
        before[*to] += 1;
        into[*to].push(*from);
        out[*from].push(*to);
    }
    let mut ready: Vec<usize> = (0..count).filter(|node| before[*node] == 0).collect();
    let mut layer = vec![0; count];
    let mut sorted = Vec::new();
    while let Some(node) = ready.pop() {
        sorted.push(node);
        for to in &out[node] {
            layer[*to] = layer[*to].max(layer[node] + 1);
            before[*to] -= 1;
            if before[*to] == 0 {
                ready.push(*to);
            }
        }
    }
    for node in sorted.into_iter().rev().filter(|node| *node != 0) {
        let nearest = out[node].iter().map(|to| layer[*to] - 1).min();
        if let Some(nearest) = nearest.filter(|_| out[node].len() > into[node].len()) {
            layer[node] = nearest;
        }
    }
    layer
}

/// Nodes, and a point for every layer that an edge passes: vertices, of which the first ones are the nodes.
struct Net {
    layer: Vec<usize>,
    /// The vertices of each layer, in order.
    rows: Vec<Vec<usize>>,
    /// For each vertex those it is joined to in the layer before, and in the one behind.
    joined: [Vec<Vec<usize>>; 2],
    /// For each edge its vertices.
    ways: Vec<Vec<usize>>,
}

impl Net {
    fn new(layer: &[usize], edges: &[(usize, usize)]) -> Self {
        let mut layer = layer.to_vec();
        let mut ways = Vec::new();
        for (from, to) in edges {
            let mut way = vec![*from];
            for passed in layer[*from] + 1..layer[*to] {
                way.push(layer.len());
                layer.push(passed);
            }
            way.push(*to);
            ways.push(way);
        }
        let last = layer.iter().copied().max().unwrap_or(0);
        let mut rows = vec![Vec::new(); last + 1];
        for (vertex, layer) in layer.iter().enumerate() {
            rows[*layer].push(vertex);
        }
        let none = vec![Vec::new(); layer.len()];
        let mut joined = [none.clone(), none];
        for pair in ways.iter().flat_map(|way| way.windows(2)) {
            joined[1][pair[0]].push(pair[1]);
            joined[0][pair[1]].push(pair[0]);
        }
        Self {
            layer,
            rows,
            joined,
            ways,
        }
    }

    /// The place of each vertex in its layer.
    fn places(&self) -> Vec<usize> {
        let mut places = vec![0; self.layer.len()];
        for row in &self.rows {
            for (place, vertex) in row.iter().enumerate() {
                places[*vertex] = place;
            }
        }
        places
    }

    /// Orders every layer by the means of its neighbours, from the left and from the right in turn, and keeps the best.
    fn order(&mut self) {
        let mut best = (self.crossings(), self.rows.clone());
        for sweep in 0..SWEEPS {
            let side = sweep % 2;
            let mut places = self.places();
            let layers = self.rows.len();
            for step in 1..layers {
                let layer = if side == 0 { step } else { layers - 1 - step };
                self.order_row(layer, side, &mut places);
            }
            let crossings = self.crossings();
            if crossings < best.0 {
                best = (crossings, self.rows.clone());
            }
        }
        self.rows = best.1;
    }

    fn order_row(&mut self, layer: usize, side: usize, places: &mut [usize]) {
        let mean = |vertex: usize| {
            let near = &self.joined[side][vertex];
            let sum: usize = near.iter().map(|near| places[*near]).sum();
            match near.len() {
                0 => places[vertex] as f64,
                near => sum as f64 / near as f64,
            }
        };
        let mut row: Vec<(f64, usize)> = self.rows[layer]
            .iter()
            .map(|vertex| (mean(*vertex), *vertex))
            .collect();
        row.sort_by(|one, other| one.0.total_cmp(&other.0));
        for (place, (_, vertex)) in row.iter().enumerate() {
            places[*vertex] = place;
        }
        self.rows[layer] = row.into_iter().map(|(_, vertex)| vertex).collect();
    }

    fn crossings(&self) -> usize {
        let places = self.places();
        let mut crossings = 0;
        for row in &self.rows {
            // Of two edges into the next layer, in order of where they begin, the ones cross that end the other way round.
            let mut ends: Vec<usize> = Vec::new();
            for vertex in row {
                let mut own: Vec<usize> = self.joined[1][*vertex]
                    .iter()
                    .map(|to| places[*to])
                    .collect();
                own.sort_unstable();
                for end in &own {
                    crossings += ends.iter().filter(|other| *other > end).count();
                }
                ends.extend(own);
            }
        }
        crossings
    }

    /// The place of each vertex across, at least 1 from its neighbours (points of edges: half of that), and near to the
    /// mean of what it is joined to.
    fn straighten(&self, nodes: usize) -> Vec<f64> {
        let mut across: Vec<f64> = self.places().iter().map(|place| *place as f64).collect();
        for sweep in 0..STRAIGHTENINGS {
            let layers = self.rows.len();
            for step in 0..layers {
                let layer = if sweep % 2 == 0 {
                    step
                } else {
                    layers - 1 - step
                };
                let row = &self.rows[layer];
                let wanted: Vec<(f64, f64)> = row
                    .iter()
                    .map(|vertex| self.wanted(*vertex, nodes, &across))
                    .collect();
                let gap = |pair: &[usize]| match (pair[0] < nodes, pair[1] < nodes) {
                    (true, true) => 1.0,
                    (true, false) | (false, true) => 0.75,
                    (false, false) => 0.5,
                };
                let gaps: Vec<f64> = row.windows(2).map(gap).collect();
                for (vertex, place) in row.iter().zip(spread(&wanted, &gaps)) {
                    across[*vertex] = place;
                }
            }
        }
        let least = across.iter().copied().fold(f64::INFINITY, f64::min);
        across.iter().map(|place| place - least).collect()
    }

    /// Where a vertex would like to be, and how much.
    fn wanted(&self, vertex: usize, nodes: usize, across: &[f64]) -> (f64, f64) {
        let weight = |near: usize| {
            if vertex >= nodes && near >= nodes {
                8.0
            } else {
                1.0
            }
        };
        let near = self.joined.iter().flat_map(|joined| &joined[vertex]);
        let (mut sum, mut total) = (0.0, 0.0);
        for near in near {
            sum += weight(*near) * across[*near];
            total += weight(*near);
        }
        if total == 0.0 {
            return (across[vertex], 1.0);
        }
        (sum / total, total)
    }
}

/// The places nearest to the wanted ones (each with its weight) that keep the gaps between neighbours.
fn spread(wanted: &[(f64, f64)], gaps: &[f64]) -> Vec<f64> {
    /// Neighbours that touch: their mean place, their weight, how many they are.
    struct Block {
        mean: f64,
        weight: f64,
        count: usize,
    }
    let mut offsets = vec![0.0];
    for gap in gaps {
        offsets.push(offsets[offsets.len() - 1] + gap);
    }
    let mut blocks: Vec<Block> = Vec::new();
    for ((place, weight), offset) in wanted.iter().zip(&offsets) {
        let mut block = Block {
            mean: place - offset,
            weight: *weight,
            count: 1,
        };
        while let Some(before) = blocks.pop_if(|before| before.mean > block.mean) {
            let weight = before.weight + block.weight;
            block = Block {
                mean: (before.mean * before.weight + block.mean * block.weight) / weight,
                weight,
                count: before.count + block.count,
            };
        }
        blocks.push(block);
    }
    let means = blocks
        .iter()
        .flat_map(|block| std::iter::repeat_n(block.mean, block.count));
    means
        .zip(&offsets)
        .map(|(mean, offset)| mean + offset)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{layered, spread};

    #[test]
    fn every_edge_goes_forwards_but_those_that_close_a_cycle() {
        let edges = [(0, 1), (1, 2), (2, 0), (0, 2), (2, 3)];
        let layout = layered(4, &edges);
        assert_eq!(layout.turned, [false, false, true, false, false]);
        for (way, (from, to)) in layout.ways.iter().zip(edges) {
            assert!(
                way.windows(2)
                    .all(|pair| pair[0].along + 1.0 == pair[1].along)
            );
            let ends = [way[0], way[way.len() - 1]];
            assert!(ends.contains(&layout.nodes[from]) && ends.contains(&layout.nodes[to]));
        }
        assert_eq!(layout.layers, 4);
    }

    #[test]
    fn nodes_of_one_layer_keep_apart() {
        let edges = [(0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (3, 4)];
        let layout = layered(5, &edges);
        let mut across: Vec<f64> = (1..4).map(|node| layout.nodes[node].across).collect();
        across.sort_by(f64::total_cmp);
        assert!(across.windows(2).all(|pair| pair[1] - pair[0] >= 0.999));
    }

    #[test]
    fn who_wants_the_same_place_shares_it_out() {
        let places = spread(&[(5.0, 1.0), (5.0, 1.0), (9.0, 1.0)], &[1.0, 1.0]);
        assert_eq!(places, [4.5, 5.5, 9.0]);
    }
}
