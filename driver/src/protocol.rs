//! What goes over the line.

use crate::plan::{Plan, Planned};
use serde::{Deserialize, Serialize};
use tstate::sim::events::{End, Event, Observed, ParseEventError, Rest};

/// What a thread waits for that nobody will ever wake.
pub const GONE: &str = "a condition that the library has destroyed";

/// What a thread waits for that waits for the GIL, among others.
pub const TIMED: &str = "a condition of the library, timed";

/// Time-outs of one thread in one statement.
const TICKS: u32 = 3;
/// Events of a run.
const EVENTS: u32 = 400;
/// Operations of a run.
const OPERATIONS: u64 = 200_000;

fn ticks() -> u32 {
    TICKS
}
fn events() -> u32 {
    EVENTS
}
fn operations() -> u64 {
    OPERATIONS
}

/// Before an event of the guide, a thread goes on inside its call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Push {
    /// The event, by its place in the guide.
    pub event: u32,
    /// The thread, by its number in the process: in the order in which they were made, the main thread first.
    pub thread: u8,
    /// So many of the library's operations.
    pub operations: u32,
}

/// A run to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The text of the scenario.
    pub scenario: String,
    /// The profile that its assertions are read for.
    pub profile: String,
    /// Whose event comes next.
    #[serde(default)]
    pub guide: Vec<u8>,
    /// How much farther threads go on inside their calls before events of the guide.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pushes: Vec<Push>,
    /// The events of the guide as the model has them: threads inside calls go on until the event's thread sees what it
    /// is to see there. Nothing is aimed at where there are pushes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aims: Vec<String>,
    /// The threads inside calls are tried from the last one to the first.
    #[serde(default)]
    pub aims_backwards: bool,
    /// What each `choose` takes.
    #[serde(default)]
    pub choices: Vec<u16>,
    /// Chance.
    #[serde(default)]
    pub seed: Option<u64>,
    /// How the run is decided, if not by a guide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
    /// Threads run as the system lets them: in sampled mode only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub free: bool,
    /// Time-outs of one thread in one statement.
    #[serde(default = "ticks")]
    pub ticks: u32,
    /// Events of the run.
    #[serde(default = "events")]
    pub events: u32,
    /// Operations of the run.
    #[serde(default = "operations")]
    pub operations: u64,
}

impl Request {
    /// A run by the default rules.
    #[must_use]
    pub fn new(scenario: impl Into<String>, profile: impl Into<String>) -> Self {
        Self {
            scenario: scenario.into(),
            profile: profile.into(),
            guide: Vec::new(),
            pushes: Vec::new(),
            aims: Vec::new(),
            aims_backwards: false,
            choices: Vec::new(),
            seed: None,
            plan: None,
            free: false,
            ticks: TICKS,
            events: EVENTS,
            operations: OPERATIONS,
        }
    }
}

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// Why there was no run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// The events, in order.
    pub events: Vec<String>,
    /// How it ended.
    pub end: String,
    /// Where each thread of the program was then.
    pub threads: Vec<String>,
    /// What each waited for.
    pub waits: Vec<Option<String>>,
    /// How many events followed the guide before it was given up.
    pub guide_left_at: Option<usize>,
    /// What the aims came to: with these, the same run is made without them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pushes: Vec<Push>,
    /// The first event that did not see what was aimed at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missed_at: Option<usize>,
    /// Where freed memory is fenced off: whose thread states nobody freed, though finalization is over and their thread has
    /// ended; as often as there are such.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<Vec<u8>>,
    /// What a planned run did beside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned: Option<Planned>,
}

impl Reply {
    /// No run, for this reason.
    #[must_use]
    pub fn refused(why: impl Into<String>) -> Self {
        Self {
            refused: Some(why.into()),
            ..Self::default()
        }
    }

    /// The run as the model writes runs down; nothing if it was refused.
    ///
    /// # Errors
    ///
    /// An event is in another version's form.
    pub fn observed(&self) -> Result<Option<Observed>, ParseEventError> {
        if self.refused.is_some() {
            return Ok(None);
        }
        let events: Result<Vec<Event>, _> = self.events.iter().map(|event| event.parse()).collect();
        Ok(Some(Observed {
            events: events?,
            end: end(&self.end),
            threads: self
                .threads
                .iter()
                .map(|rest| rest.parse().unwrap_or(Rest::Running))
                .collect(),
        }))
    }
}

/// How a run ended; in words that are not ours it is not known how.
fn end(text: &str) -> End {
    text.parse().unwrap_or_else(|()| {
        let (_, detail) = text.split_once(' ').unwrap_or((text, ""));
        End::Cut(detail.to_owned())
    })
}

/// What an initialized libpython has in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// `sys.flags.no_site`
    pub no_site: bool,
    /// The names in `sys.modules`, sorted.
    pub modules: Vec<String>,
}

/// What a libpython is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probed {
    /// The profile of exactly this library: `3.13.5`, `3.13.5t`.
    pub profile: String,
    /// 13 of 3.13.5.
    pub minor: u8,
    /// 5 of 3.13.5.
    pub patch: u8,
    /// What `Py_GetVersion` says.
    pub version: String,
    /// Built with assertions.
    pub debug: bool,
    /// Built without the GIL.
    pub free_threaded: bool,
    /// Functions of the catalogue that the library should have by its release and has not.
    pub missing: Vec<String>,
}
