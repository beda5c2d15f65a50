//! The explorer against itself, on generated scenarios: an exploration ends, repeats, replays and judges claims, and few
//! scheduling points, merging and the printer lose nothing.

use crate::weave::{RELEASES, WORDS, Weave, weaves};
use crate::{failure, fixed, hold};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestCaseError;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tstate::sim::explorer::{Cut, Exploration, Limits, Settings, explore};
use tstate::sim::judge::{Case, Notes};
use tstate::sim::scenario::{self, program::Program};
use tstate::sim::schedule::Schedule;
use tstate::sim::verdict::{Status, Verdict};
use tstate::sim::world::{Silence, Tuning};
use tstate::sim::{CheckOptions, Checked, check, digest_of, replay};

/// States beyond which a generated scenario is too large for a case.
const STATES_MAX: u64 = 20_000;
/// States in which outcomes are looked for that there must be.
const STATES_SEEN: u64 = 1_000;
/// States up to which the histories that never forget are explored too.
const STATES_AUDITED: u64 = 300;
/// States that an audit may take; it is skipped beyond.
const AUDIT_STATES_MAX: u64 = 60_000;

/// The outcomes that generated scenarios must have between them.
const KINDS: [&str; 9] = [
    "ok", "hang", "exit", "leak", "lost", "deadlock", "fatal", "crash", "child",
];

/// How many scenarios each part was held against.
#[derive(Default)]
struct Counts {
    huge: Cell<u32>,
    explored: Cell<u32>,
    all_points: Cell<u32>,
    audited: Cell<u32>,
    replayed: Cell<u32>,
    claims: Cell<u32>,
    most_outcomes: Cell<usize>,
    releases: RefCell<BTreeMap<u8, u32>>,
}

fn count(cell: &Cell<u32>) {
    cell.set(cell.get() + 1);
}

/// The time-outs are bounded by the scenario itself.
fn limits(states: u64) -> Limits {
    Limits {
        states: Some(states),
        ..Limits::default()
    }
}

pub(crate) fn is_huge(found: &Exploration) -> bool {
    found.cut.iter().any(|cut| matches!(cut, Cut::States(_)))
}

fn program(text: &str) -> Result<Arc<Program>, String> {
    let errors = |errors| format!("{errors:?}");
    let file = scenario::parse(text).map_err(errors)?;
    Ok(Arc::new(scenario::check(&file).map_err(errors)?))
}

/// The canonical text, which says the same as the text and is its own canonical text.
pub(crate) fn canonical(text: &str) -> Result<String, String> {
    let errors = |errors| format!("{errors:?}");
    let printed = scenario::format(text).map_err(errors)?;
    let (before, after) = (scenario::parse(text), scenario::parse(&printed));
    if before != after {
        return Err(format!("printed, it says something else:\n{printed}"));
    }
    if scenario::format(&printed).as_ref() != Ok(&printed) {
        return Err(format!("printed twice, it changes:\n{printed}"));
    }
    Ok(printed)
}

pub(crate) fn checked(text: &str, full_points: bool) -> Result<Checked, String> {
    checked_within(text, full_points, STATES_MAX)
}

fn checked_within(text: &str, full_points: bool, states: u64) -> Result<Checked, String> {
    let program = program(text)?;
    let options = CheckOptions {
        limits: limits(states),
        full_points,
    };
    let profile = program.profiles[0];
    Ok(check(&program, text, profile, &options, &mut |_| true))
}

fn outcomes(checked: &Checked) -> BTreeSet<&str> {
    let found = checked.verdict.outcomes.iter();
    found.map(|found| &*found.text).collect()
}

/// An exploration is the same every time, and meets the claim that its outcomes are all there are.
pub(crate) fn repeats(text: &str, first: &Checked) -> Result<(), String> {
    let found: Vec<&str> = outcomes(first).into_iter().collect();
    let claimed = format!("{text}\nexpect {{ allow {} }}\n", found.join(", "));
    let again = checked(&claimed, false)?.verdict;
    let verdict = &first.verdict;
    let counts = (verdict.states, verdict.transitions, verdict.steps);
    let counts_again = (again.states, again.transitions, again.steps);
    if counts != counts_again {
        return Err(format!("counts {counts:?}, then {counts_again:?}"));
    }
    let runs = |verdict: &Verdict| -> Vec<_> {
        let found = verdict.outcomes.iter();
        found
            .map(|found| (found.text.clone(), found.schedule.choices.clone()))
            .collect()
    };
    if runs(verdict) != runs(&again) {
        return Err(format!("{verdict:?}, then {again:?}"));
    }
    let complete = if verdict.cut.is_empty() {
        Status::Met
    } else {
        Status::Inconclusive
    };
    if again.status() != complete {
        return Err(format!("`allow` of {found:?} is {}", again.status()));
    }
    Ok(())
}

/// Every outcome's schedule, read back from its text, leads to that outcome, twice by the same trace.
pub(crate) fn replays(text: &str, first: &Checked) -> Result<(), String> {
    let program = program(text)?;
    for found in &first.verdict.outcomes {
        let written = found.schedule.to_string();
        let schedule: Schedule = written
            .parse()
            .map_err(|error| format!("{written}: {error}"))?;
        if schedule != found.schedule {
            return Err(format!("{written} reads back as {schedule}"));
        }
        let run =
            || replay(&program, text, &schedule).map_err(|error| format!("{written}: {error}"));
        let (one, other) = (run()?, run()?);
        if one.outcome != found.text {
            return Err(format!(
                "{written} of {} ends in {}",
                found.text, one.outcome
            ));
        }
        if one != other {
            return Err(format!("{written} tells two stories:\n{one:?}\n{other:?}"));
        }
    }
    Ok(())
}

/// Scheduling points that were left out hide no outcome. `None` if there are too many states with all of them.
pub(crate) fn points_lose_nothing(text: &str, few: &Checked) -> Result<Option<()>, String> {
    let all = checked(text, true)?;
    if is_huge(&all.exploration) {
        return Ok(None);
    }
    let (few, all) = (outcomes(few), outcomes(&all));
    if few == all {
        Ok(Some(()))
    } else {
        Err(format!("few points find {few:?}, all find {all:?}"))
    }
}

/// What merging forgets loses no key. `None` if there are too many states without forgetting.
pub(crate) fn merging_loses_nothing(
    text: &str,
    few_points: bool,
    silence: Option<Silence>,
) -> Result<Option<()>, String> {
    let program = program(text)?;
    let explored = |audit| {
        let notes = Notes::default();
        let case = Case {
            program: &program,
            profile: program.profiles[0],
            notes: &notes,
        };
        let settings = Settings {
            tuning: Tuning {
                few_points,
                audit,
                silence,
                ..Tuning::default()
            },
            limits: Limits {
                timeouts: program.bounds.timeouts,
                ..limits(AUDIT_STATES_MAX)
            },
            keep_keys: true,
            ..Settings::default()
        };
        explore(&case, &settings)
    };
    let (merged, full) = (explored(false), explored(true));
    if is_huge(&merged) || is_huge(&full) {
        return Ok(None);
    }
    let lost = full.keys.difference(&merged.keys).count();
    let gained = merged.keys.difference(&full.keys).count();
    if (lost, gained) == (0, 0) {
        Ok(Some(()))
    } else {
        Err(format!(
            "few points {few_points}: {lost} keys lost, {gained} gained"
        ))
    }
}

/// How many forks lie before the end of the process, and its outcome.
fn process_of(outcome: &str) -> (usize, &str) {
    match outcome
        .strip_prefix("child(")
        .and_then(|rest| rest.strip_suffix(')'))
    {
        None => (0, outcome),
        Some(inner) => {
            let (forks, outcome) = process_of(inner);
            (forks + 1, outcome)
        }
    }
}

/// Whether a claim of one outcome is met by another.
fn covers(claimed: &str, outcome: &str) -> bool {
    let ((process, claimed), (other, outcome)) = (process_of(claimed), process_of(outcome));
    if process != other {
        return false;
    }
    let split = |text: &str| {
        let (word, rest) = text.split_once('(').unwrap_or((text, ""));
        (word.to_owned(), rest.trim_end_matches(')').to_owned())
    };
    let ((word, names), (other, others)) = (split(claimed), split(outcome));
    let threads = matches!(&*word, "hang" | "exit" | "livelock" | "deadlock");
    let among = || {
        names
            .split(", ")
            .all(|name| others.split(", ").any(|other| other == name))
    };
    word == other && (names == others || names.is_empty() || (threads && among()))
}

/// A list of the outcomes fails where one is refused, or without one of them: the one or the other, as the text has it.
pub(crate) fn claims_decide(text: &str, first: &Checked) -> Result<(), String> {
    let found: Vec<&str> = outcomes(first).into_iter().collect();
    let fails = |expect: &str| {
        let claimed = format!("{text}\nexpect {{ {expect} }}\n");
        let status = checked(&claimed, false)?.verdict.status();
        if status == Status::Failed {
            Ok(())
        } else {
            Err(format!("`{expect}` is {status} of {found:?}"))
        }
    };
    let dropped = found[text.len() % found.len()];
    let kept: Vec<&str> = found
        .iter()
        .copied()
        .filter(|text| *text != dropped)
        .collect();
    // A process may end well unless a claim speaks of it.
    let (process, outcome) = process_of(dropped);
    let is_default = outcome == "ok" && kept.iter().all(|kept| process_of(kept).0 != process);
    let is_allowed = kept.is_empty() || is_default || kept.iter().any(|kept| covers(kept, dropped));
    if is_allowed || digest_of(text).is_multiple_of(2) {
        fails(&format!("allow {}; never {dropped}", found.join(", ")))
    } else {
        fails(&format!("allow {}", kept.join(", ")))
    }
}

fn holds(weave: &Weave, counts: &Counts) -> Result<(), TestCaseError> {
    let written = weave.text();
    let text = canonical(&written).map_err(|what| failure(&what, &written))?;
    let fails = |what: String| failure(&what, &text);
    let first = checked(&text, false).map_err(fails)?;
    if is_huge(&first.exploration) {
        count(&counts.huge);
        return Err(TestCaseError::reject("too many states"));
    }
    count(&counts.explored);
    *counts.releases.borrow_mut().entry(weave.minor).or_default() += 1;
    let found = &first.verdict.outcomes;
    counts
        .most_outcomes
        .set(counts.most_outcomes.get().max(found.len()));
    if found.is_empty() {
        return Err(fails("no outcome at all".to_owned()));
    }
    repeats(&text, &first).map_err(fails)?;
    replays(&text, &first).map_err(fails)?;
    count(&counts.replayed);
    claims_decide(&text, &first).map_err(fails)?;
    count(&counts.claims);
    if points_lose_nothing(&text, &first).map_err(fails)?.is_some() {
        count(&counts.all_points);
    }
    if first.verdict.states <= STATES_AUDITED {
        for few_points in [true, false] {
            if merging_loses_nothing(&text, few_points, None)
                .map_err(fails)?
                .is_some()
            {
                count(&counts.audited);
            }
        }
    }
    Ok(())
}

#[test]
fn an_exploration_ends_repeats_replays_and_decides() {
    let counts = Counts::default();
    hold(
        file!(),
        "an_exploration_ends_repeats_replays_and_decides",
        170,
        weaves(),
        |weave| holds(&weave, &counts),
    );
    let explored = counts.explored.get();
    eprintln!(
        "{explored} explored, by release {:?}, {} too large, {} with all points, {} audits, {} replayed, {} claims, at most {} outcomes",
        counts.releases.borrow(),
        counts.huge.get(),
        counts.all_points.get(),
        counts.audited.get(),
        counts.replayed.get(),
        counts.claims.get(),
        counts.most_outcomes.get(),
    );
    if explored >= 100 {
        let huge = counts.huge.get();
        assert!(huge <= explored / 4, "too many are too large: {huge}");
        assert!(
            counts.all_points.get() > explored / 2,
            "all points are too many"
        );
        assert!(counts.audited.get() > explored / 2, "too few were audited");
    }
}

/// The strategy is worth its time: between them scenarios end in every way and in every release. Always the same ones, so
/// that chance does not decide.
#[test]
fn woven_scenarios_end_in_every_way() {
    const CASES: u32 = 1_000;
    let mut runner = fixed(CASES);
    let strategy = weaves();
    let mut kinds = BTreeSet::from(KINDS);
    let mut releases: BTreeSet<u8> = RELEASES.collect();
    let mut words = BTreeSet::from(WORDS);
    for case in 1..=CASES {
        let tree = strategy.new_tree(&mut runner).expect("nothing is rejected");
        let weave = tree.current();
        let text = weave.text();
        let first = checked_within(&text, false, STATES_SEEN).expect("it can be explored");
        releases.remove(&weave.minor);
        if !is_huge(&first.exploration) {
            words.retain(|word| !text.contains(word));
        }
        for outcome in outcomes(&first) {
            kinds.remove(outcome.split('(').next().unwrap_or_default());
        }
        if kinds.is_empty() && releases.is_empty() && words.is_empty() {
            eprintln!("{case} scenarios end in every way and have all words");
            return;
        }
    }
    panic!("no scenario ends in {kinds:?}, none is of {releases:?}, none has {words:?}");
}
