//! The verdict of each release, with the outcomes that are reachable and the claims about them.

use super::Page;
use super::listing::line;
use super::markup::{escaped, kind};
use super::runs::{Release, Runs};
use crate::check::verdict::bounds;
use crate::render::paint::{counted, grouped};
use tstate::sim::verdict::{Failure, Status};

/// The table: a row for each release, and in it a link to the run of each outcome.
#[must_use]
pub(super) fn table(page: &Page<'_>, runs: &Runs<'_>) -> String {
    let mut text = String::from(
        "<table class=\"verdicts\">\n<thead><tr><th scope=\"col\">Release</th><th scope=\"col\">Verdict</th>\
         <th scope=\"col\">Outcomes, each with its shortest run</th>\
         <th scope=\"col\" class=\"count\">States</th><th scope=\"col\" class=\"count\">Transitions</th></tr></thead>\n<tbody>\n",
    );
    for (release, numbers) in page.releases.iter().zip(&runs.numbers) {
        let verdict = &release.verdict;
        let (class, word) = match verdict.status() {
            Status::Met => ("good", "ok"),
            Status::Inconclusive => ("odd", "cut"),
            Status::Failed => ("bad", "FAIL"),
        };
        let bounds = match bounds(verdict) {
            bounds if bounds.is_empty() => String::new(),
            bounds => format!("<br><small>{}</small>", escaped(&bounds)),
        };
        let outcomes = outcomes(page, release, numbers);
        text += &format!(
            "<tr><th scope=\"row\">{}</th><td><span class=\"verdict {class}\">{word}</span>{bounds}</td>\
             <td>{outcomes}</td><td class=\"count\">{}</td><td class=\"count\">{}</td></tr>\n",
            escaped(&verdict.profile.to_string()),
            grouped(verdict.states),
            grouped(verdict.transitions)
        );
    }
    text + "</tbody></table>\n"
}

/// The outcomes, best first, and below them what no outcome shows.
fn outcomes(page: &Page<'_>, release: &Release, numbers: &[usize]) -> String {
    let failures = &release.verdict.failures;
    let mut items = Vec::new();
    for (at, (found, number)) in release.verdict.outcomes.iter().zip(numbers).enumerate() {
        let mut refusals = failures.iter().filter(|failure| failure.found == Some(at));
        let claim = match (refusals.next(), release.claims.get(at).copied().flatten()) {
            (Some(failure), _) => refusal(page, failure),
            (None, Some((start, _))) => format!("allowed by {}", place(page, start)),
            (None, None) => "allowed where no claim says otherwise".to_owned(),
        };
        let ends = counted(found.ends, "end");
        items.push(format!(
            "<li><a class=\"outcome {}\" href=\"#run-{number}\">{}</a> <span class=\"claim\">{}, {ends}; {claim}</span></li>",
            kind(&found.text),
            escaped(&found.text),
            counted(found.steps.into(), "step"),
        ));
    }
    for failure in failures.iter().filter(|failure| failure.found.is_none()) {
        let class = if failure.undecided { "odd" } else { "bad" };
        let (message, place) = (escaped(&failure.message), place(page, failure.span.0));
        items.push(format!(
            "<li><span class=\"claim {class}\">{place}: {message}</span></li>"
        ));
    }
    format!("<ul class=\"outcomes\">{}</ul>", items.concat())
}

fn refusal(page: &Page<'_>, failure: &Failure) -> String {
    let class = if failure.undecided { "odd" } else { "bad" };
    // The message repeats the outcome, which stands before it.
    let message = failure.message.split_once(" is reachable");
    let message = message.map_or(failure.message.as_str(), |(_, why)| why);
    let message = message
        .trim_start_matches([',', ':', ' '])
        .trim_start_matches("and ");
    let place = place(page, failure.span.0);
    format!(
        "<strong class=\"{class}\">✗ {}</strong> ({place})",
        escaped(message)
    )
}

/// A link to a line.
fn place(page: &Page<'_>, offset: u32) -> String {
    let line = line(&page.file.source, offset);
    format!("<a href=\"#L{line}\">line {line}</a>")
}
