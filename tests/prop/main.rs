//! Properties: generated sequences of calls against a sequential reference, and generated concurrent scenarios against
//! the explorer itself.
//!
//! | module | what it holds |
//! | --- | --- |
//! | `reference` | what one call after the other does, in every release and in forked processes, written from the contract |
//! | `script` | a generated sequence as a scenario, with what the reference says of each call |
//! | `declare` | what stands around its calls: declarations, callbacks, threads |
//! | `spell` | how the steps of a sequence are written |
//! | `watch` | runs a scenario in the simulator and notes the runtime after each call |
//! | `spell_hooks` | how those about who looks on are |
//! | `spell_configure` | how those are that configure, or come before initialization |
//! | `subjects` | what sequences are about |
//! | `compare` | the runtime beside the reference, after each call |
//! | `sequence` | generated sequences; the runtime does what the reference says; deliberate mistakes are noticed |
//! | `weave` | a generated concurrent scenario as text |
//! | `concurrent` | an exploration ends, repeats, replays and judges claims, however it is tuned |
//! | `lies` | each of these checks can fail |
//!
//! What fails prints a ready scenario file and where it belongs. Seeds of failures are kept in `*.regressions` beside
//! the source; `PROPTEST_CASES` sets how many cases run.
#![cfg(not(loom))]
#![expect(clippy::print_stderr, reason = "how many cases ran, for who looks")]

mod compare;
mod concurrent;
mod declare;
mod lies;
mod reference;
mod script;
mod sequence;
mod spell;
mod spell_configure;
mod spell_hooks;
mod subjects;
mod watch;
mod weave;

use proptest::strategy::Strategy;
use proptest::test_runner::{
    Config, FileFailurePersistence, RngAlgorithm, TestCaseError, TestRunner, contextualize_config,
};
use std::cell::Cell;
use tstate::sim::digest_of;

/// Checks a property on generated values and counts them. Zero cases fail.
fn hold<S: Strategy>(
    source: &'static str,
    name: &'static str,
    cases: u32,
    strategy: S,
    property: impl Fn(S::Value) -> Result<(), TestCaseError>,
) {
    let ran = Cell::new(0_u32);
    let config = contextualize_config(Config {
        cases,
        source_file: Some(source),
        test_name: Some(name),
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        max_shrink_iters: 2_000,
        ..Config::default()
    });
    let result = TestRunner::new(config).run(&strategy, |value| {
        property(value)?;
        ran.set(ran.get() + 1);
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    assert!(ran.get() > 0, "{name}: no case ran");
    eprintln!("{name}: {} cases", ran.get());
}

/// A runner whose cases are always the same.
fn fixed(cases: u32) -> TestRunner {
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    let rng = proptest::test_runner::TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    TestRunner::new_with_rng(config, rng)
}

/// A failure with the scenario that shows it.
fn failure(what: &str, text: &str) -> TestCaseError {
    let digest = digest_of(text);
    TestCaseError::fail(format!(
        "{what}\n\nscenarios/regressions/prop-{digest:08x}.capi:\n\n{text}"
    ))
}
