//! The libpythons of this machine.

use std::path::{Path, PathBuf};
use tstate_driver::{Libpython, Mode, Reply, Request, Server};

/// A libpython that can be driven, and its release.
pub struct Found {
    pub libpython: Libpython,
    pub minor: u8,
    pub patch: u8,
}

/// The program under test.
pub fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_tstate-driver"))
}

impl Found {
    pub fn server(&self, ready: bool) -> Server {
        let mode = Mode {
            ready,
            ..Mode::default()
        };
        self.server_in(mode)
    }

    pub fn server_in(&self, mode: Mode) -> Server {
        Server::spawn(&self.libpython, program(), mode).expect("the driver starts")
    }

    pub fn profile(&self) -> String {
        format!("3.{}.{}", self.minor, self.patch)
    }

    /// Whether the library is 3.`minor`.`patch` or newer.
    pub fn since(&self, minor: u8, patch: u8) -> bool {
        (self.minor, self.patch) >= (minor, patch)
    }
}

/// What the server replies to a request that it must be able to run.
pub fn ask(server: &mut Server, found: &Found, request: &Request) -> Reply {
    let reply = server.run(request).expect("the driver replies");
    assert_eq!(reply.refused, None, "{}", found.profile());
    assert!(
        reply.observed().is_ok_and(|run| run.is_some()),
        "events are events"
    );
    reply
}

/// The threads of a run's events, in order.
pub fn order(reply: &Reply) -> Vec<u8> {
    let threads = reply
        .events
        .iter()
        .filter_map(|event| event.split(' ').next());
    threads.filter_map(|thread| thread.parse().ok()).collect()
}

/// The libpython that `TSTATE_LIBPYTHON` names, or all that pyenv, the system or a folder of sysroots has.
///
/// Fails where there is none, so that nothing is skipped in silence, unless `TSTATE_NO_LIBPYTHON` says that this is so.
pub fn libpythons() -> Vec<Found> {
    let paths = match std::env::var_os("TSTATE_LIBPYTHON") {
        Some(path) => vec![PathBuf::from(path)],
        None => candidates(),
    };
    let named = std::env::var_os("TSTATE_LIBPYTHON").is_some();
    let here = paths.into_iter().map(|library| Libpython {
        home: home_of(&library),
        library,
        ..Libpython::default()
    });
    let elsewhere = sysroots().into_iter().filter(|_| !named);
    let found: Vec<Found> = here.chain(elsewhere).filter_map(probed).collect();
    let none_is_fine = std::env::var("TSTATE_NO_LIBPYTHON").is_ok_and(|value| value == "1");
    assert!(
        !found.is_empty() || none_is_fine,
        "no libpython of 3.8 to 3.15 was found: name one in TSTATE_LIBPYTHON, or set TSTATE_NO_LIBPYTHON=1"
    );
    found
}

fn candidates() -> Vec<PathBuf> {
    let mut folders = Vec::new();
    if let Some(home) = std::env::var_os("HOME") {
        let versions = PathBuf::from(home).join(".pyenv").join("versions");
        folders.extend(entries(&versions).map(|version| version.join("lib")));
    }
    folders.extend(entries(Path::new("/usr/lib")));
    let files = folders.iter().flat_map(|folder| entries(folder));
    let mut files: Vec<PathBuf> = files.filter(|path| is_libpython(path)).collect();
    files.sort();
    files
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(|entry| entry.ok().map(|entry| entry.path()))
}

/// What `scripts/libpython-sysroot` unpacked, with its own dynamic loader.
fn sysroots() -> Vec<Libpython> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/libpython");
    let mut roots: Vec<PathBuf> = entries(&folder).collect();
    roots.sort();
    let libraries = roots.iter().filter_map(|root| {
        let home = root.join("usr");
        let folder = home.join("lib/x86_64-linux-gnu");
        let library = entries(&folder).find(|path| is_libpython(path))?;
        Some(Libpython {
            loader: Some(home.join("lib64/ld-linux-x86-64.so.2")),
            libraries: Some(folder),
            home,
            library,
        })
    });
    libraries.collect()
}

fn is_libpython(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let minor = name
        .and_then(|name| name.strip_prefix("libpython3."))
        .and_then(|rest| rest.strip_suffix(".so.1.0"))
        .and_then(|minor| minor.parse::<u8>().ok());
    minor.is_some_and(|minor| (8..=15).contains(&minor))
}

/// The prefix above the library's folder, with or without the folder of an architecture.
fn home_of(library: &Path) -> PathBuf {
    let lib = library.ancestors().find(|folder| folder.ends_with("lib"));
    let prefix = lib.and_then(Path::parent);
    prefix.unwrap_or(Path::new("/usr")).to_owned()
}

fn probed(libpython: Libpython) -> Option<Found> {
    let known = libpython.probe(program()).expect("a libpython is probed");
    if known.free_threaded || known.debug {
        return None;
    }
    let told = format!(
        "driven: {} ({})\n",
        known.profile,
        libpython.library.display()
    );
    std::io::Write::write_all(&mut std::io::stderr(), told.as_bytes()).expect("tests can tell");
    Some(Found {
        libpython,
        minor: known.minor,
        patch: known.patch,
    })
}
