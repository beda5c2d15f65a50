//! Where the driver is: the program `tstate-driver`, which opens one libpython in a process of its own.

use crate::libpython::Libpython;
use crate::problem::Problem;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The program's name.
const NAME: &str = "tstate-driver";

/// The driver's program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Driver {
    /// The file.
    pub path: PathBuf,
}

impl Driver {
    /// The driver that the user names, by the flag or the variable, else the one beside this program.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn find(named: Option<&Path>) -> Result<Self, Problem> {
        let beside = || {
            let here = fs::canonicalize(env::current_exe().ok()?).ok()?;
            Some(here.with_file_name(NAME))
        };
        let path = match named {
            Some(path) => Some(path.to_path_buf()),
            None => beside(),
        };
        match path {
            // The working folder of the driver is not this one's.
            Some(path) if path.is_file() => Ok(Self {
                path: fs::canonicalize(&path).unwrap_or(path),
            }),
            Some(path) => Err(missing(&path, named.is_some())),
            None => Err(missing(Path::new(NAME), false)),
        }
    }

    /// The command that has the driver do `verb` with a libpython. A library of another system is opened under that
    /// system's loader: then the loader is the program that runs, and the driver its argument.
    #[must_use]
    pub fn command(&self, libpython: &Libpython, verb: &str) -> Command {
        let loader = libpython
            .sysroot
            .as_ref()
            .and_then(|sysroot| Some((sysroot.loader.as_ref()?, &sysroot.library_path)));
        let mut command = match loader {
            Some((loader, library_path)) => {
                let mut command = Command::new(loader);
                command.arg("--library-path").arg(library_path);
                command.arg(&self.path);
                command
            }
            None => Command::new(&self.path),
        };
        command.arg(verb).arg("--libpython").arg(&libpython.library);
        command
    }
}

fn missing(path: &Path, is_named: bool) -> Problem {
    let problem = Problem::new("the driver of libpythons was not found").because(format!(
        "there is no program `{}`",
        if is_named {
            path.display().to_string()
        } else {
            format!("{NAME} beside this one")
        }
    ));
    let problem = problem.help("build it with `cargo build --release -p tstate-driver`");
    problem.help("or name it with --driver or TSTATE_DRIVER")
}
