//! A project in a folder of its own, and the program run in it.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use tempfile::TempDir;

/// A folder with scenario files.
#[derive(Debug)]
pub struct Project {
    folder: TempDir,
}

/// What the program answered.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: Option<i32>,
    pub output: String,
    pub remarks: String,
}

impl Project {
    pub fn new(files: &[(&str, &str)]) -> Self {
        let project = Self { folder: TempDir::new().expect("a temporary folder") };
        for (name, text) in files {
            project.write(name, text);
        }
        project
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("a file")
    }

    /// Runs `tstate` in the project's folder, without anything of the environment that steers it.
    pub fn run(&self, arguments: &[&str]) -> Answer {
        answer(self.command(arguments).output().expect("the program starts"))
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tstate"));
        command.args(arguments).current_dir(self.folder.path()).env_clear();
        command
    }
}

pub fn answer(output: Output) -> Answer {
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Answer { status: output.status.code(), output: text(output.stdout), remarks: text(output.stderr) }
}

impl Answer {
    /// Everything in one text, for snapshots.
    pub fn transcript(&self) -> String {
        let mut text = self.output.clone();
        if !self.remarks.is_empty() {
            text += &format!("--- standard error ---\n{}", self.remarks);
        }
        text + &format!("--- exit {:?} ---\n", self.status.unwrap_or(-1))
    }
}

/// Compares with a snapshot under `snapshots/cli/`.
#[macro_export]
macro_rules! snapshot {
    ($name:expr, $text:expr) => {{
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../snapshots/cli"));
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!($name, $text));
    }};
}
