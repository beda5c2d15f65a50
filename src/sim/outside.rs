//! Judges runs seen from outside: how a run of a real library ended, in the words of the model's outcomes, and what the
//! scenario's claims say of that.
//!
//! # Outcomes
//!
//! | observed | outcome |
//! | --- | --- |
//! | a fatal error, a signal, a failed assertion | `fatal`, `crash(SIGNAL)`, `assertion` |
//! | nobody goes on | `deadlock` of all that have not ended |
//! | the process ended, threads wait for each other in a cycle | `deadlock` of these |
//! | it ended, a pending call ran too often or never | `repeated`, `lost` |
//! | it ended after finalization, a thread state of a thread that has ended was never freed | `leak` |
//! | it ended, threads were ended, parked, or wait for a GIL that is gone | `exit`, `hang` |
//! | it ended otherwise | `ok` |
//! | threads took turns fairly until a bound was reached | `livelock` of those that went on |
//! | a bound was reached otherwise | `inconclusive` |
//!
//! # What a run does not show
//!
//! The state of the library between calls: claims of `always`, `finally`, `cover` and `eventually` are not looked at. The cause
//! of a crash; and where a claim allows a crash, a real library may go on after what C leaves undefined, and end anyhow.
//! Whether the handler of a signal is lost. Where memory is not fenced off, or threads run freely, a leak: what is `ok`, `hang`
//! or `exit` then may be `leak`.

use super::claims::Claims;
use super::driver::Site;
use super::events::{End, EventKind, Observed, Rest};
use super::names::{claimed_text, outcome_text};
use super::scenario::program::{BodyId, ClaimKind, Outcome as Claimed, Program, Reads};
use super::verdict::{Failure, Outcome, Threads};
use crate::runtime::Crash;
use crate::runtime::differences::LateTest;
use crate::runtime::profile::Profile;
use crate::sync::Branch;
use std::cell::RefCell;
use std::collections::BTreeSet;

/// What a thread waits for at the end, as far as it matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wait {
    /// Nothing, or anything else.
    #[default]
    Other,
    /// Something of the library, with a limit: the GIL.
    Timed,
    /// What nobody will ever give, as the library has destroyed it.
    Gone,
}

/// A run, and what else is known of its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sight {
    /// What was seen.
    pub observed: Observed,
    /// For whom each thread waits, if that is known.
    pub waits_for: Vec<Option<u8>>,
    /// What each thread waits for.
    pub waits: Vec<Wait>,
    /// Pending calls to each body that were accepted and have not run; negative if it ran too often.
    pub owed: Vec<i64>,
    /// Threads that have ended, of which a thread state was never freed, though finalization is over; if that was looked at.
    pub left: Option<Threads>,
    /// The threads that went on to the end of a run that was cut, when they took turns.
    pub busy: Vec<u8>,
    /// Whether two threads were seen to have one GIL.
    pub two_holders: bool,
    /// The threads that were parked for good, each with how many events there were by then.
    pub hung: Vec<(u8, u32)>,
}

/// What claims say of outcomes that were met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// The outcomes that are refused, by their place in the list.
    pub refused: Vec<Failure>,
    /// The outcomes that would be refused, if a run showed all that there is: the same, and why they are not.
    pub open: Vec<Failure>,
    /// The claims that some run ends so, and one did: where, and which outcome.
    pub confirmed: Vec<((u32, u32), String)>,
    /// The claims that some run ends so, and none did.
    pub unmet: Vec<((u32, u32), String)>,
    /// The claims that a run does not show, and their first words.
    pub unseen: Vec<((u32, u32), &'static str)>,
}

thread_local! {
    static TEXTS: RefCell<BTreeSet<&'static str>> = const { RefCell::new(BTreeSet::new()) };
}

/// The text for as long as the program runs. There are as many as a library has messages.
fn kept(text: &str) -> &'static str {
    TEXTS.with_borrow_mut(|texts| match texts.get(text) {
        Some(known) => known,
        None => {
            let new: &'static str = Box::leak(text.to_owned().into_boxed_str());
            texts.insert(new);
            new
        }
    })
}

/// The name of a signal.
fn signal(number: i32) -> &'static str {
    match number {
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        11 => "SIGSEGV",
        number => kept(&format!("signal {number}")),
    }
}

/// Whether a crash is told by its signal, of which the cause is not known.
pub(super) fn is_signal(crash: &str) -> bool {
    crash.to_ascii_lowercase().starts_with("sig")
}

fn threads(indexes: impl Iterator<Item = usize>) -> Threads {
    Threads(
        indexes
            .filter(|index| *index < 16)
            .fold(0, |bits, index| bits | 1 << index),
    )
}

impl From<Observed> for Sight {
    /// A run of which nothing else is known.
    fn from(observed: Observed) -> Self {
        Self {
            observed,
            waits_for: Vec::new(),
            waits: Vec::new(),
            owed: Vec::new(),
            left: None,
            busy: Vec::new(),
            two_holders: false,
            hung: Vec::new(),
        }
    }
}

impl Sight {
    /// How the run ended, of a library of this release.
    #[must_use]
    pub fn outcome(&self, profile: Profile) -> Outcome {
        let is_child = |kind: &EventKind| matches!(kind, EventKind::Forks(Branch::Child));
        let events = self.observed.events.iter();
        let generation = events.filter(|event| is_child(&event.kind)).count();
        self.of_process(profile).in_child(generation as u8)
    }

    fn of_process(&self, profile: Profile) -> Outcome {
        match &self.observed.end {
            End::Fatal(text) => Outcome::Fatal(kept(text)),
            End::Crash(number) => Outcome::Crash(signal(*number)),
            End::Freed => Outcome::Crash(Crash::UseAfterFree.name()),
            End::Assertion(statement) => Outcome::Assertion(Site::Statement(*statement)),
            End::Stuck => Outcome::Deadlock(
                self.those(|rest| matches!(rest, Rest::Hung | Rest::Blocked | Rest::Running)),
            ),
            End::Exit(_) => self.of_ended(profile),
            end @ End::Cut(_) => {
                let busy = threads(self.busy.iter().map(|lane| usize::from(*lane)));
                let is_bound = |end: &End| matches!(end, End::Cut(bound) if bound == "operations" || bound == "events");
                if is_bound(end) && busy != Threads(0) {
                    Outcome::Livelock(busy)
                } else {
                    Outcome::Inconclusive
                }
            }
        }
    }

    fn those(&self, holds: impl Fn(Rest) -> bool) -> Threads {
        let rests = self.observed.threads.iter().enumerate();
        threads(
            rests
                .filter(|(_, rest)| holds(**rest))
                .map(|(index, _)| index),
        )
    }

    fn of_ended(&self, profile: Profile) -> Outcome {
        let cycle = self.cycle();
        if cycle != Threads(0) {
            return Outcome::Deadlock(cycle);
        }
        let owed = |wanted: fn(i64) -> bool| {
            let place = self.owed.iter().position(|owed| wanted(*owed));
            place.map(|body| BodyId(body as u8))
        };
        if let Some(body) = owed(|owed| owed < 0) {
            return Outcome::Repeated(body);
        }
        if let Some(body) = owed(|owed| owed > 0) {
            return Outcome::Lost(body);
        }
        if self.left.is_some_and(|left| left != Threads(0)) {
            return Outcome::Leak;
        }
        let exited = self.those(|rest| rest == Rest::Exited);
        if exited != Threads(0) {
            return Outcome::Exit(exited);
        }
        let forsaken = self.waits.iter().enumerate();
        let forsaken = forsaken.filter(|(_, wait)| self.is_forsaken(**wait, profile));
        let forsaken = threads(forsaken.map(|(index, _)| index));
        let hung = self.those(|rest| rest == Rest::Hung).0 | forsaken.0;
        if hung == 0 {
            Outcome::Ok
        } else {
            Outcome::Hang(Threads(hung))
        }
    }

    /// Whether a thread that waits so at the end of the process would wait for ever: what it waits for is gone, or it waits
    /// for the GIL of a finalized runtime, and does not ask whether it is too late.
    fn is_forsaken(&self, wait: Wait, profile: Profile) -> bool {
        match wait {
            Wait::Other => false,
            Wait::Gone => true,
            Wait::Timed => {
                let mut events = self.observed.events.iter();
                let is_over = events
                    .next_back()
                    .is_some_and(|last| !last.seen.initialized);
                is_over
                    && events.any(|event| event.seen.initialized)
                    && profile.late_test() == LateTest::WithGil
            }
        }
    }

    /// The threads that wait for each other in a cycle.
    fn cycle(&self) -> Threads {
        let next = |thread: usize| {
            let other = self.waits_for.get(thread).copied().flatten();
            other.map(usize::from)
        };
        let mut cycle = 0;
        for start in 0..self.waits_for.len() {
            let mut seen = BTreeSet::new();
            let mut at = Some(start);
            while let Some(thread) = at
                && seen.insert(thread)
            {
                at = next(thread);
            }
            if at == Some(start) {
                cycle |= threads(seen.into_iter()).0;
            }
        }
        Threads(cycle)
    }
}

/// The outcome in the scenario language's words.
#[must_use]
pub fn text(program: &Program, outcome: &Outcome) -> String {
    outcome_text(program, outcome)
}

/// What the claims that bind under the profile say of these outcomes, of runs that show leaks, or do not.
#[must_use]
pub fn judge(
    program: &Program,
    profile: Profile,
    outcomes: &[Outcome],
    shows_leaks: bool,
) -> Judgement {
    let claims = Claims { program, profile };
    let mut judgement = Judgement::default();
    for (place, outcome) in outcomes.iter().enumerate() {
        let Some((span, why)) = claims.refused(outcome) else {
            continue;
        };
        let name = outcome_text(program, outcome);
        let excuse = excuse(&claims, outcome, shows_leaks);
        let failure = Failure {
            span,
            message: match excuse {
                None => format!("{name} was met{why}"),
                Some(excuse) => format!("{name} was met{why}; but {excuse}"),
            },
            found: Some(place),
            undecided: excuse.is_some(),
        };
        if excuse.is_some() {
            judgement.open.push(failure);
        } else {
            judgement.refused.push(failure);
        }
    }
    for (_, claim) in claims.binding() {
        let span = (claim.span.start, claim.span.end);
        match &claim.kind {
            ClaimKind::Reach(words) => {
                for word in words {
                    let is_met = |outcome: &Outcome| claims.names(claim, word, outcome);
                    let met = outcomes.iter().any(is_met);
                    let list = if met {
                        &mut judgement.confirmed
                    } else {
                        &mut judgement.unmet
                    };
                    list.push((span, claimed_text(program, word)));
                }
            }
            ClaimKind::Always(_) => judgement.unseen.push((span, "always")),
            ClaimKind::Finally(_) => judgement.unseen.push((span, "finally")),
            ClaimKind::Cover(_) => judgement.unseen.push((span, "cover")),
            ClaimKind::Eventually(_) => judgement.unseen.push((span, "eventually")),
            ClaimKind::Allow(_) | ClaimKind::Never(_) => {}
        }
    }
    judgement
}

/// Why a refused outcome of a real run refutes nothing, if it does not.
fn excuse(claims: &Claims<'_>, outcome: &Outcome, shows_leaks: bool) -> Option<&'static str> {
    if claims.forbids(outcome) {
        return None;
    }
    let allows = |wanted: fn(&Claimed) -> bool| {
        let mut binding = claims.binding();
        binding.any(|(_, claim)| match &claim.kind {
            ClaimKind::Allow(words) | ClaimKind::Reach(words) => words.iter().any(|word| {
                if let Claimed::Child(inner) = word {
                    wanted(inner)
                } else {
                    wanted(word)
                }
            }),
            ClaimKind::Never(_)
            | ClaimKind::Always(_)
            | ClaimKind::Finally(_)
            | ClaimKind::Cover(_)
            | ClaimKind::Eventually(_) => false,
        })
    };
    if allows(|word| matches!(word, Claimed::Crash(_))) {
        return Some("a claim allows a crash, and a real library may go on after it");
    }
    let ended = matches!(
        outcome.process().0,
        Outcome::Ok | Outcome::Hang(_) | Outcome::Exit(_)
    );
    if ended && !shows_leaks && allows(|word| matches!(word, Claimed::Leak)) {
        return Some("a claim allows a leak, which a run does not show");
    }
    let mut binding = claims.binding();
    let speaks_of_states = binding
        .any(|(_, claim)| matches!(claim.kind, ClaimKind::Always(_) | ClaimKind::Finally(_)));
    if speaks_of_states && allows(|word| matches!(word, Claimed::Assertion)) {
        return Some("a claim of states, which a run does not show, may fail there");
    }
    let is_signalled = Reads::of(claims.program).signals;
    (ended && is_signalled && allows(|word| matches!(word, Claimed::Lost(_))))
        .then_some("a claim allows the handler of a signal to be lost, which a run does not show")
}

/// Whether an outcome of a real run is one of those that the model has, as far as a run shows; whether it shows leaks.
#[must_use]
pub fn is_among(
    program: &Program,
    outcome: &Outcome,
    model: &[Outcome],
    shows_leaks: bool,
) -> bool {
    model.iter().any(|known| {
        // What a claim says of states ends a run of the model, and is not looked at here.
        let goes_on = matches!(
            known.process().0,
            Outcome::Crash(_) | Outcome::Assertion(Site::Claim(_))
        );
        goes_on || is_like(program, outcome, known, shows_leaks)
    })
}

/// Whether an outcome of a real run looks as this one of the model does; whether it shows leaks.
#[must_use]
pub fn is_like(program: &Program, outcome: &Outcome, known: &Outcome, shows_leaks: bool) -> bool {
    let (seen, generation) = outcome.process();
    let (known, of) = known.process();
    let alike = match (seen, known) {
        (Outcome::Crash(cause), Outcome::Crash(known)) => {
            cause == known || (is_signal(cause) && *known != Crash::UseAfterFree.name())
        }
        (Outcome::Fatal(text), Outcome::Fatal(known)) => {
            super::conform::fatal_texts_match(known, text)
        }
        (Outcome::Ok | Outcome::Hang(_) | Outcome::Exit(_), Outcome::Leak) => !shows_leaks,
        (Outcome::Ok | Outcome::Hang(_) | Outcome::Exit(_), Outcome::Lost(_)) => {
            Reads::of(program).signals
        }
        (Outcome::Assertion(_), Outcome::Assertion(_)) => true,
        (seen, known) => seen == known,
    };
    alike && generation == of
}

#[cfg(test)]
mod tests {
    use super::{Sight, Wait, is_among, is_like, judge};
    use crate::sim::driver::Site;
    use crate::sim::events::{End, Observed, Rest};
    use crate::sim::scenario::program::{BodyId, Program, StatementId};
    use crate::sim::verdict::{Outcome, Threads};

    const SCENARIO: &str = "\
scenario \"a worker calls in\"
python 3.13, 3.14

thread main {
    Py_InitializeEx(0)
    start worker
    Py_FinalizeEx() == 0
}

foreign thread worker {
    g = PyGILState_Ensure()
    PyGILState_Release(g)
}

expect {
    allow ok, hang(worker)
    reach hang(worker)
    never deadlock
}
";

    fn program() -> Program {
        let file = crate::sim::scenario::parse(SCENARIO).expect("a scenario");
        crate::sim::scenario::check(&file).expect("a scenario")
    }

    fn sight(end: End, threads: &[Rest]) -> Sight {
        Sight {
            observed: Observed {
                events: Vec::new(),
                end,
                threads: threads.to_vec(),
            },
            waits_for: vec![None; threads.len()],
            waits: vec![Wait::Other; threads.len()],
            owed: Vec::new(),
            left: None,
            busy: Vec::new(),
            two_holders: false,
            hung: Vec::new(),
        }
    }

    #[test]
    fn what_is_seen_of_an_end_names_the_outcome() {
        let ended = [Rest::Ended, Rest::Ended];
        let hung = [Rest::Ended, Rest::Hung];
        let blocked = [Rest::Blocked, Rest::Blocked];
        let mut forsaken = sight(End::Exit(0), &[Rest::Ended, Rest::Blocked]);
        forsaken.waits[1] = Wait::Gone;
        let mut cycle = sight(End::Exit(0), &[Rest::Ended, Rest::Blocked, Rest::Blocked]);
        cycle.waits_for = vec![None, Some(2), Some(1)];
        let mut lost = sight(End::Exit(0), &ended);
        lost.owed = vec![0, 1];
        let mut leaks = sight(End::Exit(0), &hung);
        leaks.left = Some(Threads(2));
        let mut leaks_in_vain = sight(End::Stuck, &blocked);
        leaks_in_vain.left = Some(Threads(2));
        let mut loses_and_leaks = lost.clone();
        loses_and_leaks.left = Some(Threads(2));
        let mut leaves_nothing = sight(End::Exit(0), &hung);
        leaves_nothing.left = Some(Threads(0));
        let mut endless = sight(End::Cut("operations".to_owned()), &blocked);
        endless.busy = vec![1];
        for (sight, outcome) in [
            (sight(End::Exit(0), &ended), Outcome::Ok),
            (sight(End::Exit(0), &hung), Outcome::Hang(Threads(2))),
            (forsaken, Outcome::Hang(Threads(2))),
            (sight(End::Stuck, &blocked), Outcome::Deadlock(Threads(3))),
            (cycle, Outcome::Deadlock(Threads(6))),
            (lost, Outcome::Lost(BodyId(1))),
            (loses_and_leaks, Outcome::Lost(BodyId(1))),
            (leaks, Outcome::Leak),
            (leaks_in_vain, Outcome::Deadlock(Threads(3))),
            (leaves_nothing, Outcome::Hang(Threads(2))),
            (sight(End::Crash(11), &blocked), Outcome::Crash("SIGSEGV")),
            (
                sight(End::Freed, &blocked),
                Outcome::Crash("use_after_free"),
            ),
            (endless, Outcome::Livelock(Threads(2))),
            (
                sight(End::Cut("time".to_owned()), &blocked),
                Outcome::Inconclusive,
            ),
        ] {
            let profile = "3.13".parse().expect("a profile");
            assert_eq!(sight.outcome(profile), outcome, "{sight:?}");
        }
    }

    #[test]
    fn claims_are_confirmed_refuted_or_left_open() {
        let program = program();
        let profile = program.profiles[0];
        let deadlock = Outcome::Deadlock(Threads(3));
        let judged = judge(&program, profile, &[Outcome::Ok, deadlock], true);
        assert_eq!(judged.refused.len(), 1);
        assert_eq!(judged.refused[0].found, Some(1));
        assert_eq!((judged.confirmed.len(), judged.unmet.len()), (0, 1));
        let judged = judge(&program, profile, &[Outcome::Hang(Threads(2))], true);
        assert!(judged.refused.is_empty());
        assert_eq!((judged.confirmed.len(), judged.unmet.len()), (1, 0));
    }

    #[test]
    fn a_crash_of_unknown_cause_is_refused_by_its_cause_only_where_none_is_allowed() {
        let source = |claims: &str| {
            let (program, _) = SCENARIO.split_once("expect").expect("it claims");
            let file = format!("{program}expect {{\n{claims}\n}}\n");
            let file = crate::sim::scenario::parse(&file).expect("a scenario");
            crate::sim::scenario::check(&file).expect("a scenario")
        };
        let refused = |claims: &str, crash| {
            let program = source(claims);
            let judged = judge(
                &program,
                program.profiles[0],
                &[Outcome::Crash(crash)],
                true,
            );
            judged.refused.len()
        };
        let allows = "allow crash\nnever crash(use_after_free)";
        assert_eq!(refused(allows, "SIGSEGV"), 0);
        assert_eq!(refused(allows, "use_after_free"), 1);
        assert_eq!(refused("never crash(use_after_free)", "SIGSEGV"), 1);
        assert_eq!(refused("allow crash\nnever crash", "SIGSEGV"), 1);
    }

    #[test]
    fn a_leak_that_did_not_come_refutes_what_came_only_where_it_would_show() {
        let (source, _) = SCENARIO.split_once("expect").expect("it claims");
        let file = format!("{source}expect {{\nallow leak\n}}\n");
        let file = crate::sim::scenario::parse(&file).expect("a scenario");
        let program = crate::sim::scenario::check(&file).expect("a scenario");
        let judged = |outcome: Outcome, shows_leaks| {
            let judged = judge(&program, program.profiles[0], &[outcome], shows_leaks);
            (judged.refused.len(), judged.open.len())
        };
        assert_eq!(judged(Outcome::Ok, true), (1, 0));
        assert_eq!(judged(Outcome::Ok, false), (0, 1));
        assert_eq!(judged(Outcome::Leak, true), (0, 0));
    }

    #[test]
    fn outcomes_of_the_model_are_recognised_as_far_as_a_run_shows() {
        let program = &program();
        let model = [Outcome::Leak, Outcome::Fatal("state %p is gone")];
        assert!(is_among(program, &Outcome::Ok, &model, false));
        assert!(!is_among(program, &Outcome::Ok, &model, true));
        assert!(is_among(program, &Outcome::Leak, &model, true));
        let is_among =
            |program, outcome: &Outcome, model: &[Outcome]| is_among(program, outcome, model, true);
        assert!(is_among(
            program,
            &Outcome::Fatal("state %p is gone: sorry"),
            &model
        ));
        assert!(!is_among(program, &Outcome::Deadlock(Threads(1)), &model));
        assert!(is_among(
            program,
            &Outcome::Deadlock(Threads(1)),
            &[Outcome::Crash("use_after_free")]
        ));
        let of_claim = [Outcome::Assertion(Site::Claim(0))];
        let of_statement = [Outcome::Assertion(Site::Statement(StatementId(0)))];
        assert!(is_among(program, &Outcome::Ok, &of_claim));
        assert!(!is_among(program, &Outcome::Ok, &of_statement));
    }

    #[test]
    fn a_signal_is_like_any_crash_but_a_use_after_free() {
        let program = &program();
        let signal = Outcome::Crash("SIGSEGV");
        let freed = Outcome::Crash("use_after_free");
        assert!(is_like(
            program,
            &signal,
            &Outcome::Crash("two_holders"),
            true
        ));
        assert!(!is_like(program, &signal, &freed, true));
        assert!(is_like(program, &freed, &freed, true));
        assert!(!is_like(program, &Outcome::Ok, &freed, true));
        let in_child = Outcome::Ok.in_child(1);
        assert!(!is_like(program, &in_child, &Outcome::Ok, true));
        assert!(is_like(program, &in_child, &in_child, true));
    }
}
