//! The report for people: a table of scenarios and libpythons, then what each library drove, what was not driven and why,
//! and what differs.

use super::super::run;
use super::super::verdict::{Difference, Pair, Status, Verdict};
use super::{Conformance, fallen_line, summary_line};
use crate::render::cells::{Cell, Marks};
use crate::render::paint::{Paint, counted, escape, grouped, pad, width};
use crate::render::trace::Style;
use crate::render::{findings, table};
use std::collections::BTreeMap;

/// How much to say.
#[derive(Clone, Copy, Debug)]
pub struct Human {
    /// How tables are drawn.
    pub style: Style,
    /// Every known deviation, and every difference of a pair.
    pub verbose: bool,
    /// Only what is wrong.
    pub quiet: bool,
}

/// How many scenarios a reason names.
const NAMES_MAX: usize = 3;

/// How many differences of one pair are told.
const DIFFERENCES_MAX: usize = 1;

/// The report for people.
#[must_use]
pub fn human(all: &Conformance<'_>, how: Human) -> String {
    let mut text = String::new();
    for scenario in &all.plan.scenarios {
        if !scenario.findings.is_empty() && (!how.quiet || scenario.is_broken()) {
            let file = &scenario.file;
            text += &findings::render(&file.path, &file.source, &scenario.findings);
        }
    }
    text += &tables(all, how);
    if !how.quiet {
        text += &libraries(all);
        text += &reasons(all);
    }
    text += &differences(all, how);
    text += &unstable(all);
    for number in &all.results.stale {
        let entry = &all.plan.deviations.entries[*number];
        text += &format!(
            "{} {}:{}: {} does not deviate at `{}` any more: take the entry out\n",
            Paint::Bad.on("stale"),
            escape(&all.plan.deviations.path),
            entry.line,
            escape(&entry.scenario),
            escape(&entry.step)
        );
    }
    for fallen in all.fallen {
        let name = &all.plan.targets[fallen.target].name;
        text += &format!(
            "{} {name} {}\n",
            Paint::Bad.on("fallen"),
            fallen_line(fallen)
        );
    }
    text + &end(all)
}

fn end(all: &Conformance<'_>) -> String {
    let mut text = String::new();
    if !all.free.is_empty() {
        let names = all
            .free
            .iter()
            .map(|target| all.plan.targets[*target].name.as_str());
        let names: Vec<&str> = names.collect();
        text += &format!(
            "held to no count, as the file has none of the release: {}\n",
            names.join(", ")
        );
    }
    let summary = all.summary();
    let bad = summary.differ + summary.stale + summary.fallen + summary.broken + summary.unstable;
    let paint = match (bad, summary.schedules) {
        (0, 0) => Paint::Odd,
        (0, _) => Paint::Good,
        _ => Paint::Bad,
    };
    text += &paint.on(&summary_line(&summary));
    text.push('\n');
    if summary.schedules == 0 {
        text += "Nothing was driven: this says nothing about any libpython.\n";
    }
    text
}

/// The table of scenarios and libpythons, in pieces that fit the width.
fn tables(all: &Conformance<'_>, how: Human) -> String {
    let pairs: BTreeMap<(usize, usize), &Pair> = all
        .results
        .pairs
        .iter()
        .map(|pair| ((pair.scenario, pair.library), pair))
        .collect();
    let is_shown = |scenario: &usize| {
        let mut own = pairs.range((*scenario, 0)..=(*scenario, usize::MAX));
        own.any(|(_, pair)| !how.quiet || is_odd(pair))
    };
    let rows: Vec<usize> = (0..all.plan.scenarios.len()).filter(is_shown).collect();
    if rows.is_empty() {
        return String::new();
    }
    let name = |row: &usize| escape(&all.plan.scenarios[*row].file.name);
    let names = rows.iter().map(|row| width(&name(row))).max().unwrap_or(0);
    let mut text = String::new();
    for columns in pieces(all, how.style.columns.saturating_sub(names + 2)) {
        let mut headings = vec!["scenario".to_owned()];
        headings.extend(
            columns
                .iter()
                .map(|column| all.plan.targets[*column].name.clone()),
        );
        let row = |row: &usize| {
            let first = Cell::plain(name(row));
            let cells = columns.iter().map(|column| {
                pairs
                    .get(&(*row, *column))
                    .map_or_else(Cell::default, |pair| cell(pair, how.style))
            });
            std::iter::once(first).chain(cells).collect()
        };
        let cells: Vec<Vec<Cell>> = rows.iter().map(row).collect();
        text += &table::forced(&headings, &cells, names + how.style.columns);
        text.push('\n');
    }
    text + &legend(how.style)
}

fn is_odd(pair: &Pair) -> bool {
    match pair.verdict.status() {
        Status::Differs => true,
        Status::Agrees | Status::Known | Status::NotDriven => false,
    }
}

/// The libpythons' columns, as many at once as fit.
fn pieces(all: &Conformance<'_>, room: usize) -> Vec<Vec<usize>> {
    let mut pieces: Vec<Vec<usize>> = Vec::new();
    let mut used = 0;
    for (number, target) in all.plan.targets.iter().enumerate() {
        let columns = target.name.len().max("differs".len()) + 2;
        if pieces.is_empty() || used + columns > room {
            pieces.push(Vec::new());
            used = 0;
        }
        used += columns;
        pieces.last_mut().expect("one was just pushed").push(number);
    }
    pieces
}

fn cell(pair: &Pair, style: Style) -> Cell {
    let (text, paint) = match (&pair.verdict, pair.verdict.status()) {
        (_, Status::Differs) => ("differs".to_owned(), Paint::Bad),
        (_, Status::Known) => ("known".to_owned(), Paint::Odd),
        (Verdict::Driven(driven), _) if !driven.open.is_empty() => {
            (format!("{}+", grouped(driven.schedules)), Paint::Odd)
        }
        (Verdict::Driven(driven), _) => (grouped(driven.schedules), Paint::Good),
        (Verdict::NotDriven(_), _) => (marks(style).nobody.to_owned(), Paint::Faint),
    };
    Cell {
        paint: Some(paint),
        ..Cell::plain(text)
    }
}

fn marks(style: Style) -> Marks {
    if style.ascii {
        Marks::ASCII
    } else {
        Marks::UNICODE
    }
}

fn legend(style: Style) -> String {
    let not_driven = marks(style).nobody;
    let lines = [
        "A number: so many schedules were run, and the model has every run; with + some runs decided nothing.".to_owned(),
        format!("{not_driven}: not driven. Nothing: the scenario does not name the release."),
    ];
    lines.map(|line| Paint::Faint.on(&line) + "\n").concat() + "\n"
}

/// What each libpython drove, and where it is.
fn libraries(all: &Conformance<'_>) -> String {
    let name = |target: &run::Target| target.name.len();
    let names = all.plan.targets.iter().map(name).max().unwrap_or(0);
    let mut text = String::new();
    let mut total = Share::default();
    for (number, target) in all.plan.targets.iter().enumerate() {
        let count = all.results.counts[number];
        let own = all
            .results
            .pairs
            .iter()
            .filter(|pair| pair.library == number);
        let mut share = Share::default();
        for driven in own.filter_map(|pair| pair.verdict.driven()) {
            share.add(driven.covered, driven.transitions);
        }
        total.add(share.covered, share.transitions);
        let share = share.told();
        let library = target.known.libpython.library.display().to_string();
        text += &format!(
            "  {}  {}, {}{share}  {}\n",
            pad(&target.name, names),
            counted(count.scenarios, "scenario"),
            counted(count.schedules, "schedule"),
            Paint::Faint.on(&escape(&library))
        );
    }
    if all.plan.targets.len() > 1 && total.transitions > 0 {
        text += &format!("  {}{}\n", pad("all", names), &total.told()[1..]);
    }
    for known in all
        .survey
        .known
        .iter()
        .filter(|known| known.refusal.is_some())
    {
        let library = known.libpython.library.display().to_string();
        let refusal = known
            .refusal
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default();
        let (name, library) = (escape(&known.name()), Paint::Faint.on(&escape(&library)));
        text += &format!(
            "  {}  not driven: {}  {library}\n",
            pad(&name, names),
            escape(&refusal)
        );
    }
    if text.is_empty() { text } else { text + "\n" }
}

/// What runs took of the model's transitions between calls.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    covered: u64,
    transitions: u64,
}

impl Share {
    fn add(&mut self, covered: u64, transitions: u64) {
        self.covered += covered;
        self.transitions += transitions;
    }

    /// `, 70 % of 18,866 transitions`; nothing of nothing.
    fn told(self) -> String {
        match self.transitions {
            0 => String::new(),
            _ => format!(
                ", {} % of {}",
                self.covered * 100 / self.transitions,
                counted(self.transitions, "transition")
            ),
        }
    }
}

/// Why pairs were not driven, and runs decided nothing: each reason once.
fn reasons(all: &Conformance<'_>) -> String {
    let (mut closed, mut open) = (BTreeMap::new(), BTreeMap::new());
    for pair in &all.results.pairs {
        match &pair.verdict {
            Verdict::NotDriven(reason) => note(&mut closed, reason, pair),
            Verdict::Driven(driven) => {
                for reason in driven.open.keys() {
                    note(&mut open, reason, pair);
                }
            }
        }
    }
    reason_list(all, "Not driven", &closed) + &reason_list(all, "Runs that decided nothing", &open)
}

/// The scenarios and libpythons of a reason.
type Noted = BTreeMap<String, (Vec<usize>, Vec<usize>)>;

fn note(noted: &mut Noted, reason: &str, pair: &Pair) {
    let (scenarios, libraries) = noted.entry(reason.to_owned()).or_default();
    for (list, number) in [(scenarios, pair.scenario), (libraries, pair.library)] {
        if let Err(place) = list.binary_search(&number) {
            list.insert(place, number);
        }
    }
}

fn reason_list(all: &Conformance<'_>, heading: &str, noted: &Noted) -> String {
    let mut text = String::new();
    for (reason, (scenarios, libraries)) in noted {
        let names = scenarios.iter().take(NAMES_MAX);
        let names = names.map(|number| escape(&all.plan.scenarios[*number].file.name));
        let mut names = names.collect::<Vec<_>>().join(", ");
        let more = scenarios.len().saturating_sub(NAMES_MAX);
        if more > 0 {
            names += &format!(" and {more} more");
        }
        let on = libraries
            .iter()
            .map(|number| all.plan.targets[*number].name.as_str());
        let on = if libraries.len() == all.plan.targets.len() && libraries.len() > 1 {
            "all".to_owned()
        } else {
            on.collect::<Vec<_>>().join(", ")
        };
        text += &format!("  {}\n      {names}; on {on}\n", escape(reason));
    }
    if text.is_empty() {
        text
    } else {
        format!("{}\n{text}\n", Paint::Strong.on(heading))
    }
}

/// What differs, and what is known to.
fn differences(all: &Conformance<'_>, how: Human) -> String {
    let mut text = String::new();
    for pair in &all.results.pairs {
        let Verdict::Driven(driven) = &pair.verdict else {
            continue;
        };
        let most = if how.verbose {
            usize::MAX
        } else {
            DIFFERENCES_MAX
        };
        for difference in driven.unknown().take(most) {
            text += &told(all, pair, difference);
        }
        let more = driven.unknown().count().saturating_sub(most);
        if more > 0 {
            text += &format!(
                "  {} of this pair; -v tells them\n\n",
                counted(more as u64, "more difference")
            );
        }
        let known = driven
            .differences
            .iter()
            .filter(|found| found.known.is_some());
        let mut told_of = Vec::new();
        for difference in known.filter(|_| !how.quiet) {
            if how.verbose || !told_of.contains(&difference.known) {
                told_of.push(difference.known);
                text += &known_line(all, pair, difference);
            }
        }
    }
    text
}

/// What showed something else when it was run again.
fn unstable(all: &Conformance<'_>) -> String {
    let mut text = String::new();
    for pair in &all.results.pairs {
        let schedules = pair.verdict.driven().map_or(0, |driven| driven.unstable);
        if schedules > 0 {
            text += &format!(
                "{} {}: {} showed something else when run again\n\n",
                Paint::Bad.on("unstable"),
                Paint::Strong.on(&head(all, pair)),
                counted(schedules, "schedule")
            );
        }
    }
    text
}

fn head(all: &Conformance<'_>, pair: &Pair) -> String {
    let name = escape(&all.plan.scenarios[pair.scenario].file.name);
    format!("{name} on {}", all.plan.targets[pair.library].name)
}

fn known_line(all: &Conformance<'_>, pair: &Pair, difference: &Difference) -> String {
    let reason = all.known(difference).unwrap_or_default();
    format!(
        "{} {} at `{}`: {}\n\n",
        Paint::Odd.on("known"),
        head(all, pair),
        escape(&difference.step),
        escape(&reason)
    )
}

fn told(all: &Conformance<'_>, pair: &Pair, difference: &Difference) -> String {
    let head = head(all, pair);
    let mut text = format!("{} {}\n", Paint::Bad.on("differs"), Paint::Strong.on(&head));
    let skipped = difference.at - difference.before.len();
    if skipped > 0 {
        text += &format!(
            "  {:<9}  {}\n",
            "",
            Paint::Faint.on(&format!("{} before", counted(skipped as u64, "event")))
        );
    }
    for before in &difference.before {
        text += &format!("  {:<9}  {}\n", "both", escape(before));
    }
    text += &format!(
        "  {}  {}\n",
        Paint::Bad.on("libpython"),
        escape(&difference.library)
    );
    if difference.model.is_empty() {
        text += &format!("  {:<9}  does not get there\n", "model");
    }
    for model in &difference.model {
        text += &format!("  {:<9}  {}\n", "model", escape(model));
    }
    let step = escape(&difference.step);
    let line = difference
        .line
        .map_or_else(String::new, |line| format!(" (line {line})"));
    text += &format!(
        "\n  Step:    {step}{line}\n  Replay:  {}\n\n",
        all.again(pair, difference)
    );
    text
}
