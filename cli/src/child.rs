//! Programs that this one runs to learn something from what they print.
//!
//! A limit of time keeps one that never ends from holding everything up. It is no part of any result but the message
//! that it was reached.

use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// What a program printed, and how it ended.
#[derive(Clone, Debug)]
pub(crate) struct Printed {
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// Its standard output; what is no text in it is replaced.
    pub(crate) output: String,
    /// Its standard error.
    pub(crate) remarks: String,
}

/// Why there is nothing to read.
#[derive(Debug)]
pub(crate) enum Silent {
    /// It could not be started.
    Unstarted(io::Error),
    /// It did not end in time, and was killed.
    Late(Duration),
}

/// Runs a program without input and reads what it prints.
///
/// # Errors
///
/// It cannot be started, or does not end in time.
pub(crate) fn run(command: &mut Command, limit: Duration) -> Result<Printed, Silent> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(Silent::Unstarted)?;
    let (sender, receiver) = mpsc::channel();
    let read = |source: Option<Box<dyn Read + Send>>, is_output: bool| {
        let sender = sender.clone();
        thread::spawn(move || {
            let mut bytes = Vec::new();
            if let Some(mut source) = source {
                // What was read before an error is what there is.
                let _ = source.read_to_end(&mut bytes);
            }
            // Nobody listens any more once the limit was reached.
            let _ = sender.send((is_output, String::from_utf8_lossy(&bytes).into_owned()));
        });
    };
    read(boxed(child.stdout.take()), true);
    read(boxed(child.stderr.take()), false);
    let (mut output, mut remarks) = (String::new(), String::new());
    for _ in 0..2 {
        match receiver.recv_timeout(limit) {
            Ok((true, text)) => output = text,
            Ok((false, text)) => remarks = text,
            Err(_) => {
                end(&mut child);
                return Err(Silent::Late(limit));
            }
        }
    }
    let status = child.wait().map_err(Silent::Unstarted)?;
    Ok(Printed {
        status,
        output,
        remarks,
    })
}

/// Kills a child and takes its leave, so that nothing of it stays behind.
pub(crate) fn end(child: &mut Child) {
    // It may have ended by itself meanwhile.
    let _ = child.kill();
    let _ = child.wait();
}

fn boxed<R: Read + Send + 'static>(source: Option<R>) -> Option<Box<dyn Read + Send>> {
    source.map(|source| Box::new(source) as Box<dyn Read + Send>)
}
