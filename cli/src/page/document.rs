//! The page as a whole.

use super::listing::listing;
use super::markup::{escaped, kind};
use super::runs::{Run, Runs, ranges};
use super::{Page, picture, ring, state, steps, verdicts};
use crate::render::run::cost;
use crate::render::shell;
use tstate::runtime::profile::Profile;
use tstate::sim::verdict::Status;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Nothing is fetched, and nothing can be.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// The page.
#[must_use]
pub fn render(page: &Page<'_>) -> String {
    let runs = Runs::of(page.releases);
    let title = page.program.scenario.as_deref().unwrap_or(&page.file.name);
    let mut text = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"generator\" content=\"tstate {}\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <title>{} – tstate</title>\n<style>\n{STYLE}</style>\n</head>\n",
        env!("CARGO_PKG_VERSION"),
        escaped(title)
    );
    text += &format!(
        "<body data-first=\"run-{}\">\n{}<main>\n",
        runs.first(),
        header(page, title)
    );
    text += &story(page);
    text += "<section id=\"verdicts\" aria-labelledby=\"verdicts-title\">\n<h2 id=\"verdicts-title\">Verdicts</h2>\n<div class=\"scroll\">\n";
    text += &verdicts::table(page, &runs);
    text += "</div>\n</section>\n";
    // Many columns need the width that the scenario would take beside them.
    let broad = if page.program.threads.len() > 3 {
        " broad"
    } else {
        ""
    };
    text += &format!("<div class=\"bench{broad}\">\n");
    text += "<section id=\"source\" aria-labelledby=\"source-title\">\n<h2 id=\"source-title\">Scenario</h2>\n\
             <div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-labelledby=\"source-title\">\n";
    text += &listing(&page.file.source);
    text += "</div>\n</section>\n<div id=\"runs\">\n";
    for run in &runs.all {
        text += &section(page, run);
    }
    text += "</div>\n</div>\n</main>\n";
    text + &format!("<script>\n{SCRIPT}</script>\n</body>\n</html>\n")
}

fn profiles(page: &Page<'_>) -> Vec<Profile> {
    let releases = page.releases.iter();
    releases.map(|release| release.verdict.profile).collect()
}

/// What it is about, and how it came out.
fn header(page: &Page<'_>, title: &str) -> String {
    let all = profiles(page);
    let with = |status: Status| {
        let mut some = page
            .releases
            .iter()
            .filter(|release| release.verdict.status() == status);
        let some: Vec<Profile> = some
            .by_ref()
            .map(|release| release.verdict.profile)
            .collect();
        ranges(&some, &all)
    };
    let mut parts = Vec::new();
    for (status, class, word) in [
        (Status::Failed, "bad", "A claim fails under"),
        (Status::Inconclusive, "odd", "A bound cut the search under"),
        (Status::Met, "good", "Every claim holds under"),
    ] {
        let some = with(status);
        if !some.is_empty() {
            parts.push(format!(
                "<span class=\"{class}\">{word} {}.</span>",
                escaped(&some)
            ));
        }
    }
    format!(
        "<header>\n<p class=\"file\">{}</p>\n<h1>{}</h1>\n<p class=\"gist\">{}</p>\n</header>\n",
        escaped(&page.file.path),
        escaped(title),
        parts.join(" ")
    )
}

/// The scenario's documentation, a paragraph each.
fn story(page: &Page<'_>) -> String {
    let documentation = page.program.documentation.trim();
    if documentation.is_empty() {
        return String::new();
    }
    let paragraphs = documentation.split("\n\n").map(|paragraph| {
        let mut text = String::new();
        for line in paragraph.lines().map(str::trim) {
            if !text.is_empty() {
                text += if is_labelled(line) { "<br>\n" } else { "\n" };
            }
            text += &code(line);
        }
        format!("<p>{text}</p>\n")
    });
    let paragraphs: String = paragraphs.collect();
    format!("<section id=\"story\" aria-label=\"Story\">\n{paragraphs}</section>\n")
}

/// Whether a line begins with a label, such as `Sources:`.
fn is_labelled(line: &str) -> bool {
    let label = line.split_once(": ").map_or("", |(label, _)| label);
    let mut letters = label.chars();
    letters.next().is_some_and(char::is_uppercase) && letters.all(char::is_lowercase)
}

/// A line in which what stands between backticks is code.
fn code(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('`') {
        let Some((code, after)) = after.split_once('`') else {
            break;
        };
        text += &format!("{}<code>{}</code>", escaped(before), escaped(code));
        rest = after;
    }
    text + &escaped(rest)
}

/// A sentence in which lines of the scenario are links to them.
fn with_links(sentence: &str) -> String {
    let mut parts = sentence.split(" line ");
    let mut text = escaped(parts.next().unwrap_or_default());
    for part in parts {
        let end = part.find(|letter: char| !letter.is_ascii_digit());
        let (line, rest) = part.split_at(end.unwrap_or(part.len()));
        text += &match line {
            "" => format!(" line {}", escaped(rest)),
            line => format!(" <a href=\"#L{line}\">line {line}</a>{}", escaped(rest)),
        };
    }
    text
}

/// A run.
fn section(page: &Page<'_>, run: &Run<'_>) -> String {
    let id = format!("run-{}", run.number);
    let trace = &run.shown.account.trace;
    let so_far = if run.cut { " found" } else { "" };
    let outcome = escaped(&run.found.text);
    let mut text = format!(
        "<section class=\"run\" id=\"{id}\" aria-labelledby=\"{id}-title\">\n\
         <h2 id=\"{id}-title\"><span class=\"outcome {}\">{outcome}</span></h2>\n\
         <p class=\"cost\">under {}; the shortest run{so_far}: {}</p>\n",
        kind(&run.found.text),
        escaped(&ranges(&run.profiles, &profiles(page))),
        cost(run.found)
    );
    let sentences = trace.explanation.iter().chain(&trace.standing);
    let sentences: String = sentences
        .map(|sentence| format!("<p>{}</p>\n", with_links(sentence)))
        .collect();
    if !sentences.is_empty() {
        let kind = kind(&run.found.text);
        text += &format!("<div class=\"why {kind}\">\n{sentences}</div>\n");
    }
    text += &ring::waits(run.number, trace);
    text += &ring::round(run.number, run.shown);
    text += &format!(
        "<div class=\"stepper\" role=\"toolbar\" aria-label=\"Step through the run\" aria-controls=\"{id}-steps\" hidden>\
         <button type=\"button\" data-go=\"first\" aria-label=\"first step\">⇤</button>\
         <button type=\"button\" data-go=\"back\" aria-label=\"step back\">←</button>\
         <button type=\"button\" data-go=\"on\" aria-label=\"step on\">→</button>\
         <button type=\"button\" data-go=\"last\" aria-label=\"last step\">⇥</button>\
         <output aria-live=\"polite\"></output><span class=\"keys\"><kbd>j</kbd> <kbd>k</kbd>; in the table also \
         <kbd>↓</kbd> <kbd>↑</kbd> <kbd>Home</kbd> <kbd>End</kbd></span></div>\n"
    );
    text += &format!(
        "<div class=\"pair\">\n<div class=\"scroll trace\" id=\"{id}-steps\">\n{}</div>\n\
         <aside class=\"state\" aria-labelledby=\"{id}-state\">\n<h3 id=\"{id}-state\">State at the end</h3>\n\
         <div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-labelledby=\"{id}-state\">\n{}</div>\n</aside>\n</div>\n",
        steps::table(run),
        state::table(&run.shown.account.states)
    );
    text += &picture::figure(run);
    let command = format!(
        "tstate replay {} {}",
        shell::quote(&page.file.path),
        shell::quote(&run.found.schedule.to_string())
    );
    text + &format!(
        "<p class=\"replay\">Replay: <code>{}</code></p>\n</section>\n",
        escaped(&command)
    )
}
