//! Words: atomics, plain data, thread-locals, epochs.

use super::Hook;
use crate::sync::{Name, Ordering, Word};
use std::marker::PhantomData;
use std::sync::atomic;

macro_rules! atomic {
    ($name:ident, $inner:ty, $value:ty, $doc:literal) => {
        #[doc = $doc]
        #[derive(Debug)]
        pub struct $name {
            hook: Hook,
            inner: $inner,
        }

        impl $name {
            /// A word with this value.
            pub fn new(name: impl Into<Name>, value: $value) -> Self {
                Self { hook: hook_new!(Atomic, name, Word::to_word(value)), inner: <$inner>::new(value) }
            }

            /// Sets the value of a word that no other thread can reach yet: no visible operation.
            pub fn init(&self, value: $value) {
                hooked!(self.hook, controller, cell => return controller.write_plain(cell, Word::to_word(value)));
                self.inner.store(value, Ordering::Relaxed);
            }

            /// Reads the word.
            pub fn load(&self, order: Ordering) -> $value {
                hooked!(self.hook, controller, cell => return Word::from_word(controller.load(cell)));
                self.inner.load(order)
            }

            /// Writes the word.
            pub fn store(&self, value: $value, order: Ordering) {
                hooked!(self.hook, controller, cell => return controller.store(cell, Word::to_word(value)));
                self.inner.store(value, order);
            }

            /// Writes the word and returns what it was.
            pub fn swap(&self, value: $value, order: Ordering) -> $value {
                self.modify(|_| value, |inner| inner.swap(value, order))
            }

            /// Writes `new` if the word is `current`; returns what it was, as `Ok` if it was written.
            ///
            /// # Errors
            ///
            /// What the word was instead, if it was not `current`.
            pub fn compare_exchange(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                let before = self.modify(
                    |word| if word == current { new } else { word },
                    |inner| match inner.compare_exchange(current, new, success, failure) {
                        Ok(value) | Err(value) => value,
                    },
                );
                if before == current { Ok(before) } else { Err(before) }
            }

            /// Sets the bits of `value`; returns what the word was.
            pub fn fetch_or(&self, value: $value, order: Ordering) -> $value {
                self.modify(|word| word | value, |inner| inner.fetch_or(value, order))
            }

            /// Keeps only the bits of `value`; returns what the word was.
            pub fn fetch_and(&self, value: $value, order: Ordering) -> $value {
                self.modify(|word| word & value, |inner| inner.fetch_and(value, order))
            }

            /// The two spellings of one read-modify-write: as a function of the word, and on the real atomic.
            fn modify(
                &self,
                simulated: impl Fn($value) -> $value,
                real: impl FnOnce(&$inner) -> $value,
            ) -> $value {
                hooked!(self.hook, controller, cell => {
                    let change = |word| Word::to_word(simulated(Word::from_word(word)));
                    return Word::from_word(controller.modify(cell, &change));
                });
                let _ = simulated;
                real(&self.inner)
            }

            /// The value, for an observer: no operation of the program.
            #[must_use]
            pub fn peek(&self) -> $value {
                hooked!(self.hook, controller, cell => return Word::from_word(controller.value(cell)));
                self.inner.load(Ordering::Relaxed)
            }
        }
    };
}

macro_rules! atomic_number {
    ($name:ident, $value:ty) => {
        impl $name {
            /// Adds, wrapping around; returns what the word was.
            pub fn fetch_add(&self, value: $value, order: Ordering) -> $value {
                self.modify(
                    |word| word.wrapping_add(value),
                    |inner| inner.fetch_add(value, order),
                )
            }

            /// Subtracts, wrapping around; returns what the word was.
            pub fn fetch_sub(&self, value: $value, order: Ordering) -> $value {
                self.modify(
                    |word| word.wrapping_sub(value),
                    |inner| inner.fetch_sub(value, order),
                )
            }
        }
    };
}

atomic!(
    AtomicBool,
    atomic::AtomicBool,
    bool,
    "A boolean that threads share."
);
atomic!(AtomicU8, atomic::AtomicU8, u8, "A byte that threads share.");
atomic!(
    AtomicU32,
    atomic::AtomicU32,
    u32,
    "A 32-bit word that threads share."
);
atomic!(
    AtomicU64,
    atomic::AtomicU64,
    u64,
    "A 64-bit word that threads share."
);
atomic_number!(AtomicU8, u8);
atomic_number!(AtomicU32, u32);
atomic_number!(AtomicU64, u64);

/// Plain data that a rule protects: in the state key, no scheduling point. The rule stands where it is declared.
#[derive(Debug)]
pub struct Plain<T> {
    hook: Hook,
    word: atomic::AtomicU64,
    value: PhantomData<T>,
}

impl<T: Word> Plain<T> {
    /// A word with this value.
    pub fn new(name: impl Into<Name>, value: T) -> Self {
        let word = value.to_word();
        Self {
            hook: hook_new!(Plain, name, word),
            word: atomic::AtomicU64::new(word),
            value: PhantomData,
        }
    }

    /// Reads the value.
    pub fn read(&self) -> T {
        hooked!(self.hook, controller, cell => return T::from_word(controller.read_plain(cell)));
        T::from_word(self.word.load(Ordering::Relaxed))
    }

    /// Writes the value.
    pub fn write(&self, value: T) {
        hooked!(self.hook, controller, cell => return controller.write_plain(cell, value.to_word()));
        self.word.store(value.to_word(), Ordering::Relaxed);
    }

    /// Changes the value in one go, learning nothing of it: a count for observers.
    pub fn update(&self, change: impl Fn(T) -> T) {
        hooked!(self.hook, controller, cell => {
            return controller.write_plain(cell, change(T::from_word(controller.value(cell))).to_word());
        });
        let change = |word| Some(change(T::from_word(word)).to_word());
        let updated = self
            .word
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, change);
        debug_assert!(updated.is_ok(), "the change always gives a value");
    }

    /// The value, for an observer: no operation of the program.
    #[must_use]
    pub fn peek(&self) -> T {
        hooked!(self.hook, controller, cell => return T::from_word(controller.value(cell)));
        T::from_word(self.word.load(Ordering::Relaxed))
    }
}

/// A counter that only grows, of which nothing can be learned but whether it moved since a value was remembered.
#[derive(Debug)]
pub struct Epoch {
    hook: Hook,
    count: atomic::AtomicU64,
}

impl Epoch {
    /// A counter that has not moved.
    pub fn new(name: impl Into<Name>) -> Self {
        Self {
            hook: hook_new!(Epoch, name, 0_u64),
            count: atomic::AtomicU64::new(0),
        }
    }

    /// Moves the counter.
    pub fn advance(&self) {
        hooked!(self.hook, controller, cell => return controller.advance(cell));
        self.count
            .store(self.count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// The value, for an observer: no operation of the program, and no part of the state.
    #[cfg(feature = "sim")]
    #[must_use]
    pub fn peek(&self) -> u64 {
        hooked!(self.hook, controller, cell => return controller.value(cell));
        self.count.load(Ordering::Relaxed)
    }

    /// Remembers the value now, until the result is dropped.
    pub fn remember(&self) -> Remembered<'_> {
        hooked!(self.hook, controller, cell => {
            return Remembered { epoch: self, value: controller.remember(cell) };
        });
        Remembered {
            epoch: self,
            value: self.count.load(Ordering::Relaxed),
        }
    }
}

/// A remembered value of an [`Epoch`].
#[derive(Debug)]
#[must_use]
pub struct Remembered<'a> {
    epoch: &'a Epoch,
    value: u64,
}

impl Remembered<'_> {
    /// Whether the counter moved since.
    #[must_use]
    pub fn changed(&self) -> bool {
        hooked!(self.epoch.hook, controller, cell => return controller.changed(cell, self.value));
        self.epoch.count.load(Ordering::Relaxed) != self.value
    }
}

impl Drop for Remembered<'_> {
    fn drop(&mut self) {
        hooked!(self.epoch.hook, controller, cell => controller.forget(cell));
    }
}
