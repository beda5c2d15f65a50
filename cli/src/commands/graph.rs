//! `tstate graph`: the state graph of a scenario.

use super::replay::load;
use super::search;
use crate::arguments::{Global, Graph, GraphFormat};
use crate::check::verdict::bounded;
use crate::engine::{self, CheckOptions};
use crate::exit::Exit;
use crate::files;
use crate::output::{self, Output};
use crate::problem::{Problem, Stop};
use crate::render::paint::Paint;
use crate::render::{findings, graph};
use crate::settings::Settings;
use tstate::runtime::profile::Profile;
use tstate::sim::scenario::program::Program;

/// Runs the command.
pub(super) fn run(arguments: &Graph, global: &Global, settings: &Settings) -> Result<Exit, Stop> {
    let path = files::shown(&arguments.file);
    let source = files::read(&arguments.file)?;
    let program = load(&path, &source)?;
    let profile = profile(&program, arguments.python)?;
    let refusals = engine::unmodelled(&program, profile);
    if !refusals.is_empty() {
        return Err(Stop::Rendered(findings::render(&path, &source, &refusals)));
    }
    let mut output = Output::open(arguments.output.as_deref())?;
    let options = search::options(&arguments.search, settings);
    let options = CheckOptions {
        limits: bounded(options.limits, &program),
        ..options
    };
    let states = engine::state_graph(&source, &program, profile, &options);
    let title = format!("{path} under {profile}");
    output.write(&match arguments.format {
        GraphFormat::Text => graph::text(&title, &states),
        GraphFormat::Dot => graph::dot(&title, &states),
        GraphFormat::Mermaid => graph::mermaid(&title, &states),
    })?;
    output.finish()?;
    if states.complete {
        return Ok(Exit::Met);
    }
    if !global.quiet {
        output::remark(&format!(
            "{}: {}\n",
            Paint::Odd.on("warning"),
            graph::INCOMPLETE
        ));
    }
    let is_allowed = arguments.allow_incomplete || settings.allow_incomplete;
    Ok(if is_allowed {
        Exit::Met
    } else {
        Exit::Inconclusive
    })
}

/// The profile that was asked for, else the newest modelled one that the scenario names.
fn profile(program: &Program, asked: Option<Profile>) -> Result<Profile, Problem> {
    let names: Vec<String> = program.profiles.iter().map(ToString::to_string).collect();
    let problem = |message: String| {
        Problem::new(message).help(format!("the scenario names {}", names.join(", ")))
    };
    match asked {
        Some(profile) if program.profiles.contains(&profile) => Ok(profile),
        Some(profile) => Err(problem(format!("the scenario is not about {profile}"))),
        None => {
            let modelled = program
                .profiles
                .iter()
                .copied()
                .filter(|profile| profile.is_modelled())
                .max();
            let newest = modelled.or_else(|| program.profiles.iter().copied().max());
            newest.ok_or_else(|| problem("the scenario names no profile".to_owned()))
        }
    }
}
