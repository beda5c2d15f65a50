//! A scenario and all that was found of it as one HTML page: what `tstate report` writes.
//!
//! The page is whole without its script: every run is there with its steps, its last state and its drawings. The script
//! shows one run at a time and steps through it; all it needs stands in `data-` attributes, which docs/report.md tells.
//! Nothing is fetched, and equal input gives equal bytes.

mod document;
mod layout;
mod listing;
mod markup;
mod picture;
mod ring;
mod runs;
mod state;
mod steps;
mod verdicts;

pub use document::render;
pub use runs::Release;

use crate::files::ScenarioFile;
use tstate::sim::scenario::program::Program;

/// What a page is about.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// The scenario file.
    pub file: &'a ScenarioFile,
    /// What it says.
    pub program: &'a Program,
    /// What was found under each release, in their order.
    pub releases: &'a [Release],
}
