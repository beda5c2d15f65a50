//! What real libpythons did, as `tstate conform --record` wrote it down: the model must have every such run, where no
//! libpython is at hand; and a model that is wrong about a release must be found out by them.
//!
//! A failure of the first kind means that the model has left what was measured. Then either the model is wrong, or the
//! scenario changed, and its runs have to be recorded again.

#![cfg(not(loom))]
#![expect(
    clippy::disallowed_types,
    reason = "the tests' own threads share the work; no engine needs to see it"
)]

mod corpus;

use corpus::{ScenarioFile, files_below, root, scenario_files};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tstate::runtime::Profile;
use tstate::runtime::differences::Difference;
use tstate::sim::conform::{Agreement, Recorded, digest_of_statements, follow};
use tstate::sim::events::Observed;
use tstate::sim::explorer::Limits;
use tstate::sim::scenario::program::Program;
use tstate::sim::verdict::Status;
use tstate::sim::{CheckOptions, check};

const STATES_MAX: u64 = 400_000;

/// Runs of libpythons that there must be at least.
const RUNS_MIN: usize = 6000;

/// Releases that must be among them.
const PROFILES_MIN: usize = 10;

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

/// Does `work` for each item, on as many threads as can run at once, and gives the results in order.
fn each<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut results = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            match items.get(number) {
                Some(item) => results.push((number, work(item))),
                None => return results,
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut results = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        let results = workers.into_iter().map(|worker| worker.join());
        let results: Result<Vec<_>, _> = results.collect();
        let results = results.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        results.into_iter().flatten().collect::<Vec<_>>()
    });
    results.sort_by_key(|(number, _)| *number);
    results.into_iter().map(|(_, result)| result).collect()
}

#[test]
fn the_model_has_every_run_of_a_libpython() {
    let all = golden();
    each(&all, |golden| {
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
            }
        }
    });
    let runs: usize = all.iter().map(|golden| golden.recorded.count()).sum();
    let own = all
        .iter()
        .flat_map(|golden| golden.recorded.runs.values().flatten());
    let profiles: BTreeSet<&Profile> = own.collect();
    assert!(runs >= RUNS_MIN, "only {runs} runs");
    assert!(profiles.len() >= PROFILES_MIN, "only of {profiles:?}");
}

/// Whether some run of one scenario shows that a model is wrong about a difference.
fn shows(golden: &Golden, difference: Difference) -> bool {
    golden.recorded.runs.iter().any(|(observed, own)| {
        own.iter().any(|profile| {
            let mistaken = profile.mistaken_about(difference);
            matches!(has(golden, mistaken, observed), Agreement::Differs(_))
        })
    })
}

/// Whether the claims of a scenario, which say for each release what real libpythons do, fail under a model that is wrong
/// about a difference.
fn claims_fail(file: &ScenarioFile, difference: Difference) -> bool {
    let program = file.program().expect("the corpus parses");
    let options = CheckOptions {
        limits: Limits {
            states: Some(STATES_MAX),
            ..Limits::default()
        },
        ..CheckOptions::default()
    };
    program.profiles.iter().any(|profile| {
        let mistaken = profile.mistaken_about(difference);
        let checked = check(&program, &file.source, mistaken, &options, &mut |_| true);
        checked.verdict.status() == Status::Failed
    })
}

/// The file that says which scenario shows which difference: one search for all of them takes minutes.
const SHOWN_BY: &str = "conform/golden/differences.txt";

/// What the file says, by difference.
fn shown_by(text: &str) -> BTreeMap<&str, (&str, &str)> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let mut words = line.split(' ');
            let mut word = || words.next().expect("a difference, by what, and a scenario");
            (word(), (word(), word()))
        })
        .collect()
}

/// Whether what the file says of a difference is so.
fn is_shown(all: &[Golden], shown: Option<&(&str, &str)>, difference: Difference) -> bool {
    match shown {
        Some(("run", scenario)) => {
            let golden = all.iter().find(|golden| golden.name == *scenario);
            golden.is_some_and(|golden| shows(golden, difference))
        }
        Some((_, scenario)) => {
            let scenarios = scenario_files();
            let file = scenarios.iter().find(|file| file.title() == *scenario);
            file.is_some_and(|file| claims_fail(file, difference))
        }
        None => false,
    }
}

/// Writes the file: what it says and still is so stays; for the rest all runs and then all claims are looked through.
/// What nothing shows is left out.
fn search(all: &[Golden]) {
    let known = std::fs::read_to_string(root().join(SHOWN_BY)).unwrap_or_default();
    let known = shown_by(&known);
    let mut text = String::from(
        "# What shows that a model is wrong about a difference between releases: the recorded runs of a scenario, or\n\
         # else its claims. Written by `TSTATE_UPDATE=1 cargo test --test golden`.\n",
    );
    let scenarios = scenario_files();
    let lines = each(Difference::ALL, |difference| {
        let name = format!("{difference:?}");
        let shown = known.get(name.as_str());
        if let Some((by, scenario)) = shown.filter(|_| is_shown(all, shown, *difference)) {
            return format!("{name} {by} {scenario}\n");
        }
        if let Some(golden) = all.iter().find(|golden| shows(golden, *difference)) {
            return format!("{name} run {}\n", golden.name);
        }
        let mut files = scenarios.iter();
        let claimed = files.find(|file| claims_fail(file, *difference));
        claimed.map_or_else(String::new, |file| {
            format!("{name} claims {}\n", file.title())
        })
    });
    text += &lines.concat();
    std::fs::write(root().join(SHOWN_BY), text).expect("the file can be written");
}

#[test]
fn a_model_that_is_wrong_about_a_release_is_found_out() {
    let all = golden();
    if std::env::var_os("TSTATE_UPDATE").is_some() {
        search(&all);
    }
    let text = std::fs::read_to_string(root().join(SHOWN_BY)).expect("the file is there");
    let shown_by = shown_by(&text);
    let unshown = Difference::ALL.iter().filter(|difference| {
        let shown = shown_by.get(format!("{difference:?}").as_str());
        !is_shown(&all, shown, **difference)
    });
    let unshown: BTreeSet<Difference> = unshown.copied().collect();
    assert!(
        unshown.is_empty(),
        "nothing shows {unshown:?}; look for it with TSTATE_UPDATE=1"
    );
}
