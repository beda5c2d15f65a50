//! The program `tstate-driver`: one real libpython, asked over standard input.
//!
//! ```text
//! tstate-driver serve --libpython PATH --home HOME [--ready] [--sampled] [--fenced] [--inline atomics|accesses]
//! tstate-driver probe --libpython PATH [--home HOME]
//! tstate-driver start --libpython PATH --home HOME
//! ```
//!
//! The form of requests and replies is in the library's documentation ([`tstate_driver`]).

mod child;
mod controller;
mod fork;
mod layer;
mod left;
mod python;
mod quiet;
mod record;
mod refuse;
mod schedule;
mod serve;
mod sight;

use std::ffi::CString;
use std::process::ExitCode;
use tstate_driver::{Inline, Probed};

/// The program was called wrongly, or finds no libpython.
const USAGE: u8 = 2;

/// What the command line says.
#[derive(Debug, Default)]
struct Arguments {
    verb: String,
    libpython: String,
    home: Option<String>,
    ready: bool,
    sampled: bool,
    fenced: bool,
    inline: Option<Inline>,
}

fn arguments() -> Result<Arguments, String> {
    let mut given = std::env::args().skip(1);
    let mut arguments = Arguments {
        verb: given.next().unwrap_or_default(),
        ..Arguments::default()
    };
    while let Some(option) = given.next() {
        let mut value = || given.next().ok_or(format!("{option} needs a value"));
        match option.as_str() {
            "--libpython" => arguments.libpython = value()?,
            "--home" => arguments.home = Some(value()?),
            "--ready" => arguments.ready = true,
            "--sampled" => arguments.sampled = true,
            "--fenced" => arguments.fenced = true,
            "--inline" => arguments.inline = Some(value()?.parse()?),
            _ => return Err(format!("{option} is not known")),
        }
    }
    if arguments.libpython.is_empty() {
        return Err("--libpython is missing".to_owned());
    }
    Ok(arguments)
}

/// Runs this program again without address randomization, if it runs with it. The command line is the one that the
/// kernel saw, so that a dynamic loader in front of the program stays there.
fn fix_addresses() -> Result<(), String> {
    const QUERY: libc::c_ulong = 0xffff_ffff;
    let fixed = libc::ADDR_NO_RANDOMIZE as libc::c_ulong;
    // SAFETY: asks for a flag of this process.
    let now = unsafe { libc::personality(QUERY) } as libc::c_ulong;
    if now & fixed != 0 {
        return Ok(());
    }
    let line = std::fs::read("/proc/self/cmdline").map_err(|error| error.to_string())?;
    let words: Vec<CString> = line
        .split(|byte| *byte == 0)
        .filter_map(|word| CString::new(word).ok())
        .collect();
    let words = &words[..words.len().saturating_sub(1)];
    let mut pointers: Vec<*const libc::c_char> = words.iter().map(|word| word.as_ptr()).collect();
    pointers.push(std::ptr::null());
    // SAFETY: the arguments are terminated strings, and the list of them is terminated.
    unsafe {
        if libc::personality(now | fixed) == -1 {
            return Err("address randomization cannot be turned off here".to_owned());
        }
        libc::execv(c"/proc/self/exe".as_ptr(), pointers.as_ptr());
    }
    Err(std::io::Error::last_os_error().to_string())
}

/// Nothing of the user's environment reaches the library, and none of what a shell does to the signals of programs behind `&`.
fn clean_environment(home: Option<&str>) {
    let names: Vec<String> = std::env::vars_os()
        .filter_map(|(name, _)| name.into_string().ok())
        .filter(|name| {
            name.starts_with("PYTHON") || name.starts_with("LC_") || name.starts_with("LANG")
        })
        .collect();
    // SAFETY: this thread is the only one.
    unsafe {
        for name in names {
            std::env::remove_var(name);
        }
        std::env::set_var("LC_ALL", "C.UTF-8");
        std::env::set_var("PYTHONHASHSEED", "0");
        if let Some(home) = home {
            std::env::set_var("PYTHONHOME", home);
        }
        libc::signal(libc::SIGINT, libc::SIG_DFL);
    }
}

fn probe() -> Probed {
    let release = python::release();
    let rows = tstate::sim::scenario::calls::rows();
    let rows = rows.iter().flat_map(|rows| rows.iter());
    let missing = rows
        .filter(|row| row.exists_in_minor(release.minor))
        .filter(|row| !refuse::is_there(row, release))
        .map(|row| row.name.to_owned());
    let threads = if release.free_threaded { "t" } else { "" };
    Probed {
        profile: format!("3.{}.{}{threads}", release.minor, release.patch),
        minor: release.minor,
        patch: release.patch,
        version: release.version.clone(),
        debug: release.debug,
        free_threaded: release.free_threaded,
        missing: missing.collect(),
    }
}

fn run() -> Result<(), String> {
    let arguments = arguments()?;
    fix_addresses()?;
    clean_environment(arguments.home.as_deref());
    if arguments.sampled {
        schedule::sampled::turn_on();
    }
    if arguments.fenced {
        layer::fence::turn_on()?;
    }
    python::open(&arguments.libpython)?;
    if let Some(inline) = arguments.inline {
        layer::inline::find(inline)?;
    }
    match arguments.verb.as_str() {
        "serve" => serve::serve(arguments.ready).map_err(|error| error.to_string()),
        "probe" => {
            let text = serde_json::to_string(&probe()).map_err(|error| error.to_string())?;
            serve::write_line(1, &text).map_err(|error| error.to_string())
        }
        "start" => {
            // What cannot be initialized refuses itself.
            record::share();
            layer::main_begins();
            let text = serde_json::to_string(&python::started()?);
            schedule::leave();
            let text = text.map_err(|error| error.to_string())?;
            serve::write_line(1, &text).map_err(|error| error.to_string())
        }
        verb => Err(format!("`{verb}` is not `serve`, `probe` or `start`")),
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            let _written = serve::write_line(2, &format!("tstate-driver: {message}"));
            ExitCode::from(USAGE)
        }
    }
}
