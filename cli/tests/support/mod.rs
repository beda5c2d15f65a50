//! A project in a folder of its own, and the program run in it.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use tempfile::TempDir;

/// A folder with scenario files.
#[derive(Debug)]
pub(crate) struct Project {
    folder: TempDir,
}

/// What the program answered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: Option<i32>,
    pub(crate) output: String,
    pub(crate) remarks: String,
}

impl Project {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let project = Self {
            folder: TempDir::new().expect("a temporary folder"),
        };
        for (name, text) in files {
            project.write(name, text);
        }
        project
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("a file")
    }

    /// Runs `tstate` in the project's folder, without anything of the environment that steers it.
    pub(crate) fn run(&self, arguments: &[&str]) -> Answer {
        answer(
            self.command(arguments)
                .output()
                .expect("the program starts"),
        )
    }

    /// Runs the program and expects this exit status, and never a panic.
    pub(crate) fn expect(&self, arguments: &[&str], status: i32) -> Answer {
        self.run(arguments).expect(arguments, status)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tstate"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear();
        command
    }
}

pub(crate) fn answer(output: Output) -> Answer {
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Answer {
        status: output.status.code(),
        output: text(output.stdout),
        remarks: text(output.stderr),
    }
}

impl Answer {
    /// The answer to these arguments has this exit status, and is never a panic.
    pub(crate) fn expect(self, arguments: &[&str], status: i32) -> Self {
        let transcript = self.transcript();
        assert!(
            !self.remarks.contains("panicked"),
            "{arguments:?}: {transcript}"
        );
        assert_eq!(self.status, Some(status), "{arguments:?}: {transcript}");
        self
    }

    /// Everything in one text, for snapshots.
    pub(crate) fn transcript(&self) -> String {
        let mut text = self.output.clone();
        if !self.remarks.is_empty() {
            text += &format!("--- standard error ---\n{}", self.remarks);
        }
        text + &format!("--- exit {:?} ---\n", self.status.unwrap_or(-1))
    }
}
