//! How far to search, and on how many threads: flags and variables of the environment first, then the settings.

use crate::arguments::Search;
use crate::engine::CheckOptions;
use crate::settings::Settings;
use std::num::NonZeroUsize;
use std::thread;
use tstate::sim::explorer::Limits;

/// As many threads as are asked for, else as can run at once.
pub(super) fn jobs(asked: Option<NonZeroUsize>, settings: &Settings) -> NonZeroUsize {
    let cores = || thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    asked.or(settings.jobs).unwrap_or_else(cores)
}

/// The options that hold.
pub(super) fn options(arguments: &Search, settings: &Settings) -> CheckOptions {
    CheckOptions {
        limits: Limits {
            states: arguments.max_states.or(settings.max_states),
            preemptions: arguments.preemptions.or(settings.preemptions),
            timeouts: arguments.timeouts.or(settings.timeouts),
            ..Limits::default()
        },
        full_points: arguments.full,
    }
}
