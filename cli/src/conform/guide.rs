//! What decides who runs next on a libpython, as a short string that runs again to the same bytes.
//!
//! ```text
//! 0x5,1x3,0
//! ```
//!
//! `0x5` lets thread 0 take five events, then `1x3` thread 1 three, then thread 0 one. After the last one the thread that
//! runs goes on until it blocks. `s7` is no list but a seed: threads switch at random, at the library's own operations on
//! locks too. `-` is the empty list. `0x5,1x3+6.1.12` is a list with a push: before the event that has six before it
//! the process's thread 1 goes on inside its call, by twelve of the library's operations on locks.

use std::fmt;
use std::str::FromStr;
use tstate::sim::conform::Guide;
use tstate_driver::Push;

/// What decides who runs next.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Order {
    /// A list of events by their threads, and how much farther threads inside calls go on before some of them.
    Guide(Guide, Vec<Push>),
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
            Self::Guide(guide, pushes) => {
                if guide.0.is_empty() {
                    formatter.write_str("-")?;
                }
                guide.fmt(formatter)?;
                pushes.iter().try_for_each(|push| {
                    let Push {
                        event,
                        thread,
                        operations,
                    } = push;
                    write!(formatter, "+{event}.{thread}.{operations}")
                })
            }
        }
    }
}

impl FromStr for Order {
    type Err = ParseOrderError;

    fn from_str(text: &str) -> Result<Self, ParseOrderError> {
        let refuse = || ParseOrderError(text.to_owned());
        if let Some(seed) = text.strip_prefix('s') {
            return seed.parse().map(Self::Seed).map_err(|_| refuse());
        }
        let mut parts = text.split('+');
        let guide = match parts.next() {
            None | Some("") => return Err(refuse()),
            Some("-") => Guide::default(),
            Some(guide) => guide.parse().map_err(|_| refuse())?,
        };
        let pushes: Option<Vec<Push>> = parts.map(push).collect();
        Ok(Self::Guide(guide, pushes.ok_or_else(refuse)?))
    }
}

/// One push, such as `6.1.12`.
fn push(text: &str) -> Option<Push> {
    let mut numbers = text.split('.');
    let push = Push {
        event: numbers.next()?.parse().ok()?,
        thread: numbers.next()?.parse().ok()?,
        operations: numbers.next()?.parse().ok()?,
    };
    numbers.next().is_none().then_some(push)
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
        for text in ["-", "0x5", "0x5,1x3+6.1.12", "0,1+0.1.1+1.0.3", "s7", "s0"] {
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
            "0x5+",
            "0x5+6.1",
            "0x5+6.1.2.3",
        ] {
            assert!(text.parse::<Order>().is_err(), "{text}");
        }
    }
}
