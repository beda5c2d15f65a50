//! The state graph that an exploration leaves, and what can be read off it.
//!
//! A node is a state in which the scheduler had to choose (or the program's end); an edge is a choice and all steps up
//! to the next node. The graph is complete unless the exploration says that a bound cut it.

use crate::sync::Branch;

/// A node, numbered in order of discovery; 0 is the first.
pub type NodeId = u32;

/// One choice of the scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Choice(pub u16);

/// What a choice does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// The thread takes its pending step.
    Run,
    /// The thread's timed wait times out.
    TimeOut,
    /// The thread's wait ends for no reason.
    Spurious,
    /// The thread goes on with this one of its alternatives.
    Pick(u16),
    /// The thread forks, and the run goes on as this process.
    Fork(Branch),
    /// The thread is interrupted by this signal, whose handler it runs up to its first point.
    Signal(u8),
}

/// Signals that programs may have at once: the bits of a word.
pub const SIGNALS_MAX: u16 = 64;
/// The bit of a delivery among those of threads that move: fairness owes it to the signal, whatever else the thread can do.
pub const DELIVERY: u16 = 1 << 15;

/// The codes of signals; the alternatives of [`Move::Pick`] stay below.
const SIGNALS_FROM: u16 = 0xfa0;
const SIGNALS_TO: u16 = SIGNALS_FROM + SIGNALS_MAX - 1;
/// The code of a fork.
const FORK_PARENT: u16 = 0xffe;
const FORK_CHILD: u16 = 0xfff;

impl Choice {
    /// A choice for the thread with this index.
    #[must_use]
    pub const fn new(thread: usize, action: Move) -> Self {
        let code = match action {
            Move::Run => 0,
            Move::TimeOut => 1,
            Move::Spurious => 2,
            Move::Pick(alternative) => 3 + alternative,
            Move::Fork(Branch::Parent) => FORK_PARENT,
            Move::Fork(Branch::Child) => FORK_CHILD,
            Move::Signal(signal) => SIGNALS_FROM + signal as u16,
        };
        Self((thread as u16) << 12 | code)
    }

    /// The thread's index.
    #[must_use]
    pub const fn thread(self) -> usize {
        (self.0 >> 12) as usize
    }

    /// Who moves, as a bit: the thread, or who delivers a signal to it.
    #[must_use]
    pub const fn mover(self) -> u16 {
        match self.action() {
            Move::Signal(_) => DELIVERY,
            Move::Run | Move::TimeOut | Move::Spurious | Move::Pick(_) | Move::Fork(_) => {
                1 << self.thread()
            }
        }
    }

    /// What it does.
    #[must_use]
    pub const fn action(self) -> Move {
        match self.0 & 0xfff {
            0 => Move::Run,
            1 => Move::TimeOut,
            2 => Move::Spurious,
            FORK_PARENT => Move::Fork(Branch::Parent),
            FORK_CHILD => Move::Fork(Branch::Child),
            signal @ SIGNALS_FROM..=SIGNALS_TO => Move::Signal((signal - SIGNALS_FROM) as u8),
            alternative => Move::Pick(alternative - 3),
        }
    }
}

/// What is known of a node.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    first_edge: u32,
    /// The threads that could take a step or time out here, as bits, and [`DELIVERY`].
    pub enabled: u16,
    /// Inside a step that wakes one of several waiters: which there are, as bits; else 0.
    pub waiters: u16,
    /// The run ends here, or every thread that has not ended is blocked or goes round in a wait: which outcome this is,
    /// or would be if it went on for ever, numbered by the explored program.
    pub outcome: Option<u16>,
    /// The run ends here.
    pub ends: bool,
    /// How many forks the run followed into the child.
    pub generation: u8,
}

/// One choice at one node and where it leads.
#[derive(Clone, Copy, Debug)]
pub struct Edge {
    /// The node it leads to.
    pub to: NodeId,
    pub(super) next: u32,
    /// What was chosen.
    pub choice: Choice,
    /// The threads that took a step on the way, as bits, and [`DELIVERY`].
    pub movers: u16,
    /// How many steps it is to the next node, the chosen one included.
    pub steps: u32,
    /// Conditions of `eventually` claims that held in some state on the way or at its end, as bits.
    pub seen: u8,
    /// Whether the thread that ran before could have gone on.
    pub preempts: bool,
}

const END: u32 = u32::MAX;

impl Edge {
    pub(super) const fn new(choice: Choice) -> Self {
        Self {
            to: END,
            next: END,
            choice,
            movers: 0,
            steps: 0,
            seen: 0,
            preempts: false,
        }
    }
}

/// A state graph.
#[derive(Debug, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
}

impl Graph {
    /// Adds a node.
    pub(super) fn add_node(&mut self, enabled: u16, waiters: u16, generation: u8) -> NodeId {
        self.nodes.push(Node {
            first_edge: END,
            enabled,
            waiters,
            outcome: None,
            ends: false,
            generation,
        });
        (self.nodes.len() - 1) as NodeId
    }

    pub(super) fn set_outcome(&mut self, node: NodeId, outcome: u16, ends: bool) {
        let node = &mut self.nodes[node as usize];
        node.outcome = Some(outcome);
        node.ends = ends;
    }

    pub(super) fn add_edge(&mut self, from: NodeId, mut edge: Edge) {
        edge.next = self.nodes[from as usize].first_edge;
        self.nodes[from as usize].first_edge = self.edges.len() as u32;
        self.edges.push(edge);
    }

    /// The nodes in order of discovery.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// How many edges there are.
    #[must_use]
    pub fn edge_count(&self) -> usize {
        self.edges.len()
    }

    /// The edges out of a node, last explored first.
    pub fn edges(&self, node: NodeId) -> impl Iterator<Item = &Edge> {
        let mut next = self.nodes[node as usize].first_edge;
        std::iter::from_fn(move || {
            let edge = self.edges.get(next as usize)?;
            next = edge.next;
            Some(edge)
        })
    }

    /// Bytes that the graph takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.nodes.capacity() * size_of::<Node>() + self.edges.capacity() * size_of::<Edge>()
    }

    /// For every node the fewest steps from the first node, then the fewest preemptions, with the edge it is reached
    /// by, over the edges that `admits` lets pass. Of equal ways the one with the smallest choices wins, so the answer does not depend on the search order.
    #[must_use]
    pub fn shortest(&self, admits: &dyn Fn(&Edge) -> bool) -> Shortest {
        let mut best: Vec<Option<Way>> = vec![None; self.nodes.len()];
        let mut heap = std::collections::BinaryHeap::new();
        if let Some(start) = best.first_mut() {
            *start = Some(Way {
                steps: 0,
                preemptions: 0,
                from: END,
                choice: Choice(0),
            });
            heap.push(std::cmp::Reverse((0_u32, 0_u32, 0_u32)));
        }
        let mut done = vec![false; self.nodes.len()];
        while let Some(std::cmp::Reverse((steps, preemptions, node))) = heap.pop() {
            if std::mem::replace(&mut done[node as usize], true) {
                continue;
            }
            for edge in self.edges(node).filter(|edge| admits(edge)) {
                let way = Way {
                    steps: steps + edge.steps,
                    preemptions: preemptions + u32::from(edge.preempts),
                    from: node,
                    choice: edge.choice,
                };
                let known = &mut best[edge.to as usize];
                if !done[edge.to as usize] && known.is_none_or(|known| way.order() < known.order())
                {
                    *known = Some(way);
                    heap.push(std::cmp::Reverse((way.steps, way.preemptions, edge.to)));
                }
            }
        }
        Shortest { best }
    }
}

#[derive(Clone, Copy, Debug)]
struct Way {
    steps: u32,
    preemptions: u32,
    from: NodeId,
    choice: Choice,
}

impl Way {
    const fn order(&self) -> (u32, u32, u16, NodeId) {
        (self.steps, self.preemptions, self.choice.0, self.from)
    }
}

/// The shortest ways from the first node.
#[derive(Debug)]
pub struct Shortest {
    best: Vec<Option<Way>>,
}

impl Shortest {
    /// Steps and preemptions of the shortest way to a node.
    #[must_use]
    pub fn cost(&self, node: NodeId) -> Option<(u32, u32)> {
        self.best[node as usize].map(|way| (way.steps, way.preemptions))
    }

    /// The choices of the shortest way to a node.
    #[must_use]
    pub fn choices(&self, mut node: NodeId) -> Vec<Choice> {
        let mut choices = Vec::new();
        while let Some(way) = self.best[node as usize]
            && way.from != END
        {
            choices.push(way.choice);
            node = way.from;
        }
        choices.reverse();
        choices
    }
}
