//! The scenario files: `scenarios/<subject>/<name>.capi`.

#![allow(dead_code, reason = "each test uses some of it")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use tstate::runtime::Profile;
use tstate::sim::scenario::{self, program::Program};

/// One file.
#[derive(Clone, Debug)]
pub(crate) struct ScenarioFile {
    /// The folder.
    pub(crate) subject: String,
    /// The file's name without its extension.
    pub(crate) name: String,
    /// Where it is.
    pub(crate) path: PathBuf,
    /// What it says.
    pub(crate) source: String,
}

impl ScenarioFile {
    /// Reads and resolves the file.
    pub(crate) fn program(&self) -> Result<Arc<Program>, String> {
        let file = scenario::parse(&self.source).map_err(|errors| format!("{errors:#?}"))?;
        let program = scenario::check(&file).map_err(|errors| format!("{errors:#?}"))?;
        Ok(Arc::new(program))
    }

    /// `subject/name`.
    pub(crate) fn title(&self) -> String {
        format!("{}/{}", self.subject, self.name)
    }
}

/// The oldest and the newest release of a scenario, for what is alike in those between.
pub(crate) fn ends(program: &Program) -> impl Iterator<Item = Profile> + use<> {
    let newest = program.profiles.iter().skip(1).last();
    let ends = [program.profiles.first(), newest];
    ends.map(|profile| profile.copied()).into_iter().flatten()
}

/// Compares a page of the repository with what it should say, after writing it if `TSTATE_UPDATE=1`; `test` is the test
/// that does.
pub(crate) fn assert_page(path: &str, page: &str, test: &str) {
    let file = root().join(path);
    if std::env::var_os("TSTATE_UPDATE").is_some_and(|value| value == "1") {
        std::fs::write(&file, page).expect("the page can be written");
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        written == page,
        "{path} is out of date: TSTATE_UPDATE=1 cargo test --test {test}"
    );
}

/// The repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `folder` with this extension, in order.
pub(crate) fn files_below(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut entries: Vec<PathBuf> = entries
        .map(|entry| entry.expect("the folder can be read").path())
        .collect();
    entries.sort();
    let mut files = Vec::new();
    for entry in entries {
        if entry.is_dir() {
            files.extend(files_below(&entry, extension));
        } else if entry.extension().is_some_and(|found| found == extension) {
            files.push(entry);
        }
    }
    files
}

/// All scenario files, in order.
pub(crate) fn scenario_files() -> Vec<ScenarioFile> {
    let text = |part: Option<&std::ffi::OsStr>| {
        let part = part.expect("a scenario file lies in the folder of its subject");
        part.to_str().expect("names are UTF-8").to_owned()
    };
    files_below(&root().join("scenarios"), "capi")
        .into_iter()
        .map(|path| ScenarioFile {
            subject: text(path.parent().and_then(Path::file_name)),
            name: text(path.file_stem()),
            source: std::fs::read_to_string(&path).expect("the file can be read"),
            path,
        })
        .collect()
}
