//! Thread-locals: one word of plain data for each thread, the same in every engine.

use super::{Plain, THREADS_MAX, ThreadIndex, Word, current_thread};

/// One word for each thread, as a C thread-local or a thread-specific storage slot.
#[derive(Debug)]
pub struct Local<T> {
    words: [Plain<T>; THREADS_MAX],
}

impl<T: Word> Local<T> {
    /// A thread-local that is `value` in every thread.
    pub fn new(what: &'static str, value: T) -> Self {
        Self {
            words: std::array::from_fn(|thread| Plain::new((what, thread), value)),
        }
    }

    /// The calling thread's value.
    pub fn read(&self) -> T {
        self.words[current_thread().index()].read()
    }

    /// Sets the calling thread's value.
    pub fn write(&self, value: T) {
        self.words[current_thread().index()].write(value);
    }

    /// Another thread's value, for an observer: no operation of the program.
    #[must_use]
    pub fn peek(&self, thread: ThreadIndex) -> T {
        self.words[thread.index()].peek()
    }
}
