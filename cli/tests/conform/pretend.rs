//! A driver whose libpythons are the model itself: it speaks the real driver's protocol, and what it answers are runs of
//! the model. So the whole way from the command line to the report is tested where there is no libpython.
//!
//! Its libraries are files that begin as an ELF library does and then say, in JSON, what they pretend to be.

use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, BufRead, Write};
use std::sync::Arc;
use tstate::sim::conform::sample;
use tstate::sim::events::{End, Event, EventKind, Observed, Rest, Shown};
use tstate::sim::scenario;
use tstate_driver::{
    Chance, Choice, Decision, Departure, Departures, Phase, Plan, Planned, Probed, Reply, Request,
};

/// Bytes of the header before the JSON.
const HEADER: usize = 20;

/// Decisions of a run by a plan; after each that departs the run is another.
const DECISIONS: u32 = 4;

/// Steps of one run of the model.
const STEPS_MAX: usize = 100_000;

/// What a pretended libpython is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Pretended {
    /// What it says of itself.
    pub(crate) probed: Probed,
    /// Scenarios with this text it runs otherwise than the model: the results of statements with this text are one more.
    #[serde(default)]
    pub(crate) lies: Option<String>,
    /// Scenarios with this text it refuses to run.
    #[serde(default)]
    pub(crate) refuses: Option<String>,
    /// It lies from the second run on.
    #[serde(default)]
    pub(crate) lies_later: bool,
    /// Threads that ended it parks for good, but for the first.
    #[serde(default)]
    pub(crate) parks: bool,
    /// The thread state of the program's second thread it never frees.
    #[serde(default)]
    pub(crate) leaves: bool,
    /// Runs that do not end use up their processor time.
    #[serde(default)]
    pub(crate) spins: bool,
}

impl Pretended {
    /// A libpython of this release, honest and willing.
    pub(crate) fn new(minor: u8, patch: u8) -> Self {
        Self {
            probed: Probed {
                profile: format!("3.{minor}.{patch}"),
                minor,
                patch,
                version: format!("3.{minor}.{patch} (pretended)"),
                debug: false,
                free_threaded: false,
                missing: Vec::new(),
            },
            lies: None,
            refuses: None,
            lies_later: false,
            parks: false,
            leaves: false,
            spins: false,
        }
    }

    /// The bytes of its file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let machine: u16 = if cfg!(target_arch = "aarch64") {
            183
        } else {
            62
        };
        let mut bytes = vec![0; HEADER];
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        bytes[16] = 3;
        bytes[18..].copy_from_slice(&machine.to_le_bytes());
        bytes.extend(serde_json::to_vec(self).expect("it is JSON"));
        bytes
    }

    fn read(path: &str) -> Self {
        let bytes = fs::read(path).expect("the library is there");
        serde_json::from_slice(&bytes[HEADER..]).expect("it says what it pretends to be")
    }
}

/// Whether these arguments call for the driver.
pub(crate) fn is_called(arguments: &[String]) -> bool {
    matches!(
        arguments.first().map(String::as_str),
        Some("serve" | "probe")
    )
}

/// Plays the driver.
pub(crate) fn play(arguments: &[String]) {
    let path = arguments
        .iter()
        .skip_while(|argument| *argument != "--libpython")
        .nth(1)
        .expect("a libpython");
    let pretended = Pretended::read(path);
    let mut output = io::stdout().lock();
    if arguments[0] == "probe" {
        let text = serde_json::to_string(&pretended.probed).expect("it is JSON");
        writeln!(output, "{text}").expect("somebody reads it");
        return;
    }
    let fenced = arguments.iter().any(|argument| argument == "--fenced");
    for (number, line) in io::stdin().lock().lines().enumerate() {
        let mut pretended = pretended.clone();
        if pretended.lies_later && number == 0 {
            pretended.lies = None;
        }
        let request: Request = serde_json::from_str(&line.expect("a line")).expect("a request");
        let reply =
            serde_json::to_string(&reply(&pretended, &request, fenced)).expect("it is JSON");
        writeln!(output, "{reply}").expect("somebody reads it");
        output.flush().expect("somebody reads it");
    }
}

fn reply(pretended: &Pretended, request: &Request, fenced: bool) -> Reply {
    let has = |text: &Option<String>| {
        text.as_ref()
            .is_some_and(|text| request.scenario.contains(text))
    };
    if has(&pretended.refuses) {
        return Reply::refused("this library pretends that it cannot");
    }
    let program = scenario::parse(&request.scenario).expect("a scenario");
    let program = Arc::new(scenario::check(&program).expect("a scenario"));
    let profile = request.profile.parse().expect("a profile");
    let mut observed = sample(&program, profile, seed(request), STEPS_MAX);
    if let Some(lie) = pretended.lies.as_ref().filter(|_| has(&pretended.lies)) {
        for event in &mut observed.events {
            if let EventKind::Ends(id, Some(Shown::Number(number))) = &mut event.kind {
                let span = program.statements[id.index()].span;
                let text = &request.scenario[span.start as usize..span.end as usize];
                *number += i64::from(text.contains(lie.as_str()));
            }
        }
    }
    if pretended.spins && matches!(observed.end, End::Cut(_)) {
        observed.end = End::Cut("processor time".to_owned());
    }
    if pretended.parks && matches!(observed.end, End::Exit(_)) {
        for rest in &mut observed.threads[1..] {
            *rest = Rest::Hung;
        }
    }
    let leaves = pretended.leaves && matches!(observed.end, End::Exit(_));
    Reply {
        left: fenced.then(|| if leaves { vec![1] } else { Vec::new() }),
        planned: request.plan.as_ref().map(planned),
        ..written(&observed)
    }
}

/// What the run by a plan does otherwise than by default: what the plan says, and what chance says.
fn departures(plan: &Plan) -> Departures {
    let chosen = match &plan.chance {
        None => return plan.departures.clone(),
        Some(Chance::Random { seed }) => *seed,
        Some(Chance::Pct { seed, .. }) => seed.wrapping_mul(7),
        // The legs of one outcome are others than those of another.
        Some(Chance::Legs { seed, legs, .. }) => {
            let events = legs.iter().map(|leg| u64::from(leg.events));
            seed.wrapping_add(events.sum())
        }
    };
    let points = (0..DECISIONS).filter(|point| chosen & 1 << point != 0);
    let departures = points.map(|point| Departure {
        thread: 0,
        point,
        choice: Choice::Run(1),
    });
    Departures(departures.collect())
}

/// What a library would say of the run, whose decisions are one after the other, and all on the main thread.
fn planned(plan: &Plan) -> Planned {
    let departures = departures(plan);
    let is_kept =
        |one: &&Departure| one.thread == 0 && one.point < DECISIONS && one.choice == Choice::Run(1);
    let unkept = departures.0.len() - departures.0.iter().filter(is_kept).count();
    let decision = |point: u32| Decision {
        thread: 0,
        point,
        lane: Some(0),
        events: 0,
        place: 0,
        phase: Phase::default(),
        chosen: Choice::Run(0),
        free: Vec::new(),
        costly: vec![Choice::Run(1)],
    };
    Planned {
        unkept: unkept as u32,
        decisions_total: DECISIONS,
        decisions: (0..DECISIONS).map(decision).collect(),
        departures,
        ..Planned::default()
    }
}

/// Another run for every schedule, the same for the same one (FNV).
fn seed(request: &Request) -> u64 {
    let chance = request.seed.unwrap_or(0).to_le_bytes();
    let plan = request.plan.as_ref().map(departures);
    let plan = plan.map_or_else(String::new, |plan| plan.to_string());
    let bytes = request.guide.iter().chain(&chance).chain(plan.as_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn written(observed: &Observed) -> Reply {
    let is_crash = matches!(observed.end, End::Crash(_));
    let end = if is_crash {
        &End::Crash(11)
    } else {
        &observed.end
    };
    Reply {
        events: observed.events.iter().map(Event::to_string).collect(),
        end: end.to_string(),
        threads: observed.threads.iter().map(Rest::to_string).collect(),
        waits: vec![None; observed.threads.len()],
        ..Reply::default()
    }
}
