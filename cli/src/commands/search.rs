//! How far to search: flags and variables of the environment first, then the settings.

use crate::arguments::Search;
use crate::engine::CheckOptions;
use crate::settings::Settings;
use tstate::sim::explorer::Limits;

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
