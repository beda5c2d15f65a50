//! The server: reads a request, has a copy of the process run it, and replies.
//!
//! # Processes
//!
//! | process | made | does |
//! | --- | --- | --- |
//! | server | by the user | opens the library, reads requests |
//! | helper | once, with `--ready` | a copy of the server in which the library was initialized |
//! | runner | for each request, of the server or of the helper | reads what the request means, replies |
//! | run | by the runner, of itself | `child::run` |
//!
//! Each has one thread when it is copied, so that a copy is exact. The server and the helper allocate nothing between
//! requests: what a run's memory looks like, freed memory included, follows from its request alone.

use crate::layer::{self, fence};
use crate::python::{self, api, release};
use crate::refuse::refusal;
use crate::schedule::{Waits, leave, me, own, sampled};
use crate::{child, record};
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsRawFd, FromRawFd};
use std::sync::Arc;
use tstate::sim::events::{Event, Seen};
use tstate::sim::scenario::calls::Call;
use tstate::sim::scenario::program::{Program, StatementKind, Step};
use tstate::sim::scenario::{check, parse};
use tstate_driver::{Plan, Reply, Request};

/// How long a run may take on the clock, in milliseconds: only for what uses no processor time at all.
const PATIENCE: libc::c_int = 10_000;

/// Processor time, in microseconds, of a run that makes progress, or goes in circles, however slow the machine is.
const BUSY: libc::suseconds_t = 500_000;

/// What fatal errors begin with.
const FATAL: &str = "Fatal Python error: ";

/// The status of a runner whose request another process must run.
const NOT_MINE: i32 = 3;

/// Bytes of the longest request.
const LINE_MAX: usize = 1 << 20;

/// The helper, and the line to it.
struct Helper {
    requests: File,
    done: File,
}

/// Lines from a descriptor, in memory that is there from the start.
struct Lines {
    from: File,
    buffer: Vec<u8>,
    used: usize,
    /// Bytes of the line that was given last.
    given: usize,
}

/// A process that is copied for each run.
struct Origin {
    /// The library is initialized in it.
    ahead: bool,
    /// What `PyGILState_Check` said before that.
    checks_before: bool,
    /// What the library writes to standard error.
    errors: File,
}

/// How a process ended.
#[derive(Clone, Copy)]
enum Status {
    Exited(i32),
    Killed(i32),
    /// By us: it made no progress.
    Stopped,
}

/// Writes a line to a descriptor.
pub fn write_line(descriptor: i32, text: &str) -> io::Result<()> {
    // SAFETY: the descriptor is one of the standard ones; it is not closed, because the file is forgotten.
    let mut file = std::mem::ManuallyDrop::new(unsafe { File::from_raw_fd(descriptor) });
    file.write_all(format!("{text}\n").as_bytes())
}

/// Replies to requests until there are no more.
pub fn serve(ready: bool) -> io::Result<()> {
    record::share();
    let mut helper = if ready { Some(start_helper()?) } else { None };
    let mut origin = Origin::new()?;
    // SAFETY: standard input is open, and nothing else reads it.
    let mut requests = Lines::new(unsafe { File::from_raw_fd(0) });
    while let Some(line) = requests.next()? {
        let passed = match &mut helper {
            Some(helper) => helper.pass(line)?,
            None => false,
        };
        if !passed {
            in_copy(|| {
                write_line(1, &text_of(&origin.reply(line)))?;
                Ok(true)
            })?;
        }
    }
    Ok(())
}

fn text_of(reply: &Reply) -> String {
    serde_json::to_string(reply).unwrap_or_else(|error| error.to_string())
}

/// Does the work in a copy of this process: whether it was this process's to do. It ends with a reply.
fn in_copy(work: impl FnOnce() -> io::Result<bool>) -> io::Result<bool> {
    // SAFETY: this process has one thread, so that the copy is exact.
    let runner = unsafe { libc::fork() };
    match runner {
        -1 => return Err(io::Error::last_os_error()),
        0 => {
            let status = match work() {
                Ok(true) => 0,
                Ok(false) => NOT_MINE,
                Err(_) => 1,
            };
            // SAFETY: ends the process without touching anything.
            unsafe { libc::_exit(status) }
        }
        _ => {}
    }
    let mut status = 0;
    // SAFETY: the runner is a child of this process and not waited for yet.
    if unsafe { libc::waitpid(runner, &mut status, 0) } == -1 {
        return Err(io::Error::last_os_error());
    }
    if libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == NOT_MINE {
        return Ok(false);
    }
    if status != 0 {
        write_line(1, &text_of(&Reply::refused("internal: the runner failed")))?;
    }
    Ok(true)
}

impl Lines {
    fn new(from: File) -> Self {
        Self {
            from,
            buffer: vec![0; LINE_MAX],
            used: 0,
            given: 0,
        }
    }

    /// The next line, without its end.
    fn next(&mut self) -> io::Result<Option<&str>> {
        self.buffer.copy_within(self.given..self.used, 0);
        self.used -= self.given;
        self.given = 0;
        loop {
            let end = self.buffer[..self.used]
                .iter()
                .position(|byte| *byte == b'\n');
            if let Some(end) = end {
                self.given = end + 1;
                let line = std::str::from_utf8(&self.buffer[..end]);
                return line.map(Some).map_err(io::Error::other);
            }
            if self.used == self.buffer.len() {
                return Err(io::Error::other("a request is longer than a megabyte"));
            }
            match self.from.read(&mut self.buffer[self.used..])? {
                0 => return Ok(None),
                count => self.used += count,
            }
        }
    }
}

impl Helper {
    /// Has the helper reply to the line: whether it was the helper's to run.
    fn pass(&mut self, line: &str) -> io::Result<bool> {
        self.requests.write_all(line.as_bytes())?;
        self.requests.write_all(b"\n")?;
        let mut passed = [0];
        if self.done.read(&mut passed)? == 0 {
            return Err(io::Error::other(
                "the library cannot be initialized: is its home right?",
            ));
        }
        Ok(passed[0] != 0)
    }
}

fn pipe() -> io::Result<(File, File)> {
    let mut ends = [0; 2];
    // SAFETY: there is room for both ends.
    if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: both ends are open and ours.
    Ok(unsafe { (File::from_raw_fd(ends[0]), File::from_raw_fd(ends[1])) })
}

/// Starts the helper. It ends when the line to it does.
fn start_helper() -> io::Result<Helper> {
    let (requests_out, requests_in) = pipe()?;
    let (done_out, done_in) = pipe()?;
    // SAFETY: this process has one thread.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            drop((requests_in, done_out));
            let helped = help(Lines::new(requests_out), done_in);
            // SAFETY: ends the process without touching anything.
            unsafe { libc::_exit(i32::from(helped.is_err())) }
        }
        _ => Ok(Helper {
            requests: requests_in,
            done: done_out,
        }),
    }
}

fn help(mut requests: Lines, mut done: File) -> io::Result<()> {
    let mut origin = Origin::new()?;
    origin.checks_before = api::gil_state_check() != 0;
    origin.ahead = true;
    layer::main_begins();
    python::initialize();
    own(|schedule| schedule.slots[me()].waits = Waits::Nothing);
    leave();
    while let Some(line) = requests.next()? {
        let mine = in_copy(|| {
            let mine = begins_with_initialization(line);
            if mine {
                write_line(1, &text_of(&origin.reply(line)))?;
            }
            Ok(mine)
        })?;
        done.write_all(&[u8::from(mine)])?;
    }
    Ok(())
}

/// Whether the run that a line asks for can start with the library initialized.
fn begins_with_initialization(line: &str) -> bool {
    let Ok(request) = serde_json::from_str::<Request>(line) else {
        return false;
    };
    let Ok(program) = compile(&request.scenario) else {
        return false;
    };
    let main = &program.bodies[program.main.index()];
    if program.names_flags() {
        return false;
    }
    match main.block.first().map(|statement| &statement.kind) {
        Some(StatementKind::Step {
            step: Step::Call(call),
            ..
        }) => matches!(
            call.call.row().modelled,
            Some(Call::Initialize | Call::InitializeEx)
        ),
        _ => false,
    }
}

impl Origin {
    fn new() -> io::Result<Self> {
        // SAFETY: the name is terminated; the descriptor is new and ours.
        let errors = unsafe {
            let descriptor = libc::memfd_create(c"errors".as_ptr(), libc::MFD_CLOEXEC);
            if descriptor == -1 {
                return Err(io::Error::last_os_error());
            }
            File::from_raw_fd(descriptor)
        };
        Ok(Self {
            ahead: false,
            checks_before: true,
            errors,
        })
    }

    fn reply(&mut self, line: &str) -> Reply {
        let request = match serde_json::from_str::<Request>(line) {
            Ok(request) => request,
            Err(error) => return Reply::refused(format!("not a request: {error}")),
        };
        let made = self.follow(&request);
        made.unwrap_or_else(Reply::refused)
    }

    /// The run by the guide; if it is given up, once more with time-outs before anything else, which asks those that
    /// run bytecode to hand over. The one that follows the guide farther counts.
    fn follow(&mut self, request: &Request) -> Result<Reply, String> {
        let mut run = self.prepare(request)?;
        let first = self.run(&run)?;
        let Some(first_left_at) = first.guide_left_at else {
            return Ok(first);
        };
        if sampled::is_on() {
            return Ok(first);
        }
        run.rules.hasty = true;
        let second = self.run(&run)?;
        let farther = second.guide_left_at.is_none_or(|at| at > first_left_at);
        Ok(if farther { second } else { first })
    }

    fn prepare(&mut self, request: &Request) -> Result<child::Run, String> {
        let profile = request.profile.parse();
        let profile = profile.map_err(|error| format!("{}: {error}", request.profile))?;
        let program = compile(&request.scenario)?;
        if let Some(why) = refusal(&program, release()) {
            return Err(why);
        }
        if request.free != (request.free && sampled::is_on()) {
            return Err("threads run freely in sampled mode only".to_owned());
        }
        if request.plan.is_some() && sampled::is_on() {
            return Err("a plan needs the driver's own primitives".to_owned());
        }
        Ok(child::Run {
            program,
            profile,
            rules: crate::schedule::Rules {
                guide: request.guide.clone(),
                pushes: request.pushes.clone(),
                aims: aims(request)?,
                aims_backwards: request.aims_backwards,
                choices: request.choices.clone(),
                seed: request.seed,
                plan: request.plan.clone(),
                free: request.free,
                hasty: false,
                ticks: request.ticks,
                events_max: request.events,
                operations_max: request.operations,
            },
            ahead: self.ahead,
            checks_before: self.checks_before,
            errors: self.errors.as_raw_fd(),
        })
    }

    fn run(&mut self, run: &child::Run) -> Result<Reply, String> {
        self.copy(run)
            .map_err(|error| format!("no process could be made: {error}"))
    }

    fn copy(&mut self, run: &child::Run) -> io::Result<Reply> {
        record::clear();
        self.errors.set_len(0)?;
        self.errors.rewind()?;
        let threads = run.program.threads.len();
        // SAFETY: this process has one thread, so that the copy is exact.
        let child = unsafe { libc::fork() };
        match child {
            -1 => return Err(io::Error::last_os_error()),
            0 => child::run(run),
            _ => {}
        }
        let status = wait_for(child)?;
        let mut errors = Vec::new();
        self.errors.rewind()?;
        self.errors.read_to_end(&mut errors)?;
        let mut reply = reply(threads, status, &String::from_utf8_lossy(&errors));
        // Of free runs too it is known which pending calls wait.
        let plan = run.rules.plan.clone();
        if let Some(plan) = plan.or(run.rules.free.then(Plan::default)) {
            let bodies = run.program.bodies.len();
            reply.planned = Some(record::planned(&plan, bodies, waits_for(threads)));
        }
        Ok(reply)
    }
}

/// Whom each of so many threads waits for, by the run's lines.
fn waits_for(threads: usize) -> Vec<Option<u8>> {
    let mut whom = vec![None; threads];
    for line in record::lines() {
        let words: Vec<&str> = line.split(' ').collect();
        if let ["for", thread, other] = words[..]
            && let Ok(thread) = thread.parse::<usize>()
            && let Some(place) = whom.get_mut(thread)
        {
            *place = other.parse().ok();
        }
    }
    whom
}

/// What the guide's events are to see.
fn aims(request: &Request) -> Result<Vec<Seen>, String> {
    let seen = |text: &String| match text.parse::<Event>() {
        Ok(event) => Ok(event.seen),
        Err(error) => Err(error.to_string()),
    };
    request.aims.iter().map(seen).collect()
}

fn compile(text: &str) -> Result<Arc<Program>, String> {
    let first = |diagnostics: Vec<tstate::sim::diagnostic::Diagnostic>| {
        let first = diagnostics.first();
        first.map_or_else(String::new, |diagnostic| diagnostic.message.clone())
    };
    let file = parse(text).map_err(first)?;
    check(&file).map(Arc::new).map_err(first)
}

fn wait_for(child: libc::pid_t) -> io::Result<Status> {
    // SAFETY: the child is ours and not waited for yet, so its number is its own; the descriptor that comes is new.
    let in_time = unsafe {
        let descriptor = libc::syscall(libc::SYS_pidfd_open, child, 0) as i32;
        if descriptor == -1 {
            return Err(io::Error::last_os_error());
        }
        let _file = File::from_raw_fd(descriptor);
        let mut waited = libc::pollfd {
            fd: descriptor,
            events: libc::POLLIN,
            revents: 0,
        };
        libc::poll(&mut waited, 1, PATIENCE) != 0
    };
    let mut status = 0;
    // SAFETY: as above; the numbers of the usage may all be 0.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        if !in_time {
            libc::kill(child, libc::SIGKILL);
        }
        if libc::wait4(child, &mut status, 0, &mut usage) == -1 {
            return Err(io::Error::last_os_error());
        }
        usage
    };
    let is_idle = usage.ru_utime.tv_sec == 0 && usage.ru_utime.tv_usec < BUSY;
    Ok(if !in_time && is_idle {
        Status::Stopped
    } else if libc::WIFSIGNALED(status) {
        Status::Killed(libc::WTERMSIG(status))
    } else {
        Status::Exited(libc::WEXITSTATUS(status))
    })
}

/// What the run left behind, as a reply.
fn reply(threads: usize, status: Status, errors: &str) -> Reply {
    let mut reply = Reply {
        threads: record::rests(threads)
            .into_iter()
            .map(str::to_owned)
            .collect(),
        waits: vec![None; threads],
        guide_left_at: record::guide_left_at(),
        pushes: record::pushes(),
        missed_at: record::missed_at(),
        left: (fence::is_on() && !sampled::is_on()).then(Vec::new),
        ..Reply::default()
    };
    for line in record::lines() {
        let (what, text) = line.split_once(' ').unwrap_or((&line, ""));
        match what {
            "event" => reply.events.push(text.to_owned()),
            "end" => reply.end = text.to_owned(),
            "left" => {
                let left = reply.left.get_or_insert_default();
                left.extend(text.parse::<u8>());
            }
            "refused" => return Reply::refused(text),
            "waits" => {
                let (thread, what) = text.split_once(' ').unwrap_or((text, ""));
                let place = thread
                    .parse()
                    .ok()
                    .and_then(|thread: usize| reply.waits.get_mut(thread));
                if let Some(place) = place {
                    *place = Some(what.to_owned());
                }
            }
            _ => {}
        }
    }
    if reply.end.is_empty() {
        reply.end = end_of(status, errors);
    }
    reply
}

/// How a run ended that did not say so itself.
fn end_of(status: Status, errors: &str) -> String {
    let fatal = fatal_message(errors);
    match (status, fatal) {
        (Status::Stopped, _) => "cut time".to_owned(),
        (Status::Killed(libc::SIGXCPU | libc::SIGKILL), _) => "cut processor time".to_owned(),
        (Status::Killed(libc::SIGABRT) | Status::Exited(1), Some(message)) => {
            format!("fatal {message}")
        }
        (Status::Killed(signal), _) => format!("crash {signal}"),
        (Status::Exited(status), _) => format!("exit {status}"),
    }
}

/// The fatal error or failed assertion in what was written to standard error, with `%p` for every address.
fn fatal_message(errors: &str) -> Option<String> {
    let fatal = errors.lines().find_map(|line| line.strip_prefix(FATAL));
    let assertion = || errors.lines().find(|line| line.contains("Assertion `"));
    let line = fatal.or_else(assertion)?;
    let mut parts = line.split("0x");
    let mut message = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        message.push_str("%p");
        message.push_str(part.trim_start_matches(|digit: char| digit.is_ascii_hexdigit()));
    }
    Some(message)
}
