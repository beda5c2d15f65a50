//! Names of arena slots: what the runtime and its callers hold instead of pointers.
//!
//! A handle is a slot and the generation that the slot had when the handle was made. Freeing a slot moves its
//! generation, so a handle to something freed is recognised: see [`super::thread_state`].
//!
//! Differs: generations wrap around after [`GENERATIONS`] reuses of one slot, so that programs that create and delete
//! in a loop have a finite state graph. A handle that is kept while its slot is freed and taken that many times again
//! is taken for the new owner's.

use crate::sync::{ThreadIndex, Word};

/// Generations of a slot before they begin again.
pub(super) const GENERATIONS: u8 = 8;

/// The generation after this one.
pub(super) fn next_generation(generation: u8) -> u8 {
    (generation + 1) % GENERATIONS
}

macro_rules! handle {
    ($name:ident, $alias:literal, $prefix:literal, $doc:literal) => {
        #[doc = $doc]
        #[doc(alias = $alias)]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name {
            /// The slot plus one; 0 is null.
            place: u8,
            generation: u8,
        }

        impl $name {
            /// The null pointer.
            pub const NULL: Self = Self {
                place: 0,
                generation: 0,
            };

            pub(super) const fn new(slot: usize, generation: u8) -> Self {
                assert!(
                    slot < u8::MAX as usize,
                    "an arena has fewer slots than a byte has values"
                );
                Self {
                    place: slot as u8 + 1,
                    generation,
                }
            }

            /// Whether this is the null pointer.
            #[must_use]
            pub const fn is_null(self) -> bool {
                self.place == 0
            }

            /// The slot, unless null.
            #[must_use]
            pub fn slot(self) -> Option<usize> {
                usize::from(self.place).checked_sub(1)
            }

            pub(super) fn generation(self) -> u8 {
                self.generation
            }
        }

        impl Word for $name {
            fn to_word(self) -> u64 {
                u64::from(self.place) << 8 | u64::from(self.generation)
            }
            fn from_word(word: u64) -> Self {
                Self {
                    place: (word >> 8) as u8,
                    generation: word as u8,
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self.slot() {
                    None => f.write_str("NULL"),
                    Some(slot) if self.generation == 0 => write!(f, "{}{slot}", $prefix),
                    Some(slot) => write!(f, "{}{slot}.{}", $prefix, self.generation),
                }
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{self}")
            }
        }
    };
}

handle!(
    ThreadStateHandle,
    "PyThreadState",
    "ts",
    "A pointer to a thread state (`PyThreadState *`)."
);
handle!(
    InterpreterHandle,
    "PyInterpreterState",
    "interp",
    "A pointer to an interpreter (`PyInterpreterState *`)."
);
handle!(
    GuardHandle,
    "PyInterpreterGuard",
    "guard",
    "A pointer to a guard (`PyInterpreterGuard *`)."
);
handle!(
    ViewHandle,
    "PyInterpreterView",
    "view",
    "A pointer to a view (`PyInterpreterView *`)."
);
handle!(
    TssHandle,
    "Py_tss_t",
    "key",
    "A pointer to a key of thread-specific storage (`Py_tss_t *`)."
);

impl InterpreterHandle {
    /// The main interpreter, whose storage is static: the same handle in every life of the runtime.
    #[doc(alias = "PyInterpreterState_Main")]
    pub const MAIN: Self = Self::new(0, 0);
}

impl Word for ThreadIndex {
    fn to_word(self) -> u64 {
        self.index() as u64
    }
    fn from_word(word: u64) -> Self {
        Self::new(word as usize)
    }
}

/// Implements [`Word`] for an enum without fields, given all its variants in order.
macro_rules! word_for_enum {
    ($name:ident { $($variant:ident),+ $(,)? }) => {
        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
        }
        impl $crate::sync::Word for $name {
            fn to_word(self) -> u64 {
                self as u64
            }
            fn from_word(word: u64) -> Self {
                Self::ALL[word as usize]
            }
        }
    };
}
pub(super) use word_for_enum;
