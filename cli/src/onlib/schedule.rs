//! One run on a libpython as a short string that makes it again, to the same bytes.
//!
//! ```text
//! on1/3.12.1/8f3a61c2/0.12=1,0.13=1t
//! ```
//!
//! Four fields: the format's version, with `+atomics` or `+accesses` if such operations inside the library's code are points of
//! the run; the release and patch level of the library that made the run, a digest of the scenario's text, and what the run does otherwise than by default ([`Departures`]).

use std::fmt;
use std::str::FromStr;
use tstate::runtime::profile::Profile;
use tstate_driver::{Departures, Inline};

/// What schedules of this format begin with.
pub const VERSION: &str = "on1";

/// A run on a libpython.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The library's release and patch level.
    pub profile: Profile,
    /// Digest of the scenario's text.
    pub scenario: u32,
    /// What the library does inline that is a point of the run.
    pub inline: Option<Inline>,
    /// What the run does otherwise than by default.
    pub departures: Departures,
}

/// Why a text is no such schedule: a whole sentence without its full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseScheduleError(String);

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            profile,
            scenario,
            inline,
            departures,
        } = self;
        f.write_str(VERSION)?;
        if let Some(inline) = inline {
            write!(f, "+{}", inline.word())?;
        }
        write!(f, "/{profile}/{scenario:08x}/{departures}")
    }
}

impl fmt::Display for ParseScheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ParseScheduleError {}

impl FromStr for Schedule {
    type Err = ParseScheduleError;

    fn from_str(text: &str) -> Result<Self, ParseScheduleError> {
        let refuse = |what: String| {
            ParseScheduleError(format!("not a schedule of a run on a libpython: {what}"))
        };
        let fields: Vec<&str> = text.splitn(4, '/').collect();
        let [version, profile, digest, departures] = fields[..] else {
            return Err(refuse(
                "it does not have four fields with `/` between".to_owned(),
            ));
        };
        let (format, inline) = version
            .split_once('+')
            .map_or((version, None), |(format, word)| (format, Some(word)));
        if format != VERSION {
            return Err(refuse(format!(
                "it begins with `{version}` and not with `{VERSION}`"
            )));
        }
        let inline = inline.map(str::parse).transpose().map_err(refuse)?;
        let profile = profile.parse();
        let profile = profile
            .map_err(|_| refuse("the second field is no release such as 3.12.1".to_owned()))?;
        let is_digest = digest.len() == 8 && digest.bytes().all(|digit| digit.is_ascii_hexdigit());
        let scenario = u32::from_str_radix(digest, 16).ok().filter(|_| is_digest);
        let scenario = scenario
            .ok_or_else(|| refuse("the third field is no digest of a scenario".to_owned()))?;
        let departures = departures.parse();
        Ok(Self {
            profile,
            scenario,
            inline,
            departures: departures
                .map_err(|error: tstate_driver::ParsePlanError| refuse(error.to_string()))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Schedule;

    #[test]
    fn a_schedule_survives_its_text() {
        for text in [
            "on1/3.12.1/8f3a61c2/-",
            "on1/3.13.0/00000000/0.12=1,1.3=0t,0.4=p2",
            "on1+atomics/3.13.0/00000000/0.12=1",
            "on1+accesses/3.13.0/00000000/-",
        ] {
            let schedule: Schedule = text.parse().expect("a schedule");
            assert_eq!(schedule.to_string(), text);
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "1/3.12/8f3a61c2/0x3",
            "on1/3.12.1/8f3a61c2",
            "on1/python/8f3a61c2/-",
            "on1/3.12.1/8f3a61/-",
            "on1/3.12.1/8f3a61c2/",
            "on1/3.12.1/8f3a61c2/0.12",
            "on2/3.12.1/8f3a61c2/-",
            "on1+fence/3.12.1/8f3a61c2/-",
        ] {
            assert!(text.parse::<Schedule>().is_err(), "{text}");
        }
    }
}
