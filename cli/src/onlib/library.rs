//! A libpython that makes runs, and what it answers.

use crate::conform::program::Driver;
use crate::conform::run::Target;
use crate::conform::server::libpython_of;
use tstate::runtime::profile::Profile;
use tstate::sim::outside::{Sight, Wait};
use tstate::sim::verdict::Threads;
use tstate_driver::{Error, GONE, Mode, Plan, Planned, Reply, Request, Server, TIMED};

/// Operations of a run: many times what most scenarios take.
const OPERATIONS: u64 = 20_000;
/// Of a run that has had these, to tell one without end from a long one.
const OPERATIONS_MAX: u64 = 400_000;

/// How a run ends that has had its operations.
const CUT: &str = "cut operations";

/// What decides a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// A plan.
    Plan(Plan),
    /// Nobody: threads run as the system lets them.
    Free,
}

/// A run that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// What was seen of it.
    pub sight: Sight,
    /// What it did beside.
    pub planned: Planned,
    /// What each thread waits for at the end.
    pub waits: Vec<Option<String>>,
}

/// What came of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A run.
    Ran(Box<Ran>),
    /// The scenario cannot be run on this library.
    Refused(String),
    /// There is no answer: the driver or its process failed.
    Failed(String),
}

/// A libpython that makes runs of one scenario.
pub trait Library {
    /// Makes a run.
    fn run(&mut self, order: &Order) -> Answer;
}

/// A libpython in a process of the driver, which is started again if it fails.
#[derive(Debug)]
pub struct Served<'a> {
    driver: &'a Driver,
    target: &'a Target,
    source: &'a str,
    profile: Profile,
    mode: Mode,
    planned: Option<Server>,
    free: Option<Server>,
    /// Operations of the next run.
    operations: u64,
    /// A run had no end within the most operations, so that others need not be made longer to see that.
    is_endless: bool,
}

impl<'a> Served<'a> {
    /// The libpython, to run this scenario: with memory fenced off that it frees, or with points in its inline code, if `mode`
    /// says so.
    #[must_use]
    pub fn new(driver: &'a Driver, target: &'a Target, source: &'a str, mode: Mode) -> Self {
        Self {
            driver,
            target,
            source,
            profile: target.profile,
            mode,
            planned: None,
            free: None,
            operations: OPERATIONS,
            is_endless: false,
        }
    }

    /// The run, made longer if it was cut and it is not known yet whether there are such without end.
    fn made(&mut self, order: &Order) -> Result<Reply, Error> {
        let reply = self.ask(order, self.operations)?;
        let is_cut = reply.end == CUT;
        if !is_cut || self.is_endless || self.operations == OPERATIONS_MAX {
            return Ok(reply);
        }
        let longer = self.ask(order, OPERATIONS_MAX)?;
        if longer.end.starts_with("cut ") {
            self.is_endless = true;
            return Ok(reply);
        }
        self.operations = OPERATIONS_MAX;
        Ok(longer)
    }

    fn ask(&mut self, order: &Order, operations: u64) -> Result<Reply, Error> {
        let mut request = Request::new(self.source, self.profile.to_string());
        request.operations = operations;
        let is_free = match order {
            Order::Plan(plan) => {
                request.plan = Some(plan.clone());
                false
            }
            Order::Free => {
                request.free = true;
                true
            }
        };
        let mode = Mode {
            ready: true,
            sampled: is_free,
            ..self.mode
        };
        let line = if is_free {
            &mut self.free
        } else {
            &mut self.planned
        };
        // What a process that failed once says next is not to be trusted.
        let mut server = match line.take() {
            Some(server) => server,
            None => Server::spawn(&libpython_of(self.target), &self.driver.path, mode)?,
        };
        let reply = server.run(&request)?;
        *line = Some(server);
        Ok(reply)
    }
}

impl Library for Served<'_> {
    fn run(&mut self, order: &Order) -> Answer {
        match self.made(order) {
            Ok(reply) => answer(reply),
            Err(error) => Answer::Failed(error.to_string()),
        }
    }
}

fn answer(reply: Reply) -> Answer {
    if let Some(reason) = reply.refused {
        return Answer::Refused(reason);
    }
    let observed = match reply.observed() {
        Ok(Some(observed)) => observed,
        Ok(None) => return Answer::Failed("the driver gave no run".to_owned()),
        Err(error) => {
            return Answer::Failed(format!("the driver's reply is not understood: {error}"));
        }
    };
    let Some(planned) = reply.planned else {
        return Answer::Failed("the driver is too old: it knows no plans".to_owned());
    };
    let waits = reply.waits.iter().map(|waits| match waits.as_deref() {
        Some(GONE) => Wait::Gone,
        Some(TIMED) => Wait::Timed,
        Some(_) | None => Wait::Other,
    });
    let left = reply.left.map(|lanes| {
        let bits = lanes.iter().map(|lane| 1_u16.checked_shl(u32::from(*lane)));
        Threads(bits.flatten().fold(0, |all, bit| all | bit))
    });
    Answer::Ran(Box::new(Ran {
        sight: Sight {
            observed,
            waits_for: planned.waits_for.clone(),
            waits: waits.collect(),
            owed: planned.owed.clone(),
            left,
            busy: planned.busy.clone(),
            two_holders: planned.two_holders,
            hung: planned.hung.clone(),
        },
        planned,
        waits: reply.waits,
    }))
}
