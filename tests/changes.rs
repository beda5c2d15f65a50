//! What changes from one release to the next: `docs/releases.md`.
//!
//! The page is written from the outcomes in `snapshots/`, which `tests/scenarios.rs` keeps equal to what the explorer finds,
//! from the runs of real libpythons in `conform/golden`, which `tests/golden.rs` keeps within the model,
//! and what searches of them met, in `conform/searched.txt`: `TSTATE_UPDATE=1 cargo test --test changes`. What is explored here is held
//! to recorded runs, to see which outcome they are.

#![cfg(not(loom))]

mod corpus;

use corpus::{ScenarioFile, root, scenario_files};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;
use tstate::runtime::Profile;
use tstate::sim::conform::{Recorded, attribute};
use tstate::sim::events::{End, EventKind, Observed, Rest};
use tstate::sim::explorer::Limits;
use tstate::sim::outside::{self, Sight};
use tstate::sim::scenario::program::Program;
use tstate::sim::{CheckOptions, check, digest_of};
use tstate::sync::Branch;

/// Where the page is.
const PAGE: &str = "docs/releases.md";
/// What searches of real libpythons met. Written by `scripts/search-record`.
const SEARCHED: &str = "conform/searched.txt";
/// The libpythons that scenarios are driven on. Written by `tstate conform --update-counts`.
const DRIVEN: &str = "conform/driven.toml";

/// Runs of real libpythons, each in the words of the outcome that it shows, if it shows one: outcome, and who ended so.
type Seen = BTreeMap<(String, u8), BTreeSet<Profile>>;

/// States that the model looks at for one recorded run.
const STATES_MAX: u64 = 20_000;

/// Recorded runs of a libpython that the model is asked for, for one outcome of a scenario.
const RUNS_MAX: usize = 12;

/// States that the model of a libpython at hand looks at, to see whether it has an outcome.
const MODEL_STATES_MAX: u64 = 200_000;

/// A scenario with the outcomes of each release that it names, best first, and what was seen of them.
struct Story {
    title: String,
    outcomes: BTreeMap<Profile, Vec<String>>,
    seen: Seen,
    /// What no run shows, and the events of some leave nothing else.
    told: Seen,
    /// What no run shows or leaves alone, and some may be.
    possible: Seen,
    /// What was not met, and is no outcome of the model of any libpython at hand: these.
    absent: Seen,
}

/// Two releases that follow each other.
#[derive(Clone, Copy)]
struct Pair {
    old: Profile,
    new: Profile,
}

/// A line of the page.
struct Change<'a> {
    story: &'a Story,
    lost: Vec<&'a str>,
    gained: Vec<&'a str>,
}

/// The outcomes in a snapshot, by profile. A snapshot has a part for each group of profiles, `===== 3.9, 3.11`, and in it
/// lines such as `  hang(worker): 41 steps` between `outcomes` and an empty line.
fn outcomes_in(snapshot: &str) -> BTreeMap<Profile, Vec<String>> {
    let mut all = BTreeMap::new();
    let parts = snapshot.split("\n===== ").skip(1);
    for part in parts {
        let (profiles, text) = part.split_once('\n').expect("a part has lines");
        let (_, text) = text
            .split_once("\noutcomes\n")
            .expect("a part has outcomes");
        let lines = text.lines().take_while(|line| !line.is_empty());
        let outcomes: Vec<String> = lines
            .map(|line| {
                let (outcome, steps) = line.rsplit_once(": ").expect("an outcome and its steps");
                assert!(steps.ends_with(" steps"), "{line}");
                outcome.trim_start().to_owned()
            })
            .collect();
        assert!(!outcomes.is_empty(), "no outcome under {profiles}");
        for profile in profiles.split(", ") {
            let profile = profile.parse().expect("a profile");
            let before = all.insert(profile, outcomes.clone());
            assert!(before.is_none(), "{profile} is there twice");
        }
    }
    all
}

/// `hang(worker)` of the threads that rest so.
fn with_threads(word: &str, program: &Program, rests: &[Rest], wanted: Rest) -> Option<String> {
    let names = program.threads.iter().zip(rests);
    let names = names.filter(|(_, rest)| **rest == wanted);
    let names = names.map(|(thread, _)| thread.name.to_string());
    let names: Vec<String> = names.collect();
    (!names.is_empty()).then(|| format!("{word}({})", names.join(", ")))
}

/// How a process ended, as far as it can be seen from outside: the outcomes that this fits, of those that its release has.
fn fitting<'a>(program: &Program, run: &Observed, outcomes: &'a [String]) -> Vec<&'a str> {
    let forks = run.events.iter();
    let forks = forks.filter(|event| event.kind == EventKind::Forks(Branch::Child));
    let (mut before, mut after) = (String::new(), String::new());
    for _ in forks {
        before += "child(";
        after += ")";
    }
    let of_process = |outcome: &'a str| -> Option<&'a str> {
        let inner = outcome.strip_prefix(&before)?.strip_suffix(&after)?;
        (!inner.starts_with("child(")).then_some(inner)
    };
    let fits = |inner: &str| {
        let word = inner.split('(').next().unwrap_or_default();
        match &run.end {
            End::Exit(_) => fits_exit(program, &run.threads, word, inner),
            End::Fatal(text) => *inner == format!("fatal({text:?})"),
            End::Crash(_) => word == "crash",
            End::Freed => inner == "crash(use_after_free)",
            End::Assertion(_) => word == "assertion",
            End::Stuck => matches!(word, "deadlock" | "livelock" | "crash" | "hang" | "exit"),
            End::Cut(_) => true,
        }
    };
    let all = outcomes.iter().map(String::as_str);
    all.filter(|outcome| of_process(outcome).is_some_and(&fits))
        .collect()
}

/// Whether a process that ended of itself may have had this outcome. What is left behind or lost is not seen from outside,
/// and after what C leaves undefined a process may go on and end as any other.
fn fits_exit(program: &Program, rests: &[Rest], word: &str, inner: &str) -> bool {
    let exited = with_threads("exit", program, rests, Rest::Exited);
    let hung = with_threads("hang", program, rests, Rest::Hung);
    match word {
        "ok" | "hang" | "exit" => exited.or(hung).unwrap_or_else(|| "ok".to_owned()) == inner,
        // Another thread ended the process while these waited.
        "deadlock" => {
            let waiting = program.threads.iter().zip(rests);
            let mut waiting =
                waiting.filter(|(thread, _)| names_in(inner).contains(&&*thread.name));
            waiting.all(|(_, rest)| matches!(rest, Rest::Blocked | Rest::Running | Rest::Hung))
        }
        "leak" | "lost" | "repeated" | "crash" => true,
        _ => false,
    }
}

/// `hang` of `child(hang(worker))`.
fn word_of(outcome: &str) -> String {
    let inner = outcome.replace("child(", "");
    inner
        .split(['(', ')'])
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// Whether an end that fits an outcome also shows it: a process that goes on after what is undefined, or that leaves
/// something behind, does not.
fn shows(end: &End, outcome: &str) -> bool {
    let word = word_of(outcome);
    match end {
        End::Exit(_) => matches!(&*word, "ok" | "hang" | "exit"),
        End::Fatal(_) => word == "fatal",
        End::Crash(_) | End::Freed => word == "crash",
        End::Assertion(_) => word == "assertion",
        End::Stuck => word == "deadlock",
        End::Cut(_) => false,
    }
}

/// The names in `deadlock(main, worker)`.
fn names_in(outcome: &str) -> Vec<&str> {
    let inside = outcome.split_once('(').map_or("", |(_, inside)| inside);
    inside.trim_end_matches(')').split(", ").collect()
}

/// The recorded runs of a scenario; none if there are none.
fn recorded(file: &ScenarioFile) -> Recorded {
    let path = root().join(format!("conform/golden/{}.runs", file.title()));
    match std::fs::read_to_string(path) {
        Ok(text) => text.parse().expect("recorded runs can be read"),
        Err(_) => Recorded::default(),
    }
}

/// The release that a libpython is a patch level of.
fn release_of(library: Profile) -> Profile {
    Profile::release(library.minor()).expect("a release")
}

impl Story {
    fn outcomes_of(&self, library: Profile) -> &[String] {
        let known = self.outcomes.get(&release_of(library));
        known.map_or(&[][..], Vec::as_slice)
    }

    /// Notes what the recorded runs show, where only one outcome fits.
    fn see_recorded(&mut self, program: &Program, recorded: &Recorded) {
        for (run, libraries) in &recorded.runs {
            for library in libraries {
                if let [outcome] = fitting(program, run, self.outcomes_of(*library))[..]
                    && shows(&run.end, outcome)
                {
                    let key = (outcome.to_owned(), library.minor());
                    self.seen.entry(key).or_default().insert(*library);
                }
            }
        }
    }

    /// Notes what searches met.
    fn see_searched(&mut self, all: &[Met]) {
        for met in all {
            let known = self.outcomes_of(met.library);
            let here = all.iter().filter(|other| other.library == met.library);
            let here: Vec<&str> = here.map(|other| other.outcome.as_str()).collect();
            let Some(outcome) = met.confirms(&here, known) else {
                let alike = known.iter().filter(|known| met.may_be(known));
                for outcome in alike.cloned().collect::<Vec<String>>() {
                    let key = (outcome, met.library.minor());
                    self.possible.entry(key).or_default().insert(met.library);
                }
                continue;
            };
            let is_shown = met.is_shown();
            let key = (outcome.to_owned(), met.library.minor());
            let noted = if is_shown {
                &mut self.seen
            } else {
                &mut self.told
            };
            noted.entry(key).or_default().insert(met.library);
        }
    }

    /// The outcomes that the release has and a neighbour has not, and that no libpython was seen to end in.
    fn unseen(&self, release: Profile) -> Vec<String> {
        let neighbours = Profile::releases().filter(|other| {
            other.minor().abs_diff(release.minor()) == 1 && self.outcomes.contains_key(other)
        });
        let neighbours: Vec<&Vec<String>> =
            neighbours.map(|other| &self.outcomes[&other]).collect();
        let is_listed =
            |outcome: &&String| neighbours.iter().any(|others| !others.contains(outcome));
        let own = self.outcomes.get(&release).map_or(&[][..], Vec::as_slice);
        let listed = own.iter().filter(is_listed);
        let unseen = listed.filter(|outcome| self.seen_on(outcome, release).is_none());
        unseen.cloned().collect()
    }

    /// Asks the model for recorded runs that several outcomes fit, where one of these was not seen; and for those that end as the
    /// release has it for none, as what C leaves undefined can.
    fn attribute_recorded(&mut self, program: &Arc<Program>, recorded: &Recorded) {
        let mut asked: BTreeMap<(String, Profile), usize> = BTreeMap::new();
        for (run, libraries) in &recorded.runs {
            for library in libraries {
                let fit = fitting(program, run, self.outcomes_of(*library));
                let mut unseen = self.unseen(release_of(*library)).into_iter();
                let is_wanted = |outcome: &String| {
                    let shown = fit.contains(&outcome.as_str()) && shows(&run.end, outcome);
                    shown || fit.is_empty() && word_of(outcome) == "crash"
                };
                let Some(wanted) = unseen.find(is_wanted) else {
                    continue;
                };
                let asked = asked.entry((wanted.clone(), *library)).or_default();
                *asked += 1;
                if *asked > RUNS_MAX {
                    continue;
                }
                let sight = Sight::from(run.clone());
                let attribution = attribute(program, *library, &sight, false, STATES_MAX);
                let outcome = attribution.outcome();
                if outcome.is_some_and(|outcome| outside::text(program, outcome) == wanted) {
                    let noted = if fit.is_empty() {
                        &mut self.told
                    } else {
                        &mut self.seen
                    };
                    let key = (wanted, library.minor());
                    noted.entry(key).or_default().insert(*library);
                }
            }
        }
    }
}

impl Story {
    /// Notes what could not be met, as the model of no libpython at hand has it: the release is meant at its newest patch level.
    fn note_absent(&mut self, program: &Arc<Program>, source: &str, at_hand: &BTreeSet<Profile>) {
        let mut known: BTreeMap<Profile, Option<Vec<String>>> = BTreeMap::new();
        for release in Profile::releases() {
            let is_one = |library: &&Profile| release_of(**library) == release;
            let libraries: BTreeSet<Profile> = at_hand.iter().filter(is_one).copied().collect();
            assert!(!libraries.is_empty(), "{release} is in no record");
            for outcome in self.unseen(release) {
                if self.told_on(&outcome, release).is_some() {
                    continue;
                }
                let is_absent = |library: &Profile| {
                    let model = known.entry(*library);
                    let model = model.or_insert_with(|| modelled(program, source, *library));
                    model
                        .as_ref()
                        .is_some_and(|model| !model.contains(&outcome))
                };
                // The newest is most like the release, so that it answers for most.
                if libraries.iter().rev().all(is_absent) {
                    let key = (outcome, release.minor());
                    self.absent.insert(key, libraries.clone());
                }
            }
        }
    }
}

/// The outcomes of the model of exactly this libpython; `None` if it has too many states.
fn modelled(program: &Arc<Program>, source: &str, library: Profile) -> Option<Vec<String>> {
    let options = CheckOptions {
        limits: Limits {
            states: Some(MODEL_STATES_MAX),
            ..Limits::default()
        },
        ..CheckOptions::default()
    };
    let verdict = check(program, source, library, &options, &mut |_| true).verdict;
    let outcomes = verdict.outcomes.iter();
    let outcomes = outcomes.map(|found| outside::text(program, &found.outcome));
    verdict.cut.is_empty().then(|| outcomes.collect())
}

/// The libpythons that were driven or searched.
fn at_hand(searched: &BTreeMap<String, Vec<Met>>) -> BTreeSet<Profile> {
    let driven = std::fs::read_to_string(root().join(DRIVEN)).expect("the file is there");
    let driven = driven.lines().filter_map(|line| {
        let name = line.strip_prefix("[\"")?.strip_suffix("\"]")?;
        Some(name.parse().expect("a libpython"))
    });
    let searched = searched.values().flatten().map(|met| met.library);
    driven.chain(searched).collect()
}

/// An outcome that a search of a real libpython met.
struct Met {
    library: Profile,
    outcome: String,
    /// The outcome that the model calls this very run.
    modelled: Option<String>,
    /// The run, for `tstate replay --on`.
    schedule: String,
}

impl Met {
    /// One line of what searches met: `pending/lost 3.8.18 crash(SIGSEGV) = crash(two_holders) on1/3.8.18/8f3a61c2/0.12=1`.
    fn parse(line: &str) -> Option<(String, Self)> {
        let mut words = line.splitn(3, ' ');
        let (scenario, library) = (words.next()?, words.next()?);
        let (outcome, schedule) = words.next()?.rsplit_once(' ')?;
        // The texts of fatal errors are told in quotes.
        let is_whole = |words: &str| {
            words
                .replace("\\\"", "")
                .matches('"')
                .count()
                .is_multiple_of(2)
        };
        let words = outcome.rsplit_once(" = ");
        let words = words.filter(|(seen, _)| is_whole(seen));
        let (outcome, modelled) = words.map_or((outcome, None), |(outcome, modelled)| {
            (outcome, Some(modelled.to_owned()))
        });
        let met = Self {
            library: library.parse().ok()?,
            outcome: outcome.to_owned(),
            modelled,
            schedule: schedule.to_owned(),
        };
        Some((scenario.to_owned(), met))
    }

    /// The outcome of those that the release has which this run confirms.
    fn confirms<'a>(&self, all_met: &[&str], outcomes: &'a [String]) -> Option<&'a str> {
        match &self.modelled {
            Some(modelled) => {
                let known = outcomes.iter().find(|known| *known == modelled);
                known.map(String::as_str)
            }
            None => confirmed(&self.outcome, all_met, outcomes),
        }
    }

    /// Whether the run ended as this outcome of the release does.
    fn may_be(&self, known: &str) -> bool {
        let used = "crash(use_after_free)";
        let is_cause_open = |outcome: &str| word_of(outcome) == "crash" && !outcome.contains(used);
        known == self.outcome || is_cause_open(known) && is_cause_open(&self.outcome)
    }

    /// Whether a run shows what the model calls it, but for the cause of a crash.
    fn is_shown(&self) -> bool {
        let modelled = self.modelled.as_ref().unwrap_or(&self.outcome);
        let is_crash = |outcome: &str| word_of(outcome) == "crash";
        *modelled == self.outcome || is_crash(modelled) && is_crash(&self.outcome)
    }
}

/// What searches of real libpythons met, by scenario.
fn searched() -> BTreeMap<String, Vec<Met>> {
    let text = std::fs::read_to_string(root().join(SEARCHED)).expect("the file is there");
    let mut met: BTreeMap<String, Vec<Met>> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (scenario, one) = Met::parse(line).unwrap_or_else(|| panic!("{SEARCHED}: {line}"));
        met.entry(scenario).or_default().push(one);
    }
    met
}

/// Whether a schedule such as `on1/3.12.1/8f3a61c2/0.12=1` is of this library and this text.
fn is_of(schedule: &str, library: Profile, source: &str) -> bool {
    let rest = schedule.strip_prefix("on1").unwrap_or_default();
    let rest = rest.trim_start_matches(|letter: char| letter == '+' || letter.is_ascii_lowercase());
    rest.starts_with(&format!("/{library}/{:08x}/", digest_of(source)))
}

/// The outcome of those that a release has which a search met, if no other can have looked so: what crashes may go on and
/// end as any other, and what leaks ends as what does not. A use after free does not go on where the search of this library
/// met one: freed memory is fenced off there.
fn confirmed<'a>(met: &str, all_met: &[&str], outcomes: &'a [String]) -> Option<&'a str> {
    let children = |outcome: &str| outcome.matches("child(").count();
    let is_freed = |outcome: &str| outcome.contains("crash(use_after_free)");
    if is_freed(met) {
        return outcomes
            .iter()
            .map(String::as_str)
            .find(|known| *known == met);
    }
    let is_fenced = all_met
        .iter()
        .any(|other| is_freed(other) && children(other) == children(met));
    let crashes = |outcome: &&String| {
        word_of(outcome) == "crash"
            && children(outcome) == children(met)
            && !(is_fenced && is_freed(outcome))
    };
    let mut crashing = outcomes.iter().filter(crashes);
    if word_of(met) == "crash" {
        let only = crashing.next()?;
        return crashing.next().is_none().then_some(only);
    }
    let known = outcomes.iter().find(|outcome| *outcome == met)?;
    if word_of(met) == "fatal" {
        return Some(known);
    }
    let leaks = outcomes.iter().any(|outcome| word_of(outcome) == "leak");
    let looks_like_a_leak = matches!(&*word_of(met), "ok" | "hang" | "exit");
    (crashing.next().is_none() && !(leaks && looks_like_a_leak)).then_some(known)
}

fn stories() -> Vec<Story> {
    let files = scenario_files();
    let mut searched = searched();
    let at_hand = at_hand(&searched);
    let mut read = |file: &ScenarioFile| {
        let path = root().join(format!("snapshots/{}.snap", file.title()));
        let snapshot = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut story = Story {
            title: file.title(),
            outcomes: outcomes_in(&snapshot),
            seen: Seen::new(),
            told: Seen::new(),
            possible: Seen::new(),
            absent: Seen::new(),
        };
        let program = file.program().expect("the corpus parses");
        let recorded = recorded(file);
        story.see_recorded(&program, &recorded);
        story.see_searched(&searched.remove(&file.title()).unwrap_or_default());
        story.attribute_recorded(&program, &recorded);
        story.note_absent(&program, &file.source, &at_hand);
        story
    };
    let stories = files.iter().map(&mut read).collect();
    assert!(
        searched.is_empty(),
        "no such scenarios: {:?}",
        searched.keys()
    );
    stories
}

fn pairs() -> Vec<Pair> {
    let releases: Vec<Profile> = Profile::releases().collect();
    let pairs = releases.windows(2);
    pairs
        .map(|pair| Pair {
            old: pair[0],
            new: pair[1],
        })
        .collect()
}

/// What is in one list and not in another, in its order.
fn only_in<'a>(one: &'a [String], other: &[String]) -> Vec<&'a str> {
    let outcomes = one.iter().filter(|outcome| !other.contains(outcome));
    outcomes.map(String::as_str).collect()
}

impl Story {
    /// The outcomes lost and gained; `None` if the scenario does not name both releases.
    fn change(&self, pair: Pair) -> Option<Change<'_>> {
        let (old, new) = (self.outcomes.get(&pair.old)?, self.outcomes.get(&pair.new)?);
        Some(Change {
            story: self,
            lost: only_in(old, new),
            gained: only_in(new, old),
        })
    }

    /// The libpythons of a release that were seen to end so.
    fn seen_on(&self, outcome: &str, release: Profile) -> Option<&BTreeSet<Profile>> {
        self.seen.get(&(outcome.to_owned(), release.minor()))
    }

    /// The libpythons of a release of which a run that ended otherwise can be nothing else.
    fn told_on(&self, outcome: &str, release: Profile) -> Option<&BTreeSet<Profile>> {
        self.told.get(&(outcome.to_owned(), release.minor()))
    }

    /// `` `hang(worker)` (3.14.10) ``, with `<br>` between outcomes.
    fn cell(&self, outcomes: &[&str], release: Profile) -> String {
        let told = outcomes.iter().map(|outcome| {
            let seen = self.seen_on(outcome, release);
            let told = self.told_on(outcome, release);
            let list = |libraries: &BTreeSet<Profile>| {
                let libraries: Vec<String> = libraries.iter().map(ToString::to_string).collect();
                libraries.join(", ")
            };
            let key = ((*outcome).to_owned(), release.minor());
            let absent = self.absent.get(&key);
            if let (None, None, Some(possible)) = (seen, told, self.possible.get(&key)) {
                return format!("`{outcome}` (one of several: {})", list(possible));
            }
            match (seen, told, absent) {
                (Some(seen), ..) => format!("`{outcome}` ({})", list(seen)),
                (None, Some(told), _) => format!("`{outcome}` (by events: {})", list(told)),
                (None, None, Some(absent)) => format!("`{outcome}` (not in {})", list(absent)),
                (None, None, None) => format!("`{outcome}`"),
            }
        });
        told.collect::<Vec<_>>().join("<br>")
    }
}

impl Change<'_> {
    fn is_one(&self) -> bool {
        !self.lost.is_empty() || !self.gained.is_empty()
    }

    /// How many outcomes were lost or gained, how many of them a libpython was seen to end in, how many more were told by
    /// events, how many runs of others may be, how many of the rest no libpython at hand can have, and how many are left.
    fn counts(&self, pair: Pair) -> [usize; 6] {
        let lost = self.lost.iter().map(|outcome| (outcome, pair.old));
        let both = lost.chain(self.gained.iter().map(|outcome| (outcome, pair.new)));
        let is_seen =
            |(outcome, release): &(&&str, Profile)| self.story.seen_on(outcome, *release).is_some();
        let (seen, others): (Vec<_>, Vec<_>) = both.partition(is_seen);
        let is_told =
            |(outcome, release): &(&&str, Profile)| self.story.told_on(outcome, *release).is_some();
        let all = seen.len() + others.len();
        let (told, others): (Vec<_>, Vec<_>) = others.into_iter().partition(is_told);
        let is_in = |noted: &Seen, (outcome, release): &(&&str, Profile)| {
            noted.contains_key(&((**outcome).to_owned(), release.minor()))
        };
        let (possible, others): (Vec<_>, Vec<_>) = others
            .into_iter()
            .partition(|one| is_in(&self.story.possible, one));
        let absent = others.iter().filter(|one| is_in(&self.story.absent, one));
        let absent = absent.count();
        let rest = others.len() - absent;
        [all, seen.len(), told.len(), possible.len(), absent, rest]
    }
}

const HEAD: &str = "# What changes from release to release

Written by `TSTATE_UPDATE=1 cargo test --test changes` from `snapshots/`, `conform/golden`, `conform/searched.txt` and the model; nothing in it was written by hand.

A line says which outcomes a scenario of `scenarios/` has in one release and not in the next. The explorer found them over all
interleavings: an outcome that is lost does not occur any more, however the threads are scheduled. Each release is meant
at its newest patch level. A scenario is compared where its `python` line names both releases: what one of them does not have,
as a call, is not here. A fatal error that only says something else counts as one lost and one gained. The run that shows an
outcome is told by `tstate diff OLD NEW scenarios/NAME.capi`.

In brackets behind an outcome stand the real libpythons of that release that were seen to end so: a run recorded in
`conform/golden` ended as the outcome does, or a search of ours met it (`conform/searched.txt`; docs/search.md: by chance, by
trying all runs, or aimed at it by the model's shortest run), and no other outcome that the release has for the scenario looks the same from outside; or, where some do, the model
of exactly that library, held to the events of that run, has this outcome only. So the cause of a crash is known by the model, and that
the process crashed is seen; that two threads had one GIL is seen as well, up to 3.11. What a process did that went on after memory had been freed is told apart by the fence around that memory: such a run used none.

*By events* says that the end itself shows less: the run ended otherwise, and every run of the model with its events leaks, fails a claim
about states, or loses a signal; or the run was cut when its processor time was used up, and every run of the model with its events goes on
for ever, in this way; or it comes with the first of these events to what C leaves undefined, after which the process went on.
*One of several* says that a run ended so, and that with its events the model has another outcome too, mostly a crash after which a process
may end anyhow.
*Not in* names all libpythons of that release that are at hand, and the model of none of them has the outcome, as they are of older patch
levels: none of them can confirm it.

What has nothing behind it could have been met and was not: no run came there.
Every recorded run is within the model, which `cargo test --test golden` asks; that an outcome is gone rests on the model alone.

";

/// The whole page.
fn page(stories: &[Story]) -> String {
    let mut page = String::from(HEAD);
    page += "| from, to | scenarios compared | that change | outcomes lost or gained | of these seen | told by events | one of several | not at hand | not met |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n";
    let mut tables = String::new();
    for pair in pairs() {
        let compared: Vec<Change<'_>> = stories
            .iter()
            .filter_map(|story| story.change(pair))
            .collect();
        let changes: Vec<&Change<'_>> = compared.iter().filter(|change| change.is_one()).collect();
        let counts = changes.iter().map(|change| change.counts(pair));
        let add = |sum: [usize; 6], one: [usize; 6]| std::array::from_fn(|at| sum[at] + one[at]);
        let [outcomes, seen, told, possible, absent, rest] = counts.fold([0; 6], add);
        let Pair { old, new } = pair;
        let (all, changed) = (compared.len(), changes.len());
        let _ = writeln!(
            page,
            "| {old}, {new} | {all} | {changed} | {outcomes} | {seen} | {told} | {possible} | {absent} | {rest} |"
        );
        let _ = write!(
            tables,
            "\n## From {old} to {new}\n\n| scenario | lost | gained |\n| --- | --- | --- |\n"
        );
        for change in changes {
            let story = change.story;
            let (lost, gained) = (
                story.cell(&change.lost, old),
                story.cell(&change.gained, new),
            );
            let _ = writeln!(tables, "| `{}` | {lost} | {gained} |", story.title);
        }
    }
    page + &tables
}

#[test]
fn the_page_of_changes_is_up_to_date() {
    corpus::assert_page(PAGE, &page(&stories()), "changes");
}

/// A schedule runs again only with the text that it was found for; who changes a scenario has it searched again.
#[test]
fn what_searches_met_is_of_the_scenarios_as_they_are() {
    let searched = searched();
    let mut stale = BTreeSet::new();
    for file in scenario_files() {
        let met = searched.get(&file.title()).map_or(&[][..], Vec::as_slice);
        let is_stale = |met: &Met| !is_of(&met.schedule, met.library, &file.source);
        if met.iter().any(is_stale) {
            stale.insert(format!("scenarios/{}.capi", file.title()));
        }
    }
    let stale: Vec<String> = stale.into_iter().collect();
    assert!(
        stale.is_empty(),
        "{SEARCHED} is of older texts: scripts/search-record {}",
        stale.join(" ")
    );
}

#[test]
fn every_profile_of_a_scenario_is_in_its_snapshot() {
    for file in scenario_files() {
        let path = root().join(format!("snapshots/{}.snap", file.title()));
        let snapshot = std::fs::read_to_string(&path).expect("a snapshot");
        let program = file.program().expect("the corpus parses");
        let known: Vec<Profile> = outcomes_in(&snapshot).into_keys().collect();
        assert_eq!(known, program.profiles, "{}", file.title());
    }
}

/// A run that ends so, of a program with the threads `main` and `worker`.
fn run(end: &str, worker: Rest, forks: usize) -> Observed {
    let event = "0 forks child / init list 1 cur 0 check";
    Observed {
        events: vec![event.parse().expect("an event"); forks],
        end: end.parse().expect("an end"),
        threads: vec![Rest::Ended, worker],
    }
}

#[test]
fn a_run_confirms_an_outcome_only_if_no_other_looks_like_it() {
    let source = "thread main { start worker }\nforeign thread worker {}\n";
    let file = ScenarioFile {
        subject: String::new(),
        name: String::new(),
        path: root().into(),
        source: source.to_owned(),
    };
    let program = file.program().expect("it parses");
    let fit = |run: &Observed, outcomes: &[&str]| {
        let outcomes: Vec<String> = outcomes.iter().map(ToString::to_string).collect();
        fitting(&program, run, &outcomes).join(" ")
    };
    let ended = run("exit 0", Rest::Ended, 0);
    assert_eq!(fit(&ended, &["ok", "hang(worker)", "exit(worker)"]), "ok");
    assert_eq!(
        fit(&ended, &["ok", "leak", "crash(use_after_free)"]),
        "ok leak crash(use_after_free)"
    );
    let beside = run("exit 0", Rest::Blocked, 0);
    assert_eq!(
        fit(&beside, &["ok", "deadlock(main)", "deadlock(worker)"]),
        "ok deadlock(worker)"
    );
    let hung = run("exit 0", Rest::Hung, 0);
    assert_eq!(
        fit(&hung, &["ok", "hang(worker)", "exit(worker)"]),
        "hang(worker)"
    );
    let exited = run("exit 0", Rest::Exited, 0);
    assert_eq!(
        fit(&exited, &["ok", "hang(worker)", "exit(worker)"]),
        "exit(worker)"
    );
    let child = run("exit 0", Rest::Gone, 1);
    assert_eq!(
        fit(&child, &["ok", "child(ok)", "child(child(ok))"]),
        "child(ok)"
    );
    let fatal = run("fatal no \"state\"", Rest::Running, 0);
    assert_eq!(
        fit(&fatal, &[r#"fatal("no \"state\"")"#, r#"fatal("no")"#]),
        r#"fatal("no \"state\"")"#
    );
    let stuck = run("stuck", Rest::Blocked, 0);
    assert_eq!(
        fit(&stuck, &["ok", "deadlock(main)", "fatal(\"no\")"]),
        "deadlock(main)"
    );
    assert_eq!(
        fit(&stuck, &["deadlock(main)", "livelock(main)"]),
        "deadlock(main) livelock(main)"
    );
    let end = |text: &str| -> End { text.parse().expect("an end") };
    assert!(shows(&end("exit 0"), "child(ok)") && !shows(&end("exit 0"), "leak"));
    assert!(shows(&end("crash 11"), "crash") && !shows(&end("stuck"), "crash(use_after_free)"));
    assert!(!shows(&end("cut events"), "livelock(main)"));
}

#[test]
fn a_run_confirms_what_the_model_calls_it() {
    let confirms = |words: &str, outcomes: &[&str]| {
        let line = format!("a/scenario 3.8.18 {words} on1/3.8.18/8f3a61c2/-");
        let (_, met) = Met::parse(&line).expect("a line");
        let outcomes: Vec<String> = outcomes.iter().map(ToString::to_string).collect();
        let outcome = met.confirms(&[&met.outcome], &outcomes);
        outcome.map(|outcome| (outcome.to_owned(), met.is_shown()))
    };
    let (two, none) = ("crash(two_holders)", "crash(no_thread_state)");
    let seen = |outcome: &str| Some((outcome.to_owned(), true));
    assert_eq!(confirms("crash(SIGSEGV)", &[two, none]), None);
    assert_eq!(
        confirms(&format!("crash(SIGSEGV) = {two}"), &[two, none]),
        seen(two)
    );
    assert_eq!(
        confirms(&format!("crash(SIGSEGV) = {two}"), &["ok", none]),
        None
    );
    assert_eq!(
        confirms("hang(a, b) = hang(a, b)", &["hang(a, b)", "leak", two]),
        seen("hang(a, b)")
    );
    assert_eq!(
        confirms("ok = leak", &["ok", "leak"]),
        Some(("leak".to_owned(), false))
    );
    let taken = "fatal(\"PyEval_SaveThread: NULL tstate\")";
    assert_eq!(
        confirms(&format!("{taken} = {two}"), &[two, none]),
        Some((two.to_owned(), false))
    );
    let endless = "livelock(main)";
    assert_eq!(
        confirms(&format!("cut processor time = {endless}"), &["ok", endless]),
        Some((endless.to_owned(), false))
    );
    assert_eq!(confirms("cut processor time", &["ok", endless]), None);
    let fatal = "fatal(\"a = b\")";
    assert_eq!(confirms(fatal, &[fatal]), seen(fatal));
}

#[test]
fn a_search_confirms_an_outcome_only_if_no_other_looks_like_it() {
    let beside = |met: &str, all_met: &[&str], outcomes: &[&str]| {
        let outcomes: Vec<String> = outcomes.iter().map(ToString::to_string).collect();
        confirmed(met, all_met, &outcomes).map(str::to_owned)
    };
    let confirmed = |met: &str, outcomes: &[&str]| beside(met, &[met], outcomes);
    assert_eq!(
        confirmed("ok", &["ok", "lost(call)"]).as_deref(),
        Some("ok")
    );
    assert_eq!(confirmed("ok", &["ok", "leak"]), None);
    assert_eq!(confirmed("ok", &["ok", "crash(use_after_free)"]), None);
    assert_eq!(confirmed("ok", &["leak"]), None);
    let freed = "crash(use_after_free)";
    assert_eq!(
        beside("ok", &["ok", freed], &["ok", freed]).as_deref(),
        Some("ok")
    );
    assert_eq!(confirmed(freed, &["ok", freed]).as_deref(), Some(freed));
    assert_eq!(
        confirmed("lost(call)", &["ok", "leak", "lost(call)"]).as_deref(),
        Some("lost(call)")
    );
    let crashes = ["ok", "crash(use_after_free)", "child(crash(other))"];
    assert_eq!(
        confirmed("crash(SIGSEGV)", &crashes).as_deref(),
        Some(crashes[1])
    );
    assert_eq!(
        confirmed("child(crash(SIGSEGV))", &crashes).as_deref(),
        Some(crashes[2])
    );
    assert_eq!(confirmed("crash(SIGSEGV)", &["crash(a)", "crash(b)"]), None);
}
