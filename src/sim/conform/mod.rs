//! The model beside a real CPython: which runs to ask of it, and whether what it did is one of the model's runs.
//!
//! A run is what anybody sees from outside ([`Observed`](super::events::Observed)): the order of its threads' events,
//! what each saw, and how it ended. [`follow`] asks whether the model has such a run: it explores the scenario with
//! every event held back until it is its turn, so that only what happens inside calls is left open. If none of the
//! model's runs gets through, the first event (or the end) that none of them shows is where the two differ.
//!
//! [`attribute`] asks further: which of its outcomes those runs of the model have.
//!
//! [`call_graph`] is the other direction: the scenario's state graph as far as calls can tell states apart, and few
//! [`Way`]s that together take all its transitions.
//!
//! # What is undefined
//!
//! Where C leaves open what happens, a real library may go on. So once a run of the model that agreed so far meets a
//! crash, everything after it agrees: [`Agreement::Undefined`].
//!
//! # What does not end
//!
//! A run that a bound on its length cut agrees if the model has its events and can then go on for ever, fairly, as it
//! did: without another event, or with more of them if their number was the bound ([`Agreement::Endless`]). [`attribute`] calls it a
//! livelock if the model can then do nothing else.

mod attribute;
mod endless;
mod exhaust;
mod follow;
mod graph;
mod guide;
mod legs;
mod order;
mod recorded;
mod sample;
mod settled;

pub use attribute::{Attribution, attribute};
pub(super) use follow::fatal_texts_match;
pub use follow::{Agreement, Difference, follow};
pub use graph::{CallGraph, Transitions, Way, call_graph};
pub use guide::{Guide, ParseGuideError, Turn, guide_of};
pub use legs::{Leg, Phase, legs_of};
pub use order::{Ordered, ordered};
pub use recorded::{ParseRecordedError, Recorded, digest_of_statements};
pub use sample::{sample, sample_with_outcome};
pub use settled::{Forced, forced, forcing};
