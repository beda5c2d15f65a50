//! The protocols under the explorer.

use crate::protocols::Protocol;
use tstate::sim::explorer::{Exploration, Settings, explore};
use tstate::sim::world::Tuning;

/// The cases that loom and, but for `P1 2 3`, shuttle's depth-first search finish.
pub const SHARED: [Protocol; 6] = [
    Protocol::HandOff(2, 2),
    Protocol::HandOff(2, 3),
    Protocol::HandOff(3, 1),
    Protocol::Finalize(1, 1),
    Protocol::Finalize(2, 1),
    Protocol::Pending(1, 1),
];

/// A protocol's name and numbers.
pub fn title(protocol: Protocol) -> String {
    match protocol {
        Protocol::HandOff(threads, rounds) => format!("P1 {threads} {rounds}"),
        Protocol::Finalize(threads, rounds) => format!("P2 {threads} {rounds}"),
        Protocol::Pending(items, rounds) => format!("P3 {items} {rounds}"),
    }
}

/// Explores with equal states merged.
pub fn merged(protocol: Protocol) -> Exploration {
    explore(&protocol, &Settings::default())
}

/// Explores one execution of each equivalence class of schedules, merging nothing: what the peers do.
pub fn unmerged(protocol: Protocol) -> Exploration {
    let tuning = Tuning {
        footprints: true,
        ..Tuning::default()
    };
    let settings = Settings {
        unmerged: true,
        tuning,
        ..Settings::default()
    };
    explore(&protocol, &settings)
}
