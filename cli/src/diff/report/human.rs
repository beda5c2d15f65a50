//! The report for people: a line for each scenario, then the runs that show what changed, then the sum.

use super::{Reporter, Result, named, summary_line};
use crate::check::verdict::{bounds, so_far};
use crate::diff::compare::{Compared, Pair, Reading, Scenario, Shown, Status, is_complete};
use crate::record::DiffSummary;
use crate::render::findings;
use crate::render::paint::{Paint, counted, escape, pad, width};
use crate::render::run::{self, Told};
use crate::render::trace::Style;
use tstate::runtime::profile::Profile;
use tstate::sim::diagnostic::Diagnostic;
use tstate::sim::scenario::program::Program;

/// The report for people.
#[derive(Debug)]
pub struct Human {
    pair: Pair,
    style: Style,
    quiet: bool,
    name_columns: usize,
    /// The runs and findings, to be told after all lines.
    details: String,
}

impl Human {
    /// A report in this style, without what is the same if `quiet`.
    #[must_use]
    pub fn new(pair: Pair, style: Style, quiet: bool) -> Self {
        Self {
            pair,
            style,
            quiet,
            name_columns: 0,
            details: String::new(),
        }
    }

    fn line(&self, word: (&str, Paint), scenario: &Scenario, rest: &str) -> String {
        let (word, paint) = word;
        let word = paint.on(&format!("{word:<4}"));
        let name = pad(&escape(&scenario.file.name), self.name_columns);
        format!("  {word}  {name}  {rest}").trim_end().to_owned() + "\n"
    }

    fn findings(&mut self, scenario: &Scenario, found: &[Diagnostic]) {
        self.details += &findings::render(&scenario.file.path, &scenario.file.source, found);
    }

    fn unexplored(&mut self, scenario: &Scenario) -> String {
        match &scenario.reading {
            Reading::Both { .. } => String::new(),
            Reading::Lacks(release, found) => {
                self.findings(scenario, found);
                let other = if *release == self.pair.old {
                    self.pair.new
                } else {
                    self.pair.old
                };
                let rest = format!("{other} only: {}", messages(found));
                self.line(("DIFF", Paint::Bad), scenario, &rest)
            }
            Reading::Neither(_) if self.quiet => String::new(),
            Reading::Neither(found) => {
                let rest = format!("not in {} either: {}", self.pair.old, messages(found));
                self.line(("skip", Paint::Faint), scenario, &rest)
            }
            Reading::Broken(found) => {
                self.findings(scenario, found);
                self.line(("bad", Paint::Bad), scenario, &findings::tally(found))
            }
        }
    }

    fn explored(&mut self, scenario: &Scenario, program: &Program, found_out: &Compared) -> String {
        let status = found_out.status();
        if self.quiet && status == Status::Same {
            return String::new();
        }
        let pair = self.pair;
        let groups = [
            (
                &found_out.lost,
                format!("Lost: {} does not end so.", pair.new),
            ),
            (
                &found_out.gained,
                format!("Gained: {} does not end so.", pair.old),
            ),
            (
                &found_out.open,
                "Open: the search under the other profile was cut short.".to_owned(),
            ),
        ];
        for (group, why) in &groups {
            for shown in *group {
                self.details += &format!("{}\n", Paint::Strong.on(why));
                self.details += &self.shown(scenario, found_out, shown);
            }
        }
        let word = match status {
            Status::Same => ("same", Paint::Good),
            Status::Changed => ("DIFF", Paint::Bad),
            Status::Inconclusive => ("cut", Paint::Odd),
        };
        let rest = remark(&scenario.file.source, program, found_out);
        self.line(word, scenario, &rest)
    }

    fn shown(&self, scenario: &Scenario, found_out: &Compared, shown: &Shown) -> String {
        let told = Told {
            file: &scenario.file,
            found: &shown.found,
            trace: &shown.trace,
            saved: None,
            so_far: so_far(found_out.verdict_of(shown)),
        };
        run::render(&told, self.style)
    }
}

impl Reporter for Human {
    fn begin(&mut self, scenarios: &[Scenario]) -> String {
        let names = scenarios.iter();
        let names = names.map(|scenario| width(&escape(&scenario.file.name)));
        self.name_columns = names.max().unwrap_or(0);
        String::new()
    }

    fn scenario(&mut self, scenario: &Scenario, result: Result<'_>) -> String {
        match (result, &scenario.reading) {
            (Result::Explored(found_out), Reading::Both { new, .. }) => {
                self.explored(scenario, new, found_out)
            }
            _ => self.unexplored(scenario),
        }
    }

    fn end(&mut self, summary: &DiffSummary) -> String {
        let details = std::mem::take(&mut self.details);
        let paint = if summary.broken + summary.changed + summary.lacking > 0 {
            Paint::Bad
        } else if summary.inconclusive > 0 {
            Paint::Odd
        } else {
            Paint::Good
        };
        let details = if details.is_empty() {
            String::new()
        } else {
            format!("\n{}\n", details.trim_end())
        };
        let gap = if self.quiet && details.is_empty() {
            ""
        } else {
            "\n"
        };
        let line = paint.on(&summary_line(self.pair.old, self.pair.new, summary));
        format!("{details}{gap}{line}\n")
    }
}

/// What the first finding says, and how many more say something else.
fn messages(found: &[Diagnostic]) -> String {
    let mut messages: Vec<&str> = Vec::new();
    for finding in found {
        if !messages.contains(&finding.message.as_str()) {
            messages.push(&finding.message);
        }
    }
    let text = escape(messages.first().unwrap_or(&""));
    match messages.len() {
        0 | 1 => text,
        number => format!("{text}, and {} more", number - 1),
    }
}

/// What the line of a scenario ends with: `lost exit(worker); gained hang(worker)`.
fn remark(source: &str, program: &Program, found_out: &Compared) -> String {
    let groups = [
        ("lost", &found_out.lost),
        ("gained", &found_out.gained),
        ("perhaps changed", &found_out.open),
    ];
    let groups = groups.iter().filter(|(_, group)| !group.is_empty());
    let mut parts: Vec<String> = groups
        .map(|(word, group)| {
            let names = group.iter().map(|shown| named(source, program, shown));
            let names: Vec<String> = names.collect();
            format!("{word} {}", escape(&names.join(", ")))
        })
        .collect();
    for verdict in [&found_out.old, &found_out.new] {
        if !is_complete(verdict) {
            parts.push(cut(verdict.profile, &bounds(verdict)));
        }
    }
    if parts.is_empty() {
        let outcomes = counted(found_out.new.outcomes.len() as u64, "outcome");
        return format!("{outcomes}, {}", counted(found_out.states(), "state"));
    }
    parts.join("; ")
}

/// `bound reached: 10 states (3.14)`.
fn cut(profile: Profile, bounds: &str) -> String {
    match bounds {
        "" => format!("a run that the model gives up ({profile})"),
        _ => format!("{bounds} ({profile})"),
    }
}
