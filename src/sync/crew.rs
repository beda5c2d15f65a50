//! The threads that a program started: for a harness that must join them all, and for who asks whether there are any.

use super::JoinHandle;
use std::sync::Mutex;

/// Threads to join. Not part of the program: no operation on it is visible.
#[derive(Debug, Default)]
pub struct Crew(Mutex<Vec<JoinHandle>>);

impl Crew {
    /// Adds a thread.
    ///
    /// # Panics
    ///
    /// If a thread panicked while it used the crew.
    pub fn add(&self, thread: JoinHandle) {
        self.0
            .lock()
            .expect("nothing in a crew panics")
            .push(thread);
    }

    /// Joins threads until none is left, those included that are added meanwhile.
    ///
    /// # Panics
    ///
    /// If a thread of the crew panicked.
    pub fn join_all(&self) {
        loop {
            let next = self.0.lock().expect("nothing in a crew panics").pop();
            match next {
                Some(thread) => thread.join(),
                None => return,
            }
        }
    }
}

/// Whether no other thread can take a step unless the calling thread starts it. It saves a simulation the steps that only
/// another thread could see; on real threads and under loom nobody knows.
#[must_use]
pub fn is_alone() -> bool {
    #[cfg(feature = "sim")]
    if let Some(controller) = super::hook::current() {
        let is_alone = controller.is_alone();
        controller.learned(u64::from(is_alone));
        return is_alone;
    }
    false
}
