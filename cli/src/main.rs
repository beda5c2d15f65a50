//! The program `tstate`: checks scenario files over every interleaving.

use clap::Parser;
use clap::error::ErrorKind;
use std::process::ExitCode;
use tstate_cli::arguments::Arguments;
use tstate_cli::commands;
use tstate_cli::exit::Exit;
use tstate_cli::output::{self, Output};
use tstate_cli::problem::Stop;

fn main() -> ExitCode {
    let result = match Arguments::try_parse() {
        Ok(arguments) => {
            output::choose_colour(arguments.global.color.into());
            commands::run(&arguments)
        }
        Err(refusal) => refuse(&refusal),
    };
    ExitCode::from(result.unwrap_or_else(report))
}

/// Prints help and version as results, and what is wrong with the command line as a remark.
fn refuse(refusal: &clap::Error) -> Result<Exit, Stop> {
    let text = refusal.render().ansi().to_string();
    if matches!(
        refusal.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    ) {
        Output::open(None)?.write(&text)?;
        return Ok(Exit::Met);
    }
    output::remark(&text);
    Ok(Exit::Bad)
}

fn report(stop: Stop) -> Exit {
    match stop {
        Stop::Unread => return Exit::Unread,
        Stop::Problem(problem) => output::remark(&problem.render()),
        Stop::Rendered(text) => output::remark(&text),
    }
    Exit::Bad
}
