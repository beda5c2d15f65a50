//! `tstate lint`: everything that is wrong with the text of scenario files.

use super::paths;
use crate::arguments::{Global, Lint, LintFormat};
use crate::engine;
use crate::exit::Exit;
use crate::files::ScenarioFile;
use crate::output::Output;
use crate::problem::Stop;
use crate::record::{self, Record};
use crate::render::paint::counted;
use crate::render::{findings, github};
use crate::settings::Settings;
use tstate::sim::diagnostic::Diagnostic;

/// Runs the command.
pub(super) fn run(arguments: &Lint, global: &Global, settings: &Settings) -> Result<Exit, Stop> {
    let chosen = paths::choose(&arguments.paths, settings)?;
    let mut output = Output::open(None)?;
    let mut all = Vec::new();
    for file in &chosen.files {
        let found = engine::load(&file.source)
            .map_or_else(|errors| errors, |program| program.warnings.clone());
        output.write(&report(arguments.format, file, &found))?;
        all.extend(found);
    }
    if arguments.format == LintFormat::Human && !global.quiet && !chosen.files.is_empty() {
        let files = counted(chosen.files.len() as u64, "file");
        output.write(&format!("{files}: {}\n", findings::tally(&all)))?;
    }
    output.finish()?;
    let bad = chosen.incomplete || findings::are_errors(&all);
    Ok(if bad { Exit::Bad } else { Exit::Met })
}

fn report(format: LintFormat, file: &ScenarioFile, found: &[Diagnostic]) -> String {
    let each = found
        .iter()
        .map(|diagnostic| record::finding(&file.path, &file.source, diagnostic));
    match format {
        LintFormat::Human => findings::render(&file.path, &file.source, found),
        LintFormat::Json => each
            .map(|finding| record::line(Record::Diagnostic(finding)))
            .collect(),
        LintFormat::Github => each.map(|finding| github::finding(&finding)).collect(),
    }
}
