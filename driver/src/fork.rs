//! Fork: one of the two processes is followed, the other only passes on how that one ends.
//!
//! # Protocol
//!
//! 1. The thread that forks stands as before an event, so that what others do before it comes first.
//! 2. The schedule says which process the run goes on as: by the guide, by chance, else as the parent.
//! 3. The real fork. As the parent, the child ends at once. As the child, the parent waits for it and ends as it did, so
//!    that the runner sees one process; the record is memory that both share, in which only the followed one writes.
//! 4. In the child the other threads are [`Waits::Gone`]: what they own in the schedule stays theirs.

use crate::layer::real::real;
use crate::record;
use crate::schedule::{Waits, block, me, own, sampled};
use tstate::sync::Branch;

/// Forks, on a thread of the run.
pub fn fork() -> Branch {
    if sampled::is_on() {
        record::refuse("a fork is not driven in sampled mode");
    }
    block(Waits::Event);
    let me = me();
    let branch = own(|schedule| schedule.branch(me));
    match (branch, real_fork()) {
        (_, -1) => record::refuse("no process could be made"),
        // SAFETY: ends the process without touching anything.
        (Branch::Parent, 0) => unsafe { libc::_exit(0) },
        (Branch::Parent, child) => {
            let _ended = ended(child);
        }
        (Branch::Child, 0) => begin(me),
        (Branch::Child, child) => pass_on(ended(child)),
    }
    branch
}

/// The C library's function.
pub fn real_fork() -> libc::pid_t {
    let real = real!(c"fork" => fn() -> libc::pid_t);
    // SAFETY: what runs in the child is this thread; the C library looks after its own locks.
    unsafe { real() }
}

/// The child: it ends with its parent, which is what the runner can end.
fn begin(me: usize) {
    // SAFETY: sets a number of this process.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
    }
    own(|schedule| {
        for (slot, other) in schedule.slots.iter_mut().enumerate() {
            if slot != me && !other.waits.is_over() {
                other.waits = Waits::Gone;
            }
        }
    });
}

/// The status of a child of this process, once it ended.
fn ended(child: libc::pid_t) -> libc::c_int {
    let mut status = 0;
    // SAFETY: the child is ours and not waited for yet.
    while unsafe { libc::waitpid(child, &mut status, 0) } == -1 {
        let error = std::io::Error::last_os_error();
        if error.raw_os_error() != Some(libc::EINTR) {
            record::refuse("the forked process is lost");
        }
    }
    status
}

/// Ends this process as the child ended.
fn pass_on(status: libc::c_int) -> ! {
    // SAFETY: ends the process, by the signal that ended the child if one did.
    unsafe {
        if libc::WIFSIGNALED(status) {
            let signal = libc::WTERMSIG(status);
            libc::signal(signal, libc::SIG_DFL);
            libc::kill(libc::getpid(), signal);
            libc::pause();
        }
        libc::_exit(libc::WEXITSTATUS(status))
    }
}
