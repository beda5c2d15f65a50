//! What real libpythons did, as `tstate conform --record` wrote it down: the model must have every such run, where no
//! libpython is at hand; and a model that is wrong about a release must be found out by them.
//!
//! A failure of the first kind means that the model has left what was measured. Then either the model is wrong, or the
//! scenario changed, and its runs have to be recorded again.

#![cfg(not(loom))]

mod corpus;

use corpus::{files_below, root, scenario_files};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use tstate::runtime::Profile;
use tstate::runtime::differences::Difference;
use tstate::sim::conform::{Agreement, Recorded, digest_of_statements, follow};
use tstate::sim::events::Observed;
use tstate::sim::scenario::program::Program;

const STATES_MAX: u64 = 400_000;

/// Runs of libpythons that there must be at least.
const RUNS_MIN: usize = 1000;

/// Releases that must be among them.
const PROFILES_MIN: usize = 1;

/// Differences between releases that no recorded run shows, each with the reason.
const UNSHOWN: &[Difference] = &[];

/// The runs of one scenario.
struct Golden {
    name: String,
    program: Arc<Program>,
    recorded: Recorded,
}

/// All that is recorded, in the order of the files.
fn golden() -> Vec<Golden> {
    let folder = root().join("conform/golden");
    let scenarios = scenario_files();
    let mut all = Vec::new();
    for path in files_below(&folder, "runs") {
        let name = path
            .strip_prefix(&folder)
            .expect("it is below")
            .with_extension("");
        let name = name.to_str().expect("names are UTF-8").replace('\\', "/");
        let text = std::fs::read_to_string(&path).expect("the file can be read");
        let recorded: Recorded = text
            .parse()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(recorded.to_string(), text, "{name} is as it was written");
        let mut own = scenarios.iter();
        let file = own.find(|file| Path::new(&file.subject).join(&file.name) == Path::new(&name));
        let file = file.unwrap_or_else(|| panic!("{name} is recorded, and no scenario any more"));
        let program = file.program().expect("the corpus parses");
        assert_eq!(
            digest_of_statements(&program, &file.source),
            recorded.program,
            "the statements of {name} changed: record its runs again"
        );
        all.push(Golden {
            name,
            program,
            recorded,
        });
    }
    all
}

fn told(observed: &Observed) -> String {
    let events: Vec<String> = observed.events.iter().map(ToString::to_string).collect();
    format!(
        "{}\n{:?} {:?}",
        events.join("\n"),
        observed.end,
        observed.threads
    )
}

fn has(golden: &Golden, profile: Profile, observed: &Observed) -> Agreement {
    follow(&golden.program, profile, observed, STATES_MAX)
}

#[test]
fn the_model_has_every_run_of_a_libpython() {
    let mut runs = 0;
    let mut profiles = BTreeSet::new();
    for golden in &golden() {
        for (observed, own) in &golden.recorded.runs {
            for profile in own {
                let answer = has(golden, *profile, observed);
                let agrees = matches!(answer, Agreement::Agrees | Agreement::Undefined { .. });
                assert!(
                    agrees,
                    "{} {profile}: {answer:?}\n{}",
                    golden.name,
                    told(observed)
                );
                profiles.insert(*profile);
                runs += 1;
            }
        }
    }
    assert!(runs >= RUNS_MIN, "only {runs} runs");
    assert!(profiles.len() >= PROFILES_MIN, "only of {profiles:?}");
}

#[test]
fn a_model_that_is_wrong_about_a_release_is_found_out() {
    let all = golden();
    let shows = |difference: &Difference| {
        all.iter().any(|golden| {
            golden.recorded.runs.iter().any(|(observed, own)| {
                own.iter().any(|profile| {
                    let mistaken = profile.mistaken_about(*difference);
                    matches!(has(golden, mistaken, observed), Agreement::Differs(_))
                })
            })
        })
    };
    let unshown: Vec<Difference> = Difference::ALL
        .iter()
        .filter(|difference| !shows(difference))
        .copied()
        .collect();
    assert_eq!(unshown, UNSHOWN, "found out by no recorded run");
}
