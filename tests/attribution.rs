//! Which outcome of the model a run is: the model's own runs are told to be nothing else than what they are.

#![cfg(not(loom))]

mod corpus;

use corpus::{ScenarioFile, root, scenario_files};
use std::sync::Arc;
use tstate::runtime::Profile;
use tstate::sim::conform::{Attribution, attribute, sample, sample_with_outcome};
use tstate::sim::events::{End, Observed};
use tstate::sim::outside::{self, Sight};
use tstate::sim::scenario::program::Program;
use tstate::sim::verdict::Outcome;

const STATES_MAX: u64 = 20_000;
const STEPS_MAX: usize = 2_000;

/// Runs that are looked through for one of a kind.
const SEEDS: u64 = 400;

/// Of the corpus, each so many-th scenario is asked.
const EACH: usize = 5;

fn program(source: &str) -> Arc<Program> {
    let file = ScenarioFile {
        subject: String::new(),
        name: String::new(),
        path: root().into(),
        source: source.to_owned(),
    };
    file.program().expect("a scenario")
}

fn of_corpus(title: &str) -> Arc<Program> {
    let mut files = scenario_files().into_iter();
    let file = files.find(|file| file.title() == title);
    let file = file.unwrap_or_else(|| panic!("{title} is there"));
    file.program().expect("the corpus parses")
}

fn profile(name: &str) -> Profile {
    name.parse().expect("a profile")
}

fn asked(program: &Arc<Program>, profile: Profile, run: &Observed, is_fenced: bool) -> Attribution {
    let sight = Sight::from(run.clone());
    attribute(program, profile, &sight, is_fenced, STATES_MAX)
}

/// The outcome in words, or nothing.
fn told(program: &Program, attribution: &Attribution) -> Option<String> {
    let outcome = attribution.outcome()?;
    Some(outside::text(program, outcome))
}

/// All that it may be, in words.
fn possible(program: &Program, attribution: &Attribution) -> Vec<String> {
    let all = attribution.alike.iter().chain(&attribution.undefined);
    all.map(|outcome| outside::text(program, outcome)).collect()
}

#[test]
fn a_run_of_the_model_is_what_it_is_or_not_known() {
    let (mut known, mut cut, mut asked_of) = (0, 0, 0);
    for (number, file) in scenario_files().iter().enumerate() {
        if number % EACH != 0 {
            continue;
        }
        let program = file.program().expect("the corpus parses");
        let program = Arc::new(Program {
            claims: Vec::new(),
            ..Program::clone(&program)
        });
        for profile in corpus::ends(&program) {
            let (run, outcome) = sample_with_outcome(&program, profile, 1, STEPS_MAX);
            if outcome == Outcome::Inconclusive {
                continue;
            }
            asked_of += 1;
            let attribution = asked(&program, profile, &run, false);
            let own = outside::text(&program, &outcome);
            let all = possible(&program, &attribution);
            let about = format!("{} {profile}: {own} of {all:?}", file.title());
            cut += usize::from(attribution.cut);
            assert!(attribution.cut || all.contains(&own), "{about}");
            if let Some(told) = told(&program, &attribution) {
                assert_eq!(told, own, "{about}");
                known += 1;
            }
        }
    }
    assert!(asked_of > 100, "{asked_of} runs");
    assert!(cut * 20 < asked_of, "{cut} of {asked_of} were cut");
    assert!(known * 4 > asked_of * 3, "{known} of {asked_of} are known");
}

/// Runs of a scenario of the corpus, each with what it may be.
fn runs_of(
    title: &str,
    release: &str,
    is_fenced: bool,
) -> impl Iterator<Item = (Observed, String, Attribution)> {
    let (program, profile) = (of_corpus(title), profile(release));
    (0..SEEDS).map(move |seed| {
        let (run, outcome) = sample_with_outcome(&program, profile, seed, STEPS_MAX);
        let attribution = asked(&program, profile, &run, is_fenced);
        (run, outside::text(&program, &outcome), attribution)
    })
}

/// Both crashes end by a signal; the order of events tells some of them apart.
#[test]
fn the_cause_of_a_crash_is_known_by_the_events() {
    let program = of_corpus("swap/beside-the-holder");
    let (mut known, mut open) = (false, false);
    for (run, own, attribution) in runs_of("swap/beside-the-holder", "3.11", false) {
        if run.end.is_crash() && own == "crash(no_thread_state)" {
            match told(&program, &attribution) {
                Some(told) => {
                    assert_eq!(told, own);
                    known = true;
                }
                None => {
                    let all = ["crash(no_thread_state)", "crash(two_holders)"];
                    assert_eq!(possible(&program, &attribution), all);
                    open = true;
                }
            }
        }
        if known && open {
            return;
        }
    }
    panic!("known: {known}, open: {open}");
}

/// Whether a thread that is left behind waits for a GIL that is gone is not seen.
#[test]
fn what_may_be_two_outcomes_is_not_known() {
    let title = "finalize/fresh-state-freed";
    let program = of_corpus(title);
    let both = ["ok", "hang(fresh)"];
    let is_both = |attribution: &Attribution| {
        let alike = attribution.alike.iter();
        alike
            .map(|outcome| outside::text(&program, outcome))
            .eq(both)
    };
    let mut all = runs_of(title, "3.8", false);
    let found = all.find(|(run, _, attribution)| !run.end.is_crash() && is_both(attribution));
    let (_, own, attribution) = found.expect("such a run");
    assert!(both.contains(&own.as_str()), "{own}");
    assert_eq!(attribution.outcome(), None);
}

/// A run after which a process may have used what was freed is known only where the fence says that it did not.
#[test]
fn behind_the_fence_a_run_that_goes_on_used_no_freed_block() {
    let title = "finalize/daemon-thread";
    let (program, release) = (of_corpus(title), "3.13");
    let mut all = runs_of(title, release, false);
    let found = all.find(|(_, own, attribution)| {
        own.starts_with("hang(") && !attribution.undefined.is_empty()
    });
    let (run, own, open) = found.expect("such a run");
    assert_eq!(open.outcome(), None);
    let freed = "crash(use_after_free)".to_owned();
    assert_eq!(possible(&program, &open), [own.clone(), freed.clone()]);
    let fenced = asked(&program, profile(release), &run, true);
    assert_eq!(told(&program, &fenced), Some(own));
    let ended = Observed {
        end: End::Freed,
        ..run
    };
    let freed_there = asked(&program, profile(release), &ended, true);
    assert_eq!(told(&program, &freed_there), Some(freed));
}

/// The first thread state lies in its interpreter since 3.11: the fence sees no use of it after its end.
#[test]
fn what_lies_in_another_block_is_not_behind_the_fence() {
    let title = "finalize/fresh-state-freed";
    let program = of_corpus(title);
    let mut all = runs_of(title, "3.13", true);
    let is_open = |(run, _, attribution): &(Observed, String, Attribution)| {
        let all = possible(&program, attribution);
        matches!(run.end, End::Exit(_)) && all.iter().any(|one| one == "crash(use_after_free)")
    };
    assert!(all.any(|one| is_open(&one)));
}

/// Two threads hold one GIL, and nothing comes of it: every run of the model with these events does that much. Where the model has
/// other runs up to there, a run that none of them explains is not known.
#[test]
fn who_goes_on_after_what_is_undefined_is_known_if_nothing_else_could_be() {
    let title = "swap/beside-the-holder";
    let (program, release) = (of_corpus(title), profile("3.11"));
    let (mut known, mut open) = (false, false);
    for (run, own, _) in runs_of(title, "3.11", false) {
        if own != "crash(two_holders)" {
            continue;
        }
        let survived = Observed {
            end: End::Exit(0),
            ..run
        };
        let attribution = asked(&program, release, &survived, false);
        assert!(attribution.alike.is_empty(), "{attribution:?}");
        match told(&program, &attribution) {
            Some(told) => {
                assert_eq!(told, own);
                known = true;
            }
            None => open = true,
        }
        if known && open {
            break;
        }
    }
    assert!(known && open, "known: {known}, open: {open}");
    let mut all = runs_of("finalize/daemon-thread", "3.13", false);
    let found = all.find(|(_, _, attribution)| {
        !attribution.undefined.is_empty() && !attribution.alike.is_empty()
    });
    let (mut run, _, _) = found.expect("such a run");
    run.events.last_mut().expect("it has events").seen.listed += 7;
    let attribution = asked(
        &of_corpus("finalize/daemon-thread"),
        profile("3.13"),
        &run,
        false,
    );
    assert!(attribution.alike.is_empty() && !attribution.undefined.is_empty());
    assert_eq!(attribution.outcome(), None);
}

const FINALIZES: &str = "\
scenario \"a runtime ends\"
python 3.12

thread main {
    Py_Initialize()
    Py_FinalizeEx() == 0
}
";

#[test]
fn a_run_in_which_a_claim_on_states_fails_is_an_assertion() {
    let release = profile("3.12");
    let claims = |claim: &str| format!("{FINALIZES}\nexpect {{\n    {claim}\n}}\n");
    for (claim, outcome) in [
        ("always  !finalizing", "assertion"),
        ("finally initialized", "assertion"),
        ("always  !finalizing || finalizing", "ok"),
    ] {
        let program = program(&claims(claim));
        let run = sample(&program, release, 0, STEPS_MAX);
        assert_eq!(run.end, End::Exit(0));
        let attribution = asked(&program, release, &run, false);
        assert_eq!(
            told(&program, &attribution).as_deref(),
            Some(outcome),
            "{claim}"
        );
    }
}

#[test]
fn behind_a_bound_nothing_is_known() {
    let (program, release) = (program(FINALIZES), profile("3.12"));
    let run = sample(&program, release, 0, STEPS_MAX);
    let sight = Sight::from(run.clone());
    let ample = attribute(&program, release, &sight, false, STATES_MAX);
    assert_eq!(ample.outcome(), Some(&Outcome::Ok));
    let scanty = attribute(&program, release, &sight, false, 1);
    assert!(scanty.cut && scanty.outcome().is_none());
    let unended = Observed {
        end: End::Cut("operations".to_owned()),
        ..run
    };
    let unended = asked(&program, release, &unended, false);
    assert!(unended.cut && unended.outcome().is_none());
}

#[test]
fn a_run_that_the_model_does_not_have_is_nothing() {
    let (program, release) = (program(FINALIZES), profile("3.12"));
    let mut run = sample(&program, release, 0, STEPS_MAX);
    run.events.last_mut().expect("it has events").seen.listed += 1;
    let attribution = asked(&program, release, &run, false);
    assert_eq!(attribution, Attribution::default());
}

/// A run that was cut is a livelock if the model can do nothing else with its events, however few they are, and nothing otherwise.
#[test]
fn a_run_that_went_on_for_long_is_a_livelock_if_it_can_be_nothing_else() {
    let title = "pending/finalize-while-handled";
    let (program, release) = (of_corpus(title), profile("3.13"));
    let after = |run: &Observed, count: usize, bound: &str| Observed {
        events: run.events[..count].to_vec(),
        end: End::Cut(bound.to_owned()),
        threads: run.threads.clone(),
    };
    let tell = |run: &Observed| told(&program, &asked(&program, release, run, false));
    let (mut endless, mut ended) = (None, None);
    for seed in 0..SEEDS {
        let (run, outcome) = sample_with_outcome(&program, release, seed, STEPS_MAX);
        if outcome == Outcome::Inconclusive {
            endless = endless.or(Some(run));
        } else {
            assert_eq!(outcome, Outcome::Ok);
            ended = ended.or(Some(run));
        }
        if endless.is_some() && ended.is_some() {
            break;
        }
    }
    let (endless, ended) = (endless.expect("such a run"), ended.expect("such a run"));
    let count = endless.events.len();
    for bound in ["processor time", "operations", "events"] {
        let words = tell(&after(&endless, count, bound));
        assert_eq!(words.as_deref(), Some("livelock(main, worker)"), "{bound}");
    }
    assert_eq!(tell(&after(&endless, count, "time")), None);
    assert_eq!(tell(&after(&endless, 0, "processor time")), None);
    for count in 0..=ended.events.len() {
        assert_eq!(
            tell(&after(&ended, count, "processor time")),
            None,
            "{count}"
        );
    }
    let mut strange = after(&endless, count, "processor time");
    strange
        .events
        .last_mut()
        .expect("it has events")
        .seen
        .listed += 7;
    assert_eq!(tell(&strange), None);
}

/// That two threads had one GIL is seen of some runs: it is what such a run is, unless the model has no such run.
#[test]
fn two_holders_that_were_seen_are_what_a_run_is_if_it_can_be() {
    let title = "pending/added-during-finalize";
    let (program, release) = (of_corpus(title), profile("3.8"));
    let seen = |run: &Observed| {
        let sight = Sight {
            two_holders: true,
            ..Sight::from(run.clone())
        };
        told(
            &program,
            &attribute(&program, release, &sight, false, STATES_MAX),
        )
    };
    let both = ["crash(no_thread_state)", "crash(two_holders)"];
    let all: Vec<_> = runs_of(title, "3.8", false).collect();
    let open = all.iter().filter(|(run, _, attribution)| {
        run.end.is_crash() && possible(&program, attribution) == both
    });
    let (run, ..) = open.clone().next().expect("such a run");
    assert_eq!(seen(run).as_deref(), Some(both[1]));
    let survived = Observed {
        end: End::Exit(0),
        ..run.clone()
    };
    assert_eq!(seen(&survived).as_deref(), Some(both[1]));
    let early = all
        .iter()
        .find(|(_, _, attribution)| possible(&program, attribution) == ["ok"]);
    let (run, ..) = early.expect("such a run");
    assert_eq!(seen(run).as_deref(), Some("ok"));
}

/// A thread that was parked before the others came near is the end of what it could have met later.
#[test]
fn who_was_parked_early_meets_nothing_later() {
    let title = "gilstate/ensure-before-init";
    let (program, release) = (of_corpus(title), profile("3.15"));
    let told_of = |run: &Observed, hung: Vec<(u8, u32)>| {
        let sight = Sight {
            hung,
            ..Sight::from(run.clone())
        };
        told(
            &program,
            &attribute(&program, release, &sight, false, STATES_MAX),
        )
    };
    let early = |(run, own, attribution): &(Observed, String, Attribution)| {
        own == "deadlock(main, early)"
            && attribution.outcome().is_none()
            && run
                .events
                .iter()
                .position(|event| event.thread.index() == 1)
                < Some(3)
    };
    let found = runs_of(title, "3.15", false).find(early);
    let (run, own, _) = found.expect("such a run");
    assert_eq!(told_of(&run, Vec::new()), None);
    assert_eq!(told_of(&run, vec![(1, 3)]), Some(own));
    assert_eq!(told_of(&run, vec![(1, 0)]), None);
}
