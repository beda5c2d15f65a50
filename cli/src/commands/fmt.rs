//! `tstate fmt`: scenario files in the one form they have.

use super::paths;
use crate::arguments::{Fmt, Global};
use crate::engine;
use crate::exit::Exit;
use crate::output::{self, Output, Replacement};
use crate::problem::Stop;
use crate::render::findings;
use crate::render::paint::{counted, escape};
use crate::settings::Settings;
use std::path::Path;

/// Runs the command.
pub(super) fn run(arguments: &Fmt, global: &Global, settings: &Settings) -> Result<Exit, Stop> {
    let chosen = paths::choose(&arguments.paths, settings)?;
    let mut output = Output::open(None)?;
    let mut exit = if chosen.incomplete {
        Exit::Bad
    } else {
        Exit::Met
    };
    let mut changed = 0;
    for file in &chosen.files {
        let formatted = match engine::format(&file.source) {
            Ok(formatted) => formatted,
            Err(errors) => {
                output::remark(&findings::render(&file.path, &file.source, &errors));
                exit = Exit::Bad;
                continue;
            }
        };
        if formatted == file.source {
            continue;
        }
        changed += 1;
        if arguments.check {
            exit = exit.max(Exit::Failed);
            output.write(&format!("{}\n", escape(&file.path)))?;
        } else {
            Replacement::begin(Path::new(&file.path))?.commit(formatted.as_bytes())?;
        }
    }
    if !arguments.check && !global.quiet && !chosen.files.is_empty() {
        let files = counted(chosen.files.len() as u64, "file");
        output.write(&format!(
            "{files}: {changed} formatted, the others were already\n"
        ))?;
    }
    output.finish()?;
    Ok(exit)
}
