//! Why a run ended as it did: who waits for whom, who holds what since which line.

use super::guards::GuardLines;
use super::waits::Waiting;
use super::{Lines, Open, Since};
use crate::sim::judge::Judge;
use crate::sim::report::Wait;
use crate::sim::scenario::program::Program;
use crate::sim::verdict::Outcome;
use crate::sim::world::World;
use crate::sync::ThreadIndex;

/// Says why a run ended as it did.
pub(super) struct Explainer<'a> {
    pub(super) judge: &'a Judge<'a>,
    pub(super) world: &'a World,
    pub(super) lines: &'a Lines<'a>,
    pub(super) open: &'a [Vec<Open>],
    pub(super) since: Since,
    pub(super) guards: &'a GuardLines,
}

impl Explainer<'_> {
    pub(super) fn program(&self) -> &Program {
        self.judge.machine().program()
    }

    pub(super) fn name(&self, thread: ThreadIndex) -> &str {
        &self.program().threads[thread.index()].name
    }

    fn threads(&self) -> impl Iterator<Item = ThreadIndex> {
        (0..self.program().threads.len()).map(ThreadIndex::new)
    }

    /// `, in line 12 (join worker),`.
    fn place(&self, thread: ThreadIndex) -> String {
        let Some(open) = self.open[thread.index()].last() else {
            return String::new();
        };
        let span = self.program().statements[open.statement.index()].span;
        format!(
            ", in line {} ({}),",
            self.lines.line(span.start),
            self.lines.text(span.start, span.end)
        )
    }

    fn waits(&self, thread: ThreadIndex) -> Option<String> {
        let by = |holder: Option<ThreadIndex>| {
            holder.map_or_else(String::new, |holder| {
                format!(", held by {}", self.name(holder))
            })
        };
        Some(match Waiting::of(self.judge, self.world, thread)? {
            Waiting::Parked => "was parked for good by finalization".to_owned(),
            Waiting::Gil(_) => match self.judge.machine().runtime.gil_holder() {
                Some(holder) => {
                    let (holder, line) = (self.name(holder), self.since.gil);
                    format!("waits for the GIL, held by {holder} since line {line}")
                }
                None => "waits for the GIL, which nobody holds".to_owned(),
            },
            Waiting::Guards(interpreter, _) => self.waits_for_guards(interpreter),
            Waiting::Lock(name, holder) => format!("waits for {name}{}", by(holder)),
            Waiting::Mutex(index, holder) => {
                let mutex = &self.program().mutexes[index].name;
                let since = holder.and_then(|_| self.since.mutexes.get(index));
                let since = since.map_or_else(String::new, |line| format!(" since line {line}"));
                format!("waits for {mutex}{}{since}", by(holder))
            }
            Waiting::Semaphore(index) => format!(
                "waits for semaphore {}",
                self.program().semaphores[index].declared.name
            ),
            Waiting::End(joined) => format!("waits for {} to end", self.name(joined)),
            Waiting::Event(name) => format!("waits for {name}"),
            Waiting::Condvar(name) => format!("waits on {name}"),
            Waiting::Condition => {
                "spins until a condition holds that nobody will make true".to_owned()
            }
        })
    }

    /// What each thread that has not ended waits for, for drawings.
    pub(super) fn all_waits(&self) -> Vec<Wait> {
        self.threads()
            .filter_map(|thread| {
                let waiting = Waiting::of(self.judge, self.world, thread)?;
                Some(waiting.wait(self.program(), thread))
            })
            .collect()
    }

    /// What each thread that has not ended is doing.
    pub(super) fn standing(&self) -> Vec<String> {
        self.threads()
            .filter_map(|thread| {
                let waits = self.waits(thread)?;
                Some(format!(
                    "{}{} {waits}.",
                    self.name(thread),
                    self.place(thread)
                ))
            })
            .collect()
    }

    /// Why it ended so.
    pub(super) fn explain(&self, outcome: &Outcome) -> Vec<String> {
        match outcome {
            Outcome::Child(inner) => {
                let mut sentences = vec![
                    "The run went on as the forked process: the other threads are not in it, and what they held stays held."
                        .to_owned(),
                ];
                sentences.extend(self.explain(inner));
                sentences
            }
            Outcome::Deadlock(threads) => {
                let cycle = self.judge.cycle(self.world);
                let mut sentences = Vec::new();
                if cycle.0 != 0 {
                    let names: Vec<&str> = cycle
                        .indexes()
                        .map(|index| self.name(ThreadIndex::new(index)))
                        .collect();
                    sentences.push(format!(
                        "{} wait for each other in a cycle; none can go on.",
                        names.join(" and ")
                    ));
                } else if threads.0.count_ones() > 0 {
                    sentences.push("Nobody who has not ended can go on.".to_owned());
                }
                sentences
            }
            Outcome::Hang(_) => {
                vec!["Finalization parked the thread; it never runs again, and what it holds stays held.".to_owned()]
            }
            Outcome::Crash("use_after_free") => {
                vec!["A call read through a handle whose thread state, interpreter or object was freed.".to_owned()]
            }
            Outcome::Crash("no_thread_state") => {
                vec!["A call needs an attached thread state, and the thread has none.".to_owned()]
            }
            Outcome::Crash(_) => {
                vec!["C leaves this undefined; a real library may survive it.".to_owned()]
            }
            Outcome::Fatal(message) => vec![format!("CPython aborts: {message}.")],
            Outcome::Lost(body) => {
                let name = &self.program().bodies[body.index()].name;
                vec![format!(
                    "A pending call to {name} was accepted, and the process ended without running it."
                )]
            }
            Outcome::Repeated(body) => {
                vec![format!(
                    "{} ran more often than it was accepted.",
                    self.program().bodies[body.index()].name
                )]
            }
            Outcome::Livelock(_) => {
                vec!["From here the threads can go on for ever under a fair scheduler, and the run never ends.".to_owned()]
            }
            Outcome::Leak => {
                vec!["Finalization is over, and a thread state is left that no thread can give up any more.".to_owned()]
            }
            Outcome::Assertion(_) | Outcome::Ok | Outcome::Exit(_) | Outcome::Inconclusive => {
                Vec::new()
            }
        }
    }
}
