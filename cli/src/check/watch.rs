//! Progress on standard error: a line that changes on a terminal, else one line a minute.
//!
//! Looks at a clock: nothing of it enters a result.

use crate::engine::Progress;
use crate::output;
use crate::render::paint::grouped;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often there is a line where nobody watches.
const INTERVAL: Duration = Duration::from_secs(60);

/// Watches a check.
#[derive(Debug)]
pub(crate) struct Watch {
    bar: Option<ProgressBar>,
    begun: Instant,
    total: usize,
    verbose: bool,
    quiet: bool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// What is being explored, by the number of the task.
    running: BTreeMap<usize, (String, Progress)>,
    done: usize,
    states: u64,
    steps: u64,
    /// When the last line was written.
    told: Instant,
}

impl Watch {
    /// Begins to watch `total` explorations.
    pub(crate) fn begin(total: usize, verbose: bool, quiet: bool) -> Self {
        let begun = Instant::now();
        let bar = (!quiet && total > 0 && output::remarks_are_watched()).then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(4));
            bar.set_style(
                ProgressStyle::with_template("{spinner} {wide_msg}")
                    .unwrap_or_else(|_| ProgressStyle::default_spinner()),
            );
            bar
        });
        let state = State {
            running: BTreeMap::new(),
            done: 0,
            states: 0,
            steps: 0,
            told: begun,
        };
        Self {
            bar,
            begun,
            total,
            verbose,
            quiet,
            state: Mutex::new(state),
        }
    }

    /// Task `task`, the exploration of `name`, is so far.
    pub(crate) fn advance(&self, task: usize, name: &str, progress: Progress) {
        let mut state = self.lock();
        state.running.insert(task, (name.to_owned(), progress));
        if let Some(bar) = &self.bar {
            bar.set_message(self.line(&state));
            bar.tick();
        } else if !self.quiet && state.told.elapsed() >= INTERVAL {
            state.told = Instant::now();
            output::remark(&format!("{}\n", self.line(&state)));
        }
    }

    /// Task `task` is done.
    pub(crate) fn finish(&self, task: usize, states: u64, steps: u64) {
        let mut state = self.lock();
        state.running.remove(&task);
        state.done += 1;
        state.states += states;
        state.steps += steps;
    }

    /// Does something that writes to the terminal, with the changing line out of its way.
    pub(crate) fn aside<R>(&self, write: impl FnOnce() -> R) -> R {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Takes the changing line away, and says how long it took if that was asked for.
    pub(crate) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        if self.verbose {
            let state = self.lock();
            let seconds = self.begun.elapsed().as_secs_f64();
            let rate = |number: u64| grouped((number as f64 / seconds.max(0.001)) as u64);
            let (states, steps) = (rate(state.states), rate(state.steps));
            output::remark(&format!(
                "{seconds:.1} s, {states} states/s, {steps} steps/s\n"
            ));
        }
    }

    fn line(&self, state: &State) -> String {
        let mut line = format!("{} of {} checked", state.done, self.total);
        for (name, progress) in state.running.values() {
            line += &format!("; {name}: {} states", grouped(progress.states));
            if self.verbose {
                let seconds = self.begun.elapsed().as_secs_f64().max(0.001);
                let steps: u64 = state.steps
                    + state
                        .running
                        .values()
                        .map(|(_, progress)| progress.steps)
                        .sum::<u64>();
                line += &format!(", {} steps/s", grouped((steps as f64 / seconds) as u64));
            }
        }
        line
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A worker that panicked ends the program anyway; what it left here is only shown.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
