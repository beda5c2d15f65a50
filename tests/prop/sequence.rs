//! The runtime does what the reference says: every result, attachment, list, counter and queue, after every call.
//!
//! One thread, or several that take turns. The scenario claims what the reference predicts, so that it can stand alone
//! as a regression; the rest is compared with the runtime after each call.

use crate::reference::{End, Function, Home, Mistake, Reply, State};
use crate::script::{Kind, NAMES, Planned, Script, Step, script};
use crate::watch::{Called, Watched, watch};
use crate::{failure, fixed, hold};
use proptest::collection::vec;
use proptest::prelude::{Just, any, prop_oneof};
use proptest::strategy::{Strategy, ValueTree};
use std::sync::Arc;
use tstate::runtime::{
    AttachState, Bit, InterpreterHandle, Locked, Observation, ThreadStateHandle,
    ThreadStateObservation,
};
use tstate::sim::driver::Value;
use tstate::sim::scenario::{self, program::Program};
use tstate::sim::verdict::Status;
use tstate::sim::{CheckOptions, check};

/// Steps of one sequence; those that make no sense are left out of the scenario.
const STEPS_MAX: usize = 60;

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
fn steps() -> impl Strategy<Value = (usize, Vec<Step>)> {
    let step = (kind(), any::<u8>(), 0_u8..20, 0_usize..12);
    let cold = prop_oneof![9 => Just(false), 1 => Just(true)];
    (1_usize..=3, cold, vec(step, 1..STEPS_MAX)).prop_map(|(threads, cold, steps)| {
        let first = Step {
            thread: 0,
            kind: Kind::Initialize,
            pick: 0,
            reckless: false,
        };
        let mut all = Vec::from_iter((!cold).then_some(first));
        let mut turn = 0;
        for (kind, pick, reckless, to) in steps {
            if to < threads {
                turn = to;
            }
            all.push(Step {
                thread: turn,
                kind,
                pick,
                reckless: reckless == 19,
            });
        }
        (threads, all)
    })
}

/// Which handle stands for which thread state and interpreter of the reference.
#[derive(Default)]
struct Handles {
    states: Vec<(State, ThreadStateHandle)>,
    homes: Vec<(Home, InterpreterHandle)>,
}

/// Whether the two are the same; new ones are from here on.
fn same_as<N: Copy + PartialEq, H: Copy + PartialEq>(
    known: &mut Vec<(N, H)>,
    name: N,
    handle: H,
) -> bool {
    let found = known
        .iter()
        .find(|(known, seen)| *known == name || *seen == handle);
    match found {
        Some(pair) => *pair == (name, handle),
        None => {
            known.push((name, handle));
            true
        }
    }
}

impl Handles {
    fn agree(&mut self, state: Option<State>, handle: ThreadStateHandle) -> bool {
        match state {
            None => handle.is_null(),
            Some(state) => !handle.is_null() && same_as(&mut self.states, state, handle),
        }
    }

    fn agree_home(&mut self, home: Option<Home>, handle: InterpreterHandle) -> bool {
        match home {
            None => handle.is_null(),
            Some(home) => !handle.is_null() && same_as(&mut self.homes, home, handle),
        }
    }
}

macro_rules! same {
    ($what:expr, $expected:expr, $seen:expr) => {
        let (expected, seen) = ($expected, $seen);
        if expected != seen {
            return Err(format!("{}: expected {expected:?}, was {seen:?}", $what));
        }
    };
}

fn compare_reply(handles: &mut Handles, expected: Reply, seen: Value) -> Result<(), String> {
    let agrees = match (expected, seen) {
        (Reply::Nothing, _) => true,
        (Reply::Number(number), seen) => seen == Value::Number(number),
        (Reply::State(state), Value::ThreadState(handle)) => handles.agree(state, handle),
        (Reply::State(state), seen) => state.is_none() && seen == Value::NULL,
        (Reply::Interpreter(home), Value::Interpreter(handle)) => handles.agree_home(home, handle),
        (Reply::Interpreter(home), seen) => home.is_none() && seen == Value::NULL,
    };
    if agrees {
        Ok(())
    } else {
        Err(format!("result: expected {expected:?}, was {seen:?}"))
    }
}

fn compare_state(
    planned: &Planned,
    state: State,
    seen: &ThreadStateObservation,
) -> Result<(), String> {
    let expected = &planned.after.states[state.0];
    same!(format!("{state:?} id"), Some(expected.id), seen.id);
    same!(
        format!("{state:?} counter"),
        expected.counter,
        seen.gilstate_counter
    );
    same!(
        format!("{state:?} references"),
        expected.references,
        seen.references
    );
    same!(format!("{state:?} cleared"), expected.cleared, seen.cleared);
    let thread = seen.thread.map(|thread| thread.index());
    same!(format!("{state:?} thread"), Some(expected.thread), thread);
    let attach_state = if expected.attached {
        AttachState::Attached
    } else {
        AttachState::Detached
    };
    same!(format!("{state:?} state"), attach_state, seen.state);
    let bit = seen.eval_breaker.contains(&Bit::CallsToDo);
    same!(format!("{state:?} CALLS_TO_DO"), expected.calls_to_do, bit);
    Ok(())
}

fn compare_lists(
    handles: &mut Handles,
    planned: &Planned,
    seen: &Observation,
) -> Result<(), String> {
    let expected = &planned.after;
    same!(
        "interpreters",
        expected.listed.len(),
        seen.interpreters.len()
    );
    for (home, interpreter) in expected.listed.iter().zip(&seen.interpreters) {
        if !handles.agree_home(Some(*home), interpreter.handle) {
            return Err(format!("list: {home:?} is not {}", interpreter.handle));
        }
        let own = &expected.homes[home.0];
        let listed = &interpreter.thread_states;
        same!("listed thread states", own.list.len(), listed.len());
        for (state, seen) in own.list.iter().zip(listed) {
            if !handles.agree(Some(*state), seen.handle) {
                return Err(format!("list: {state:?} is not {}", seen.handle));
            }
            compare_state(planned, *state, seen)?;
        }
        if own.own_gil {
            let taken = interpreter.gil.locked == Locked::Taken;
            same!(format!("GIL of {home:?} taken"), own.gil_taken, taken);
        }
    }
    let states = expected.states.iter().enumerate();
    let in_a_list = |state: State| {
        let home = expected.home(state);
        expected.exists(home) && expected.homes[home.0].list.contains(&state)
    };
    let kept = states.filter(|(place, state)| !state.freed && !in_a_list(State(*place)));
    same!("unlisted thread states", kept.count(), seen.unlisted.len());
    Ok(())
}

fn compare_after(
    program: &Program,
    handles: &mut Handles,
    planned: &Planned,
    seen: &Observation,
) -> Result<(), String> {
    let expected = &planned.after;
    same!("initialized", expected.initialized, seen.initialized);
    same!(
        "finalizing",
        expected.finalizing,
        !seen.finalizing.is_null()
    );
    compare_lists(handles, planned, seen)?;
    for (thread, name) in NAMES.iter().enumerate() {
        let of_thread = seen
            .threads
            .iter()
            .find(|seen| seen.thread.index() == thread);
        let null = ThreadStateHandle::NULL;
        let current = of_thread.map_or(null, |seen| seen.current);
        if !handles.agree(expected.current[thread], current) {
            let wanted = expected.current[thread];
            return Err(format!("cur({name}): expected {wanted:?}, was {current}"));
        }
        let slot = of_thread.map_or(null, |seen| seen.tss);
        if expected.key && !handles.agree(expected.slot(thread), slot) {
            let wanted = expected.slot(thread);
            return Err(format!("tss({name}): expected {wanted:?}, was {slot}"));
        }
    }
    let calls = seen.pending_main.calls.iter();
    let queue: Vec<&str> = calls
        .filter_map(|call| call.id())
        .map(|id| &*program.bodies[usize::from(id.0)].name)
        .collect();
    same!("queue", names(&expected.queue), queue);
    Ok(())
}

fn names(functions: &[Function]) -> Vec<&'static str> {
    functions.iter().map(|function| function.name()).collect()
}

fn compare(program: &Program, script: &Script, watched: &Watched) -> Result<(), String> {
    let mut handles = Handles::default();
    // The first results are those of `start`.
    let called: Vec<&Called> = watched.log.calls.iter().skip(script.threads - 1).collect();
    for (place, planned) in script.calls.iter().enumerate() {
        let Some(called) = called.get(place) else {
            return Err(format!("call {place}, {}, did not return", planned.text));
        };
        same!("thread", planned.thread, called.thread);
        compare_reply(&mut handles, planned.reply, called.result)
            .and_then(|()| compare_after(program, &mut handles, planned, &called.after))
            .map_err(|what| {
                format!(
                    "call {place}, {} in {}: {what}",
                    planned.text, NAMES[planned.thread]
                )
            })?;
    }
    if matches!(script.end, Some((_, End::Undefined))) {
        return Ok(());
    }
    same!("calls that returned", script.calls.len(), called.len());
    let ran = watched.log.ran.iter();
    let ran: Vec<&str> = ran
        .map(|body| &*program.bodies[body.index()].name)
        .collect();
    same!("pending calls that ran", names(&script.last.ran), ran);
    for (thread, hung) in watched.hung.iter().enumerate() {
        let expected = script.end == Some((thread, End::Hang));
        same!(format!("{} hung", NAMES[thread]), expected, *hung);
    }
    Ok(())
}

fn agrees(script: &Script) -> Result<(), String> {
    let file = scenario::parse(&script.text).map_err(|errors| format!("{errors:?}"))?;
    let program = Arc::new(scenario::check(&file).map_err(|errors| format!("{errors:?}"))?);
    let watched = watch(&program);
    same!("bounds that cut", true, watched.found.cut.is_empty());
    compare(&program, script, &watched)?;
    same!("states with a choice of thread", 0, watched.found.branching);
    let options = CheckOptions::default();
    let profile = program.profiles[0];
    let verdict = check(&program, &script.text, profile, &options, &mut |_| true).verdict;
    same!("outcomes", 1, verdict.outcomes.len());
    if !matches!(script.end, Some((_, End::Undefined))) && verdict.status() != Status::Met {
        let (found, why) = (&verdict.outcomes[0].text, &verdict.failures);
        return Err(format!("verdict {}: {found}, {why:?}", verdict.status()));
    }
    Ok(())
}

#[test]
fn calls_in_turn_do_what_the_reference_says() {
    hold(
        file!(),
        "calls_in_turn_do_what_the_reference_says",
        3_000,
        steps(),
        |(threads, steps)| {
            let script = script(threads, &steps, None);
            agrees(&script).map_err(|what| failure(&what, &script.text))
        },
    );
}

/// Sequences that a mistake has at most to show itself.
const CASES_FOR_A_MISTAKE: u32 = 6_000;

#[test]
fn every_mistake_of_the_reference_is_noticed() {
    for mistake in Mistake::ALL {
        let mut runner = fixed(CASES_FOR_A_MISTAKE);
        let strategy = steps();
        let noticed = (1..=CASES_FOR_A_MISTAKE).find_map(|case| {
            let tree = strategy.new_tree(&mut runner).expect("nothing is rejected");
            let (threads, steps) = tree.current();
            let wrong = script(threads, &steps, Some(mistake));
            // A mistake that changes no prediction in this sequence cannot show.
            if same_prediction(&wrong, &script(threads, &steps, None)) {
                return None;
            }
            agrees(&wrong).err().map(|what| (case, what))
        });
        let (case, what) = noticed.unwrap_or_else(|| panic!("{mistake:?} was not noticed"));
        eprintln!("{mistake:?}: case {case}, {what}");
    }
}

fn same_prediction(one: &Script, other: &Script) -> bool {
    one.text == other.text
        && one.end == other.end
        && one.calls.len() == other.calls.len()
        && one.calls.iter().zip(&other.calls).all(|(one, other)| {
            one.reply == other.reply
                && (
                    &one.after.states,
                    (&one.after.homes, &one.after.listed),
                    one.after.current,
                    &one.after.queue,
                ) == (
                    &other.after.states,
                    (&other.after.homes, &other.after.listed),
                    other.after.current,
                    &other.after.queue,
                )
                && (0..NAMES.len()).all(|thread| one.after.slot(thread) == other.after.slot(thread))
        })
}

/// The strategy is worth its time: sequences are long, take turns, and end in every way.
#[test]
fn sequences_go_far_and_end_in_every_way() {
    const CASES: u32 = 2_000;
    let mut runner = fixed(CASES);
    let strategy = steps();
    let (mut calls, mut turns, mut ends) = (0, 0, [0_u32; 6]);
    for _ in 0..CASES {
        let tree = strategy.new_tree(&mut runner).expect("nothing is rejected");
        let (threads, steps) = tree.current();
        let script = script(threads, &steps, None);
        calls += script.calls.len();
        let pairs = script.calls.windows(2);
        turns += pairs
            .filter(|pair| pair[0].thread != pair[1].thread)
            .count();
        ends[match script.end {
            None => 0,
            Some((_, End::Fatal(_))) => 1,
            Some((_, End::Crash(_))) => 2,
            Some((_, End::Hang)) => 3,
            Some((_, End::Blocks)) => 4,
            Some((_, End::Undefined)) => 5,
        }] += 1;
    }
    eprintln!("{calls} calls, {turns} turns, ends {ends:?}");
    assert!(
        calls > 10 * CASES as usize,
        "sequences are short: {calls} calls"
    );
    assert!(turns > CASES as usize, "threads hardly take turns: {turns}");
    assert!(ends.iter().all(|end| *end > 10), "an end is rare: {ends:?}");
    assert!(ends[5] < CASES / 10, "too much is undefined: {ends:?}");
}
