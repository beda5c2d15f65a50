//! What decides who runs next on a libpython, as a short string that runs again to the same bytes.
//!
//! ```text
//! 0x5,1x3,0
//! ```
//!
//! `0x5` lets thread 0 take five events, then `1x3` thread 1 three, then thread 0 one. After the last one the thread that
//! runs goes on until it blocks. `s7` is no list but a seed: threads switch at random, at the library's own operations on
//! locks too. `-` is the empty list.

use std::fmt;
use std::str::FromStr;
use tstate::sim::conform::Guide;

/// What decides who runs next.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Order {
    /// A list of events by their threads.
    Guide(Guide),
    /// Chance, begun with this seed.
    Seed(u64),
}

/// A text that is no order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseOrderError(String);

impl fmt::Display for Order {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seed(seed) => write!(formatter, "s{seed}"),
            Self::Guide(guide) if guide.0.is_empty() => formatter.write_str("-"),
            Self::Guide(guide) => guide.fmt(formatter),
        }
    }
}

impl FromStr for Order {
    type Err = ParseOrderError;

    fn from_str(text: &str) -> Result<Self, ParseOrderError> {
        let refuse = || ParseOrderError(text.to_owned());
        if text == "-" {
            return Ok(Self::Guide(Guide::default()));
        }
        match text.strip_prefix('s') {
            Some(seed) => seed.parse().map(Self::Seed).map_err(|_| refuse()),
            None if text.is_empty() => Err(refuse()),
            None => text.parse().map(Self::Guide).map_err(|_| refuse()),
        }
    }
}

impl fmt::Display for ParseOrderError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "`{}` is no schedule of `tstate conform`, such as `0x5,1x3`, or `s7` for a seed",
            self.0
        )
    }
}

impl std::error::Error for ParseOrderError {}

#[cfg(test)]
mod tests {
    use super::Order;

    #[test]
    fn an_order_survives_its_text() {
        for text in ["-", "0x5", "0x5,1x3,0x2", "0,1", "s7", "s0"] {
            let order: Order = text.parse().expect("an order");
            assert_eq!(order.to_string(), text);
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "0x",
            "x3",
            "99x1",
            "0x5,",
            "s",
            "sx",
            "0x999999999",
            "-1x3",
        ] {
            assert!(text.parse::<Order>().is_err(), "{text}");
        }
    }
}
