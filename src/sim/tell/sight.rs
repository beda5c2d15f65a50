//! All that can be seen of a state, as facts for a reader.

use super::waits::Waiting;
use crate::runtime::{
    AttachState, Callback, HandleState, InterpreterObservation, Locked, Observation, Opened, Over,
    PendingObservation, Phase, Profile, Stage, ThreadObservation, ThreadStateHandle,
    ThreadStateObservation,
};
use crate::sim::driver::Machine;
use crate::sim::replay::Stage as Scene;
use crate::sim::report::{Fact, State};
use crate::sim::scenario::program::Program;
use crate::sim::world::Standing;
use crate::sync::ThreadIndex;
use std::fmt::Debug;

/// How a thread stands between two steps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Stands {
    #[default]
    NotStarted,
    Runs,
    Waits(Waiting),
    Ended,
    /// It is not in the forked process.
    Gone,
}

impl Stands {
    /// How each thread stands.
    pub(super) fn all(scene: &Scene<'_>) -> Vec<Self> {
        let threads = scene.judge.machine().program().threads.len();
        (0..threads)
            .map(|thread| Self::of(scene, ThreadIndex::new(thread)))
            .collect()
    }

    fn of(scene: &Scene<'_>, thread: ThreadIndex) -> Self {
        match scene.world.standing(thread) {
            Standing::NotStarted => Self::NotStarted,
            Standing::Ended => Self::Ended,
            Standing::Gone => Self::Gone,
            Standing::Enabled | Standing::Blocked(_) | Standing::Hung => {
                let waiting = Waiting::of(&scene.judge, &scene.world, thread);
                waiting.map_or(Self::Runs, Self::Waits)
            }
        }
    }
}

/// A state.
#[derive(Clone, Debug)]
pub(super) struct Sight {
    observation: Observation,
    profile: Profile,
    stands: Vec<Stands>,
    mutexes: Vec<Option<ThreadIndex>>,
    flags: Vec<bool>,
    semaphores: Vec<u32>,
}

impl Sight {
    /// What there is to see. Inside of a step the threads stand as they did before it.
    pub(super) fn of(machine: &Machine, stands: &[Stands]) -> Self {
        Self {
            observation: machine.runtime.observe(),
            profile: machine.runtime.profile(),
            stands: stands.to_vec(),
            mutexes: machine
                .mutexes()
                .iter()
                .map(|mutex| mutex.owner())
                .collect(),
            flags: machine.flags().collect(),
            semaphores: machine.semaphores().collect(),
        }
    }

    /// The facts, in an order that does not change within a run.
    pub(super) fn state(&self, program: &Program) -> State {
        let mut telling = Telling {
            program,
            facts: Vec::new(),
        };
        telling.runtime(self);
        for (thread, stands) in self.stands.iter().enumerate() {
            let mut seen = self.observation.threads.iter();
            let seen = seen.find(|seen| seen.thread.index() == thread);
            telling.thread(thread, stands, seen);
        }
        for interpreter in &self.observation.interpreters {
            telling.interpreter(interpreter);
        }
        for tstate in &self.observation.unlisted {
            telling.thread_state("in no list", tstate);
        }
        telling.things(self);
        State {
            facts: telling.facts,
        }
    }
}

struct Telling<'a> {
    program: &'a Program,
    facts: Vec<Fact>,
}

impl Telling<'_> {
    fn say(&mut self, subject: &str, name: &str, value: impl Into<String>) {
        self.facts.push(Fact {
            subject: subject.to_owned(),
            name: name.to_owned(),
            value: value.into(),
        });
    }

    /// Says what is not empty.
    fn say_some(&mut self, subject: &str, name: &str, value: String) {
        if !value.is_empty() {
            self.say(subject, name, value);
        }
    }

    fn name(&self, thread: ThreadIndex) -> String {
        let thread = self.program.threads.get(thread.index());
        thread.map_or_else(String::new, |thread| thread.name.to_string())
    }

    fn names(&self, threads: impl IntoIterator<Item = ThreadIndex>) -> String {
        let names: Vec<String> = threads
            .into_iter()
            .map(|thread| self.name(thread))
            .collect();
        names.join(", ")
    }

    fn callbacks(&self, callbacks: &[Callback]) -> String {
        let name = |callback: &Callback| {
            let body = callback.id().map(|id| usize::from(id.0));
            let body = body.and_then(|body| self.program.bodies.get(body));
            body.map_or_else(|| "a function".to_owned(), |body| body.name.to_string())
        };
        callbacks.iter().map(name).collect::<Vec<_>>().join(", ")
    }

    fn pending(&self, queue: &PendingObservation) -> String {
        let calls = self.callbacks(&queue.calls);
        match (calls.is_empty(), queue.handling_thread.is_null()) {
            (_, true) => calls,
            (true, false) => format!("being run by {}", queue.handling_thread),
            (false, false) => format!("{calls}; being run by {}", queue.handling_thread),
        }
    }

    fn runtime(&mut self, sight: &Sight) {
        const RUNTIME: &str = "runtime";
        let seen = &sight.observation;
        let is = match (seen.phase, seen.stage, seen.initialized) {
            (Phase::Finished, _, false) => "finalized".to_owned(),
            (Phase::NotStarted, Stage::NotStarted, false) => "not initialized".to_owned(),
            (Phase::NotStarted | Phase::Finished, _, true) => "initialized".to_owned(),
            (Phase::NotStarted, stage, false) => format!("initializing: {}", words(&stage)),
            (phase, ..) => format!("finalizing: {}", words(&phase)),
        };
        self.say(RUNTIME, "status", is);
        self.say_some(RUNTIME, "marked as finalizing", handle(seen.finalizing));
        self.say_some(RUNTIME, "pending calls", self.pending(&seen.pending_main));
        self.say_some(RUNTIME, "Py_AtExit", self.callbacks(&seen.at_exit));
        let over = match seen.over {
            None => String::new(),
            Some(Over::Fatal(fatal)) => format!("fatal error: {}", fatal.message(sight.profile)),
            Some(Over::Status(error)) => format!("exit with 1: {}", error.message(sight.profile)),
            Some(Over::Crash(crash)) => format!("crash: {}", crash.name()),
            Some(Over::Exit(status)) => format!("exit with {status}"),
            Some(Over::Limit(_)) => "the model has no room for it".to_owned(),
        };
        self.say_some(RUNTIME, "over", over);
    }

    fn thread(&mut self, thread: usize, stands: &Stands, seen: Option<&ThreadObservation>) {
        let name = format!("thread {}", self.name(ThreadIndex::new(thread)));
        let attached = seen.is_some_and(|seen| !seen.current.is_null());
        let is = match stands {
            Stands::NotStarted => "not started".to_owned(),
            Stands::Ended => "ended".to_owned(),
            Stands::Gone => "not in the forked process".to_owned(),
            Stands::Waits(waiting) => waiting.standing(self.program),
            Stands::Runs if attached => "runs, attached".to_owned(),
            Stands::Runs => "runs, detached".to_owned(),
        };
        self.say(&name, "status", is);
        let Some(seen) = seen else { return };
        self.say_some(&name, "current", handle(seen.current));
        self.say_some(&name, "PyGILState", handle(seen.tss));
        if seen.handle != HandleState::NotStarted {
            self.say(&name, "threading's handle", words(&seen.handle));
        }
    }

    fn interpreter(&mut self, seen: &InterpreterObservation) {
        let name = seen.handle.to_string();
        if let Some(id) = seen.id {
            self.say(&name, "id", id.to_string());
        }
        match (seen.gil.locked, seen.gil.holder) {
            (Locked::NotCreated, _) => {}
            (Locked::Free, _) => self.say(&name, "GIL", "free"),
            (Locked::Taken, None) => self.say(&name, "GIL", "taken"),
            (Locked::Taken, Some(holder)) => {
                self.say(&name, "GIL", format!("held by {}", self.name(holder)));
            }
        }
        if seen.finalizing {
            let by = handle(seen.finalizer);
            let by = if by.is_empty() {
                by
            } else {
                format!("by {by}")
            };
            self.say(&name, "finalizing", if by.is_empty() { "yes" } else { &by });
        }
        self.say_some(&name, "pending calls", self.pending(&seen.pending));
        self.say_some(&name, "atexit", self.callbacks(&seen.exit_callbacks));
        let native = self.callbacks(&seen.exit_callbacks_native);
        self.say_some(&name, "PyUnstable_AtExit", native);
        for tstate in &seen.thread_states {
            self.thread_state(&name, tstate);
        }
    }

    fn thread_state(&mut self, subject: &str, seen: &ThreadStateObservation) {
        let mut facts = vec![match seen.state {
            AttachState::Free => "free".to_owned(),
            AttachState::Detached => "detached".to_owned(),
            AttachState::Attached => "attached".to_owned(),
            AttachState::ShuttingDown => "shutting down".to_owned(),
        }];
        facts.extend(
            seen.thread
                .map(|thread| format!("of {}", self.name(thread))),
        );
        if seen.gilstate_counter != 0 {
            facts.push(format!("PyGILState counter {}", seen.gilstate_counter));
        }
        if seen.ensure_counter != 0 {
            facts.push(format!("ensured {}", seen.ensure_counter));
        }
        if !seen.owned_guard.is_null() {
            facts.push(format!("owns {}", seen.owned_guard));
        }
        if seen.cleared {
            facts.push("cleared".to_owned());
        }
        facts.extend(seen.id.map(|id| format!("id {id}")));
        facts.extend(seen.eval_breaker.iter().map(words));
        self.say(subject, &seen.handle.to_string(), facts.join(", "));
    }

    /// What the program declares, and what it opened.
    fn things(&mut self, sight: &Sight) {
        const PROGRAM: &str = "program";
        let program = self.program;
        for (mutex, owner) in program.mutexes.iter().zip(&sight.mutexes) {
            let held = owner.map_or_else(|| "free".to_owned(), |owner| self.held(owner));
            self.say(PROGRAM, &mutex.name, held);
        }
        for (semaphore, value) in program.semaphores.iter().zip(&sight.semaphores) {
            self.say(PROGRAM, &semaphore.declared.name, value.to_string());
        }
        for (flag, is_set) in program.flags.iter().zip(&sight.flags) {
            self.say(PROGRAM, &flag.name, if *is_set { "set" } else { "clear" });
        }
        for (slot, mutex) in program.py_mutexes.iter().enumerate() {
            let mut seen = sight.observation.mutexes.iter();
            let Some((_, bits, waiters)) = seen.find(|(seen, ..)| *seen == slot) else {
                self.say(PROGRAM, &mutex.name, "free");
                continue;
            };
            let waiters = self.names(waiters.iter().copied());
            let locked = if bits & 1 == 0 { "free" } else { "locked" };
            let waits = if waiters.is_empty() {
                String::new()
            } else {
                format!("; {waiters} waits")
            };
            self.say(PROGRAM, &mutex.name, format!("{locked}{waits}"));
        }
        let guards = &sight.observation.guards;
        for (number, guard) in guards.iter().enumerate() {
            let name = if guard.handle.is_null() {
                format!("guard ({})", number + 1)
            } else {
                guard.handle.to_string()
            };
            let how = match guard.opened {
                Opened::FromCurrent => "PyInterpreterGuard_FromCurrent",
                Opened::FromView => "PyInterpreterGuard_FromView",
                Opened::Ensure => "PyThreadState_EnsureFromView",
                Opened::GilState => "PyGILState_Ensure",
            };
            let of = guard.interpreter;
            let value = format!("of {of}, opened by {} ({how})", self.name(guard.thread));
            self.say("open guards", &name, value);
        }
    }

    fn held(&self, owner: ThreadIndex) -> String {
        format!("held by {}", self.name(owner))
    }
}

/// The handle, or nothing.
fn handle(handle: ThreadStateHandle) -> String {
    if handle.is_null() {
        String::new()
    } else {
        handle.to_string()
    }
}

/// The name of a variant in plain words: `JoinThreads` as `join threads`.
fn words(variant: &impl Debug) -> String {
    let mut words = String::new();
    for (at, letter) in format!("{variant:?}").char_indices() {
        if letter.is_ascii_uppercase() && at > 0 {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}
