//! From a path that somebody named to the libpythons there: a library, an installation, or a sysroot.
//!
//! A *sysroot* is a folder with the files of another system, its own C library and dynamic loader among them. A library
//! in one is opened by a driver that runs under that loader, as this system's C library may be older.

use crate::files;
use crate::problem::Problem;
use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// A libpython on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Libpython {
    /// The library, by the path of the file itself.
    pub library: PathBuf,
    /// The prefix of the installation that it belongs to; `None` if no standard library was found around it.
    pub home: Option<PathBuf>,
    /// The system that it belongs to, if that is another one.
    pub sysroot: Option<Sysroot>,
    /// How it was found.
    pub origin: Origin,
}

/// What a library of another system is loaded with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sysroot {
    /// That system's dynamic loader; `None` if the folder lacks it.
    pub loader: Option<PathBuf>,
    /// Where that system's libraries are.
    pub library_path: PathBuf,
}

/// How a libpython was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// By `--libpython`.
    Flag,
    /// By the variable `TSTATE_LIBPYTHON`.
    Variable,
    /// By `tstate.toml`.
    Settings,
    /// In a folder below `target/libpython`.
    Sysroot,
    /// In a system's folder of libraries.
    System,
    /// In the dynamic linker's cache.
    Cache,
    /// By `python3-config`.
    Config,
    /// Among pyenv's versions.
    Pyenv,
    /// Among uv's versions.
    Uv,
}

/// An installation that has no libpython to load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Without {
    /// Its prefix.
    pub prefix: PathBuf,
    /// How it was found.
    pub origin: Origin,
}

/// What is at a path.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Libpythons.
    pub libpythons: Vec<Libpython>,
    /// Installations without one.
    pub without: Vec<Without>,
}

impl Origin {
    /// Whether the user named it: then it must be there.
    #[must_use]
    pub fn is_named(self) -> bool {
        match self {
            Self::Flag | Self::Variable | Self::Settings => true,
            Self::Sysroot | Self::System | Self::Cache | Self::Config | Self::Pyenv | Self::Uv => {
                false
            }
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Flag => "--libpython",
            Self::Variable => "TSTATE_LIBPYTHON",
            Self::Settings => "tstate.toml",
            Self::Sysroot => "sysroot",
            Self::System => "system",
            Self::Cache => "linker cache",
            Self::Config => "python3-config",
            Self::Pyenv => "pyenv",
            Self::Uv => "uv",
        })
    }
}

impl Libpython {
    /// The library at `path`.
    #[must_use]
    pub fn new(path: &Path, origin: Origin) -> Self {
        let library = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
        Self {
            home: home(&library),
            sysroot: sysroot(&library),
            library,
            origin,
        }
    }
}

/// The libpythons that a path names.
///
/// # Errors
///
/// There is none.
pub fn at(path: &Path, origin: Origin) -> Result<Found, Problem> {
    let shown = files::shown(path);
    let cannot =
        || Problem::new(format!("there is no libpython at `{shown}`")).at(origin.to_string());
    let metadata = fs::metadata(path).map_err(|error| {
        if error.kind() == ErrorKind::NotFound {
            cannot().because("there is no such file or folder")
        } else {
            cannot().io(&error)
        }
    })?;
    if metadata.is_file() {
        let libpythons = vec![Libpython::new(path, origin)];
        return Ok(Found {
            libpythons,
            ..Found::default()
        });
    }
    let found = below(path, origin);
    if !found.libpythons.is_empty() {
        return Ok(found);
    }
    let what = "name a library, an installation's prefix, or a folder that \
                scripts/libpython-sysroot made";
    Err(if found.without.is_empty() {
        cannot()
            .because("the folder holds neither an installation nor a system with a libpython")
            .help(what)
    } else {
        cannot()
            .because("this installation was built without a shared library")
            .help("build it again with `--enable-shared`")
    })
}

/// The libpythons of the installation or system in a folder.
pub(super) fn below(prefix: &Path, origin: Origin) -> Found {
    let mut libraries = Vec::new();
    for folder in ["lib", "lib64", "usr/lib", "usr/lib64"] {
        let folder = prefix.join(folder);
        libraries.extend(libraries_in(&folder));
        for inner in folders_in(&folder) {
            libraries.extend(libraries_in(&inner));
        }
    }
    let mut found = Found::default();
    for library in libraries {
        let libpython = Libpython::new(&library, origin);
        if !found.libpythons.contains(&libpython) {
            found.libpythons.push(libpython);
        }
    }
    if found.libpythons.is_empty() && has_interpreter(prefix) {
        found.without.push(Without {
            prefix: prefix.to_path_buf(),
            origin,
        });
    }
    found
}

/// The files of a folder that are named like a libpython, by name.
pub(super) fn libraries_in(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = entries(folder)
        .into_iter()
        .filter(|path| path.is_file() && name(path).is_some_and(is_library_name))
        .collect();
    paths.sort();
    paths
}

/// `libpython3.14.so`, `libpython3.13t.so.1.0`; not `libpython3.so`, which only points to one.
pub(super) fn is_library_name(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("libpython3.") else {
        return false;
    };
    let release = rest.split(".so").next().unwrap_or_default();
    let digits = release.trim_end_matches(['t', 'd', 'm', 'u']);
    let end = &rest[release.len()..];
    !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (end == ".so" || end == ".so.1.0")
}

/// The prefix around a library: the nearest folder above it with a standard library of its release.
fn home(library: &Path) -> Option<PathBuf> {
    let release = name(library)?.strip_prefix("libpython3.")?;
    let release: String = release
        .chars()
        .take_while(|letter| *letter == 't' || letter.is_ascii_digit())
        .collect();
    let has_library = |prefix: &Path| {
        ["lib", "lib64"].iter().any(|folder| {
            let standard = prefix.join(folder).join(format!("python3.{release}"));
            standard.join("encodings").is_dir()
        })
    };
    let above = library.ancestors().skip(1);
    above
        .filter(|prefix| has_library(prefix))
        .map(Path::to_path_buf)
        .next()
}

/// The system that a library belongs to, if it is not this one: `ROOT/usr/lib/TRIPLET/libpython…` or `ROOT/usr/lib64/…`
/// with a C library beside it.
fn sysroot(library: &Path) -> Option<Sysroot> {
    let folder = library.parent()?;
    let has_c_library = folder.join("libc.so.6").exists();
    let usr = folder
        .ancestors()
        .skip(1)
        .find(|above| name(above) == Some("usr"))?;
    let root = usr.parent().filter(|root| root.parent().is_some())?;
    has_c_library.then(|| Sysroot {
        loader: loader(root, folder),
        library_path: folder.to_path_buf(),
    })
}

/// The dynamic loader of the system below `root`.
fn loader(root: &Path, libraries: &Path) -> Option<PathBuf> {
    let folders = [
        root.join("usr/lib64"),
        root.join("lib64"),
        root.join("usr/lib"),
        root.join("lib"),
        libraries.to_path_buf(),
    ];
    let loaders = folders.iter().flat_map(|folder| {
        let mut paths = entries(folder);
        paths.retain(|path| {
            path.is_file() && name(path).is_some_and(|name| name.starts_with("ld-linux"))
        });
        paths.sort();
        paths
    });
    loaders
        .map(|path| fs::canonicalize(&path).unwrap_or(path))
        .next()
}

fn has_interpreter(prefix: &Path) -> bool {
    let programs = entries(&prefix.join("bin"));
    programs
        .iter()
        .filter_map(|path| name(path))
        .any(|name| name.starts_with("python3"))
}

pub(super) fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let mut folders = entries(folder);
    folders.retain(|path| path.is_dir());
    folders.sort();
    folders
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        // A folder that is not there, or that nobody may look into, holds nothing.
        return Vec::new();
    };
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect()
}

fn name(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()
}

#[cfg(test)]
mod tests {
    use super::is_library_name;

    #[test]
    fn a_library_has_a_release_in_its_name() {
        for name in [
            "libpython3.14.so",
            "libpython3.8.so.1.0",
            "libpython3.13t.so.1.0",
            "libpython3.15td.so.1.0",
        ] {
            assert!(is_library_name(name), "{name}");
        }
        for name in [
            "libpython3.so",
            "libpython3.14.a",
            "libpython3.14.so.1.0-gdb.py",
            "libpython2.7.so.1.0",
            "libpython3.x.so",
            "libpython3..so",
        ] {
            assert!(!is_library_name(name), "{name}");
        }
    }
}
