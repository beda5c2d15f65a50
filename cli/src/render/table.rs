//! Lays cells out in columns.

use super::cells::Cell;
use super::paint::{Paint, width, wrap_after};

/// No column of words is narrower than this.
const COLUMN_MIN: usize = 13;

/// Spaces between columns, and before the first.
const GAP: &str = "  ";

/// The table, or `None` if its columns would be too narrow to read.
#[must_use]
pub fn fitting(headings: &[String], rows: &[Vec<Cell>], columns: usize) -> Option<String> {
    let natural = natural(headings, rows);
    let widest = natural.iter().copied().max().unwrap_or(0);
    let fits = |cap: &usize| GAP.len() + total(&natural, *cap) <= columns;
    let cap = (COLUMN_MIN.min(widest)..=widest).rev().find(fits)?;
    Some(draw(headings, rows, &natural, cap))
}

/// The table, wider than `columns` if it must be.
#[must_use]
pub fn forced(headings: &[String], rows: &[Vec<Cell>], columns: usize) -> String {
    fitting(headings, rows, columns)
        .unwrap_or_else(|| draw(headings, rows, &natural(headings, rows), COLUMN_MIN))
}

/// The columns that each column would like.
fn natural(headings: &[String], rows: &[Vec<Cell>]) -> Vec<usize> {
    let cells = |column: usize| rows.iter().filter_map(move |row| row.get(column));
    let wanted = |cell: &Cell| width(&cell.lead) + width(&cell.text);
    (0..headings.len())
        .map(|column| {
            cells(column)
                .map(wanted)
                .max()
                .unwrap_or(0)
                .max(width(&headings[column]))
        })
        .collect()
}

fn total(natural: &[usize], cap: usize) -> usize {
    let gaps = GAP.len() * natural.len().saturating_sub(1);
    natural.iter().map(|width| width.min(&cap)).sum::<usize>() + gaps
}

fn draw(headings: &[String], rows: &[Vec<Cell>], natural: &[usize], cap: usize) -> String {
    let widths: Vec<usize> = natural.iter().map(|width| *width.min(&cap)).collect();
    let head: Vec<Cell> = headings
        .iter()
        .map(|heading| Cell {
            paint: Some(Paint::Strong),
            ..Cell::plain(heading)
        })
        .collect();
    std::iter::once(&head)
        .chain(rows)
        .map(|row| draw_row(row, &widths))
        .collect()
}

fn draw_row(row: &[Cell], widths: &[usize]) -> String {
    let columns: Vec<Vec<String>> = row
        .iter()
        .zip(widths)
        .map(|(cell, width)| lines(cell, *width))
        .collect();
    let height = columns.iter().map(Vec::len).max().unwrap_or(0);
    let mut text = String::new();
    for line in 0..height {
        let pieces: Vec<&str> = row
            .iter()
            .zip(&columns)
            .map(|(cell, lines)| {
                lines.get(line).map_or(
                    if line > 0 { cell.rest.as_str() } else { "" },
                    String::as_str,
                )
            })
            .collect();
        let last = pieces
            .iter()
            .rposition(|piece| !piece.trim().is_empty())
            .map_or(0, |last| last + 1);
        for (column, piece) in pieces[..last].iter().enumerate() {
            let piece = if column + 1 == last {
                piece.trim_end()
            } else {
                piece
            };
            text += GAP;
            text += &row[column]
                .paint
                .map_or_else(|| piece.to_owned(), |paint| paint.on(piece));
            if column + 1 < last {
                text += &" ".repeat(widths[column].saturating_sub(width(piece)));
            }
        }
        text.push('\n');
    }
    text
}

/// The cell's lines, each with what stands before it.
fn lines(cell: &Cell, columns: usize) -> Vec<String> {
    if cell.text.is_empty() {
        return Vec::new();
    }
    if width(&cell.lead) + width(&cell.text) <= columns {
        return vec![format!("{}{}", cell.lead, cell.text)];
    }
    let room = |before: &str| columns.saturating_sub(width(before));
    let wrapped = wrap_after(&cell.text, room(&cell.lead), room(&cell.rest));
    let wrapped = wrapped.into_iter().enumerate();
    wrapped
        .map(|(line, text)| format!("{}{text}", if line == 0 { &cell.lead } else { &cell.rest }))
        .collect()
}
