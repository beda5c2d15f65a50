//! Which thread's event comes next on a libpython, as a short string that runs again to the same bytes.
//!
//! ```text
//! 0x5,1x3,0x2
//! ```
//!
//! `0x5` lets thread 0 reach five events, then `1x3` thread 1 three. After the last one the thread that runs goes on
//! until it blocks. `s7` is no list but a seed: the threads switch at random, at the library's own lock operations too.
//! `-` is the empty list.

use std::fmt;
use std::str::FromStr;
use tstate::sync::THREADS_MAX;

/// How many events a text may name.
const EVENTS_MAX: usize = 100_000;

/// What decides who runs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Guide {
    /// Whose event comes next, by the thread's number in the program.
    Threads(Vec<u8>),
    /// Chance, begun with this seed.
    Seed(u64),
}

/// A text that is no guide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseGuideError(String);

impl fmt::Display for Guide {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let threads = match self {
            Self::Seed(seed) => return write!(formatter, "s{seed}"),
            Self::Threads(threads) if threads.is_empty() => return formatter.write_str("-"),
            Self::Threads(threads) => threads,
        };
        for (number, same) in threads.chunk_by(|one, other| one == other).enumerate() {
            let comma = if number == 0 { "" } else { "," };
            write!(formatter, "{comma}{}x{}", same[0], same.len())?;
        }
        Ok(())
    }
}

impl FromStr for Guide {
    type Err = ParseGuideError;

    fn from_str(text: &str) -> Result<Self, ParseGuideError> {
        let refuse = || ParseGuideError(text.to_owned());
        if text == "-" {
            return Ok(Self::Threads(Vec::new()));
        }
        if let Some(seed) = text.strip_prefix('s') {
            return seed.parse().map(Self::Seed).map_err(|_| refuse());
        }
        let mut threads = Vec::new();
        for part in text.split(',') {
            let (thread, count) = part.split_once('x').ok_or_else(refuse)?;
            let thread: u8 = thread.parse().map_err(|_| refuse())?;
            let count: usize = count.parse().map_err(|_| refuse())?;
            let fits = usize::from(thread) < THREADS_MAX && threads.len() + count <= EVENTS_MAX;
            if !fits || count == 0 {
                return Err(refuse());
            }
            threads.extend(std::iter::repeat_n(thread, count));
        }
        Ok(Self::Threads(threads))
    }
}

impl fmt::Display for ParseGuideError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "`{}` is no schedule of `tstate conform`, such as `0x5,1x3`, or `s7` for a seed",
            self.0
        )
    }
}

impl std::error::Error for ParseGuideError {}

#[cfg(test)]
mod tests {
    use super::Guide;

    #[test]
    fn a_guide_survives_its_text() {
        for text in ["-", "0x5", "0x5,1x3,0x2", "s7", "s0"] {
            let guide: Guide = text.parse().expect("a guide");
            assert_eq!(guide.to_string(), text);
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "0",
            "0x",
            "x3",
            "0x0",
            "99x1",
            "0x5,",
            "s",
            "sx",
            "0x999999999",
            "-1x3",
        ] {
            assert!(text.parse::<Guide>().is_err(), "{text}");
        }
    }
}
