//! A check with all that a reader can be shown of it: the graph, and each outcome's shortest run with its states.
//!
//! The graph that is shown has a node for every state, those included in which there is nothing to choose, folded to what a
//! reader follows. Of a large one only the neighbourhood of the runs is shown: the states that they come to, and those one
//! step beside.
//!
//! A run that does not end is told up to where it begins to go round, and then for one round in which every thread moves
//! that moves at all.

use super::check::{CheckOptions, Checked, Progress, Way, check_case, settings};
use super::claims::Claims;
use super::explorer::{Settings, explore};
use super::graph::{Choice, Edge, Graph, NodeId};
use super::judge::{Case, Notes};
use super::names::outcome_text;
use super::replay::{account, beside, written_out};
use super::report::{Account, Trace};
use super::scenario::program::Program;
use super::state_graph::{Folding, StateGraph, fold};
use super::tell::Teller;
use super::verdict::{Found, Outcome, Verdict};
use super::world::Tuning;
use crate::runtime::profile::Profile;
use std::sync::Arc;

/// The whole graph is looked for if a search with a node for each choice found at most this many states,
const STATES_MAX: u64 = 2_000;
/// and kept if the search with a node for each state finds at most this many.
const EVERY_STATE_MAX: u64 = 50_000;
/// Of a round with more steps than this only the beginning is shown.
const ROUND_STEPS_MAX: usize = 600;

/// A verdict, and what can be shown of it.
#[derive(Clone, Debug)]
pub struct Inspected {
    /// The verdict.
    pub verdict: Verdict,
    /// The shortest run to each outcome, in the order of [`Verdict::outcomes`].
    pub shown: Vec<Shown>,
    /// For each outcome the claim that allows it, if one does: byte offsets in the scenario file.
    pub claims: Vec<Option<(u32, u32)>>,
    /// The graph, folded: whole, or the neighbourhood of the runs.
    pub graph: StateGraph,
    /// Whether it is whole.
    pub whole: bool,
}

/// A run, and its way through the graph.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// The run.
    pub account: Account,
    /// The node of the folded graph at which the run is after each row.
    pub nodes: Vec<usize>,
    /// All nodes that it comes to, in order.
    pub path: Vec<usize>,
    /// The row, counted from 0, from which on the run repeats itself for ever.
    pub round: Option<usize>,
    /// Whether only the beginning of a round is shown.
    pub round_is_cut: bool,
}

/// Explores `program`, whose text is `source`, under `profile`, judges its claims and shows what was found. `progress`
/// may stop the search by returning false; the verdict is then inconclusive.
pub fn inspect(
    program: &Arc<Program>,
    source: &str,
    profile: Profile,
    options: &CheckOptions,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Inspected {
    let notes = Notes::default();
    let case = Case {
        program,
        profile,
        notes: &notes,
    };
    let settings = settings(program, options);
    let checked = check_case(&case, source, settings, progress);
    let showing = Showing {
        case: &case,
        source,
        settings,
        checked: &checked,
    };
    let found = checked.verdict.outcomes.iter().zip(&checked.ways);
    let runs: Vec<Run> = found.map(|(found, way)| showing.run(found, way)).collect();
    let whole = showing.whole();
    let is_whole = whole.is_some();
    let (graph, shown) = showing.drawn(whole, runs);
    let claims = Claims { program, profile };
    let allowing = checked.verdict.outcomes.iter().map(|found| {
        let claim = claims.allowing(&found.outcome)?;
        Some((claim.span.start, claim.span.end))
    });
    Inspected {
        claims: allowing.collect(),
        shown,
        graph,
        whole: is_whole,
        verdict: checked.verdict,
    }
}

struct Showing<'a> {
    case: &'a Case<'a>,
    source: &'a str,
    settings: Settings,
    checked: &'a Checked,
}

/// A run to show, with its steps.
struct Run {
    steps: Vec<Choice>,
    account: Account,
    round: Option<usize>,
    round_is_cut: bool,
}

impl<'a> Showing<'a> {
    fn run(&self, found: &Found, way: &Way) -> Run {
        let stem = Run {
            steps: found.schedule.choices.clone(),
            account: self.account(&found.schedule.choices, found, None),
            round: None,
            round_is_cut: false,
        };
        let is_deadlock = matches!(found.outcome.process().0, Outcome::Deadlock(_));
        if way.lasso.is_empty() || is_deadlock {
            return stem;
        }
        // One round more; what is said of the end is said of where the first one begins.
        let graph = &self.checked.exploration.graph;
        let mut choices = way.choices.clone();
        choices.extend(round(graph, &way.lasso, end_of(graph, &way.choices)));
        let mut steps = written_out(
            self.case.program,
            self.case.profile,
            self.settings.tuning,
            &self.checked.exploration.points,
            &self.settings.limits,
            &choices,
        );
        let all = steps.len();
        steps.truncate(found.schedule.choices.len() + ROUND_STEPS_MAX);
        let mut account = self.account(&steps, found, Some(found.steps));
        let Trace { threads, rows, .. } = account.trace;
        account.trace = Trace {
            threads,
            rows,
            ..stem.account.trace
        };
        Run {
            round: account.steps.iter().position(|steps| *steps > found.steps),
            round_is_cut: steps.len() < all,
            steps,
            account,
        }
    }

    fn account(&self, steps: &[Choice], found: &Found, round: Option<u32>) -> Account {
        let Case {
            program, profile, ..
        } = *self.case;
        match account(
            program,
            self.source,
            profile,
            steps,
            Teller::in_detail(round),
        ) {
            Ok((_, account)) => account,
            Err(error) => Account {
                trace: Trace {
                    outcome: found.text.clone(),
                    explanation: vec![error.to_string()],
                    ..Trace::default()
                },
                ..Account::default()
            },
        }
    }

    /// The graph with a node for every state, folded, unless it is large or a bound cut the search.
    fn whole(&self) -> Option<(Folding<'a>, [u64; 2])> {
        let verdict = &self.checked.verdict;
        if verdict.states > STATES_MAX || !verdict.cut.is_empty() {
            return None;
        }
        let mut settings = Settings {
            keep_labels: true,
            every_state: true,
            tuning: Tuning {
                few_points: false,
                ..self.settings.tuning
            },
            ..self.settings
        };
        settings.limits.states = Some(EVERY_STATE_MAX);
        let found = explore(self.case, &settings);
        let counts = [found.graph.nodes().len(), found.graph.edge_count()];
        (counts[0] < EVERY_STATE_MAX as usize).then(|| {
            (
                fold(self.case, self.source, &found),
                counts.map(|count| count as u64),
            )
        })
    }

    /// The graph, with the runs on their ways through it.
    fn drawn(
        &self,
        whole: Option<(Folding<'a>, [u64; 2])>,
        runs: Vec<Run>,
    ) -> (StateGraph, Vec<Shown>) {
        let is_whole = whole.is_some();
        let counts = [
            self.checked.verdict.states,
            self.checked.verdict.transitions,
        ];
        let (mut folding, [states, transitions]) =
            whole.unwrap_or_else(|| (Folding::new(self.source), counts));
        let mut shown = Vec::new();
        for mut run in runs {
            let looks = std::mem::take(&mut run.account.looks);
            let places: Vec<usize> = looks.iter().map(|look| folding.place(look)).collect();
            for (pair, step) in places.windows(2).zip(&run.steps) {
                folding.joins(pair[0], pair[1], step.thread());
            }
            if !is_whole {
                self.add_beside(&mut folding, &run.steps, &places);
            }
            let at = |steps: &u32| places.get(*steps as usize).copied().unwrap_or(0);
            let nodes = run.account.steps.iter().map(at).collect();
            let mut path = places;
            path.dedup();
            shown.push(Shown {
                account: run.account,
                nodes,
                path,
                round: run.round,
                round_is_cut: run.round_is_cut,
            });
        }
        let graph = StateGraph {
            states,
            transitions,
            complete: self.checked.verdict.cut.is_empty(),
            ..folding.finish(self.case.program)
        };
        (graph, shown)
    }

    /// Adds what is one step beside the run.
    fn add_beside(&self, folding: &mut Folding<'_>, steps: &[Choice], places: &[usize]) {
        let Case {
            program, profile, ..
        } = *self.case;
        for look in beside(program, profile, &self.settings.limits, steps) {
            let to = folding.place(&look.label);
            let from = places.get(look.after).copied().unwrap_or(to);
            if let Some(outcome) = look.ends {
                folding.ends(to, outcome_text(program, &outcome));
            }
            if let Some(choice) = look.choice {
                folding.joins(from, to, choice.thread());
            }
        }
    }
}

/// The node to which the choices lead.
fn end_of(graph: &Graph, choices: &[Choice]) -> NodeId {
    choices.iter().fold(0, |node, choice| {
        let mut edges = graph.edges(node);
        let edge = edges.find(|edge| edge.choice == *choice);
        edge.map_or(node, |edge| edge.to)
    })
}

/// A way from `first` back to it within the lasso, on which every thread moves that moves in the lasso.
fn round(graph: &Graph, lasso: &[NodeId], first: NodeId) -> Vec<Choice> {
    let mut inside = vec![false; graph.nodes().len()];
    lasso.iter().for_each(|node| inside[*node as usize] = true);
    let edges = lasso.iter().flat_map(|node| graph.edges(*node));
    let edges = edges.filter(|edge| inside[edge.to as usize]);
    let mut owed = edges.fold(0, |movers, edge| movers | edge.movers);
    let mut choices = Vec::new();
    let mut node = first;
    loop {
        let wanted = |edge: &Edge| match owed {
            0 => edge.to == first,
            owed => edge.movers & owed != 0,
        };
        if owed == 0 && node == first && !choices.is_empty() {
            return choices;
        }
        let Some(way) = nearest(graph, &inside, node, &wanted) else {
            return choices;
        };
        for edge in way {
            choices.push(edge.choice);
            owed &= !edge.movers;
            node = edge.to;
        }
    }
}

/// The shortest way inside from `from` to and over an edge that is wanted.
fn nearest<'a>(
    graph: &'a Graph,
    inside: &[bool],
    from: NodeId,
    wanted: &dyn Fn(&Edge) -> bool,
) -> Option<Vec<&'a Edge>> {
    let mut reached: Vec<Option<(NodeId, &Edge)>> = vec![None; inside.len()];
    let mut queue = std::collections::VecDeque::from([from]);
    while let Some(node) = queue.pop_front() {
        let edges = graph.edges(node);
        for edge in edges.filter(|edge| inside[edge.to as usize]) {
            if wanted(edge) {
                let mut way = vec![edge];
                let mut at = node;
                while at != from
                    && let Some((before, edge)) = reached[at as usize]
                {
                    way.push(edge);
                    at = before;
                }
                way.reverse();
                return Some(way);
            }
            if edge.to != from && reached[edge.to as usize].is_none() {
                reached[edge.to as usize] = Some((node, edge));
                queue.push_back(edge.to);
            }
        }
    }
    None
}
