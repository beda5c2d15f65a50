//! Configuration and what may be called before there is any.

use super::Difference;
use crate::runtime::profile::Profile;

impl Profile {
    /// Whether `Py_EncodeLocale` reads the configuration of the current interpreter. Source: observed: 3.12.1 to 3.15.2 crash
    /// in a thread that is not attached, 3.8.18 to 3.11.7 do not.
    #[must_use]
    pub fn encode_locale_needs_state(self) -> bool {
        self.when(Difference::EncodeLocaleNeedsState, self.minor() >= 12)
    }

    /// Whether `PyEval_ThreadsInitialized` says if there is a GIL; else it says 1. Source: observed: 1 before initialization
    /// in 3.8.18 to 3.11.7, 0 in 3.12.1 to 3.15.2.
    #[must_use]
    pub fn threads_initialized_asks_for_the_gil(self) -> bool {
        self.when(
            Difference::ThreadsInitializedAsksForTheGil,
            self.minor() >= 12,
        )
    }
}
