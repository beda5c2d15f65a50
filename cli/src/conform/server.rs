//! Libpythons that run scenarios in processes of the driver.

use super::guide::Order;
use super::library::{Answer, Library, Opener, Request};
use super::program::Driver;
use super::run::Target;
use tstate::sim::events::{Event, Observed};
use tstate_driver::{Error, Libpython, Mode, Reply, Server};

/// Starts the driver for libpythons.
#[derive(Clone, Copy, Debug)]
pub struct Servers<'a> {
    /// The program.
    pub driver: &'a Driver,
    /// The libpythons.
    pub targets: &'a [Target],
    /// With the C library's own primitives.
    pub sampled: bool,
}

/// One libpython: its process runs as long as this lives, and is started again if it fails.
#[derive(Debug)]
struct Served<'a> {
    driver: &'a Driver,
    libpython: Libpython,
    mode: Mode,
    server: Option<Server>,
}

/// What the driver needs to know of a libpython.
#[must_use]
pub fn libpython_of(target: &Target) -> Libpython {
    let place = &target.known.libpython;
    let sysroot = place.sysroot.as_ref();
    Libpython {
        library: place.library.clone(),
        home: place.home.clone().unwrap_or_default(),
        loader: sysroot.and_then(|sysroot| sysroot.loader.clone()),
        libraries: sysroot.map(|sysroot| sysroot.library_path.clone()),
    }
}

impl Opener for Servers<'_> {
    fn open(&self, library: usize) -> Result<Box<dyn Library + '_>, String> {
        let mut served = Served {
            driver: self.driver,
            libpython: libpython_of(&self.targets[library]),
            mode: Mode {
                ready: true,
                sampled: self.sampled,
                fenced: false,
                inline: None,
            },
            server: None,
        };
        served.start().map_err(|error| error.to_string())?;
        Ok(Box::new(served))
    }
}

impl Served<'_> {
    fn start(&mut self) -> Result<&mut Server, Error> {
        let server = match self.server.take() {
            Some(server) => server,
            None => Server::spawn(&self.libpython, &self.driver.path, self.mode)?,
        };
        Ok(self.server.insert(server))
    }

    fn ask(&mut self, request: &Request<'_>) -> Result<Reply, Error> {
        let mut asked = tstate_driver::Request::new(request.source, request.profile.to_string());
        match request.order {
            Order::Seed(seed) => asked.seed = Some(*seed),
            Order::Guide(guide, pushes) => {
                asked.pushes.clone_from(pushes);
                asked.aims = request.aims.iter().map(Event::to_string).collect();
                asked.aims_backwards = request.backwards;
                asked.guide = guide.0.iter().map(|turn| turn.to_byte()).collect();
            }
        }
        self.start()?.run(&asked)
    }
}

impl Library for Served<'_> {
    fn run(&mut self, request: &Request<'_>) -> Answer {
        match self.ask(request) {
            Ok(reply) => answer(&reply),
            Err(error) => {
                // What a process that failed once says next is not to be trusted.
                self.server = None;
                Answer::Failed(error.to_string())
            }
        }
    }
}

fn answer(reply: &Reply) -> Answer {
    if let Some(reason) = &reply.refused {
        return Answer::Refused(reason.clone());
    }
    let observed: Result<Option<Observed>, _> = reply.observed();
    match observed {
        Ok(Some(observed)) => Answer::Ran {
            observed,
            strayed: reply.guide_left_at.is_some(),
            pushes: reply.pushes.clone(),
        },
        Ok(None) => Answer::Failed("the driver gave no run".to_owned()),
        Err(error) => Answer::Failed(format!("the driver's reply is not understood: {error}")),
    }
}
