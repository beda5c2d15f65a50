//! A schedule: the choices of one run, as a short string that replays to the same bytes.
//!
//! ```text
//! 1/3.14/8f3a61c2/0x3,1x12,0t,1x4,0p2
//! ```
//!
//! Four fields and the choices: the format's version, the profile (such as 3.14), a digest of the scenario's text
//! (8 hexadecimal digits), then runs of choices. `0x3` lets thread 0 take three steps, `0t` lets its timed wait time
//! out, `0s` wakes it spuriously, `0p2` lets it go on with its alternative 2. `0f` lets it fork, after which the run goes on
//! as the parent, and `0c` as the child. `0i1` interrupts it with signal 1.

use super::graph::{Choice, Move, SIGNALS_MAX};
use crate::runtime::profile::Profile;
use crate::sync::Branch;
use std::fmt;
use std::str::FromStr;

/// The version of the format and of the engine: a schedule replays only under the one that made it.
pub const ENGINE_VERSION: u32 = 1;

/// The choices of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The profile it was made under.
    pub profile: Profile,
    /// Digest of the scenario's text.
    pub scenario: u32,
    /// One choice a step at which there was one.
    pub choices: Vec<Choice>,
}

/// Why a string is no schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// Not of the form.
    #[error("not a schedule: {0}")]
    Form(String),
    /// Made by another version of the engine.
    #[error(
        "the schedule was made by engine version {0}, this is version {ENGINE_VERSION}: run the check again"
    )]
    Version(u32),
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{ENGINE_VERSION}/{}/{:08x}/",
            self.profile, self.scenario
        )?;
        let mut rest = self.choices.as_slice();
        while let Some(first) = rest.first() {
            if rest.len() < self.choices.len() {
                f.write_str(",")?;
            }
            write!(f, "{}", first.thread())?;
            let same = rest.iter().take_while(|choice| *choice == first).count();
            rest = match first.action() {
                Move::Run => {
                    write!(f, "x{same}")?;
                    &rest[same..]
                }
                Move::TimeOut => {
                    f.write_str("t")?;
                    &rest[1..]
                }
                Move::Spurious => {
                    f.write_str("s")?;
                    &rest[1..]
                }
                Move::Pick(alternative) => {
                    write!(f, "p{alternative}")?;
                    &rest[1..]
                }
                Move::Fork(Branch::Parent) => {
                    f.write_str("f")?;
                    &rest[1..]
                }
                Move::Fork(Branch::Child) => {
                    f.write_str("c")?;
                    &rest[1..]
                }
                Move::Signal(signal) => {
                    write!(f, "i{signal}")?;
                    &rest[1..]
                }
            };
        }
        Ok(())
    }
}

impl FromStr for Schedule {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        let form = |what: &str| ScheduleError::Form(what.to_owned());
        let mut fields = text.splitn(4, '/');
        let mut field = |what: &str| {
            fields
                .next()
                .ok_or_else(|| form(&format!("the {what} is missing")))
        };
        let version = field("version")?
            .parse()
            .map_err(|_| form("it does not begin with a version number"))?;
        if version != ENGINE_VERSION {
            return Err(ScheduleError::Version(version));
        }
        let profile = field("profile")?
            .parse()
            .map_err(|_| form("the second field is no profile such as 3.14"))?;
        let scenario = u32::from_str_radix(field("digest of the scenario")?, 16)
            .map_err(|_| form("the third field is no digest of a scenario"))?;
        let mut choices = Vec::new();
        let runs = field("list of choices")?;
        for run in runs.split(',').filter(|run| !run.is_empty()) {
            parse_run(run, &mut choices)
                .ok_or_else(|| form(&format!("`{run}` is no choice such as 0x3, 1t or 0p2")))?;
        }
        Ok(Self {
            profile,
            scenario,
            choices,
        })
    }
}

/// Choices that one run of a schedule may stand for: far beyond any real one, short of filling memory.
const RUN_MAX: usize = 1 << 20;

fn parse_run(run: &str, choices: &mut Vec<Choice>) -> Option<()> {
    let at = run.find(|letter: char| !letter.is_ascii_digit())?;
    let thread = run[..at]
        .parse()
        .ok()
        .filter(|thread| *thread < crate::sync::THREADS_MAX)?;
    let (action, rest) = run[at..].split_at(1);
    let (action, count) = match action {
        "x" => (Move::Run, rest.parse().ok()?),
        "t" if rest.is_empty() => (Move::TimeOut, 1),
        "s" if rest.is_empty() => (Move::Spurious, 1),
        "f" if rest.is_empty() => (Move::Fork(Branch::Parent), 1),
        "c" if rest.is_empty() => (Move::Fork(Branch::Child), 1),
        "i" => (
            Move::Signal(
                rest.parse()
                    .ok()
                    .filter(|signal| u16::from(*signal) < SIGNALS_MAX)?,
            ),
            1,
        ),
        "p" => (
            Move::Pick(
                rest.parse()
                    .ok()
                    .filter(|alternative| *alternative < 4000)?,
            ),
            1,
        ),
        _ => return None,
    };
    if count > RUN_MAX || choices.len() > RUN_MAX {
        return None;
    }
    choices.extend(std::iter::repeat_n(Choice::new(thread, action), count));
    Some(())
}
