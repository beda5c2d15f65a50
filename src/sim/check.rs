//! Explores a scenario under one profile and judges its claims.

use super::claims::Claims;
use super::explorer::{Exploration, Limits, Settings, explore_with};
use super::graph::{Choice, DELIVERY, Edge, Graph, NodeId, Shortest};
use super::judge::{Case, Notes};
use super::liveness::{Lasso, lassos};
use super::names::outcome_text;
use super::replay::{run, written_out};
use super::report::Trace;
use super::scenario::program::{Claim, ClaimKind, Outcome as Claimed, Program};
use super::schedule::Schedule;
use super::verdict::{Failure, Found, Outcome, Threads, Verdict};
use super::world::Tuning;
use crate::runtime::profile::Profile;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How to check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckOptions {
    /// Limits beside those that the scenario itself has; the tighter one counts.
    pub limits: Limits,
    /// Every operation is a scheduling point, not only those where threads meet.
    pub full_points: bool,
}

/// How far a search is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// States found.
    pub states: u64,
    /// Steps taken.
    pub steps: u64,
}

/// What a check gives: the verdict, and the graph that it was read off.
#[derive(Debug)]
pub struct Checked {
    /// The verdict.
    pub verdict: Verdict,
    /// The exploration.
    pub exploration: Exploration,
    /// How the outcomes were found, in the order of [`Verdict::outcomes`].
    pub ways: Vec<Way>,
}

/// How an outcome was found in the graph.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Way {
    /// The choices of the shortest way to it.
    pub choices: Vec<Choice>,
    /// The states that a run stays in for ever, if it does not end.
    pub lasso: Vec<NodeId>,
}

fn tighter<T: Ord + Copy>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// The settings of a check.
#[must_use]
pub fn settings(program: &Program, options: &CheckOptions) -> Settings {
    let (given, own) = (&options.limits, &program.bounds);
    let limits = Limits {
        states: tighter(given.states, own.states),
        bytes: given.bytes,
        steps: tighter(
            given.steps,
            own.steps
                .map(|steps| u32::try_from(steps).unwrap_or(u32::MAX)),
        ),
        preemptions: tighter(given.preemptions, own.preemptions),
        timeouts: tighter(given.timeouts, own.timeouts),
        spurious: given.spurious.max(own.spurious.unwrap_or(0)),
    };
    let tuning = Tuning {
        few_points: !options.full_points,
        ..Tuning::default()
    };
    Settings {
        tuning,
        limits,
        ..Settings::default()
    }
}

/// Explores `program`, whose text is `source`, under `profile` and judges its claims. `progress` may stop the search by
/// returning false; the verdict is then inconclusive.
pub fn check(
    program: &Arc<Program>,
    source: &str,
    profile: Profile,
    options: &CheckOptions,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Checked {
    let notes = Notes::default();
    let case = Case {
        program,
        profile,
        notes: &notes,
    };
    check_case(&case, source, settings(program, options), progress)
}

/// Explores a case with these settings and judges its claims.
pub(super) fn check_case(
    case: &Case<'_>,
    source: &str,
    settings: Settings,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Checked {
    let Case {
        program,
        profile,
        notes,
    } = *case;
    let exploration = explore_with(case, &settings, &mut |found| {
        progress(Progress {
            states: found.graph.nodes().len() as u64,
            steps: found.steps,
        })
    });
    let bench = Bench {
        program,
        source,
        profile,
        claims: Claims { program, profile },
        settings,
        notes,
        exploration: &exploration,
    };
    let (verdict, ways) = bench.verdict();
    Checked {
        verdict,
        exploration,
        ways,
    }
}

/// What the judging of claims reads.
struct Bench<'a> {
    program: &'a Arc<Program>,
    source: &'a str,
    profile: Profile,
    claims: Claims<'a>,
    settings: Settings,
    notes: &'a Notes,
    exploration: &'a Exploration,
}

/// Where an outcome shows, cheapest first.
struct Sight {
    cost: (u32, u32),
    node: NodeId,
    ends: u64,
    /// The states that a run stays in from here, if it is not its end.
    lasso: Vec<NodeId>,
}

/// The outcomes, best first, and how each was found.
#[derive(Default)]
struct All {
    found: Vec<Found>,
    ways: Vec<Way>,
}

impl All {
    fn add(&mut self, (found, way): (Found, Way)) {
        self.found.push(found);
        self.ways.push(way);
    }
}

impl Bench<'_> {
    fn graph(&self) -> &Graph {
        &self.exploration.graph
    }

    fn verdict(&self) -> (Verdict, Vec<Way>) {
        let all = |_: &Edge| true;
        let shortest = self.graph().shortest(&all);
        let endless = lassos(self.graph(), &all);
        let mut outcomes = self.outcomes(&shortest, &endless);
        let mut failures = self.eventually(&mut outcomes);
        failures.extend(self.judge(&outcomes.found));
        failures.sort_by_key(|failure| (failure.span, failure.found));
        let steps = self.exploration.steps;
        let verdict = Verdict {
            profile: self.profile,
            outcomes: outcomes.found,
            failures,
            states: self.graph().nodes().len() as u64,
            transitions: self.graph().edge_count() as u64,
            steps,
            cut: self.exploration.cut.clone(),
            omission: self.exploration.omission(),
        };
        (verdict, outcomes.ways)
    }

    /// All outcomes, best first, each with the shortest way to it.
    fn outcomes(&self, shortest: &Shortest, endless: &[Lasso]) -> All {
        let mut sights: BTreeMap<Outcome, Sight> = BTreeMap::new();
        let mut see = |outcome: Outcome, node: NodeId, lasso: &[NodeId]| {
            let Some(cost) = shortest.cost(node) else {
                return;
            };
            let sight = sights.entry(outcome).or_insert(Sight {
                cost,
                node,
                ends: 0,
                lasso: lasso.to_vec(),
            });
            sight.ends += 1;
            if (cost, node) < (sight.cost, sight.node) {
                (sight.cost, sight.node) = (cost, node);
                sight.lasso = lasso.to_vec();
            }
        };
        for (node, state) in self.graph().nodes().iter().enumerate() {
            if let Some(outcome) = state.outcome.filter(|_| state.ends) {
                see(self.notes.outcome(outcome), node as NodeId, &[]);
            }
        }
        for lasso in endless {
            let first = self.cheapest(shortest, lasso);
            see(self.endless(lasso), first, &lasso.nodes);
        }
        let mut all = All::default();
        for (outcome, sight) in sights {
            let choices = shortest.choices(sight.node);
            all.add(self.found(outcome, choices, sight.ends, sight.lasso));
        }
        all
    }

    fn cheapest(&self, shortest: &Shortest, lasso: &Lasso) -> NodeId {
        let by_cost = lasso
            .nodes
            .iter()
            .min_by_key(|node| (shortest.cost(**node), **node));
        *by_cost.expect("a lasso has states")
    }

    /// What a run that stays in the lasso for ever comes to.
    fn endless(&self, lasso: &Lasso) -> Outcome {
        let stuck = lasso
            .nodes
            .iter()
            .map(|node| self.graph().nodes()[*node as usize].outcome);
        let all_stuck: Option<Vec<u16>> = stuck.collect();
        match all_stuck.as_deref() {
            Some([first, ..]) => self.notes.outcome(*first),
            _ => {
                let movers = match self.program.sends_signals() {
                    true => lasso.movers & !DELIVERY,
                    false => lasso.movers,
                };
                Outcome::Livelock(Threads(movers)).in_child(self.generation(lasso.nodes[0]))
            }
        }
    }

    /// How many forks away from the first process a state lies.
    fn generation(&self, node: NodeId) -> u8 {
        self.graph().nodes()[node as usize].generation
    }

    /// An outcome that a claim names, as if it stood outside of `in child`.
    fn claimed(&self, claim: &Claim, wanted: &Claimed) -> String {
        let name = super::names::claimed_text(self.program, wanted);
        if claim.in_child {
            format!("child({name})")
        } else {
            name
        }
    }

    fn found(
        &self,
        outcome: Outcome,
        choices: Vec<Choice>,
        ends: u64,
        lasso: Vec<NodeId>,
    ) -> (Found, Way) {
        let points = &self.exploration.points;
        let steps = written_out(
            self.program,
            self.profile,
            self.settings.tuning,
            points,
            &self.settings.limits,
            &choices,
        );
        let schedule = Schedule {
            profile: self.profile,
            scenario: super::digest_of(self.source),
            choices: steps,
        };
        let found = Found {
            text: outcome_text(self.program, &outcome),
            steps: schedule.choices.len() as u32,
            switches: switches(&schedule.choices),
            outcome,
            schedule,
            ends,
        };
        (found, Way { choices, lasso })
    }

    /// Judges the claims that name outcomes, and `cover`.
    fn judge(&self, outcomes: &[Found]) -> Vec<Failure> {
        let cut = !self.exploration.cut.is_empty();
        let mut failures = self.claims.refusals(outcomes);
        let covered = self.notes.covered();
        for (index, claim) in self.claims.binding() {
            let span = (claim.span.start, claim.span.end);
            match &claim.kind {
                ClaimKind::Reach(wanted) => {
                    for wanted in wanted {
                        if !outcomes
                            .iter()
                            .any(|found| self.claims.names(claim, wanted, &found.outcome))
                        {
                            let name = self.claimed(claim, wanted);
                            let message = format!("no interleaving ends in {name}");
                            failures.push(Failure {
                                span,
                                message,
                                found: None,
                                undecided: cut,
                            });
                        }
                    }
                }
                ClaimKind::Cover(_) if !covered.contains(&index) => {
                    let message = "this holds in no state".to_owned();
                    failures.push(Failure {
                        span,
                        message,
                        found: None,
                        undecided: cut,
                    });
                }
                ClaimKind::Allow(_)
                | ClaimKind::Never(_)
                | ClaimKind::Always(_)
                | ClaimKind::Finally(_)
                | ClaimKind::Cover(_)
                | ClaimKind::Eventually(_) => {}
            }
        }
        failures
    }

    /// `eventually`: no run may end, or go on for ever, without a state in which the condition holds.
    fn eventually(&self, outcomes: &mut All) -> Vec<Failure> {
        let mut failures = Vec::new();
        let claims = self
            .claims
            .binding()
            .filter(|(_, claim)| matches!(claim.kind, ClaimKind::Eventually(_)));
        for (bit, (index, claim)) in claims.enumerate().take(8) {
            let bit = 1_u8 << bit;
            if self.exploration.seen_first & bit != 0 {
                continue;
            }
            let without = |edge: &Edge| edge.seen & bit == 0;
            let shortest = self.graph().shortest(&without);
            let ends = self
                .graph()
                .nodes()
                .iter()
                .enumerate()
                .filter(|(_, state)| state.ends);
            let of_process = |node: &NodeId| claim.in_child == (self.generation(*node) > 0);
            let ends = ends
                .map(|(node, _)| node as NodeId)
                .filter(|node| shortest.cost(*node).is_some());
            let endless = lassos(self.graph(), &without);
            let reached = endless.iter().map(|lasso| self.cheapest(&shortest, lasso));
            let reached = reached.filter(|node| shortest.cost(*node).is_some());
            let Some(node) = ends
                .chain(reached)
                .filter(of_process)
                .min_by_key(|node| (shortest.cost(*node), *node))
            else {
                continue;
            };
            let outcome = Outcome::Assertion(super::driver::Site::Claim(index as u16));
            let outcome = outcome.in_child(self.generation(node));
            let of_node = |lasso: &&Lasso| lasso.nodes.contains(&node);
            let lasso = endless.iter().find(of_node);
            let lasso = lasso.map_or_else(Vec::new, |lasso| lasso.nodes.clone());
            outcomes.add(self.found(outcome, shortest.choices(node), 1, lasso));
            failures.push(Failure {
                span: (claim.span.start, claim.span.end),
                message: "a run ends, or goes on for ever, without a state in which this holds"
                    .to_owned(),
                found: Some(outcomes.found.len() - 1),
                undecided: false,
            });
        }
        failures
    }
}

/// How often another thread than before takes the next step: an upper bound on forced preemptions, which the steps
/// alone do not tell.
pub(super) fn switches(choices: &[Choice]) -> u32 {
    choices
        .windows(2)
        .filter(|pair| pair[0].thread() != pair[1].thread())
        .count() as u32
}

/// Tells the run that shows an outcome.
#[must_use]
pub fn counterexample(program: &Arc<Program>, source: &str, found: &Found) -> Trace {
    match run(
        program,
        source,
        found.schedule.profile,
        &found.schedule.choices,
    ) {
        Ok((_, trace)) => trace,
        Err(error) => Trace {
            outcome: found.text.clone(),
            explanation: vec![error.to_string()],
            ..Trace::default()
        },
    }
}
