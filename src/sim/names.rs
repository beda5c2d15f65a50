//! Outcomes in the scenario language's words.

use super::scenario::program::{CrashKind, Outcome as Claimed, Program, ThreadRef};
use super::verdict::{Outcome, Threads};

fn threads(program: &Program, word: &str, threads: Threads) -> String {
    let names: Vec<&str> = threads
        .indexes()
        .map(|index| &*program.threads[index].name)
        .collect();
    if names.is_empty() {
        word.to_owned()
    } else {
        format!("{word}({})", names.join(", "))
    }
}

/// The outcome as a claim would name it.
#[must_use]
pub(super) fn outcome_text(program: &Program, outcome: &Outcome) -> String {
    match outcome {
        Outcome::Ok => "ok".to_owned(),
        Outcome::Hang(hung) => threads(program, "hang", *hung),
        Outcome::Exit(exited) => threads(program, "exit", *exited),
        Outcome::Leak => "leak".to_owned(),
        Outcome::Lost(body) => format!("lost({})", program.bodies[body.index()].name),
        Outcome::Repeated(body) => format!("repeated({})", program.bodies[body.index()].name),
        Outcome::Livelock(movers) => threads(program, "livelock", *movers),
        Outcome::Deadlock(stuck) => threads(program, "deadlock", *stuck),
        Outcome::Assertion(_) => "assertion".to_owned(),
        Outcome::Fatal(message) => format!("fatal({message:?})"),
        Outcome::Crash("") => "crash".to_owned(),
        Outcome::Crash(kind) => format!("crash({kind})"),
        Outcome::Inconclusive => "inconclusive".to_owned(),
        Outcome::Child(inner) => format!("child({})", outcome_text(program, inner)),
    }
}

/// The kind's name in `crash(KIND)`.
#[must_use]
pub(super) fn crash_name(kind: CrashKind) -> &'static str {
    match kind {
        CrashKind::UseAfterFree => "use_after_free",
        CrashKind::NoThreadState => "no_thread_state",
        CrashKind::WrongInterpreter => "wrong_interpreter",
        CrashKind::TwoHolders => "two_holders",
    }
}

fn named(program: &Program, word: &str, named: &[ThreadRef]) -> String {
    let name = |thread: &ThreadRef| {
        let body = &program.bodies[thread.body.index()].name;
        match thread.instance {
            Some(instance) if program.bodies[thread.body.index()].instances > 1 => {
                format!("{body}[{instance}]")
            }
            _ => body.to_string(),
        }
    };
    let names: Vec<String> = named.iter().map(name).collect();
    if names.is_empty() {
        word.to_owned()
    } else {
        format!("{word}({})", names.join(", "))
    }
}

/// A claimed outcome as written.
#[must_use]
pub(super) fn claimed_text(program: &Program, claimed: &Claimed) -> String {
    let body = |word: &str, body: &Option<super::scenario::program::BodyId>| match body {
        Some(body) => format!("{word}({})", program.bodies[body.index()].name),
        None => word.to_owned(),
    };
    match claimed {
        Claimed::Ok => "ok".to_owned(),
        Claimed::Hang(threads) => named(program, "hang", threads),
        Claimed::Exit(threads) => named(program, "exit", threads),
        Claimed::Leak => "leak".to_owned(),
        Claimed::Lost(callback) => body("lost", callback),
        Claimed::Repeated(callback) => body("repeated", callback),
        Claimed::Livelock(threads) => named(program, "livelock", threads),
        Claimed::Deadlock(threads) => named(program, "deadlock", threads),
        Claimed::Assertion => "assertion".to_owned(),
        Claimed::Fatal(None) => "fatal".to_owned(),
        Claimed::Fatal(Some(text)) => format!("fatal({text:?})"),
        Claimed::Crash(None) => "crash".to_owned(),
        Claimed::Crash(Some(kind)) => format!("crash({})", crash_name(*kind)),
        Claimed::Child(inner) => format!("child({})", claimed_text(program, inner)),
        Claimed::Inconclusive => "inconclusive".to_owned(),
    }
}
