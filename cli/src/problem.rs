//! What is wrong with the command line or with what surrounds the program: files, folders, schedules.
//!
//! What is wrong inside a scenario file is a [`Diagnostic`](tstate::sim::diagnostic::Diagnostic).

use crate::render::paint::{Paint, escape};
use std::io;

/// A mistake of the user or of the environment, with its place, its cause and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    message: String,
    place: Option<String>,
    cause: Option<String>,
    help: Vec<String>,
}

/// Why a command ends early.
#[derive(Debug)]
pub enum Stop {
    /// Something is wrong.
    Problem(Problem),
    /// The text of something wrong, rendered with its source.
    Rendered(String),
    /// The reader of the output went away.
    Unread,
}

impl Problem {
    /// A lowercase sentence without a full stop.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            place: None,
            cause: None,
            help: Vec::new(),
        }
    }

    /// The file, folder or argument in question.
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.place = Some(place.into());
        self
    }

    /// Why it happened.
    #[must_use]
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// Why it happened, as the operating system says it.
    #[must_use]
    pub fn io(self, error: &io::Error) -> Self {
        let text = error.to_string();
        let plain = text.split(" (os error").next().unwrap_or(&text);
        self.because(plain.to_lowercase())
    }

    /// What to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// The text for people, ending with a line end.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = format!("{}: {}\n", Paint::Bad.on("error"), escape(&self.message));
        if let Some(place) = &self.place {
            text += &format!("  {} {}\n", Paint::Frame.on("-->"), escape(place));
        }
        if let Some(cause) = &self.cause {
            text += &format!("  {} cause: {}\n", Paint::Frame.on("="), escape(cause));
        }
        for help in &self.help {
            text += &format!("{}: {}\n", Paint::Help.on("help"), escape(help));
        }
        text
    }
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}
