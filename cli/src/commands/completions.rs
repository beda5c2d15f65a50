//! `tstate completions`: what a shell sources to complete command lines.

use crate::arguments::{Arguments, Completions};
use crate::exit::Exit;
use crate::output::Output;
use crate::problem::Stop;
use clap::CommandFactory;

/// Runs the command.
pub(super) fn run(arguments: &Completions) -> Result<Exit, Stop> {
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut Arguments::command(),
        "tstate",
        &mut script,
    );
    let mut output = Output::open(None)?;
    output.write(&String::from_utf8_lossy(&script))?;
    output.finish()?;
    Ok(Exit::Met)
}
