//! Imports.

use super::Difference;
use crate::runtime::profile::Profile;

impl Profile {
    /// Whether the init function of an extension module runs in the main interpreter, whichever imports it, with a thread
    /// state made for that. Source: gh-117953 (3.13); observed: in an interpreter with its own GIL 3.12.1 imports and is made
    /// while another thread holds the main interpreter's, 3.13.0 to 3.15.2 wait for it.
    #[must_use]
    pub fn extensions_visit_main(self) -> bool {
        self.when(Difference::ExtensionsVisitMain, self.minor() >= 13)
    }
}
