//! How fast libpythons run scenarios. Looks at a clock: nothing of it enters a result.

use super::library::{Answer, Library, Opener, Request};
use crate::render::paint::grouped;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Takes the time of what another opens.
pub struct Paced<'a> {
    opener: &'a dyn Opener,
    /// Runs, and the time that they took, by the number of the library.
    spent: Mutex<BTreeMap<usize, (u64, Duration)>>,
}

/// A library whose runs are timed.
struct Timed<'a> {
    library: Box<dyn Library + 'a>,
    number: usize,
    spent: &'a Mutex<BTreeMap<usize, (u64, Duration)>>,
}

impl fmt::Debug for Paced<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Paced").finish_non_exhaustive()
    }
}

impl<'a> Paced<'a> {
    /// Takes the time of what `opener` opens.
    #[must_use]
    pub fn new(opener: &'a dyn Opener) -> Self {
        Self {
            opener,
            spent: Mutex::default(),
        }
    }

    /// `3.13.0: 4,224 runs, 310 a second for each process`, a line for each library that ran something.
    #[must_use]
    pub fn told(&self, name: impl Fn(usize) -> String) -> String {
        let spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let line = |(number, (runs, time)): (&usize, &(u64, Duration))| {
            let pace = *runs as f64 / time.as_secs_f64().max(f64::MIN_POSITIVE);
            format!(
                "{}: {} runs, {} a second for each process\n",
                name(*number),
                grouped(*runs),
                grouped(pace as u64)
            )
        };
        spent.iter().map(line).collect()
    }
}

impl Opener for Paced<'_> {
    fn open(&self, library: usize) -> Result<Box<dyn Library + '_>, String> {
        Ok(Box::new(Timed {
            library: self.opener.open(library)?,
            number: library,
            spent: &self.spent,
        }))
    }
}

impl Library for Timed<'_> {
    fn run(&mut self, request: &Request<'_>) -> Answer {
        let begun = Instant::now();
        let answer = self.library.run(request);
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let (runs, time) = spent.entry(self.number).or_default();
        *runs += 1;
        *time += begun.elapsed();
        answer
    }
}
