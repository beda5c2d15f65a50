//! `tstate explain`: what a code or an outcome means, and what to do about it.

use crate::arguments::{Explain, Global};
use crate::exit::Exit;
use crate::output::{self, Output};
use crate::problem::{Problem, Stop};
use crate::render::paint::{Paint, wrap};
use crate::render::trace::COLUMNS;
use tstate::sim::diagnostic::Code;
use tstate::sim::scenario::names;

/// Runs the command.
pub(super) fn run(arguments: &Explain, global: &Global) -> Result<Exit, Stop> {
    let columns = output::columns().unwrap_or(COLUMNS).min(COLUMNS);
    let text = match &arguments.subject {
        None => list(global.quiet),
        Some(subject) => paragraph(find(subject)?, columns),
    };
    let mut output = Output::open(None)?;
    output.write(&text)?;
    output.finish()?;
    Ok(Exit::Met)
}

/// The code that `subject` names: by itself, or by the outcome it is about. `deadlock(main, worker)` is `deadlock`.
fn find(subject: &str) -> Result<Code, Problem> {
    let subject = subject.trim();
    if let Ok(code) = subject.parse() {
        return Ok(code);
    }
    let plain: String = subject.split_whitespace().collect();
    let word = plain.split('(').next().unwrap_or("");
    let known = outcomes()
        .find(|code| code.title() == plain)
        .or_else(|| outcomes().find(|code| code.title() == word));
    known.ok_or_else(|| unknown(subject, word))
}

/// The codes whose titles are outcomes.
fn outcomes() -> impl Iterator<Item = Code> {
    Code::ALL
        .iter()
        .copied()
        .filter(|code| code.name().starts_with("V2"))
}

fn unknown(subject: &str, word: &str) -> Problem {
    let problem = Problem::new(format!("`{subject}` is no code and no outcome"));
    let names = Code::ALL
        .iter()
        .map(|code| code.name())
        .chain(outcomes().map(Code::title));
    match names::similar(word, names) {
        Some(name) => problem.help(format!("did you mean `{name}`?")),
        None => problem.help("`tstate explain` lists all codes and outcomes"),
    }
}

fn paragraph(code: Code, columns: usize) -> String {
    let head = Paint::Strong.on(&format!("{}: {}", code.name(), code.title()));
    let lines = wrap(code.explanation(), columns).join("\n");
    format!("{head}\n\n{lines}\n")
}

fn list(quiet: bool) -> String {
    let mut text = String::new();
    for code in Code::ALL {
        text += &format!("{}  {}\n", Paint::Strong.on(code.name()), code.title());
    }
    if !quiet {
        text += "\n`tstate explain CODE` says more.\n";
    }
    text
}
