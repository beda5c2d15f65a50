//! Looks for libpythons where they usually are.
//!
//! Every place is looked at in the same order, and what is found is sorted, so that the same machine gives the same list.

use super::place::{Found, Libpython, Origin, below, folders_in, is_library_name, libraries_in};
use crate::child;
use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// How long a program that tells of libraries may take.
const LIMIT: Duration = Duration::from_secs(10);

/// What is looked at: the parts of the environment, and where the file system begins.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The root of the file system.
    pub root: PathBuf,
    /// The folders of programs.
    pub programs: Vec<PathBuf>,
    /// The folder that holds pyenv's versions.
    pub pyenv: Option<PathBuf>,
    /// The folder that holds uv's versions.
    pub uv: Option<PathBuf>,
    /// The folder that holds sysroots.
    pub sysroots: PathBuf,
}

impl Surroundings {
    /// Those of this process.
    #[must_use]
    pub fn here() -> Self {
        let folder = |name: &str| {
            let value = env::var_os(name).filter(|value| !value.is_empty());
            value.map(PathBuf::from)
        };
        let below = |folder: Option<PathBuf>, rest: &str| folder.map(|folder| folder.join(rest));
        let pyenv = folder("PYENV_ROOT").or_else(|| below(folder("HOME"), ".pyenv"));
        let data = folder("XDG_DATA_HOME").or_else(|| below(folder("HOME"), ".local/share"));
        let root = PathBuf::from("/");
        let mut programs: Vec<PathBuf> =
            env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect();
        // Where the linker's tool is, often only on the path of the superuser.
        programs.extend([root.join("sbin"), root.join("usr/sbin")]);
        Self {
            root,
            programs,
            pyenv: below(pyenv, "versions"),
            uv: folder("UV_PYTHON_INSTALL_DIR").or_else(|| below(data, "uv/python")),
            sysroots: PathBuf::from("target/libpython"),
        }
    }

    fn program(&self, name: &str) -> Option<PathBuf> {
        let programs = self.programs.iter().map(|folder| folder.join(name));
        programs.into_iter().find(|path| path.is_file())
    }

    /// What a program on the path prints; nothing if it is not there or fails.
    fn ask(&self, name: &str, arguments: &[&str]) -> String {
        let Some(program) = self.program(name) else {
            return String::new();
        };
        match child::run(Command::new(program).args(arguments), LIMIT) {
            Ok(printed) if printed.status.success() => printed.output,
            _ => String::new(),
        }
    }
}

/// All libpythons that are found, one entry for each file.
#[must_use]
pub fn discover(surroundings: &Surroundings) -> Found {
    let mut found = Found::default();
    for folder in folders_in(&surroundings.sysroots) {
        add(&mut found, below(&folder, Origin::Sysroot));
    }
    for library in system(&surroundings.root) {
        add_library(&mut found, &library, Origin::System);
    }
    for library in cached(&surroundings.ask("ldconfig", &["-p"])) {
        add_library(&mut found, &library, Origin::Cache);
    }
    for folder in configured(surroundings) {
        for library in libraries_in(&folder) {
            add_library(&mut found, &library, Origin::Config);
        }
    }
    for (folder, origin) in [
        (&surroundings.pyenv, Origin::Pyenv),
        (&surroundings.uv, Origin::Uv),
    ] {
        for version in folder.iter().flat_map(|folder| folders_in(folder)) {
            // Names that only point to a version would show it twice.
            if !version.is_symlink() {
                add(&mut found, below(&version, origin));
            }
        }
    }
    found
}

fn add(found: &mut Found, more: Found) {
    for libpython in more.libpythons {
        let is_known = |known: &Libpython| known.library == libpython.library;
        if !found.libpythons.iter().any(is_known) {
            found.libpythons.push(libpython);
        }
    }
    found.without.extend(more.without);
}

fn add_library(found: &mut Found, library: &Path, origin: Origin) {
    let libpythons = vec![Libpython::new(library, origin)];
    let more = Found {
        libpythons,
        ..Found::default()
    };
    add(found, more);
}

/// The libraries of the system's packages.
fn system(root: &Path) -> Vec<PathBuf> {
    let mut libraries = Vec::new();
    for folder in ["usr/lib", "usr/lib64", "usr/local/lib"] {
        let folder = root.join(folder);
        libraries.extend(libraries_in(&folder));
        if folder.ends_with("usr/lib") {
            let inner = folders_in(&folder);
            libraries.extend(inner.iter().flat_map(|folder| libraries_in(folder)));
        }
    }
    libraries
}

/// The libraries that `ldconfig -p` prints, each on a line `libpython3.11.so.1.0 (libc6,x86-64) => PATH`.
fn cached(printed: &str) -> Vec<PathBuf> {
    let lines = printed.lines().filter_map(|line| {
        let (name, path) = line.trim().split_once(" => ")?;
        let name = name.split_whitespace().next()?;
        is_library_name(name).then(|| PathBuf::from(path.trim()))
    });
    lines.filter(|path| path.is_file()).collect()
}

/// The folders that `python3-config` names.
fn configured(surroundings: &Surroundings) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    let prefix = surroundings.ask("python3-config", &["--prefix"]);
    if !prefix.trim().is_empty() {
        folders.push(Path::new(prefix.trim()).join("lib"));
    }
    let flags = surroundings.ask("python3-config", &["--ldflags"]);
    let named = flags
        .split_whitespace()
        .filter_map(|flag| flag.strip_prefix("-L"));
    folders.extend(named.map(|folder| PathBuf::from(OsStr::new(folder))));
    folders.dedup();
    folders
}
