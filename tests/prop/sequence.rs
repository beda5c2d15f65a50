//! The runtime does what the reference says: every result, attachment, list, counter and queue, after every call.
//!
//! One thread, or several that take turns, in every release. The scenario claims what the reference predicts, so that it
//! can stand alone as a regression; the rest is compared with the runtime after each call.

use crate::compare::agrees;
use crate::reference::{End, Mistake};
use crate::script::{Kind, Sequence, Step, script};
use crate::subjects::subjects;
use crate::{failure, fixed, hold};
use proptest::collection::vec;
use proptest::prelude::{Just, any, prop_oneof};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

/// Steps of one sequence; those that make no sense are left out of the scenario.
const STEPS_MAX: usize = 60;

/// The releases that sequences are made for, 3.N.
const RELEASES: std::ops::RangeInclusive<u8> = 8..=15;

/// What a thread does next: a fork is mostly made as `os.fork` makes it, with both hooks, and few threads come too late by
/// themselves.
fn kinds() -> impl Strategy<Value = Vec<Kind>> {
    let hooked = vec![Kind::BeforeFork, Kind::Fork, Kind::AfterFork];
    let late = vec![Kind::New, Kind::Finalize, Kind::Restore];
    let alone = [Kind::BeforeFork, Kind::Fork, Kind::Fork, Kind::AfterFork];
    prop_oneof![
        56 => kind().prop_map(|kind| vec![kind]),
        2 => Just(hooked),
        1 => Just(late),
        1 => proptest::sample::select(alone.to_vec()).prop_map(|kind| vec![kind]),
    ]
}

fn kind() -> impl Strategy<Value = Kind> {
    let rare = [
        Kind::IsInitialized,
        Kind::IsFinalizing,
        Kind::Get,
        Kind::GetUnchecked,
        Kind::GetInterpreter,
        Kind::InterpreterGet,
        Kind::InterpreterHead,
        Kind::InterpreterMain,
        Kind::InterpreterNext,
        Kind::NewInterpreter,
        Kind::NewInterpreter,
        Kind::Acquire,
        Kind::Fill,
    ];
    let common = [
        Kind::Initialize,
        Kind::Finalize,
        Kind::Restore,
        Kind::ReleaseThread,
        Kind::Swap,
        Kind::New,
        Kind::Clear,
        Kind::Delete,
        Kind::DeleteCurrent,
        Kind::GetId,
        Kind::Next,
        Kind::GetThis,
        Kind::Check,
        Kind::ThreadHead,
        Kind::EndInterpreter,
        Kind::MakePending,
        Kind::Eval,
    ];
    let often = [Kind::Save, Kind::Ensure, Kind::Release, Kind::AddPending];
    prop_oneof![
        2 => proptest::sample::select(rare.to_vec()),
        6 => proptest::sample::select(common.to_vec()),
        4 => proptest::sample::select(often.to_vec()),
    ]
}

/// A thread keeps the turn for a while: turns of one call would rarely leave the GIL.
fn sequences() -> impl Strategy<Value = Sequence> {
    let cold = prop_oneof![9 => Just(false), 1 => Just(true)];
    let steps = subjects().prop_flat_map(|subject| {
        let step = (subject.moves(kinds()), any::<u8>(), 0_u8..20, 0_usize..12);
        vec(step, 1..STEPS_MAX).prop_map(move |steps| (subject, steps))
    });
    (RELEASES, 1_usize..=3, cold, steps).prop_map(|(minor, threads, cold, (subject, steps))| {
        let first = Step {
            thread: 0,
            kind: Kind::Initialize,
            pick: 0,
            reckless: false,
        };
        let mut all = Vec::from_iter((!cold).then_some(first));
        let mut turn = 0;
        for (kinds, pick, reckless, to) in steps {
            if to < threads {
                turn = to;
            }
            for (place, kind) in kinds.into_iter().enumerate() {
                let Some(kind) = kind else {
                    turn = (turn + 1) % threads;
                    continue;
                };
                all.push(Step {
                    thread: turn,
                    kind,
                    // Each step of several picks for itself.
                    pick: pick.wrapping_add((place as u8).wrapping_mul(83)),
                    reckless: reckless == 19,
                });
            }
        }
        Sequence {
            minor: subject.release(minor),
            threads,
            steps: all,
        }
    })
}

#[test]
fn calls_in_turn_do_what_the_reference_says() {
    hold(
        file!(),
        "calls_in_turn_do_what_the_reference_says",
        1_000,
        sequences(),
        |sequence| {
            let script = script(&sequence, None);
            agrees(&script).map_err(|what| failure(&what, &script.text))
        },
    );
}

/// Sequences that a mistake has at most to show itself.
const CASES_FOR_A_MISTAKE: usize = 6_000;

/// Always the same sequences, each with what stands for its right prediction.
struct Pool {
    runner: TestRunner,
    made: Vec<(Sequence, u64)>,
}

impl Pool {
    fn get(&mut self, case: usize) -> &(Sequence, u64) {
        while self.made.len() <= case {
            let tree = sequences().new_tree(&mut self.runner);
            let sequence = tree.expect("nothing is rejected").current();
            let digest = script(&sequence, None).digest();
            self.made.push((sequence, digest));
        }
        &self.made[case]
    }

    /// The first sequence that shows a mistake, and how. One about a rule is looked for where the rule holds, any other
    /// everywhere.
    fn notices(&mut self, mistake: Mistake) -> Option<(usize, u8, String)> {
        let releases: Vec<u8> = RELEASES.filter(|minor| mistake.shows_in(*minor)).collect();
        (0..CASES_FOR_A_MISTAKE).find_map(|case| {
            let (sequence, digest) = self.get(case);
            let (mut sequence, mut digest) = (sequence.clone(), *digest);
            if !releases.contains(&sequence.minor) {
                sequence.minor = releases[case % releases.len()];
                digest = script(&sequence, None).digest();
            }
            let wrong = script(&sequence, Some(mistake));
            // A mistake that changes no prediction in this sequence cannot show.
            if wrong.digest() == digest {
                return None;
            }
            agrees(&wrong)
                .err()
                .map(|what| (case, sequence.minor, what))
        })
    }
}

#[test]
fn every_mistake_of_the_reference_is_noticed() {
    let mut pool = Pool {
        runner: fixed(1),
        made: Vec::new(),
    };
    let mut unnoticed = Vec::new();
    for mistake in Mistake::all() {
        match pool.notices(mistake) {
            Some((case, minor, what)) => eprintln!("{mistake:?}: case {case}, 3.{minor}, {what}"),
            None => unnoticed.push(mistake),
        }
    }
    assert!(unnoticed.is_empty(), "not noticed: {unnoticed:?}");
}

/// The strategy is worth its time: sequences are long, take turns, fork, and end in every way, in every release.
#[test]
fn sequences_go_far_and_end_in_every_way() {
    const CASES: u32 = 4_000;
    let mut runner = fixed(CASES);
    let strategy = sequences();
    let (mut calls, mut turns, mut children) = (0, 0, 0);
    let mut made = vec![0; Kind::ALL.len()];
    let mut ends = [[0_u32; 9]; 8];
    for _ in 0..CASES {
        let tree = strategy.new_tree(&mut runner).expect("nothing is rejected");
        let sequence = tree.current();
        let script = script(&sequence, None);
        calls += script.calls.len();
        let pairs = script.calls.windows(2);
        turns += pairs
            .filter(|pair| pair[0].thread != pair[1].thread)
            .count();
        let of_child = script.calls.iter().filter(|call| call.after.depth > 0);
        children += of_child.count();
        ends[usize::from(sequence.minor - RELEASES.start())][match script.end {
            None => 0,
            Some((_, End::Fatal(_))) => 1,
            Some((_, End::Crash(_))) => 2,
            Some((_, End::Hang)) => 3,
            Some((_, End::Exit)) => 4,
            Some((_, End::Blocks)) => 5,
            Some((_, End::Undefined)) => 6,
            Some((_, End::Spins)) => 7,
            Some((_, End::Killed)) => 8,
        }] += 1;
        for (made, more) in made.iter_mut().zip(script.made) {
            *made += more;
        }
    }
    eprintln!("{calls} calls, {turns} turns, {children} in children, ends {ends:?}");
    let cases = CASES as usize;
    for (kind, made) in Kind::ALL.iter().zip(made) {
        assert!(made >= 40, "{kind:?} is rare: {made} times");
    }
    assert!(calls > 10 * cases, "sequences are short: {calls} calls");
    assert!(turns > cases / 2, "threads hardly take turns: {turns}");
    assert!(children > cases, "children do little: {children}");
    let in_all = |end: usize| ends.iter().map(|of_release| of_release[end]).sum::<u32>();
    assert!(
        (0..9).all(|end| in_all(end) > 10),
        "an end is rare: {ends:?}"
    );
    assert!(in_all(6) < CASES / 10, "too much is undefined: {ends:?}");
    let per_release = CASES / 16;
    let all: Vec<u32> = ends
        .iter()
        .map(|of_release| of_release.iter().sum())
        .collect();
    assert!(
        all.iter().all(|cases| *cases > per_release),
        "a release is rare: {all:?}"
    );
}
