//! Medians, and the memory of this process.

use std::time::{Duration, Instant};

/// What one measurement costs at most, but for its last run.
const PATIENCE: Duration = Duration::from_secs(4);
const RUNS_MAX: usize = 101;
const RUNS_MIN: usize = 3;

/// Runs `body` three times or, if that is quick, more often; the median of its seconds and the last result.
pub fn median<R>(mut body: impl FnMut() -> R) -> (f64, R) {
    let begin = Instant::now();
    let mut seconds = Vec::new();
    loop {
        let start = Instant::now();
        let result = body();
        seconds.push(start.elapsed().as_secs_f64());
        let over = begin.elapsed() > PATIENCE
            || begin.elapsed() > PATIENCE / 8 && seconds.len() >= RUNS_MIN;
        if over || seconds.len() == RUNS_MAX {
            return (middle(&mut seconds), result);
        }
    }
}

/// The median.
pub fn middle(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The most memory that this process ever had, in MiB; 0 where `/proc` does not tell.
pub fn peak_mebibytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kibibytes.unwrap_or_default() / 1024.0
}
