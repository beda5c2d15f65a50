//! The small values that all engines share: names, thread indexes, words.

use super::THREADS_MAX;

/// What a cell is called in reports: a field's name, and its index where there are several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    /// The field, such as `gil.mutex`.
    pub what: &'static str,
    /// Which one of several, or `None`.
    pub index: Option<u16>,
}

impl From<&'static str> for Name {
    fn from(what: &'static str) -> Self {
        Self { what, index: None }
    }
}

impl From<(&'static str, usize)> for Name {
    fn from((what, index): (&'static str, usize)) -> Self {
        Self {
            what,
            index: u16::try_from(index).ok(),
        }
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.index {
            Some(index) => write!(f, "{}[{index}]", self.what),
            None => f.write_str(self.what),
        }
    }
}

/// Which thread of the program this is: 0 is the first. Chosen by whoever spawns the thread, never by arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ThreadIndex(u8);

impl ThreadIndex {
    /// The program's first thread.
    pub const FIRST: Self = Self(0);

    /// The thread with this index.
    ///
    /// # Panics
    ///
    /// If `index` is not below [`THREADS_MAX`]: the number of threads is checked where programs are accepted.
    #[must_use]
    pub const fn new(index: usize) -> Self {
        assert!(index < THREADS_MAX, "more threads than THREADS_MAX");
        Self(index as u8)
    }

    /// The index as a number.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A small value that fits a machine word: what [`super::Plain`] and [`super::Local`] hold.
pub trait Word: Copy {
    /// The value as a word. Equal values give equal words.
    fn to_word(self) -> u64;
    /// The value that [`Word::to_word`] was made from.
    fn from_word(word: u64) -> Self;
}

macro_rules! word_for {
    ($($type:ty),*) => {$(
        impl Word for $type {
            fn to_word(self) -> u64 {
                u64::from(self)
            }
            fn from_word(word: u64) -> Self {
                word as Self
            }
        }
    )*};
}

word_for!(u8, u16, u32, u64);

impl Word for bool {
    fn to_word(self) -> u64 {
        u64::from(self)
    }
    fn from_word(word: u64) -> Self {
        word != 0
    }
}

impl Word for i64 {
    fn to_word(self) -> u64 {
        self.cast_unsigned()
    }
    fn from_word(word: u64) -> Self {
        word.cast_signed()
    }
}

impl Word for i32 {
    fn to_word(self) -> u64 {
        u64::from(self.cast_unsigned())
    }
    fn from_word(word: u64) -> Self {
        (word as u32).cast_signed()
    }
}

impl Word for usize {
    fn to_word(self) -> u64 {
        self as u64
    }
    fn from_word(word: u64) -> Self {
        word as Self
    }
}

/// Which of the two processes a thread goes on in after a fork.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[must_use]
pub enum Branch {
    /// The process that forked: nothing changed.
    Parent,
    /// The new one, in which no other thread exists.
    Child,
}

/// How a timed wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub enum WaitResult {
    /// Woken by a notification (or spuriously: the caller cannot tell).
    Woken,
    /// The interval was over first.
    TimedOut,
}
