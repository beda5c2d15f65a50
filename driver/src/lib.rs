//! Runs one scenario on one real libpython, in a child process, under a scheduler of its own.
//!
//! This library is the side that asks: [`Server::spawn`] starts the program `tstate-driver serve` for one libpython, and
//! [`Server::run`] has it run one [`Request`] and gives its [`Reply`]. The program is the side that runs; nothing of it
//! is linked into whoever uses this library, because it takes the C library's place.
//!
//! # Protocol
//!
//! One request is one line of JSON on the program's standard input, one reply one line on its standard output, in the
//! order of the requests. Fields that are left out have their defaults; unknown fields are an error.
//!
//! ```text
//! > {"scenario": "TEXT OF THE FILE", "profile": "3.13.0", "guide": [0, 0, 1], "ticks": 3}
//! < {"events": ["0 begins 0 / list 0 cur - check", …], "end": "exit 0", "threads": ["ended", "hung"],
//!    "waits": [null, null], "guide_left_at": null}
//! ```
//!
//! * `guide`: thread numbers of the program: whose event comes next. Each event (a statement begins or ends, a callback
//!   is entered or left) uses up one. The thread wanted runs until its event; if it blocks, the others that are inside a
//!   statement run, lowest number first, just until it can go on; if nobody can, timed waits time out, the wanted
//!   thread's first. If nothing helps, the run is made once more with the wanted thread's time-out before all else, which
//!   asks threads that run bytecode to hand over; the run that follows the guide farther is the reply. Where a guide is
//!   given up (`guide_left_at` is the number of events that followed it), and after its end, the run goes by the default:
//!   the running thread goes on until it blocks, then the lowest that can.
//! * `pushes`: before an event of the guide, another thread that is inside a call goes on by so many of the library's
//!   operations on locks, or until it blocks or comes to an event of its own. So a run can be made in which an event sees
//!   what calls under way have done by then.
//! * `aims`: the guide's events with what their threads are to see. Where one would see something else, the others that
//!   are inside calls go on, one operation at a time, until it sees that or nobody can go on; `pushes` of the reply says
//!   what that came to. From the first event that does not come to see it (`missed_at`) on nothing is aimed at.
//! * `choices`: which alternative each `choose` takes, in the order in which they are met; the first where it says
//!   nothing.
//! * `seed`: chance decides at every operation, after the guide's end.
//! * `plan`: the run is decided by a list of what it does otherwise than the default run ([`Plan`]), and by chance where
//!   the list says nothing; `planned` of the reply says what it did. Nothing is guided then.
//! * `ticks` (3): how often timed waits of one thread time out in one statement, and, where nobody can go on, how often
//!   more after the last event of the run.
//! * `events` (400), `operations` (200000): bounds of the run.
//! * `left` of the reply, where freed memory is fenced off: the threads that have ended, of which a thread state was never freed,
//!   though finalization is over.
//! * A reply has `refused`, the reason, if the run cannot be driven on this libpython, or the request makes no sense.
//!   Nothing else in it counts then.
//! * `end` is `exit N`, `assertion STATEMENT`, `fatal TEXT`, `crash SIGNAL`, `stuck` or `cut WHY`.
//! * `threads` are `not started`, `running`, `blocked`, `ended`, `exited`, `hung`; `waits` says what a blocked one waits
//!   for.
//! * An event's text is that of [`tstate::sim::events::Event`].
//!
//! The same request gives the same bytes in reply.
//!
//! # Sampled mode
//!
//! `tstate-driver serve --sampled` makes the same runs on the C library's own locks, condition variables, semaphores and
//! clocks. Threads run freely inside calls; each stands before its events until the guide wants it, after the guide's end
//! until its turn comes, and until the others are still: the kernel says so (`/proc/self/task/TID/syscall`). A guide that
//! its thread does not come to within several of the library's own time limits is given up. `seed`, `ticks` and
//! `operations` mean nothing then, and the reply to a request depends on time: it is the cross-check of what the driver
//! puts in the C library's place, for a nightly job.
//!
//! * `free`: threads run as the system lets them, and stand before nothing. Events say nothing of what their threads see, as
//!   to look would take part in the race. It is what a stress test does.

mod plan;
mod protocol;
mod server;

pub use plan::{
    Chance, Choice, Decision, Departure, Departures, Leg, ParsePlanError, Phase, Plan, Planned,
    Visits,
};
pub use protocol::{GONE, Probed, Push, Reply, Request, Started, TIMED};
pub use server::{Error, Inline, Libpython, Mode, Server};
