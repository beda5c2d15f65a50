//! The program, started for one libpython, and asked.

use crate::protocol::{Probed, Reply, Request, Started};
use std::fmt;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::str::FromStr;

/// A libpython and what it takes to run it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Libpython {
    /// The shared library.
    pub library: PathBuf,
    /// Python's home: the prefix below which its modules are.
    pub home: PathBuf,
    /// The dynamic loader, of a library from another system than this.
    pub loader: Option<PathBuf>,
    /// That system's folder of libraries.
    pub libraries: Option<PathBuf>,
}

/// Why the program could not be asked.
#[derive(Debug)]
pub enum Error {
    /// It could not be started, or the line to it broke.
    Line(io::Error),
    /// It said something else than a reply: the text, or what it wrote to standard error.
    Reply(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(error) => write!(f, "the driver cannot be asked: {error}"),
            Self::Reply(text) => write!(f, "the driver gave no reply: {text}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Line(error)
    }
}

/// A running program `tstate-driver serve`. It ends when this is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    requests: Option<ChildStdin>,
    replies: BufReader<ChildStdout>,
}

impl Libpython {
    /// The program with these arguments, by the library's own loader if it has one, with nothing of the user's
    /// environment and with fixed addresses.
    fn command(&self, program: &Path, verb: &str) -> Command {
        let mut command = match &self.loader {
            Some(loader) => {
                let mut command = Command::new(loader);
                if let Some(folder) = &self.libraries {
                    command.arg("--library-path").arg(folder);
                }
                command.arg(program);
                command
            }
            None => Command::new(program),
        };
        command
            .arg(verb)
            .arg("--libpython")
            .arg(&self.library)
            .arg("--home")
            .arg(&self.home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        // SAFETY: between fork and exec only this one system call is made.
        unsafe { command.pre_exec(fix_addresses) };
        command
    }

    /// What the library is, by the program at `program`.
    ///
    /// # Errors
    ///
    /// The program cannot be started, or finds no libpython there.
    pub fn probe(&self, program: &Path) -> Result<Probed, Error> {
        self.ask(program, "probe")
    }

    /// What is in the library when a run begins with it initialized.
    ///
    /// # Errors
    ///
    /// The program cannot be started, or the library cannot be initialized.
    pub fn start(&self, program: &Path) -> Result<Started, Error> {
        self.ask(program, "start")
    }

    fn ask<T: serde::de::DeserializeOwned>(&self, program: &Path, verb: &str) -> Result<T, Error> {
        let output = self
            .command(program, verb)
            .stderr(Stdio::piped())
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        serde_json::from_str(&text).map_err(|_| {
            let errors = String::from_utf8_lossy(&output.stderr);
            Error::Reply(format!("{text}{errors}").trim().to_owned())
        })
    }
}

/// No address randomization from the next exec on.
fn fix_addresses() -> io::Result<()> {
    const QUERY: libc::c_ulong = 0xffff_ffff;
    // SAFETY: the call changes a flag of this process.
    unsafe {
        let now = libc::personality(QUERY);
        libc::personality(now as libc::c_ulong | libc::ADDR_NO_RANDOMIZE as libc::c_ulong);
    }
    Ok(())
}

/// How runs are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mode {
    /// Runs whose main thread begins with `Py_Initialize()` start as a copy of an initialized process, which is much
    /// faster.
    pub ready: bool,
    /// With the C library's own locks and clocks instead of the driver's: what a run shows depends on time.
    pub sampled: bool,
    /// What the library frees cannot be read any more: the first use after free ends a run as
    /// [`End::Freed`](tstate::sim::events::End::Freed).
    pub fenced: bool,
    /// What the library does inline that is a point of planned runs too.
    pub inline: Option<Inline>,
}

/// What a library does inline, calling nobody, that can be a point of a run. On x86-64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Inline {
    /// Atomic operations that are one for all processors: locked instructions, exchanges with memory, fences.
    Atomics,
    /// These, and what reads or writes memory soon after them or after a call that is a point.
    Accesses,
}

impl Inline {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Atomics, Self::Accesses];

    /// The word for it on command lines and in schedules.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Atomics => "atomics",
            Self::Accesses => "accesses",
        }
    }
}

impl FromStr for Inline {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|inline| inline.word() == text);
        found.ok_or_else(|| format!("`{text}` is not `atomics` or `accesses`"))
    }
}

impl Server {
    /// Starts the program at `program` for this library.
    ///
    /// # Errors
    ///
    /// It cannot be started.
    pub fn spawn(library: &Libpython, program: &Path, mode: Mode) -> Result<Self, Error> {
        let mut command = library.command(program, "serve");
        for (is_on, flag) in [
            (mode.ready, "--ready"),
            (mode.sampled, "--sampled"),
            (mode.fenced, "--fenced"),
        ] {
            if is_on {
                command.arg(flag);
            }
        }
        if let Some(inline) = mode.inline {
            command.arg("--inline").arg(inline.word());
        }
        let mut child = command.spawn()?;
        let requests = child.stdin.take();
        let replies = child.stdout.take().map(BufReader::new);
        match replies {
            Some(replies) => Ok(Self {
                child,
                requests,
                replies,
            }),
            None => Err(Error::Reply("it has no standard output".to_owned())),
        }
    }

    /// Has one run made.
    ///
    /// # Errors
    ///
    /// The line to the program broke, or it replied nonsense.
    pub fn run(&mut self, request: &Request) -> Result<Reply, Error> {
        let mut line = serde_json::to_string(request).map_err(io::Error::from)?;
        line.push('\n');
        if let Some(requests) = &mut self.requests {
            requests.write_all(line.as_bytes())?;
            requests.flush()?;
        }
        let mut reply = String::new();
        if self.replies.read_line(&mut reply)? == 0 {
            return Err(Error::Reply("it ended".to_owned()));
        }
        serde_json::from_str(&reply).map_err(|_| Error::Reply(reply))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The program ends when nothing more can come.
        self.requests = None;
        let _status = self.child.wait();
    }
}
