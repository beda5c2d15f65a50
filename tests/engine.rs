//! The explorer against golden counts of three protocols, and against itself.
#![cfg(not(loom))]

mod protocols;

use protocols::Protocol;
use tstate::sim::explorer::{Exploration, Settings, explore};
use tstate::sim::world::Tuning;

fn merged(protocol: Protocol) -> Exploration {
    explore(&protocol, &Settings::default())
}

fn unmerged(protocol: Protocol) -> Exploration {
    let tuning = Tuning {
        footprints: true,
        ..Tuning::default()
    };
    explore(
        &protocol,
        &Settings {
            unmerged: true,
            tuning,
            ..Settings::default()
        },
    )
}

/// Branching states: states in which two or more threads could go on. Counted by brute force on models of their own.
#[test]
fn merged_states_are_the_optimum() {
    for (protocol, branching) in [
        (Protocol::HandOff(2, 2), 20),
        (Protocol::HandOff(2, 3), 51),
        (Protocol::HandOff(3, 1), 31),
        (Protocol::HandOff(3, 2), 308),
        (Protocol::HandOff(4, 3), 15_905),
        (Protocol::Finalize(1, 1), 3),
        (Protocol::Finalize(2, 1), 28),
        (Protocol::Finalize(2, 2), 135),
        (Protocol::Finalize(4, 3), 64_012),
    ] {
        assert_eq!(merged(protocol).branching, branching, "{protocol:?}");
    }
}

#[test]
fn merged_executions_are_as_counted() {
    for (protocol, executions) in [
        (Protocol::HandOff(2, 2), 21),
        (Protocol::HandOff(2, 3), 52),
        (Protocol::HandOff(3, 2), 497),
        (Protocol::HandOff(4, 3), 38_824),
        (Protocol::Finalize(2, 2), 203),
    ] {
        assert_eq!(merged(protocol).executions, executions, "{protocol:?}");
    }
}

/// Without merging there is one execution for each Mazurkiewicz trace: the eleven small cases.
#[test]
fn unmerged_executions_are_the_traces() {
    for (protocol, executions) in [
        (Protocol::HandOff(2, 1), 4),
        (Protocol::HandOff(2, 2), 40),
        (Protocol::HandOff(2, 3), 496),
        (Protocol::HandOff(3, 1), 48),
        (Protocol::HandOff(3, 2), 25_728),
        (Protocol::Finalize(1, 1), 4),
        (Protocol::Finalize(2, 1), 42),
        (Protocol::Finalize(2, 2), 1_722),
        (Protocol::Pending(1, 1), 18),
        (Protocol::Pending(1, 2), 38),
        (Protocol::Pending(2, 2), 1_600),
    ] {
        assert_eq!(unmerged(protocol).executions, executions, "{protocol:?}");
    }
}
