//! What there is to check of the files that a command is about, and why it may be nothing.

use crate::check::plan::Plan;
use crate::files::ScenarioFile;
use crate::problem::Problem;
use crate::settings::Settings;
use tstate::runtime::profile::Profile;

/// Plans to check the files under the profiles, all that they name if there are none. Refuses to check nothing.
pub(super) fn make(files: Vec<ScenarioFile>, python: &[Profile]) -> Result<Plan, Problem> {
    let plan = Plan::new(files, python);
    if plan.verdicts() == 0 && plan.scenarios.iter().all(|scenario| !scenario.is_broken()) {
        return Err(nothing(python));
    }
    Ok(plan)
}

/// The profiles that the flags name, or else the settings. Refuses a version that the runtime does not implement: no scenario
/// could be checked under it.
pub(super) fn profiles<'a>(
    asked: &'a [Profile],
    settings: &'a Settings,
) -> Result<&'a [Profile], Problem> {
    let python = if asked.is_empty() {
        &settings.python
    } else {
        asked
    };
    match python.iter().find(|profile| !profile.is_modelled()) {
        Some(profile) => {
            let problem =
                Problem::new(format!("the profile {profile} is not modelled yet")).at("--python");
            Err(problem.help("the default build of every release is modelled"))
        }
        None => Ok(python),
    }
}

fn nothing(python: &[Profile]) -> Problem {
    let asked: Vec<String> = python.iter().map(ToString::to_string).collect();
    Problem::new("nothing was checked")
        .because(format!(
            "no scenario names {} in its `python` line",
            asked.join(" or ")
        ))
        .help("leave `--python` out to check each scenario under every version that it names")
}
