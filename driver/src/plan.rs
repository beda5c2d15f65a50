//! A run as a list of what it does otherwise than the default run: the form in which runs are searched, kept and made
//! again.
//!
//! # Decisions
//!
//! A thread decides at each of its points: before an operation of the library on a lock, a condition variable, a
//! semaphore or a thread (or an inline atomic operation, if the server was started so), before an event, and where it cannot go on. It decides who goes on, or whose timed wait times
//! out (after which it decides once more); at a `choose`, a fork, or a wake-up that several wait for, which one it is. The
//! points of a thread are counted from 0, whatever the others do meanwhile.
//!
//! By default the running thread goes on as long as it can; then the lowest that can; then the lowest timed wait times
//! out; and the first alternative is taken.
//!
//! # Text
//!
//! `0.12=1` says that at its point 12 thread 0 lets thread 1 go on, `0.13=1t` that there the wait of thread 1 times out,
//! `1.4=p2` that alternative 2 is taken. A list has commas between; the empty one is `-`. Threads are numbered as they were
//! made in the process, the main thread first.
//!
//! # Late
//!
//! When half of the run's operations or events are used up, the default changes to one that is fair: threads take turns, and
//! timed waits time out. Then nothing departs any more. So a run that is cut is one that fairness did not end.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Choice {
    /// This thread goes on.
    Run(u8),
    /// This thread's wait times out.
    TimeOut(u8),
    /// This alternative is taken.
    Pick(u16),
}

/// Something that a run does otherwise than by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Departure {
    /// The thread that decides.
    pub thread: u8,
    /// Which of its points.
    pub point: u32,
    /// What is decided there.
    pub choice: Choice,
}

/// All that a run does otherwise than by default, in the order in which it does it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Departures(pub Vec<Departure>);

/// What decides where the list says nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case", tag = "kind")]
pub enum Chance {
    /// Every thread that can go on is as likely.
    Random {
        /// Where chance begins.
        seed: u64,
    },
    /// The thread of the highest priority goes on. Priorities are by chance; at `depth - 1` decisions, by chance as well,
    /// the running thread's becomes the lowest, or a timed wait times out.
    Pct {
        /// Where chance begins.
        seed: u64,
        /// How many orders of operations a run is to get right.
        depth: u32,
        /// About how many decisions a run has.
        decisions: u32,
    },
    /// Threads go on as these legs say; how far inside a call a leg goes is by chance.
    Legs {
        /// Where chance begins.
        seed: u64,
        /// The legs, in order.
        legs: Vec<Leg>,
        /// About how many decisions a run has.
        decisions: u32,
    },
}

/// One thread goes on: up to an event, and from there maybe into the call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leg {
    /// The thread of the program.
    pub thread: u8,
    /// Its timed wait times out first.
    #[serde(default)]
    pub times_out: bool,
    /// Its events by then, from the run's beginning.
    pub events: u32,
    /// About how far it goes on after the last of them: steps of the model.
    #[serde(default)]
    pub inside: u32,
    /// Where it may end after the last of them: what other runs came by in that call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Visits>,
}

/// A place where a thread is inside a call, once or more often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Visits {
    /// Where in the library, as [`Decision::place`].
    pub place: u32,
    /// How far the runtime's life is there.
    pub phase: Phase,
    /// How often the thread is there after one event and before the next, at most.
    pub times: u32,
}

/// How far the runtime's life is, as a thread sees it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// `Py_IsInitialized()`
    pub initialized: bool,
    /// `Py_IsFinalizing()`
    pub finalizing: bool,
    /// The thread is attached.
    pub attached: bool,
}

impl From<tstate::sim::conform::Phase> for Phase {
    fn from(phase: tstate::sim::conform::Phase) -> Self {
        Self {
            initialized: phase.initialized,
            finalizing: phase.finalizing,
            attached: phase.attached,
        }
    }
}

impl From<tstate::sim::conform::Leg> for Leg {
    fn from(leg: tstate::sim::conform::Leg) -> Self {
        Self {
            thread: leg.thread.index() as u8,
            times_out: leg.times_out,
            events: leg.events,
            inside: leg.inside,
            places: Vec::new(),
        }
    }
}

/// How a run is decided.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// What it does otherwise than by default.
    pub departures: Departures,
    /// What decides else; by default nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chance: Option<Chance>,
    /// Whether the reply tells all decisions.
    #[serde(default)]
    pub tell: bool,
}

/// A decision that could have been another. Where nothing else is told, the thread's next one stands for it: between the two
/// only code of the driver runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The thread that decided.
    pub thread: u8,
    /// Which of its points.
    pub point: u32,
    /// Which thread of the program that is, if it is one.
    pub lane: Option<u8>,
    /// Its events by then.
    pub events: u32,
    /// Where in the library the point is: what the address of an object or an instruction ends in, the same in all runs of
    /// one library by one driver; 0 outside of it.
    pub place: u32,
    /// How far the runtime's life is there.
    pub phase: Phase,
    /// What was decided.
    pub chosen: Choice,
    /// What else could have been decided where the running thread could not go on, or only passed time.
    pub free: Vec<Choice>,
    /// What else could have been decided by taking the turn from a thread that could go on, or ahead of time.
    pub costly: Vec<Choice>,
}

/// What a planned run did, beside its events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// What it did otherwise than by default: with this list alone the same run is made again.
    pub departures: Departures,
    /// Decisions that could have been others.
    pub decisions_total: u32,
    /// Departures of the plan that were not possible where they were to be, or whose point was not reached.
    pub unkept: u32,
    /// There were more decisions than can be told.
    pub cut: bool,
    /// All decisions, if they were to be told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decisions: Vec<Decision>,
    /// For which thread of the program each waits at the end, if that is known.
    pub waits_for: Vec<Option<u8>>,
    /// Pending calls to each callback that were accepted and have not run; negative if it ran too often.
    pub owed: Vec<i64>,
    /// The threads of the program that went on late in the run.
    pub busy: Vec<u8>,
    /// A thread was seen to give away the GIL with the thread state that another has attached: two had it at once. Up to 3.11.
    #[serde(default)]
    pub two_holders: bool,
    /// The threads of the program that were parked for good, each with how many events there were by then.
    #[serde(default)]
    pub hung: Vec<(u8, u32)>,
}

/// A text that is no list of departures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsePlanError(String);

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run(thread) => write!(f, "{thread}"),
            Self::TimeOut(thread) => write!(f, "{thread}t"),
            Self::Pick(alternative) => write!(f, "p{alternative}"),
        }
    }
}

impl fmt::Display for Departure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}={}", self.thread, self.point, self.choice)
    }
}

impl fmt::Display for Departures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("-");
        }
        for (number, departure) in self.0.iter().enumerate() {
            f.write_str(if number > 0 { "," } else { "" })?;
            departure.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for ParsePlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no departure such as 0.12=1, 0.13=1t or 1.4=p2",
            self.0
        )
    }
}

impl std::error::Error for ParsePlanError {}

/// A number written as we write it: digits only.
fn number<T: FromStr>(text: &str) -> Option<T> {
    let is_plain = !text.is_empty() && text.bytes().all(|letter| letter.is_ascii_digit());
    is_plain.then(|| text.parse().ok())?
}

impl FromStr for Choice {
    type Err = ParsePlanError;

    fn from_str(text: &str) -> Result<Self, ParsePlanError> {
        let choice = if let Some(alternative) = text.strip_prefix('p') {
            number(alternative).map(Self::Pick)
        } else if let Some(thread) = text.strip_suffix('t') {
            number(thread).map(Self::TimeOut)
        } else {
            number(text).map(Self::Run)
        };
        choice.ok_or_else(|| ParsePlanError(text.to_owned()))
    }
}

impl FromStr for Departure {
    type Err = ParsePlanError;

    fn from_str(text: &str) -> Result<Self, ParsePlanError> {
        let refuse = || ParsePlanError(text.to_owned());
        let (place, choice) = text.split_once('=').ok_or_else(refuse)?;
        let (thread, point) = place.split_once('.').ok_or_else(refuse)?;
        Ok(Self {
            thread: number(thread).ok_or_else(refuse)?,
            point: number(point).ok_or_else(refuse)?,
            choice: choice.parse().map_err(|_| refuse())?,
        })
    }
}

impl FromStr for Departures {
    type Err = ParsePlanError;

    fn from_str(text: &str) -> Result<Self, ParsePlanError> {
        if text == "-" {
            return Ok(Self::default());
        }
        let list: Result<Vec<Departure>, _> = text.split(',').map(str::parse).collect();
        list.map(Self)
    }
}

/// Goes over the line as its text.
macro_rules! as_text {
    ($($name:ident),*) => {$(
        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }

        impl TryFrom<String> for $name {
            type Error = ParsePlanError;

            fn try_from(text: String) -> Result<Self, ParsePlanError> {
                text.parse()
            }
        }
    )*};
}

as_text!(Choice, Departures);

#[cfg(test)]
mod tests {
    use super::Departures;

    #[test]
    fn a_list_of_departures_survives_its_text() {
        for text in ["-", "0.12=1", "0.12=1,0.13=1t,1.4=p2"] {
            let list: Departures = text.parse().expect("a list");
            assert_eq!(list.to_string(), text);
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "", "0.12", "0=1", "0.12=", "0.12=x", "0.12=1,", "0.12=tt", "+0.1=1", "999.1=1",
        ] {
            assert!(text.parse::<Departures>().is_err(), "{text}");
        }
    }
}
