//! Runs of real libpythons, written down: one file a scenario, so that the model can be held to them where no libpython
//! is at hand.
//!
//! ```text
//! # Runs of real libpythons; written by `tstate conform --record`.
//! program 8f3a61c2
//!
//! on 3.12.1 3.13.0
//! 0 begins 0 / list 0 cur - check
//! 0 ends 0 = 0 / init list 1 cur 0 check
//! end exit 0
//! threads ended
//!
//! on 3.14.10
//! same 1
//! 0 ends 0 = 0 / init list 1 cur 0
//! end stuck
//! threads blocked
//! ```
//!
//! `program` is a digest of the statements: a file that was recorded from others is out of date. `same 1` stands for the
//! first event of the run before. Runs are sorted, so that equal beginnings stand together, and each is there once.

use super::super::events::{End, Event, Observed, Rest};
use super::super::scenario::program::Program;
use crate::runtime::Profile;
use crate::sync::hook::digest;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};
use std::str::FromStr;

/// The runs of one scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Digest of the statements that the runs are of.
    pub program: u32,
    /// Each run, with the libpythons that took it.
    pub runs: BTreeMap<Observed, BTreeSet<Profile>>,
}

/// Why a text is no record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct ParseRecordedError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

/// A digest of a program's statements, as written, each with its body: what the numbers in an event stand for.
#[must_use]
pub fn digest_of_statements(program: &Program, source: &str) -> u32 {
    let bodies: Vec<&str> = program.bodies.iter().map(|body| &*body.name).collect();
    let statements: Vec<(u8, &str)> = program
        .statements
        .iter()
        .map(|info| {
            let range = info.span.start as usize..info.span.end as usize;
            (info.body.0, source.get(range).unwrap_or_default())
        })
        .collect();
    digest(&(bodies, statements)) as u32
}

impl Recorded {
    /// Forgets what these libpythons did.
    pub fn forget(&mut self, profiles: &BTreeSet<Profile>) {
        for own in self.runs.values_mut() {
            own.retain(|profile| !profiles.contains(profile));
        }
        self.runs.retain(|_, own| !own.is_empty());
    }

    /// How many runs of libpythons: one that several took counts for each.
    #[must_use]
    pub fn count(&self) -> usize {
        self.runs.values().map(BTreeSet::len).sum()
    }
}

impl fmt::Display for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("# Runs of real libpythons; written by `tstate conform --record`.\n")?;
        writeln!(f, "program {:08x}", self.program)?;
        let mut before: &[Event] = &[];
        for (run, profiles) in &self.runs {
            f.write_str("\non")?;
            for profile in profiles {
                write!(f, " {profile}")?;
            }
            f.write_char('\n')?;
            let pairs = run.events.iter().zip(before);
            let same = pairs.take_while(|(one, other)| one == other).count();
            if same > 0 {
                writeln!(f, "same {same}")?;
            }
            for event in &run.events[same..] {
                writeln!(f, "{event}")?;
            }
            writeln!(f, "end {}", run.end)?;
            f.write_str("threads")?;
            for rest in &run.threads {
                write!(f, " {rest}")?;
            }
            f.write_char('\n')?;
            before = &run.events;
        }
        Ok(())
    }
}

/// A run that is being read.
#[derive(Default)]
struct Reading {
    profiles: BTreeSet<Profile>,
    events: Vec<Event>,
    end: Option<End>,
}

impl FromStr for Recorded {
    type Err = ParseRecordedError;

    fn from_str(text: &str) -> Result<Self, ParseRecordedError> {
        let mut recorded = Self::default();
        let mut reading: Option<Reading> = None;
        let mut before: Vec<Event> = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let refuse = |what: &str| ParseRecordedError {
                line: number + 1,
                what: what.to_owned(),
            };
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (word, detail) = line.split_once(' ').unwrap_or((line, ""));
            match (word, &mut reading) {
                ("program", None) => {
                    recorded.program =
                        u32::from_str_radix(detail, 16).map_err(|_| refuse("no digest"))?;
                }
                ("on", None) => {
                    let profiles = detail.split(' ').map(str::parse).collect::<Result<_, _>>();
                    reading = Some(Reading {
                        profiles: profiles.map_err(|_| refuse("no list of releases"))?,
                        ..Reading::default()
                    });
                }
                ("same", Some(run)) => {
                    let count = detail.parse().ok().filter(|count| *count <= before.len());
                    let count: usize = count.ok_or_else(|| refuse("more than the run before"))?;
                    run.events.extend_from_slice(&before[..count]);
                }
                ("end", Some(run)) => {
                    run.end = Some(detail.parse().map_err(|()| refuse("no end"))?);
                }
                ("threads", Some(_)) => {
                    let threads: Option<Vec<Rest>> =
                        detail.split(' ').map(|word| word.parse().ok()).collect();
                    let run = reading.take().unwrap_or_default();
                    before.clone_from(&run.events);
                    let observed = Observed {
                        events: run.events,
                        end: run.end.ok_or_else(|| refuse("a run without its end"))?,
                        threads: threads.ok_or_else(|| refuse("no list of threads"))?,
                    };
                    recorded.runs.insert(observed, run.profiles);
                }
                (_, Some(run)) => {
                    run.events
                        .push(line.parse().map_err(|_| refuse("no event"))?);
                }
                (_, None) => return Err(refuse("outside of a run")),
            }
        }
        match reading {
            None => Ok(recorded),
            Some(_) => Err(ParseRecordedError {
                line: text.lines().count(),
                what: "the last run does not end".to_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# Runs of real libpythons; written by `tstate conform --record`.
program 0000002a

on 3.12.1 3.13.0
0 begins 0 / list 0 cur - check
0 ends 0 = 0 / init list 1 cur 0 check
end exit 0
threads ended unstarted

on 3.14.10
same 1
1 ends 0 = 0 / init list 1 cur 0 check
end fatal a text, with more
threads blocked hung
";

    #[test]
    fn a_record_survives_its_text() {
        let recorded: Recorded = TEXT.parse().expect("a record");
        assert_eq!((recorded.program, recorded.count()), (42, 3));
        assert_eq!(recorded.to_string(), TEXT);
    }

    #[test]
    fn what_a_libpython_did_can_be_forgotten() {
        let mut recorded: Recorded = TEXT.parse().expect("a record");
        let gone = ["3.12.1", "3.14.10"].map(|name| name.parse().expect("a profile"));
        recorded.forget(&gone.into());
        assert_eq!((recorded.runs.len(), recorded.count()), (1, 1));
    }

    #[test]
    fn other_texts_are_refused_with_their_line() {
        for (right, wrong, line) in [
            ("0000002a", "x", 2),
            ("3.12.1", "3.x", 4),
            ("same 1", "same 9", 11),
            ("0 ends 0", "0 ended 0", 6),
            ("exit 0", "left 0", 7),
            ("unstarted", "lost", 8),
            ("on 3.14.10\n", "", 10),
            ("threads blocked hung\n", "", 13),
        ] {
            let text = TEXT.replacen(right, wrong, 1);
            let error = text.parse::<Recorded>().expect_err(wrong);
            assert_eq!(error.line, line, "{wrong}: {error}");
        }
    }
}
