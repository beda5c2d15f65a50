//! What a run does, as anybody sees it from outside: the events of its threads, and how it ends.
//!
//! The model and a real libpython are compared by these. An [`Event`] is a statement that begins or ends, or a callback
//! that is entered or left, with what its thread sees at that moment ([`Seen`]). Addresses, ids and times are not in
//! it: a thread state is its place in the interpreter's list, newest first.
//!
//! # Text
//!
//! One event is one line, `THREAD WHAT [= RESULT] / SEEN`: `1 ends 4 = 0 / init list 2 cur 0 check`. Threads and
//! statements are numbered as in the [`Program`](super::scenario::program::Program). An end is a word and a detail:
//! `exit 0`, `assertion 4`, `fatal TEXT`, `crash 11`, `stuck`, `cut WHY`.

use super::driver::{Listener, Machine, Python, Value};
use super::scenario::program::{BodyId, StatementId};
use crate::runtime::ThreadStateHandle;
use crate::sync::{Branch, ThreadIndex, observe};
use std::fmt;
use std::str::FromStr;

/// Where a thread state stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// It is null.
    Null,
    /// In the main interpreter's list, counted from the newest.
    Listed(u8),
    /// In no list.
    Unlisted,
}

/// A statement's result, without what differs from process to process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shown {
    /// A number, or the null pointer.
    Number(i64),
    /// A thread state, not null.
    ThreadState(Place),
    /// An interpreter, not null.
    Interpreter,
    /// Anything else that is bound: what it is follows from the statement.
    Other,
}

/// What the thread of an event sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seen {
    /// `Py_IsInitialized`.
    pub initialized: bool,
    /// `Py_IsFinalizing`.
    pub finalizing: bool,
    /// Thread states in the main interpreter's list.
    pub listed: u8,
    /// What the thread reads as its current thread state.
    pub current: Place,
    /// `PyGILState_Check`.
    pub checks: bool,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    /// A statement begins.
    Begins(StatementId),
    /// A statement ends, with its result if it has one.
    Ends(StatementId, Option<Shown>),
    /// A callback's body begins.
    Enters(BodyId),
    /// The newest callback's body ends.
    Leaves,
    /// The process has forked, and the run goes on as this one.
    Forks(Branch),
}

/// Something that a thread does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Event {
    /// Who.
    pub thread: ThreadIndex,
    /// What.
    pub kind: EventKind,
    /// What the thread sees then.
    pub seen: Seen,
}

/// How a run came to its end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    /// The main thread's body ended, or `exit` was reached with this status.
    Exit(i32),
    /// An `assert`, or the claim on a result, failed at this statement.
    Assertion(StatementId),
    /// A fatal error, with its message.
    Fatal(String),
    /// Killed by this signal: what C leaves undefined.
    Crash(i32),
    /// A thread used memory that had been freed. Only a libpython whose freed memory is fenced off shows it.
    Freed,
    /// Nobody can go on.
    Stuck,
    /// A bound was reached: how it goes on is not known.
    Cut(String),
}

impl End {
    /// Whether a bound on how long a run goes on was reached, so that it may be one without end.
    #[must_use]
    pub fn ran_long(&self) -> bool {
        let Self::Cut(bound) = self else { return false };
        self.is_busy() || ["operations", "processor time"].contains(&bound.as_str())
    }

    /// Whether a thread was seen to do what C leaves undefined.
    #[must_use]
    pub fn is_crash(&self) -> bool {
        matches!(self, Self::Crash(_) | Self::Freed)
    }

    /// Whether that was the bound on events: there may be more and more of them.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Cut(bound) if bound == "events")
    }
}

/// Where a thread is at the end of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rest {
    /// It was not started.
    NotStarted,
    /// Its body ended.
    Ended,
    /// Finalization ended and unwound it.
    Exited,
    /// Finalization parked it for good.
    Hung,
    /// It waits.
    Blocked,
    /// It is not in the forked process that the run went on as.
    Gone,
    /// It could have gone on, or nobody asked.
    Running,
}

/// A whole run, seen from outside.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Observed {
    /// What happened, in order.
    pub events: Vec<Event>,
    /// How it ended.
    pub end: End,
    /// Where each thread of the program is then.
    pub threads: Vec<Rest>,
}

impl End {
    /// The end and where each thread is then, in one line for who compares two.
    #[must_use]
    pub fn told(&self, threads: &[Rest]) -> String {
        let rests: Vec<String> = threads.iter().map(|rest| format!("{rest:?}")).collect();
        format!("{self:?}, threads {}", rests.join(" "))
    }
}

impl Seen {
    /// What `thread` sees now. For the thread itself, while no other runs.
    pub fn now<P: Python>(machine: &Machine<P>, thread: ThreadIndex) -> Self {
        let python = &machine.runtime;
        let mut listed = 0;
        python.listed(&mut |_| listed += 1);
        Self {
            initialized: python.initialized(),
            finalizing: python.finalizing(),
            listed,
            current: Place::of(python, python.current_of(thread)),
            checks: python.checks(thread),
        }
    }
}

impl Place {
    fn of<P: Python>(python: &P, wanted: ThreadStateHandle) -> Self {
        if wanted.is_null() {
            return Self::Null;
        }
        let (mut place, mut found) = (0, Self::Unlisted);
        python.listed(&mut |handle| {
            if handle == wanted {
                found = Self::Listed(place);
            }
            place += 1;
        });
        found
    }
}

impl Shown {
    fn of<P: Python>(python: &P, value: Value) -> Self {
        match value {
            Value::Number(number) => Self::Number(number),
            Value::Status(_) => Self::Number(1),
            Value::ThreadState(handle) => Self::ThreadState(Place::of(python, handle)),
            Value::Interpreter(_) => Self::Interpreter,
            Value::Object(_)
            | Value::Callback(_)
            | Value::Dictionary(_)
            | Value::Text(_)
            | Value::PyMutex(_)
            | Value::Mutex(_)
            | Value::Guard(_)
            | Value::View(_)
            | Value::NoState
            | Value::TssKey(_)
            | Value::Frame
            | Value::Unbound => Self::Other,
        }
    }
}

/// Who is told of events. Called on the event's thread.
pub trait Witness<P: Python>: Sync + Send {
    /// The event is about to happen: returns when it may, so that what the thread sees is what it sees then.
    fn stands_before(&self, thread: ThreadIndex);
    /// The event happens.
    fn happens(&self, machine: &Machine<P>, event: Event);
    /// The process ends as [`Host::uses_freed_block`](crate::runtime::Host::uses_freed_block) says.
    fn uses_freed_block(&self) {}
}

/// Makes events of what a machine does.
#[derive(Debug)]
pub struct Events<W>(pub W);

impl<W> Events<W> {
    fn tell<P: Python>(
        &self,
        machine: &Machine<P>,
        thread: ThreadIndex,
        kind: impl FnOnce() -> EventKind,
    ) where
        W: Witness<P>,
    {
        self.0.stands_before(thread);
        let event = observe(|| Event {
            thread,
            kind: kind(),
            seen: Seen::now(machine, thread),
        });
        self.0.happens(machine, event);
    }
}

impl<P: Python, W: Witness<P>> Listener<P> for Events<W> {
    fn begins(&self, machine: &Machine<P>, thread: ThreadIndex, statement: StatementId) {
        self.tell(machine, thread, || EventKind::Begins(statement));
    }

    fn ends(
        &self,
        machine: &Machine<P>,
        thread: ThreadIndex,
        statement: StatementId,
        result: Option<Value>,
    ) {
        self.tell(machine, thread, || {
            let shown = result.map(|value| Shown::of(&machine.runtime, value));
            EventKind::Ends(statement, shown)
        });
    }

    fn enters(&self, machine: &Machine<P>, thread: ThreadIndex, body: BodyId) {
        self.tell(machine, thread, || EventKind::Enters(body));
    }

    fn leaves(&self, machine: &Machine<P>, thread: ThreadIndex) {
        self.tell(machine, thread, || EventKind::Leaves);
    }

    fn forks(&self, machine: &Machine<P>, thread: ThreadIndex, branch: Branch) {
        self.tell(machine, thread, || EventKind::Forks(branch));
    }

    fn uses_freed_block(&self) {
        self.0.uses_freed_block();
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("-"),
            Self::Listed(place) => write!(f, "{place}"),
            Self::Unlisted => f.write_str("?"),
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::ThreadState(place) => write!(f, "ts{place}"),
            Self::Interpreter => f.write_str("interp"),
            Self::Other => f.write_str("other"),
        }
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.initialized {
            f.write_str("init ")?;
        }
        if self.finalizing {
            f.write_str("fin ")?;
        }
        write!(f, "list {} cur {}", self.listed, self.current)?;
        f.write_str(if self.checks { " check" } else { "" })
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { thread, kind, seen } = self;
        let thread = thread.index();
        match kind {
            EventKind::Begins(id) => write!(f, "{thread} begins {}", id.0)?,
            EventKind::Ends(id, None) => write!(f, "{thread} ends {}", id.0)?,
            EventKind::Ends(id, Some(shown)) => write!(f, "{thread} ends {} = {shown}", id.0)?,
            EventKind::Enters(body) => write!(f, "{thread} enters {}", body.0)?,
            EventKind::Leaves => write!(f, "{thread} leaves")?,
            EventKind::Forks(Branch::Parent) => write!(f, "{thread} forks parent")?,
            EventKind::Forks(Branch::Child) => write!(f, "{thread} forks child")?,
        }
        write!(f, " / {seen}")
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exit(status) => write!(f, "exit {status}"),
            Self::Assertion(statement) => write!(f, "assertion {}", statement.0),
            Self::Fatal(text) => write!(f, "fatal {text}"),
            Self::Crash(signal) => write!(f, "crash {signal}"),
            Self::Freed => f.write_str("freed"),
            Self::Stuck => f.write_str("stuck"),
            Self::Cut(why) => write!(f, "cut {why}"),
        }
    }
}

/// A text that is no event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no event")]
pub struct ParseEventError(String);

impl FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "-" => Ok(Self::Null),
            "?" => Ok(Self::Unlisted),
            place => place.parse().map(Self::Listed).map_err(|_| ()),
        }
    }
}

impl FromStr for Shown {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "interp" => Ok(Self::Interpreter),
            "other" => Ok(Self::Other),
            _ => match text.strip_prefix("ts") {
                Some(place) => Ok(Self::ThreadState(place.parse()?)),
                None => text.parse().map(Self::Number).map_err(|_| ()),
            },
        }
    }
}

impl FromStr for Seen {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut words = text.split(' ').peekable();
        let initialized = words.next_if_eq(&"init").is_some();
        let finalizing = words.next_if_eq(&"fin").is_some();
        words.next_if_eq(&"list").ok_or(())?;
        let listed = words.next().and_then(|word| word.parse().ok()).ok_or(())?;
        words.next_if_eq(&"cur").ok_or(())?;
        let current = words.next().and_then(|word| word.parse().ok()).ok_or(())?;
        let checks = words.next_if_eq(&"check").is_some();
        words.next().is_none().then_some(()).ok_or(())?;
        Ok(Self {
            initialized,
            finalizing,
            listed,
            current,
            checks,
        })
    }
}

/// The words of where a thread is, in one list for both directions.
const RESTS: [(Rest, &str); 7] = [
    (Rest::NotStarted, "unstarted"),
    (Rest::Ended, "ended"),
    (Rest::Exited, "exited"),
    (Rest::Hung, "hung"),
    (Rest::Blocked, "blocked"),
    (Rest::Gone, "gone"),
    (Rest::Running, "running"),
];

impl fmt::Display for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = RESTS.iter().find(|(known, _)| known == self);
        f.write_str(known.map_or("", |(_, word)| word))
    }
}

impl FromStr for Rest {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let known = RESTS.iter().find(|(_, word)| *word == text);
        known.map(|(rest, _)| *rest).ok_or(())
    }
}

impl FromStr for End {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (what, detail) = text.split_once(' ').unwrap_or((text, ""));
        Ok(match what {
            "exit" => Self::Exit(detail.parse().map_err(|_| ())?),
            "assertion" => Self::Assertion(StatementId(detail.parse().map_err(|_| ())?)),
            "fatal" => Self::Fatal(detail.to_owned()),
            "crash" => Self::Crash(detail.parse().map_err(|_| ())?),
            "freed" => Self::Freed,
            "stuck" => Self::Stuck,
            "cut" => Self::Cut(detail.to_owned()),
            _ => return Err(()),
        })
    }
}

impl FromStr for Event {
    type Err = ParseEventError;

    fn from_str(text: &str) -> Result<Self, ParseEventError> {
        parse_event(text).ok_or_else(|| ParseEventError(text.to_owned()))
    }
}

fn parse_event(text: &str) -> Option<Event> {
    let (what, seen) = text.split_once(" / ")?;
    let mut words = what.split(' ');
    let thread: usize = words.next()?.parse().ok()?;
    let kind = match words.next()? {
        "begins" => EventKind::Begins(StatementId(words.next()?.parse().ok()?)),
        "ends" => {
            let id = StatementId(words.next()?.parse().ok()?);
            let shown = match words.next() {
                None => None,
                Some("=") => Some(words.next()?.parse().ok()?),
                Some(_) => return None,
            };
            EventKind::Ends(id, shown)
        }
        "enters" => EventKind::Enters(BodyId(words.next()?.parse().ok()?)),
        "leaves" => EventKind::Leaves,
        "forks" => EventKind::Forks(match words.next()? {
            "parent" => Branch::Parent,
            "child" => Branch::Child,
            _ => return None,
        }),
        _ => return None,
    };
    let done = words.next().is_none() && thread < crate::sync::THREADS_MAX;
    done.then_some(Event {
        thread: ThreadIndex::new(thread),
        kind,
        seen: seen.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_survives_its_text() {
        let seen = Seen {
            initialized: true,
            finalizing: false,
            listed: 2,
            current: Place::Listed(1),
            checks: true,
        };
        let result = Some(Shown::ThreadState(Place::Unlisted));
        for kind in [
            EventKind::Begins(StatementId(3)),
            EventKind::Ends(StatementId(3), None),
            EventKind::Ends(StatementId(4), result),
            EventKind::Ends(StatementId(4), Some(Shown::Number(-1))),
            EventKind::Enters(BodyId(2)),
            EventKind::Leaves,
            EventKind::Forks(Branch::Parent),
            EventKind::Forks(Branch::Child),
        ] {
            let thread = ThreadIndex::new(1);
            let event = Event { thread, kind, seen };
            assert_eq!(event.to_string().parse(), Ok(event));
        }
        assert!("1 begins x / list 0 cur -".parse::<Event>().is_err());
        assert!("1 begins 2".parse::<Event>().is_err());
    }
}
