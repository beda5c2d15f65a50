//! Small drawings of what holds a run up: who waits for what and who has it, and the round of a run that never ends.

use super::markup::{colour, escaped, number};
use crate::engine::Shown;
use std::f64::consts::TAU;
use tstate::sim::report::{Trace, Wait};

/// Of a letter in a box, and of a box.
const LETTER: f64 = 7.3;
const HEIGHT: f64 = 26.0;
/// Between the boxes of a row, and from row to row.
const GAP: f64 = 92.0;
const ROW: f64 = 44.0;
/// Letters of a box.
const LETTERS_MAX: usize = 34;
/// Boxes of a round.
const ROUND_MAX: usize = 5;

/// A box.
#[derive(Clone, Debug, PartialEq)]
struct Element {
    text: String,
    class: String,
    /// The step that it is, if it is one.
    step: Option<usize>,
    /// What the arrow to the next one says.
    says: String,
}

/// Who waits for whom, as a drawing; empty if nobody waits, but for those that finalization parked.
#[must_use]
pub(super) fn waits(run: usize, trace: &Trace) -> String {
    if trace.waits.iter().all(|wait| wait.parked) {
        return String::new();
    }
    let cycle = cycle(&trace.waits);
    let ring: Vec<Element> = cycle
        .iter()
        .flat_map(|wait| elements(trace, wait))
        .collect();
    let beside = trace.waits.iter().filter(|wait| !cycle.contains(wait));
    let rows: Vec<Vec<Element>> = beside
        .map(|wait| {
            let mut row = elements(trace, wait);
            row.extend(wait.holders.iter().map(|holder| thread(trace, *holder, "")));
            row
        })
        .collect();
    let caption = if cycle.is_empty() {
        "Who waits for what, and who has it."
    } else {
        "The cycle: who waits for what, and who has it."
    };
    figure(("waits", run), caption, &ring, &rows)
}

/// The rows of the round as a ring; empty if the run ends.
#[must_use]
pub(super) fn round(run: usize, shown: &Shown) -> String {
    let trace = &shown.account.trace;
    let Some(rows) = shown.round.and_then(|round| trace.rows.get(round..)) else {
        return String::new();
    };
    let mut ring: Vec<Element> = rows
        .iter()
        .take(ROUND_MAX)
        .map(|row| {
            let name = &trace.threads[row.thread].name;
            Element {
                text: short(&format!("{} {name}: {}", row.number, row.text)),
                class: format!("thread {}", colour(row.thread)),
                step: Some(row.number as usize),
                says: short(&row.changes.join("; ")),
            }
        })
        .collect();
    let more = rows.len().saturating_sub(ROUND_MAX);
    if more > 0 || shown.round_is_cut {
        let text = match shown.round_is_cut {
            true => "… and many more".to_owned(),
            false => format!("… {more} more"),
        };
        ring.push(Element {
            text,
            class: "thing".to_owned(),
            step: None,
            says: String::new(),
        });
    }
    figure(
        ("lasso", run),
        "The round that never ends, by its steps.",
        &ring,
        &[],
    )
}

/// The waits that close a cycle, in its order.
fn cycle(waits: &[Wait]) -> Vec<Wait> {
    for start in waits {
        let mut path = vec![start];
        while let Some(next) = path
            .last()
            .and_then(|wait| wait.holders.first())
            .and_then(|holder| waits.iter().find(|wait| wait.thread == *holder))
        {
            if next == start {
                return path.into_iter().cloned().collect();
            }
            if path.contains(&next) {
                break;
            }
            path.push(next);
        }
    }
    Vec::new()
}

/// A waiting thread, and what it waits for.
fn elements(trace: &Trace, wait: &Wait) -> Vec<Element> {
    let Some(what) = &wait.what else {
        return vec![thread(trace, wait.thread, "waits for its end")];
    };
    let says = if wait.parked { "was" } else { "waits for" };
    let thing = Element {
        text: short(what),
        class: "thing".to_owned(),
        step: None,
        says: if wait.holders.is_empty() { "" } else { wait.by }.to_owned(),
    };
    vec![thread(trace, wait.thread, says), thing]
}

fn thread(trace: &Trace, thread: usize, says: &str) -> Element {
    let name = trace.threads.get(thread);
    Element {
        text: name.map_or_else(String::new, |thread| short(&thread.name)),
        class: format!("thread {}", colour(thread)),
        step: None,
        says: says.to_owned(),
    }
}

fn short(text: &str) -> String {
    if text.chars().count() <= LETTERS_MAX {
        return text.to_owned();
    }
    let start: String = text.chars().take(LETTERS_MAX - 1).collect();
    format!("{start}…")
}

/// Half the width of a box.
fn half(element: &Element) -> f64 {
    8.0 + LETTER * element.text.chars().count() as f64 / 2.0
}

/// Where the ring is, and where the rows are below it.
struct Frame {
    radius: (f64, f64),
    center: (f64, f64),
    width: f64,
    height: f64,
    rows_from: f64,
}

impl Frame {
    fn new(ring: &[Element], rows: &[Vec<Element>]) -> Self {
        let widest = ring.iter().map(half).fold(0.0, f64::max);
        let more = ring.len().saturating_sub(2) as f64;
        let radius_y = 44.0 + 16.0 * more;
        let radius_x = match ring.len() {
            1 => 40.0,
            // With five or six, two stand side by side.
            5.. => (2.0 * widest + 16.0).max(1.4 * radius_y),
            _ => (widest + 84.0).max(1.4 * radius_y),
        };
        let (ring_width, rows_from) = match ring.len() {
            0 => (0.0, 0.0),
            _ => (
                2.0 * (radius_x + widest) + 16.0,
                2.0 * radius_y + HEIGHT + 44.0,
            ),
        };
        let row_width = |row: &Vec<Element>| {
            let boxes: f64 = row.iter().map(|element| 2.0 * half(element)).sum();
            boxes + GAP * row.len().saturating_sub(1) as f64 + 16.0
        };
        let width = rows.iter().map(row_width).fold(ring_width, f64::max);
        Self {
            radius: (radius_x, radius_y),
            center: (ring_width / 2.0, rows_from / 2.0),
            width,
            height: rows_from + ROW * rows.len() as f64,
            rows_from,
        }
    }

    /// The place of a box in the ring, clockwise from the left.
    fn place(&self, at: usize, of: usize) -> (f64, f64) {
        if of == 1 {
            return self.center;
        }
        let angle = TAU * (at as f64 / of as f64 + 0.5);
        let (x, y) = self.center;
        (
            x + self.radius.0 * angle.cos(),
            y + self.radius.1 * angle.sin(),
        )
    }
}

fn figure(
    (class, run): (&str, usize),
    caption: &str,
    ring: &[Element],
    rows: &[Vec<Element>],
) -> String {
    let frame = Frame::new(ring, rows);
    let arrow = format!("run-{run}-{class}-arrow");
    let mut body = String::new();
    for (at, element) in ring.iter().enumerate() {
        let (from, to) = (frame.place(at, ring.len()), frame.place(at + 1, ring.len()));
        if ring.len() == 1 {
            body += &own(element, from, &arrow);
            continue;
        }
        let middle = (f64::midpoint(from.0, to.0), f64::midpoint(from.1, to.1));
        // Of two boxes only, one arrow passes above, the other below.
        let away = match ring.len() {
            2 => (0.0, if from.0 < to.0 { -60.0 } else { 60.0 }),
            _ => (
                0.4 * (middle.0 - frame.center.0),
                0.4 * (middle.1 - frame.center.1),
            ),
        };
        let next = &ring[(at + 1) % ring.len()];
        body += &bow((element, from), (next, to), away, &arrow);
    }
    for (at, element) in ring.iter().enumerate() {
        body += &draw(element, frame.place(at, ring.len()));
    }
    for (number, row) in rows.iter().enumerate() {
        let y = frame.rows_from + ROW * (number as f64 + 0.5);
        let mut x = 8.0;
        for (at, element) in row.iter().enumerate() {
            let here = (x + half(element), y);
            body += &draw(element, here);
            x += 2.0 * half(element) + GAP;
            if let Some(next) = row.get(at + 1).filter(|_| !element.says.is_empty()) {
                body += &bow(
                    (element, here),
                    (next, (x + half(next), y)),
                    (0.0, 0.0),
                    &arrow,
                );
            }
        }
    }
    let (width, height) = (number(frame.width), number(frame.height));
    format!(
        "<figure class=\"{class}\"><svg width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
         aria-label=\"{0}\">\n<defs><marker id=\"{arrow}\" viewBox=\"0 0 6 6\" refX=\"5\" refY=\"3\" markerWidth=\"6\" \
         markerHeight=\"6\" orient=\"auto\"><path class=\"head\" d=\"M0 0L6 3L0 6z\"/></marker></defs>\n{body}</svg>\
         <figcaption>{0}</figcaption></figure>\n",
        escaped(caption)
    )
}

fn draw(element: &Element, (x, y): (f64, f64)) -> String {
    let half = half(element);
    let step = element
        .step
        .map_or_else(String::new, |step| format!(" data-step=\"{step}\""));
    let round = if element.step.is_none() && element.class.starts_with("thread") {
        HEIGHT / 2.0
    } else {
        4.0
    };
    format!(
        "<g class=\"box {}\"{step}><rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"{}\"/>\
         <text x=\"{}\" y=\"{}\" dy=\".35em\">{}</text></g>\n",
        element.class,
        number(x - half),
        number(y - HEIGHT / 2.0),
        number(2.0 * half),
        number(HEIGHT),
        number(round),
        number(x),
        number(y),
        escaped(&element.text)
    )
}

/// An arrow from box to box, bent aside, with what it says on the outer side of the bend.
fn bow(
    (one, from): (&Element, (f64, f64)),
    (other, to): (&Element, (f64, f64)),
    away: (f64, f64),
    arrow: &str,
) -> String {
    let bend = (
        f64::midpoint(from.0, to.0) + away.0,
        f64::midpoint(from.1, to.1) + away.1,
    );
    let (start, end) = (edge_of(one, from, bend, 2.0), edge_of(other, to, bend, 3.0));
    let middle = (
        0.25 * start.0 + 0.5 * bend.0 + 0.25 * end.0,
        0.25 * start.1 + 0.5 * bend.1 + 0.25 * end.1,
    );
    let anchor = match away.0 {
        x if x > 4.0 => "start",
        x if x < -4.0 => "end",
        _ => "middle",
    };
    let beside = if anchor == "middle" {
        0.0
    } else {
        8.0 * away.0.signum()
    };
    let below = if away.1 > 0.0 { 16.0 } else { -6.0 };
    format!(
        "<path class=\"arrow\" d=\"M{} {}Q{} {} {} {}\" marker-end=\"url(#{arrow})\"/>\
         <text class=\"says {anchor}\" x=\"{}\" y=\"{}\">{}</text>\n",
        number(start.0),
        number(start.1),
        number(bend.0),
        number(bend.1),
        number(end.0),
        number(end.1),
        number(middle.0 + beside),
        number(middle.1 + below),
        escaped(&one.says)
    )
}

/// An arrow from a box to itself.
fn own(element: &Element, (x, y): (f64, f64), arrow: &str) -> String {
    let half = half(element);
    let (from, to, top) = (x + half / 2.0, x - half / 2.0, y - HEIGHT / 2.0);
    format!(
        "<path class=\"arrow\" d=\"M{} {}C{} {} {} {} {} {}\" marker-end=\"url(#{arrow})\"/>\
         <text class=\"says\" x=\"{}\" y=\"{}\">{}</text>\n",
        number(from),
        number(top - 2.0),
        number(from + 20.0),
        number(top - 46.0),
        number(to - 20.0),
        number(top - 46.0),
        number(to),
        number(top - 3.0),
        number(x),
        number(top - 40.0),
        escaped(&element.says)
    )
}

/// Where the line from the middle of a box towards a point leaves the box.
fn edge_of(element: &Element, (x, y): (f64, f64), towards: (f64, f64), gap: f64) -> (f64, f64) {
    let (to_x, to_y) = (towards.0 - x, towards.1 - y);
    let (half_x, half_y) = (half(element) + gap, HEIGHT / 2.0 + gap);
    let scale = (half_x / to_x.abs().max(0.001)).min(half_y / to_y.abs().max(0.001));
    (x + scale * to_x, y + scale * to_y)
}
