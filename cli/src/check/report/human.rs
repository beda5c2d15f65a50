//! The report for people: a line for each verdict, then what is wrong, then the sum.

use super::{Event, Reporter, summary_line};
use crate::check::plan::{Plan, Scenario, Task};
use crate::check::verdict::{self, Checked, Counterexample, Walked, so_far};
use crate::record::Summary;
use crate::render::paint::{Paint, counted, escape, grouped, pad, width};
use crate::render::run::{self, cost};
use crate::render::trace::Style;
use crate::render::{findings, shell};
use tstate::sim::scenario::program::Program;
use tstate::sim::verdict::{Status, Verdict};

/// Columns of a number of states or runs.
const SIZE_COLUMNS: usize = 10;

/// How many outcomes the line of a verdict names.
const OUTCOMES_MAX: usize = 3;

/// The report for people.
#[derive(Debug)]
pub struct Human {
    style: Style,
    verbose: bool,
    quiet: bool,
    name_columns: usize,
    profile_columns: usize,
    /// What is wrong, to be said after all lines.
    details: String,
}

impl Human {
    /// A report in this style, with all outcomes if `verbose`, without what is good if `quiet`.
    #[must_use]
    pub fn new(style: Style, verbose: bool, quiet: bool) -> Self {
        Self {
            style,
            verbose,
            quiet,
            name_columns: 0,
            profile_columns: 0,
            details: String::new(),
        }
    }

    fn line(&self, word: (&str, Paint), scenario: &Scenario, profile: &str, rest: &str) -> String {
        let (word, paint) = word;
        let word = paint.on(&format!("{word:<4}"));
        let name = pad(&escape(&scenario.file.name), self.name_columns);
        let profile = pad(profile, self.profile_columns);
        format!("  {word}  {name}  {profile}  {rest}")
            .trim_end()
            .to_owned()
            + "\n"
    }

    fn findings(&mut self, scenario: &Scenario) -> String {
        if self.quiet && !scenario.is_broken() {
            return String::new();
        }
        self.details += &findings::render(
            &scenario.file.path,
            &scenario.file.source,
            &scenario.findings,
        );
        let word = if scenario.is_broken() {
            ("bad", Paint::Bad)
        } else {
            ("odd", Paint::Odd)
        };
        self.line(word, scenario, "", &findings::tally(&scenario.findings))
    }

    fn verdict(&mut self, scenario: &Scenario, checked: &Checked) -> String {
        let verdict = &checked.verdict;
        let status = verdict.status();
        if let Some(program) = scenario
            .program
            .as_ref()
            .filter(|_| !verdict.failures.is_empty())
        {
            self.failures(scenario, program, checked);
        }
        let is_good =
            status == Status::Met || (checked.walked.is_some() && status != Status::Failed);
        if self.quiet && is_good {
            return String::new();
        }
        let word = match (status, &checked.walked) {
            (Status::Met, _) => ("ok", Paint::Good),
            (Status::Inconclusive, None) => ("cut", Paint::Odd),
            (Status::Inconclusive, Some(_)) => ("walk", Paint::Odd),
            (Status::Failed, _) => ("FAIL", Paint::Bad),
        };
        let rest = match &checked.walked {
            None => format!("{}  {}", size(verdict.states, "state"), remark(verdict)),
            Some(walked) => format!("{}  {}", size(walked.runs, "run"), met(verdict, walked)),
        };
        let mut text = self.line(word, scenario, &verdict.profile.to_string(), &rest);
        if self.verbose {
            text += &outcomes(scenario, checked);
        }
        text
    }

    fn failures(&mut self, scenario: &Scenario, program: &Program, checked: &Checked) {
        let mut shown = Vec::new();
        for failure in &checked.verdict.failures {
            let finding = verdict::finding(program, &checked.verdict, failure);
            self.details +=
                &findings::render(&scenario.file.path, &scenario.file.source, &[finding]);
            let counterexample = checked
                .counterexamples
                .iter()
                .find(|known| Some(known.found) == failure.found);
            if let Some(counterexample) =
                counterexample.filter(|known| !shown.contains(&known.found))
            {
                shown.push(counterexample.found);
                self.details += &self.counterexample(scenario, &checked.verdict, counterexample);
            }
        }
    }

    fn counterexample(
        &self,
        scenario: &Scenario,
        verdict: &Verdict,
        counterexample: &Counterexample,
    ) -> String {
        let Some(found) = verdict.outcomes.get(counterexample.found) else {
            return String::new();
        };
        run::render(
            &run::Told {
                file: &scenario.file,
                found,
                trace: &counterexample.trace,
                saved: counterexample.saved.as_deref(),
                so_far: so_far(verdict),
            },
            self.style,
        )
    }
}

impl Reporter for Human {
    fn begin(&mut self, plan: &Plan) -> String {
        let names = plan
            .scenarios
            .iter()
            .map(|scenario| width(&escape(&scenario.file.name)));
        self.name_columns = names.max().unwrap_or(0);
        let profiles = plan.tasks.iter().map(|task| match task {
            Task::Check(_, profile) => profile.to_string().len(),
            Task::Tell(_) | Task::Skip(_) => 0,
        });
        self.profile_columns = profiles.max().unwrap_or(0);
        String::new()
    }

    fn event(&mut self, event: &Event<'_>) -> String {
        match event {
            Event::Findings(scenario) => self.findings(scenario),
            Event::Skipped(_) if self.quiet => String::new(),
            Event::Skipped(scenario) => self.line(
                ("skip", Paint::Faint),
                scenario,
                "",
                "not about this version",
            ),
            Event::Verdict(scenario, checked) => self.verdict(scenario, checked),
        }
    }

    fn end(&mut self, summary: &Summary) -> String {
        let details = std::mem::take(&mut self.details);
        let gap = if self.quiet && details.is_empty() {
            ""
        } else {
            "\n"
        };
        let paint = match (summary.broken + summary.failed, summary.inconclusive) {
            (0, 0) => Paint::Good,
            (0, _) => Paint::Odd,
            _ => Paint::Bad,
        };
        let line = paint.on(&summary_line(summary));
        let details = if details.is_empty() {
            String::new()
        } else {
            format!("\n{}\n", details.trim_end())
        };
        let limit = match summary.runs {
            Some(_) => {
                "What a walk does not meet may still be there: it never says that all is well.\n"
            }
            None => "",
        };
        format!("{details}{gap}{line}\n{limit}")
    }
}

/// How much there was to see, in a column: `       41 states`.
fn size(number: u64, noun: &str) -> String {
    let end = if number == 1 { " " } else { "s" };
    format!("{:>SIZE_COLUMNS$} {noun}{end}", grouped(number))
}

/// What the line of a walk ends with: what is refused of what it met, or else all of that.
fn met(verdict: &Verdict, walked: &Walked) -> String {
    let mut text = shown(verdict);
    if text.is_empty() {
        let outcomes = verdict.outcomes.iter().map(|found| found.text.as_str());
        text = format!("met {}", listed(outcomes.collect()));
    }
    if verdict.outcomes.is_empty() {
        text = "met no end".to_owned();
    }
    if walked.given_up > 0 {
        text += &format!("; {} given up", counted(walked.given_up, "run"));
    }
    text
}

/// What the line of a verdict ends with.
fn remark(verdict: &Verdict) -> String {
    let mut text = shown(verdict);
    let bounds = verdict::bounds(verdict);
    if !text.is_empty() && !bounds.is_empty() {
        text += "; ";
    }
    text += &bounds;
    if text.is_empty() {
        "complete".to_owned()
    } else {
        text
    }
}

/// What is wrong, in few words.
fn shown(verdict: &Verdict) -> String {
    let mut parts = Vec::new();
    for failure in verdict.failures.iter().filter(|failure| !failure.undecided) {
        let part = verdict::shown_by(verdict, failure)
            .map_or("a claim that nothing fulfils", |found| &found.text);
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    listed(parts)
}

/// The first of them, and how many more there are.
fn listed(mut parts: Vec<&str>) -> String {
    let more = parts.len().saturating_sub(OUTCOMES_MAX);
    parts.truncate(OUTCOMES_MAX);
    let mut text = escape(&parts.join(", "));
    if more > 0 {
        text += &format!(" and {more} more");
    }
    text
}

/// All outcomes, with a way to replay each.
fn outcomes(scenario: &Scenario, checked: &Checked) -> String {
    let verdict = &checked.verdict;
    let (size, ends) = match &checked.walked {
        None => (counted(verdict.transitions, "transition"), "end state"),
        Some(_) => (counted(verdict.steps, "step"), "run"),
    };
    let mut text = format!("        {size}\n");
    let columns = verdict
        .outcomes
        .iter()
        .map(|found| width(&found.text))
        .max()
        .unwrap_or(0);
    let file = shell::quote(&scenario.file.path);
    for found in &verdict.outcomes {
        let name = pad(&escape(&found.text), columns);
        text += &format!(
            "        {name}  {}, shortest {}\n",
            counted(found.ends, ends),
            cost(found)
        );
        text += &format!(
            "            tstate replay {file} {}\n",
            shell::quote(&found.schedule.to_string())
        );
    }
    text
}
