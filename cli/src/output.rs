//! The one place that writes: results to standard output or to a file, everything else to standard error.

use crate::problem::{Problem, Stop};
use anstream::{AutoStream, ColorChoice, StripStream};
use std::fs;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Where results go.
#[derive(Debug)]
pub struct Output {
    sink: Sink,
}

#[derive(Debug)]
enum Sink {
    Standard(AutoStream<io::Stdout>),
    File {
        text: StripStream<Vec<u8>>,
        place: Replacement,
    },
}

/// A file that is written beside its final place and moved there when complete.
#[derive(Debug)]
pub struct Replacement {
    /// `None` where there is nothing to replace, as for a device or a pipe: they are written to directly.
    temporary: Option<NamedTempFile>,
    place: PathBuf,
}

impl Output {
    /// Results go to `file`, or to standard output.
    ///
    /// # Errors
    ///
    /// The file cannot be created.
    pub fn open(file: Option<&Path>) -> Result<Self, Stop> {
        let sink = match file {
            None => Sink::Standard(AutoStream::auto(io::stdout())),
            Some(path) => Sink::File {
                text: StripStream::new(Vec::new()),
                place: Replacement::begin(path)?,
            },
        };
        Ok(Self { sink })
    }

    /// Writes a result.
    ///
    /// # Errors
    ///
    /// The reader went away, or the disk is full.
    pub fn write(&mut self, text: &str) -> Result<(), Stop> {
        let written = match &mut self.sink {
            Sink::Standard(stream) => stream
                .write_all(text.as_bytes())
                .and_then(|()| stream.flush()),
            Sink::File { text: buffer, .. } => buffer.write_all(text.as_bytes()),
        };
        written.map_err(|error| cannot_write("standard output", &error))
    }

    /// Puts the file in its place, if results go to one.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn finish(self) -> Result<(), Stop> {
        match self.sink {
            Sink::Standard(_) => Ok(()),
            Sink::File { text, place } => place.commit(&text.into_inner()),
        }
    }
}

impl Replacement {
    /// Makes sure that `place` can be written.
    ///
    /// # Errors
    ///
    /// The folder does not exist or cannot be written.
    pub fn begin(place: &Path) -> Result<Self, Stop> {
        // A link stays a link: what it points to is replaced.
        let place = fs::canonicalize(place).unwrap_or_else(|_| place.to_path_buf());
        if place.is_dir() {
            let problem = Problem::new(format!("cannot write `{}`", place.display()));
            return Err(problem.because("it is a folder").help("name a file").into());
        }
        if place.exists() && !place.is_file() {
            return Ok(Self {
                temporary: None,
                place,
            });
        }
        let folder = place
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let temporary =
            NamedTempFile::new_in(folder).map_err(|error| cannot_write_file(&place, &error))?;
        Ok(Self {
            temporary: Some(temporary),
            place,
        })
    }

    /// Writes the content and moves the file to its place, in one step for every reader.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn commit(self, content: &[u8]) -> Result<(), Stop> {
        let written = match self.temporary {
            None => fs::OpenOptions::new()
                .write(true)
                .open(&self.place)
                .and_then(|mut file| file.write_all(content)),
            Some(temporary) => replace(temporary, &self.place, content),
        };
        written.map_err(|error| cannot_write_file(&self.place, &error))
    }
}

fn replace(mut temporary: NamedTempFile, place: &Path, content: &[u8]) -> io::Result<()> {
    temporary.write_all(content)?;
    permit(temporary.path(), place)?;
    temporary
        .persist(place)
        .map(drop)
        .map_err(|error| error.error)
}

/// The new file gets the permissions of the one it replaces, else what any program's files get.
fn permit(temporary: &Path, place: &Path) -> io::Result<()> {
    if let Ok(old) = fs::metadata(place) {
        return fs::set_permissions(temporary, old.permissions());
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(temporary, fs::Permissions::from_mode(0o644))?;
    }
    Ok(())
}

/// Chooses colours for standard output and standard error.
pub fn choose_colour(choice: ColorChoice) {
    choice.write_global();
}

/// Writes to standard error: problems, warnings, progress. That nobody reads it is no reason to stop.
pub fn remark(text: &str) {
    let _ = AutoStream::auto(io::stderr()).write_all(text.as_bytes());
}

/// Whether standard error is a terminal.
#[must_use]
pub fn remarks_are_watched() -> bool {
    io::stderr().is_terminal()
}

/// The columns of the terminal that results go to; `None` if they go elsewhere.
#[must_use]
pub fn columns() -> Option<usize> {
    let stdout = io::stdout();
    stdout
        .is_terminal()
        .then(|| terminal_size::terminal_size_of(stdout))
        .flatten()
        .map(|(width, _)| width.0.into())
}

fn cannot_write_file(place: &Path, error: &io::Error) -> Stop {
    cannot_write(&format!("`{}`", place.display()), error)
}

fn cannot_write(place: &str, error: &io::Error) -> Stop {
    if error.kind() == ErrorKind::BrokenPipe {
        return Stop::Unread;
    }
    Problem::new(format!("cannot write {place}"))
        .io(error)
        .into()
}
