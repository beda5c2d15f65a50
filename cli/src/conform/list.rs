//! `tstate conform --list`: the libpythons at hand.

use super::record::{self, Record};
use crate::libpython::{Known, Survey, Without};
use crate::render::cells::Cell;
use crate::render::paint::{Paint, counted, escape};
use crate::render::table;

/// The list for people.
#[must_use]
pub fn human(survey: &Survey, columns: usize) -> String {
    let headings = ["release", "build", "found by", "library", "driven"].map(str::to_owned);
    let mut rows: Vec<Vec<Cell>> = survey.known.iter().map(known_row).collect();
    rows.extend(survey.without.iter().map(without_row));
    let driven = survey.driven().count();
    let all = survey.known.len() + survey.without.len();
    let sum = match all {
        0 => "no libpython was found".to_owned(),
        _ => format!(
            "{}, {driven} can be driven",
            counted(all as u64, "libpython")
        ),
    };
    let paint = if driven == 0 { Paint::Odd } else { Paint::Good };
    let table = if rows.is_empty() {
        String::new()
    } else {
        table::forced(&headings, &rows, columns) + "\n"
    };
    format!("{table}{}\n", paint.on(&sum))
}

/// The list for machines: one object a line.
#[must_use]
pub fn json(survey: &Survey) -> String {
    let known = survey.known.iter().map(libpython);
    let without = survey.without.iter().map(|without| record::Libpython {
        name: None,
        release: None,
        build: None,
        version: None,
        library: None,
        home: Some(without.prefix.display().to_string()),
        loader: None,
        origin: without.origin.to_string(),
        driven: false,
        reason: Some(STATIC.to_owned()),
        missing: Vec::new(),
    });
    known
        .chain(without)
        .map(|entry| record::line(Record::Libpython(entry)))
        .collect()
}

/// One libpython for machines.
pub(super) fn libpython(known: &Known) -> record::Libpython {
    let identity = known.identity.as_ref();
    let sysroot = known.libpython.sysroot.as_ref();
    let shown = |path: &std::path::PathBuf| path.display().to_string();
    record::Libpython {
        name: Some(known.name()),
        release: identity.map(crate::libpython::Identity::release),
        build: identity.map(|identity| identity.build.to_string()),
        version: identity.map(|identity| identity.version.clone()),
        library: Some(shown(&known.libpython.library)),
        home: known.libpython.home.as_ref().map(shown),
        loader: sysroot.and_then(|sysroot| sysroot.loader.as_ref().map(shown)),
        origin: known.libpython.origin.to_string(),
        driven: known.refusal.is_none(),
        reason: known.refusal.as_ref().map(ToString::to_string),
        missing: identity.map_or_else(Vec::new, |identity| identity.missing.clone()),
    }
}

/// What an installation without a library is.
const STATIC: &str = "no: built without a shared library";

fn known_row(known: &Known) -> Vec<Cell> {
    let identity = known.identity.as_ref();
    let release = identity.map_or_else(|| "?".to_owned(), crate::libpython::Identity::release);
    let build = identity.map_or_else(|| "?".to_owned(), |identity| identity.build.to_string());
    let driven = match &known.refusal {
        None => Cell {
            paint: Some(Paint::Good),
            ..Cell::plain("yes")
        },
        Some(refusal) => no(&refusal.to_string()),
    };
    vec![
        Cell::plain(escape(&release)),
        Cell::plain(build),
        Cell::plain(known.libpython.origin.to_string()),
        Cell::plain(escape(&known.libpython.library.display().to_string())),
        driven,
    ]
}

fn without_row(without: &Without) -> Vec<Cell> {
    vec![
        Cell::plain("?"),
        Cell::plain("static"),
        Cell::plain(without.origin.to_string()),
        Cell::plain(escape(&without.prefix.display().to_string())),
        Cell {
            paint: Some(Paint::Faint),
            ..Cell::plain(STATIC)
        },
    ]
}

fn no(reason: &str) -> Cell {
    Cell {
        paint: Some(Paint::Odd),
        ..Cell::plain(escape(&format!("no: {reason}")))
    }
}
