//! Finds scenario files and reads them.

use crate::problem::Problem;
use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use tstate::sim::diagnostic::LineIndex;
use tstate::sim::scenario::names;

/// The extension of scenario files.
const EXTENSION: &str = "capi";

/// How many bytes a file may have to be read at all; the parser refuses far smaller ones with a diagnostic.
const BYTES_MAX: u64 = 64 << 20;

/// A scenario file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioFile {
    /// How it is reached from the working folder, as the user wrote it.
    pub path: String,
    /// What reports call it: the path inside the folder that was asked for, without extension.
    pub name: String,
    /// Its text.
    pub source: String,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The files: in the order of the arguments, within a folder by name.
    pub files: Vec<ScenarioFile>,
    /// What could not be found or read.
    pub problems: Vec<Problem>,
}

/// A path, and the folder argument that it was found in.
struct Candidate {
    path: PathBuf,
    root: Option<PathBuf>,
}

/// Finds and reads every scenario file that `paths` name. A folder stands for the files in it, at any depth.
#[must_use]
pub fn find(paths: &[PathBuf]) -> Found {
    let mut found = Found::default();
    let mut candidates = Vec::new();
    for path in paths {
        if let Err(problem) = collect(path, &mut candidates, &mut found.problems) {
            found.problems.push(problem);
        }
    }
    let mut known = BTreeSet::new();
    candidates.retain(|candidate| known.insert(identity(&candidate.path)));
    let names = names(&candidates);
    for (candidate, name) in candidates.iter().zip(names) {
        match read(&candidate.path) {
            Ok(source) => found.files.push(ScenarioFile {
                path: shown(&candidate.path),
                name,
                source,
            }),
            Err(problem) => found.problems.push(problem),
        }
    }
    found
}

/// Reads a text file.
///
/// # Errors
///
/// It does not exist, cannot be read or is no UTF-8.
pub fn read(path: &Path) -> Result<String, Problem> {
    let cannot = || Problem::new(format!("cannot read `{}`", shown(path)));
    let metadata = fs::metadata(path).map_err(|error| missing(path, &error))?;
    if metadata.is_dir() {
        return Err(cannot().because("it is a folder").help("name a file in it"));
    }
    if metadata.len() > BYTES_MAX {
        return Err(cannot().because(format!("it has {} bytes", metadata.len())));
    }
    let bytes = fs::read(path).map_err(|error| cannot().io(&error))?;
    String::from_utf8(bytes).map_err(|error| {
        let good = String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()])
            .into_owned();
        let offset = u32::try_from(good.len()).unwrap_or(u32::MAX);
        let (line, column) = LineIndex::new(&good).line_column(&good, offset);
        Problem::new("this file is no UTF-8 text")
            .at(format!("{}:{line}:{column}", shown(path)))
            .because(format!(
                "the byte 0x{:02x} begins no letter",
                error.as_bytes()[good.len()]
            ))
            .help("save the file as UTF-8")
    })
}

/// The path as reports show it: as written, without a leading `./`.
#[must_use]
pub fn shown(path: &Path) -> String {
    let text = path.to_string_lossy().replace('\\', "/");
    let mut short = text.as_str();
    while let Some(rest) = short.strip_prefix("./") {
        short = rest.trim_start_matches('/');
    }
    if short.is_empty() {
        ".".to_owned()
    } else {
        short.to_owned()
    }
}

fn collect(
    path: &Path,
    candidates: &mut Vec<Candidate>,
    problems: &mut Vec<Problem>,
) -> Result<(), Problem> {
    let metadata = fs::metadata(path).map_err(|error| missing(path, &error))?;
    if !metadata.is_dir() {
        candidates.push(Candidate {
            path: path.to_path_buf(),
            root: None,
        });
        return Ok(());
    }
    let (before, problems_before) = (candidates.len(), problems.len());
    let mut files = Vec::new();
    let mut folders = vec![path.to_path_buf()];
    while let Some(folder) = folders.pop() {
        if let Err(problem) = entries(&folder, &mut files, &mut folders) {
            problems.push(problem);
        }
    }
    files.sort();
    candidates.extend(files.into_iter().map(|file| Candidate {
        path: file,
        root: Some(path.to_path_buf()),
    }));
    if candidates.len() == before && problems.len() == problems_before {
        let message = format!("no scenario files in `{}`", shown(path));
        return Err(Problem::new(message)
            .because(format!(
                "neither it nor a folder in it has a file that ends in `.{EXTENSION}`"
            ))
            .help("name a folder with scenario files, or a scenario file"));
    }
    Ok(())
}

/// Adds the scenario files of one folder, and the folders in it. Hidden ones are left out, links to folders are not
/// followed: they may lead in a circle.
fn entries(
    folder: &Path,
    files: &mut Vec<PathBuf>,
    folders: &mut Vec<PathBuf>,
) -> Result<(), Problem> {
    let cannot =
        |error| Problem::new(format!("cannot read the folder `{}`", shown(folder))).io(&error);
    for entry in fs::read_dir(folder).map_err(cannot)? {
        let entry = entry.map_err(cannot)?;
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let path = entry.path();
        if entry.file_type().map_err(cannot)?.is_dir() {
            folders.push(path);
        } else if path
            .extension()
            .is_some_and(|extension| extension == EXTENSION)
            && !path.is_dir()
        {
            files.push(path);
        }
    }
    Ok(())
}

/// Two paths to one file have one identity.
fn identity(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf())
}

/// Short names where they tell the files apart, else whole paths.
fn names(candidates: &[Candidate]) -> Vec<String> {
    let whole = |candidate: &Candidate| shown(&candidate.path.with_extension(""));
    let short = |candidate: &Candidate| {
        let inside = candidate
            .root
            .as_ref()
            .and_then(|root| candidate.path.strip_prefix(root).ok());
        inside.map_or_else(
            || whole(candidate),
            |inside| shown(&inside.with_extension("")),
        )
    };
    let names: Vec<String> = candidates.iter().map(short).collect();
    if names.iter().collect::<BTreeSet<_>>().len() == names.len() {
        return names;
    }
    candidates
        .iter()
        .map(|candidate| shown(&candidate.path))
        .collect()
}

fn missing(path: &Path, error: &std::io::Error) -> Problem {
    let problem = Problem::new(format!("cannot read `{}`", shown(path)));
    if error.kind() != ErrorKind::NotFound {
        return problem.io(error);
    }
    let problem = problem.because("there is no such file or folder");
    match neighbour(path) {
        Some(name) => problem.help(format!(
            "did you mean `{}`?",
            shown(&path.with_file_name(name))
        )),
        None => problem,
    }
}

/// The file or folder beside `path` whose name is most like it.
fn neighbour(path: &Path) -> Option<String> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let mut beside: Vec<String> = fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    beside.sort();
    names::similar(
        path.file_name()?.to_str()?,
        beside.iter().map(String::as_str),
    )
    .map(str::to_owned)
}
