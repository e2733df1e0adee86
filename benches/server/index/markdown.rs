//! Tables, and numbers as people read them.

use super::stats::Spread;

/// A table.
pub fn table(head: &[impl AsRef<str>], rows: Vec<Vec<String>>) -> String {
    let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    let mut lines = vec![
        line(head.iter().map(|cell| cell.as_ref().to_owned()).collect()),
        line(vec!["---".to_owned(); head.len()]),
    ];
    lines.extend(rows.into_iter().map(line));
    lines.join("\n")
}

/// Of 1,048,576 bytes.
pub fn megabytes(bytes: f64) -> f64 {
    bytes / f64::from(1 << 20)
}

/// A median, with the lowest and the highest.
pub fn spread(spread: &Spread, digits: usize) -> String {
    let [middle, lowest, highest] =
        [spread.middle, spread.lowest, spread.highest].map(|value| number(value, digits));
    format!("{middle} ({lowest} to {highest})")
}

/// A whole number.
pub fn grouped(value: f64) -> String {
    number(value, 0)
}

/// With commas between thousands.
pub fn number(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}
