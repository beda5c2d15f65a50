//! A guide: in which order threads take their events.
//!
//! ```text
//! 0x5,1x2,0
//! ```
//!
//! Thread 0 takes five events, then thread 1 two, then thread 0 one. What happens after the last one is left to whoever
//! follows the guide. `0c` is the event of thread 0 with which the run goes on as the child of a fork.

use crate::runtime::{Profile, Runtime};
use crate::sim::driver::Machine;
use crate::sim::events::{Event, EventKind, Events, Witness};
use crate::sim::graph::Choice;
use crate::sim::judge::Notes;
use crate::sim::noted::Noted;
use crate::sim::replay::Stage;
use crate::sim::scenario::program::Program;
use crate::sim::world::Tuning;
use crate::sync::{Branch, THREADS_MAX, ThreadIndex};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Whose event comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Turn {
    /// The thread.
    pub thread: ThreadIndex,
    /// It is the event with which the run goes on as the child of a fork.
    pub as_child: bool,
}

impl Turn {
    /// The turn that an event is.
    #[must_use]
    pub fn of(event: &Event) -> Self {
        Self {
            thread: event.thread,
            as_child: event.kind == EventKind::Forks(Branch::Child),
        }
    }

    /// As one byte: the thread's number, and the highest bit for the child.
    #[must_use]
    pub fn to_byte(self) -> u8 {
        self.thread.index() as u8 | u8::from(self.as_child) << 7
    }
}

/// The threads of a run's events, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Guide(pub Vec<Turn>);

impl fmt::Display for Guide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.as_slice();
        while let Some(first) = rest.first() {
            if rest.len() < self.0.len() {
                f.write_str(",")?;
            }
            if first.as_child {
                write!(f, "{}c", first.thread.index())?;
                rest = &rest[1..];
                continue;
            }
            let same = rest.iter().take_while(|turn| *turn == first).count();
            write!(f, "{}", first.thread.index())?;
            if same > 1 {
                write!(f, "x{same}")?;
            }
            rest = &rest[same..];
        }
        Ok(())
    }
}

/// A text that is no guide.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no part of a guide such as `0x5,1x2,0`")]
pub struct ParseGuideError(String);

/// More events than any run has that somebody looks at.
const EVENTS_MAX: usize = 1 << 16;

impl FromStr for Guide {
    type Err = ParseGuideError;

    fn from_str(text: &str) -> Result<Self, ParseGuideError> {
        let mut turns = Vec::new();
        for part in text.split(',').filter(|_| !text.is_empty()) {
            let error = || ParseGuideError(part.to_owned());
            let (part, as_child) = part
                .strip_suffix('c')
                .map_or((part, false), |part| (part, true));
            let (thread, count) = part.split_once('x').unwrap_or((part, "1"));
            let thread: usize = thread.parse().map_err(|_| error())?;
            let count: usize = count.parse().map_err(|_| error())?;
            let too_many = turns.len() + count > EVENTS_MAX || (as_child && count != 1);
            if thread >= THREADS_MAX || too_many {
                return Err(error());
            }
            let thread = ThreadIndex::new(thread);
            turns.extend(std::iter::repeat_n(Turn { thread, as_child }, count));
        }
        Ok(Self(turns))
    }
}

/// Notes whose events happen.
#[derive(Debug, Default)]
struct Order(Noted<Vec<Turn>>);

impl Witness<Runtime> for Arc<Order> {
    fn stands_before(&self, _: ThreadIndex) {}

    fn happens(&self, _: &Machine, event: Event) {
        self.0.with(|turns| turns.push(Turn::of(&event)));
    }
}

/// The guide of the run that a schedule of the model names, such as a counterexample's.
#[must_use]
pub fn guide_of(program: &Arc<Program>, profile: Profile, choices: &[Choice]) -> Guide {
    let notes = Notes::default();
    let order = Arc::new(Order::default());
    let listener = Arc::new(Events(Arc::clone(&order)));
    let stage = Stage::listening(program, profile, &notes, Tuning::default(), listener);
    stage.play(|walk| {
        let mut look = walk.settle();
        for choice in choices {
            if look.over {
                break;
            }
            look = walk.step(*choice);
        }
    });
    Guide(order.0.take())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guide_survives_its_text() {
        for text in ["", "0", "0x5,1x2,0", "0x2,1,0c,0x3"] {
            let guide: Guide = text.parse().expect("a guide");
            assert_eq!(guide.to_string(), text);
        }
        assert!("0y".parse::<Guide>().is_err());
        assert!("0x2c".parse::<Guide>().is_err());
        assert!("16".parse::<Guide>().is_err());
        assert!("0x99999999".parse::<Guide>().is_err());
    }
}
