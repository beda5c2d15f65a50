//! A libpython that runs scenarios, and what it answers.

use super::guide::Order;
use tstate::runtime::profile::Profile;
use tstate::sim::events::{Event, Observed};
use tstate_driver::Push;

/// What is asked of a libpython.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The scenario's text.
    pub source: &'a str,
    /// The release that the library is.
    pub profile: Profile,
    /// What decides who runs next.
    pub order: &'a Order,
    /// The events of the order as the model has them, to be aimed at; nothing if there are none.
    pub aims: &'a [Event],
    /// Threads inside calls are tried from the last to the first.
    pub backwards: bool,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A run.
    Ran {
        /// What was seen of it.
        observed: Observed,
        /// Whether the schedule could not be kept to, so that another run was taken.
        strayed: bool,
        /// What aims came to.
        pushes: Vec<Push>,
    },
    /// The scenario cannot be run on this library.
    Refused(String),
    /// There is no answer: the driver or its process failed.
    Failed(String),
}

/// A libpython that runs scenarios.
pub trait Library {
    /// Runs a scenario once.
    fn run(&mut self, request: &Request<'_>) -> Answer;
}

/// Opens libpythons: by its number among those that are driven.
pub trait Opener: Sync {
    /// Opens one, or says why not.
    ///
    /// # Errors
    ///
    /// It does not answer.
    fn open(&self, library: usize) -> Result<Box<dyn Library + '_>, String>;
}
