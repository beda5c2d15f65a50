//! The report for people: a line for each scenario and libpython, then what is wrong, then the sum.

use super::super::hunt::{Compared, Hunted, Met, Verdict};
use super::super::run::Pair;
use super::super::schedule::Schedule;
use super::super::search::Kind;
use super::super::tell;
use super::Searched;
use crate::check::plan::Scenario;
use crate::conform::run::Target;
use crate::render::paint::{Paint, counted, escape, grouped, pad, width};
use crate::render::trace::{self, Style};
use crate::render::{findings, shell};

/// Columns of a number of runs.
const RUNS_COLUMNS: usize = 7;

/// How many outcomes a line names.
const OUTCOMES_MAX: usize = 3;

/// How to say it.
#[derive(Clone, Copy, Debug)]
pub struct Human {
    /// How tables are drawn.
    pub style: Style,
    /// All outcomes, with a way to replay each, and what was not looked at.
    pub verbose: bool,
    /// Only what is wrong.
    pub quiet: bool,
}

/// The report for people.
#[must_use]
pub fn human(all: &Searched<'_>, how: Human) -> String {
    let mut text = String::new();
    for scenario in &all.plan.scenarios {
        if !scenario.findings.is_empty() && (!how.quiet || scenario.is_broken()) {
            let file = &scenario.file;
            text += &findings::render(&file.path, &file.source, &scenario.findings);
        }
    }
    let names = all.plan.scenarios.iter();
    let names = names.map(|scenario| width(&escape(&scenario.file.name)));
    let targets = all.plan.targets.iter().map(|target| target.name.len());
    let columns = (names.max().unwrap_or(0), targets.max().unwrap_or(0));
    let mut details = String::new();
    for pair in all.pairs {
        text += &line(all, pair, columns, how);
        if let Verdict::Hunted(hunted) = &pair.verdict {
            details += &wrong(all, pair, hunted, how);
        }
    }
    if !details.is_empty() {
        text += &format!("\n{}\n", details.trim_end());
    }
    text + &end(all)
}

fn end(all: &Searched<'_>) -> String {
    let summary = all.summary();
    let paint = if summary.failed + summary.broken > 0 {
        Paint::Bad
    } else {
        Paint::Odd
    };
    let mut line = format!(
        "{}, {}: {} failed, {} inconclusive",
        counted(summary.scenarios, "scenario"),
        counted(summary.pairs, "search").replace("searchs", "searches"),
        grouped(summary.failed),
        grouped(summary.inconclusive)
    );
    for (number, word) in [
        (summary.not_driven, "not driven"),
        (summary.broken, "broken"),
    ] {
        if number > 0 {
            line += &format!(", {} {word}", grouped(number));
        }
    }
    line += &format!("; {}", counted(summary.runs, "run"));
    format!("\n{}\n{}\n", paint.on(&line), all.limits())
}

fn line(all: &Searched<'_>, pair: &Pair, columns: (usize, usize), how: Human) -> String {
    let scenario = &all.plan.scenarios[pair.scenario];
    let target = &all.plan.targets[pair.target];
    let (word, rest) = match &pair.verdict {
        Verdict::NotDriven(reason) => (
            ("none", Paint::Faint),
            format!("not driven: {}", escape(reason)),
        ),
        Verdict::Hunted(hunted) if hunted.failed() => (("FAIL", Paint::Bad), told(hunted)),
        Verdict::Hunted(hunted) => (("seen", Paint::Odd), told(hunted)),
    };
    let is_bad = matches!(&pair.verdict, Verdict::Hunted(hunted) if hunted.failed());
    if how.quiet && !is_bad {
        return String::new();
    }
    let word = word.1.on(&format!("{:<4}", word.0));
    let name = pad(&escape(&scenario.file.name), columns.0);
    let target_name = pad(&target.name, columns.1);
    let mut text = format!("  {word}  {name}  {target_name}  {rest}\n");
    if let Verdict::Hunted(hunted) = &pair.verdict
        && how.verbose
    {
        text += &outcomes(scenario, target, hunted);
    }
    text
}

/// What the line of a search ends with.
fn told(hunted: &Hunted) -> String {
    let wrong = hunted.wrong();
    let texts: Vec<String> = if wrong.is_empty() {
        hunted.met.iter().map(named).collect()
    } else {
        wrong.iter().copied().map(named).collect()
    };
    let what = match (texts.is_empty(), wrong.is_empty()) {
        (true, _) => "met no end".to_owned(),
        (false, true) => format!("met {}", listed(texts)),
        (false, false) => listed(texts),
    };
    let mut parts = vec![what];
    let claims = hunted.judgement.confirmed.len() + hunted.judgement.unmet.len();
    if claims > 0 {
        parts.push(format!(
            "{} of {claims} confirmed",
            hunted.judgement.confirmed.len()
        ));
    }
    parts.extend(complete(hunted));
    let given_up: u64 = hunted.given_up.values().sum();
    if given_up > 0 {
        parts.push(format!("{} given up", counted(given_up, "run")));
    }
    if let Compared::Open(reason) = &hunted.model {
        parts.push(format!("the model gave no answer: {reason}"));
    }
    let runs = grouped(hunted.runs);
    let end = if hunted.runs == 1 { " " } else { "s" };
    format!(
        "{runs:>RUNS_COLUMNS$} run{end}  {}",
        escape(&parts.join("; "))
    )
}

/// What was met, and which other words the model has for it: `crash(SIGSEGV) = crash(two_holders)`.
fn named(met: &Met) -> String {
    let modelled = met.modelled.iter().flatten();
    let others = modelled.filter(|known| known.text != met.text);
    let others: Vec<&str> = others.map(|known| known.text.as_str()).collect();
    if others.is_empty() {
        met.text.clone()
    } else {
        format!("{} = {}", met.text, others.join(" or "))
    }
}

/// Up to where all runs were made.
fn complete(hunted: &Hunted) -> Option<String> {
    let complete = hunted.complete?;
    Some(match complete {
        u32::MAX => "complete, as far as a search sees".to_owned(),
        0 => "complete without preemption".to_owned(),
        1 => "complete within 1 preemption".to_owned(),
        bound => format!("complete within {bound} preemptions"),
    })
}

/// The first of them, and how many more there are.
fn listed(mut parts: Vec<String>) -> String {
    let more = parts.len().saturating_sub(OUTCOMES_MAX);
    parts.truncate(OUTCOMES_MAX);
    let mut text = parts.join(", ");
    if more > 0 {
        text += &format!(" and {more} more");
    }
    text
}

/// The command that runs a schedule again.
fn replay(scenario: &Scenario, target: &Target, schedule: Option<&Schedule>) -> Option<String> {
    let schedule = schedule?;
    let library = target.known.libpython.library.display().to_string();
    Some(format!(
        "tstate replay --on {} {} {}",
        shell::quote(&library),
        shell::quote(&scenario.file.path),
        shell::quote(&schedule.to_string())
    ))
}

/// All outcomes, and what was not looked at.
fn outcomes(scenario: &Scenario, target: &Target, hunted: &Hunted) -> String {
    let mut text = String::new();
    for met in &hunted.met {
        let how = match (&met.schedule, met.by) {
            (_, Kind::Stress) => "by nobody".to_owned(),
            (Some(schedule), by) => format!(
                "by {}, {} of {}",
                by.word(),
                counted(schedule.departures.0.len() as u64, "departure"),
                met.departures
            ),
            (None, by) => by.word().to_owned(),
        };
        let first = format!("first in run {} {how}", grouped(met.first));
        text += &format!(
            "        {}  {}, {first}\n",
            escape(&met.text),
            counted(met.runs, "run")
        );
        if let Some(command) = replay(scenario, target, met.schedule.as_ref()) {
            text += &format!("            {command}\n");
        }
        for known in met
            .modelled
            .iter()
            .flatten()
            .filter(|known| known.among > 1)
        {
            text += &format!(
                "            by its events {}, of {} outcomes of the model that look so\n",
                escape(&known.text),
                known.among
            );
            let other = known.schedule.as_ref();
            let other = other.filter(|other| met.schedule.as_ref() != Some(other));
            if let Some(command) = replay(scenario, target, other) {
                text += &format!("            {command}\n");
            }
        }
        if met.unstable {
            text += "            unstable: its list did not end so when it was run again\n";
        }
    }
    for (reason, runs) in &hunted.given_up {
        text += &format!(
            "        {} given up: {}\n",
            counted(*runs, "run"),
            escape(reason)
        );
    }
    let judgement = &hunted.judgement;
    for (title, list) in [
        ("confirmed", &judgement.confirmed),
        ("not met", &judgement.unmet),
    ] {
        if !list.is_empty() {
            let texts: Vec<&str> = list.iter().map(|(_, text)| text.as_str()).collect();
            text += &format!("        {title}: {}\n", escape(&texts.join(", ")));
        }
    }
    if !judgement.unseen.is_empty() {
        let words: Vec<&str> = judgement.unseen.iter().map(|(_, word)| *word).collect();
        text += &format!(
            "        not looked at, as a run does not show it: {}\n",
            words.join(", ")
        );
    }
    text
}

/// What is wrong, each with its run.
fn wrong(all: &Searched<'_>, pair: &Pair, hunted: &Hunted, how: Human) -> String {
    let scenario = &all.plan.scenarios[pair.scenario];
    let target = &all.plan.targets[pair.target];
    let Some(program) = &scenario.program else {
        return String::new();
    };
    let judgement = &hunted.judgement;
    let open: &[_] = if how.quiet { &[] } else { &judgement.open };
    let mut text = String::new();
    for failure in judgement.refused.iter().chain(open) {
        let finding = hunted.finding(program, failure, &target.name);
        text += &findings::render(&scenario.file.path, &scenario.file.source, &[finding]);
    }
    for (place, met) in hunted.met.iter().enumerate() {
        if hunted.lacks(place) == Some(true) {
            text += &format!(
                "{}: the model of {} does not have {}\n\n",
                Paint::Bad.on("error"),
                target.name,
                escape(&met.text)
            );
        }
    }
    for met in hunted.wrong() {
        text += &run(scenario, target, met, how.style);
        if let Some(command) = replay(scenario, target, met.schedule.as_ref()) {
            text += &format!("\n  Replay:  {command}\n\n");
        }
    }
    text
}

/// A run: how it ends, and the table of its events.
#[must_use]
pub fn run(scenario: &Scenario, target: &Target, met: &Met, style: Style) -> String {
    let Some(program) = &scenario.program else {
        return String::new();
    };
    let departures = met.ran.planned.departures.0.len() as u64;
    let head = format!("{} on {}: {}", scenario.file.name, target.name, met.text);
    let cost = if met.by == Kind::Stress {
        "a free run".to_owned()
    } else {
        format!("{} from the default run", counted(departures, "departure"))
    };
    let told = tell(program, &scenario.file.source, &met.ran, &met.text);
    format!(
        "{}, {cost}\n\n{}",
        Paint::Strong.on(&escape(&head)),
        trace::render(&told, style)
    )
}
