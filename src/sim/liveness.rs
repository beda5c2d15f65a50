//! Where a run can go on for ever: fair cycles of the state graph.
//!
//! A cycle is an infinite run. A fair scheduler cannot stay in it if some thread could move again and again and never
//! does, or if some waiter could be woken again and again and is always passed over. So the components of the graph are
//! taken apart: states that such a neglected thread or waiter would leave are cut out and what remains is looked at
//! again, until a component neglects nobody. That one a strongly fair scheduler can stay in.
//!
//! Spurious wake-ups count for nothing here: fairness owes them to nobody. Time-outs do count.

use super::graph::{Edge, Graph, Move, NodeId};

/// A set of states that a fair run can stay in for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lasso {
    /// The states, in order of discovery.
    pub nodes: Vec<NodeId>,
    /// The threads that move in it, as bits.
    pub movers: u16,
}

/// All maximal sets of states that a fair run can stay in, over the edges that `admits` lets pass.
#[must_use]
pub fn lassos(graph: &Graph, admits: &dyn Fn(&Edge) -> bool) -> Vec<Lasso> {
    let mut found = Vec::new();
    let mut search = Components::new(graph, admits);
    let mut work = search.of(0..graph.nodes().len() as NodeId);
    while let Some(nodes) = work.pop() {
        search.number(&nodes);
        let neglect = neglected(graph, admits, &search.part, &nodes);
        if !neglect.cycles {
            continue;
        }
        if neglect.threads == 0 && neglect.waiters == 0 {
            found.push(Lasso {
                nodes,
                movers: neglect.movers,
            });
            continue;
        }
        let kept = nodes.into_iter().filter(|node| {
            let node = &graph.nodes()[*node as usize];
            node.enabled & neglect.threads == 0 && node.waiters & neglect.waiters == 0
        });
        work.extend(search.of(kept.collect::<Vec<_>>()));
    }
    found
        .iter_mut()
        .for_each(|lasso| lasso.nodes.sort_unstable());
    found.sort_by_key(|lasso| lasso.nodes[0]);
    found
}

/// Whom a component neglects.
struct Neglect {
    cycles: bool,
    movers: u16,
    threads: u16,
    waiters: u16,
}

fn neglected(
    graph: &Graph,
    admits: &dyn Fn(&Edge) -> bool,
    part: &[u32],
    nodes: &[NodeId],
) -> Neglect {
    let mine = part[nodes[0] as usize];
    let (mut cycles, mut movers, mut enabled, mut waiters, mut woken) = (false, 0, 0, 0, 0);
    for node in nodes {
        let state = &graph.nodes()[*node as usize];
        enabled |= state.enabled;
        waiters |= state.waiters;
        for edge in graph
            .edges(*node)
            .filter(|edge| admits(edge) && part[edge.to as usize] == mine)
        {
            cycles = true;
            movers |= edge.movers;
            if let Move::Pick(alternative) = edge.choice.action()
                && state.waiters != 0
            {
                woken |= nth_bit(state.waiters, alternative);
            }
        }
    }
    Neglect {
        cycles,
        movers,
        threads: enabled & !movers,
        waiters: waiters & !woken,
    }
}

fn nth_bit(mut bits: u16, nth: u16) -> u16 {
    for _ in 0..nth {
        bits &= bits.wrapping_sub(1);
    }
    bits & bits.wrapping_neg()
}

const NOWHERE: u32 = u32::MAX;

/// Strongly connected components of a part of the graph: Tarjan's algorithm with a stack of its own, as graphs are
/// millions of states deep.
struct Components<'a> {
    graph: &'a Graph,
    admits: &'a dyn Fn(&Edge) -> bool,
    /// Which part a node belongs to now; nodes outside the part looked at are `NOWHERE`.
    part: Vec<u32>,
    parts: u32,
    index: Vec<u32>,
    low: Vec<u32>,
    on_stack: Vec<bool>,
}

impl<'a> Components<'a> {
    fn new(graph: &'a Graph, admits: &'a dyn Fn(&Edge) -> bool) -> Self {
        let count = graph.nodes().len();
        Self {
            graph,
            admits,
            part: vec![NOWHERE; count],
            parts: 0,
            index: vec![NOWHERE; count],
            low: vec![0; count],
            on_stack: vec![false; count],
        }
    }

    /// Gives these nodes a part of their own.
    fn number(&mut self, nodes: &[NodeId]) {
        self.parts += 1;
        for node in nodes {
            self.part[*node as usize] = self.parts;
        }
    }

    /// The components among `nodes`, those of one node without an edge to itself left out.
    fn of(&mut self, nodes: impl IntoIterator<Item = NodeId>) -> Vec<Vec<NodeId>> {
        let nodes: Vec<NodeId> = nodes.into_iter().collect();
        self.number(&nodes);
        for node in &nodes {
            self.index[*node as usize] = NOWHERE;
        }
        let mine = self.parts;
        let mut found = Vec::new();
        let mut next_index = 0;
        for node in &nodes {
            if self.index[*node as usize] == NOWHERE {
                self.from(*node, mine, &mut next_index, &mut found);
            }
        }
        found
    }

    fn successors(&self, node: NodeId, mine: u32) -> Vec<NodeId> {
        let edges = self.graph.edges(node).filter(|edge| (self.admits)(edge));
        edges
            .map(|edge| edge.to)
            .filter(|to| self.part[*to as usize] == mine)
            .collect()
    }

    fn enter(&mut self, node: NodeId, next_index: &mut u32, open: &mut Vec<NodeId>) {
        self.index[node as usize] = *next_index;
        self.low[node as usize] = *next_index;
        *next_index += 1;
        self.on_stack[node as usize] = true;
        open.push(node);
    }

    fn from(
        &mut self,
        root: NodeId,
        mine: u32,
        next_index: &mut u32,
        found: &mut Vec<Vec<NodeId>>,
    ) {
        let mut open = Vec::new();
        let mut path = vec![(root, self.successors(root, mine))];
        self.enter(root, next_index, &mut open);
        while let Some((node, rest)) = path.last_mut() {
            let node = *node;
            if let Some(next) = rest.pop() {
                if self.index[next as usize] == NOWHERE {
                    let successors = self.successors(next, mine);
                    self.enter(next, next_index, &mut open);
                    path.push((next, successors));
                } else if self.on_stack[next as usize] {
                    self.low[node as usize] =
                        self.low[node as usize].min(self.index[next as usize]);
                }
                continue;
            }
            path.pop();
            if let Some((parent, _)) = path.last() {
                self.low[*parent as usize] =
                    self.low[*parent as usize].min(self.low[node as usize]);
            }
            if self.low[node as usize] == self.index[node as usize] {
                self.close(node, mine, &mut open, found);
            }
        }
    }

    fn close(
        &mut self,
        root: NodeId,
        mine: u32,
        open: &mut Vec<NodeId>,
        found: &mut Vec<Vec<NodeId>>,
    ) {
        let at = open
            .iter()
            .rposition(|node| *node == root)
            .expect("the root of a component is open");
        let component = open.split_off(at);
        for node in &component {
            self.on_stack[*node as usize] = false;
        }
        if component.len() > 1 || self.successors(root, mine).contains(&root) {
            found.push(component);
        }
    }
}
