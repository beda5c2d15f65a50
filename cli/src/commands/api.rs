//! `tstate api`: the calls that scenarios may make, and the releases that have them.

use crate::arguments::{Api, ApiFormat};
use crate::exit::Exit;
use crate::output::{self, Output};
use crate::problem::{Problem, Stop};
use crate::render::api;
use crate::render::trace::COLUMNS;
use tstate::sim::scenario::calls::{self, Kind, Row};
use tstate::sim::scenario::names;

/// Runs the command.
pub(super) fn run(arguments: &Api) -> Result<Exit, Stop> {
    let rows = choose(arguments.name.as_deref())?;
    let text = match arguments.format {
        ApiFormat::Json => rows.iter().map(|row| api::json(row)).collect(),
        ApiFormat::Human if rows.len() == 1 => api::details(rows[0]),
        ApiFormat::Human => api::table(&rows, output::columns().unwrap_or(COLUMNS)),
    };
    let mut output = Output::open(None)?;
    output.write(&text)?;
    output.finish()?;
    Ok(Exit::Met)
}

/// The row with that name; else the rows whose names contain it; all rows if there is no name.
fn choose(name: Option<&str>) -> Result<Vec<&'static Row>, Problem> {
    let rows = || calls::rows().iter().copied().flatten();
    let Some(name) = name else {
        return Ok(rows().collect());
    };
    let plain = name.trim_end_matches("()");
    let exact: Vec<_> = rows()
        .filter(|row| row.names().any(|known| known == plain))
        .collect();
    if !exact.is_empty() {
        return Ok(exact);
    }
    let part = plain.to_ascii_lowercase();
    let like: Vec<_> = rows()
        .filter(|row| {
            row.names()
                .any(|known| known.to_ascii_lowercase().contains(&part))
        })
        .collect();
    if !like.is_empty() {
        return Ok(like);
    }
    let problem = Problem::new(format!("no call, word, type or constant is named `{name}`"));
    let callable = rows()
        .filter(|row| matches!(row.kind, Kind::Function | Kind::Word | Kind::Macro))
        .flat_map(Row::names);
    Err(match names::similar(plain, callable) {
        Some(similar) => problem.help(format!("did you mean `{similar}`?")),
        None => problem.help("`tstate api` lists them all"),
    })
}
