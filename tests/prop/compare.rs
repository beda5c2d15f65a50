//! The runtime beside the reference, after each call of a script: results, thread states, lists, queues, slots.

use crate::reference::{End, Function, Home, Reply, Rule, State, Token};
use crate::script::{NAMES, Planned, Script};
use crate::watch::{Called, Ran, Watched, watch};
use std::sync::Arc;
use tstate::runtime::{
    AttachState, Bit, Callback, InterpreterHandle, Locked, Observation, ThreadStateHandle,
    ThreadStateObservation,
};
use tstate::sim::driver::Value;
use tstate::sim::scenario::{
    self,
    program::{Program, StatementId},
};
use tstate::sim::verdict::Status;
use tstate::sim::{CheckOptions, check};

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
        (Reply::Nothing | Reply::Silent | Reply::Said(_), _) => true,
        (Reply::Number(number), seen) => seen == Value::Number(number),
        (Reply::State(state), Value::ThreadState(handle)) => handles.agree(state, handle),
        (Reply::State(state), seen) => state.is_none() && seen == Value::NULL,
        (Reply::Interpreter(home), Value::Interpreter(handle)) => handles.agree_home(home, handle),
        (Reply::Interpreter(home), seen) => home.is_none() && seen == Value::NULL,
        (Reply::Word(word), seen) => seen == Value::Number(word),
        (Reply::Guard(guard), seen) => guard.is_some() == matches!(seen, Value::Guard(_)),
        (Reply::Token(Token::State(state)), Value::ThreadState(handle)) => {
            handles.agree(Some(state), handle)
        }
        (Reply::Token(token), seen) => match token {
            Token::Null => seen == Value::NULL,
            Token::NoState => seen == Value::NoState,
            Token::State(_) => false,
        },
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
    let bits = [
        (Bit::CallsToDo, expected.calls_to_do),
        (Bit::SignalsPending, expected.signalled),
        (Bit::AsyncException, expected.told),
    ];
    for (bit, expected) in bits {
        let seen = seen.eval_breaker.contains(&bit);
        same!(format!("{state:?} {bit:?}"), expected, seen);
    }
    Ok(())
}

fn compare_lists(
    program: &Program,
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
            same!(format!("GIL of {home:?} taken"), own.gil.is_some(), taken);
        }
        if expected.is(Rule::QueueOfInterpreter) {
            let queue = queued(program, &interpreter.pending.calls);
            same!(format!("queue of {home:?}"), names(&own.queue), queue);
        } else {
            let queue = queued(program, &interpreter.pending.calls);
            same!(format!("own queue of {home:?}"), names(&own.own), queue);
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
        expected.finalizing(),
        !seen.finalizing.is_null()
    );
    compare_lists(program, handles, planned, seen)?;
    for (thread, name) in NAMES.iter().enumerate() {
        if !expected.is_here(thread) {
            continue;
        }
        let of_thread = seen
            .threads
            .iter()
            .find(|seen| seen.thread.index() == thread);
        let null = ThreadStateHandle::NULL;
        let current = of_thread.map_or(null, |seen| seen.current);
        if !handles.agree(expected.attached(thread), current) {
            let wanted = expected.attached(thread);
            return Err(format!("cur({name}): expected {wanted:?}, was {current}"));
        }
        let slot = of_thread.map_or(null, |seen| seen.tss);
        if expected.has_slots() && !handles.agree(expected.slot(thread), slot) {
            let wanted = expected.slot(thread);
            return Err(format!("tss({name}): expected {wanted:?}, was {slot}"));
        }
    }
    if !expected.is(Rule::QueueOfInterpreter) {
        let queue = queued(program, &seen.pending_main.calls);
        same!("queue", names(&expected.homes[0].queue), queue);
    }
    Ok(())
}

fn queued<'a>(program: &'a Program, calls: &[Callback]) -> Vec<&'a str> {
    let calls = calls.iter().filter_map(|call| call.id());
    calls
        .map(|id| &*program.bodies[usize::from(id.0)].name)
        .collect()
}

fn names(functions: &[Function]) -> Vec<&'static str> {
    functions.iter().map(|function| function.name()).collect()
}

fn compare(program: &Program, script: &Script, watched: &Watched) -> Result<(), String> {
    let mut handles = Handles::default();
    let calls = watched.log.calls.iter();
    let called: Vec<&Called> = calls.skip(script.calls_before).collect();
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
    // Of what goes on for ever nobody counts the rounds.
    if !matches!(script.end, Some((_, End::Spins))) {
        same!(
            "what ran",
            script.last.ran.clone(),
            ran(program, script, watched)
        );
    }
    for (thread, hung) in watched.hung.iter().enumerate() {
        let expected = script.end == Some((thread, End::Hang));
        same!(format!("{} hung", NAMES[thread]), expected, *hung);
    }
    Ok(())
}

/// Callbacks that ran, and what those that look on were told: each notes it by setting a flag.
fn ran<'a>(program: &'a Program, script: &'a Script, watched: &Watched) -> Vec<&'a str> {
    let told = |statement: StatementId| {
        let span = program.statements[statement.index()].span;
        let text = script.text.get(span.start as usize..span.end as usize);
        text.and_then(|text| text.strip_prefix("set told_"))
    };
    let ran = watched.log.ran.iter();
    ran.filter_map(|ran| match ran {
        Ran::Body(body) => Some(&*program.bodies[body.index()].name),
        Ran::Statement(statement) => told(*statement),
    })
    .collect()
}

/// Whether the runtime does what the script predicts, and the scenario is judged so.
pub(crate) fn agrees(script: &Script) -> Result<(), String> {
    let text = &script.text;
    let file = scenario::parse(text).unwrap_or_else(|errors| panic!("{errors:?}\n{text}"));
    let program = scenario::check(&file).unwrap_or_else(|errors| panic!("{errors:?}\n{text}"));
    let program = Arc::new(program);
    let watched = watch(&program);
    same!("bounds that cut", true, watched.found.cut.is_empty());
    compare(&program, script, &watched)?;
    same!("states with a choice of thread", 0, watched.found.branching);
    let options = CheckOptions::default();
    let profile = program.profiles[0];
    let verdict = check(&program, &script.text, profile, &options, &mut |_| true).verdict;
    let is_open = matches!(script.end, Some((_, End::Undefined)));
    let found: Vec<&str> = verdict.outcomes.iter().map(|found| &*found.text).collect();
    // Of a process of which nothing is said there is one more, which may be like another one.
    let most = script.outcomes.len() + usize::from(is_open);
    let fits = found.len() == most || (is_open && found.len() + 1 == most);
    if !fits {
        return Err(format!("{most} outcomes expected, found {found:?}"));
    }
    if !is_open && verdict.status() != Status::Met {
        let why = &verdict.failures;
        return Err(format!("verdict {}: {found:?}, {why:?}", verdict.status()));
    }
    Ok(())
}
