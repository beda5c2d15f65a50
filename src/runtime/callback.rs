//! Registered callbacks: C function pointers as ids, with the argument they are registered with.
//!
//! # Invariants
//!
//! A [`CallbackStack`] is last in, first out; what is above its count is [`Callback::NONE`], so that equal stacks are
//! equal states.

use crate::sync::{Plain, Word};

/// Which function: the host's number for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallbackId(pub u16);

/// The largest argument that a callback can be registered with: 47 bits.
pub const ARGUMENT_MAX: u64 = (1 << 47) - 1;

/// A function and its argument, as they are registered together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Callback {
    /// The function, or `None` for the null pointer.
    id: Option<CallbackId>,
    argument: u64,
}

impl Callback {
    /// The null pointer.
    pub const NONE: Self = Self {
        id: None,
        argument: 0,
    };

    /// A function with its argument.
    ///
    /// # Panics
    ///
    /// If `argument` is above [`ARGUMENT_MAX`]: the host numbers its values so that they fit.
    #[must_use]
    pub fn new(id: CallbackId, argument: u64) -> Self {
        assert!(
            argument <= ARGUMENT_MAX,
            "a callback's argument has 47 bits"
        );
        Self {
            id: Some(id),
            argument,
        }
    }

    /// The function.
    #[must_use]
    pub fn id(self) -> Option<CallbackId> {
        self.id
    }

    /// The argument.
    #[must_use]
    pub fn argument(self) -> u64 {
        self.argument
    }
}

impl Word for Callback {
    fn to_word(self) -> u64 {
        match self.id {
            None => 0,
            Some(CallbackId(id)) => self.argument << 17 | u64::from(id) << 1 | 1,
        }
    }

    fn from_word(word: u64) -> Self {
        if word == 0 {
            return Self::NONE;
        }
        Self {
            id: Some(CallbackId((word >> 1) as u16)),
            argument: word >> 17,
        }
    }
}

/// Callbacks that run last in, first out. Who may touch it is said where one is declared.
#[derive(Debug)]
pub(super) struct CallbackStack<const CAPACITY: usize> {
    entries: [Plain<Callback>; CAPACITY],
    count: Plain<usize>,
}

impl<const CAPACITY: usize> CallbackStack<CAPACITY> {
    pub(super) fn new(what: &'static str) -> Self {
        Self {
            entries: std::array::from_fn(|place| Plain::new((what, place), Callback::NONE)),
            count: Plain::new(what, 0),
        }
    }

    /// Registers a callback; whether there was room.
    #[must_use]
    pub(super) fn push(&self, callback: Callback) -> bool {
        let count = self.count.read();
        let Some(entry) = self.entries.get(count) else {
            return false;
        };
        entry.write(callback);
        self.count.write(count + 1);
        true
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.count.read()
    }

    /// One of them, counted from the oldest.
    pub(super) fn get(&self, place: usize) -> Callback {
        self.entries[place].read()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count.read() == 0
    }

    /// Takes the newest callback.
    pub(super) fn pop(&self) -> Option<Callback> {
        let last = self.count.read().checked_sub(1)?;
        let callback = self.entries[last].read();
        self.entries[last].write(Callback::NONE);
        self.count.write(last);
        Some(callback)
    }

    /// Forgets all of them.
    pub(super) fn clear(&self) {
        while self.pop().is_some() {}
    }

    /// The callbacks, oldest first, for an observer.
    #[cfg(feature = "sim")]
    pub(super) fn peek(&self) -> impl Iterator<Item = Callback> + '_ {
        self.entries[..self.count.peek()].iter().map(Plain::peek)
    }
}
