//! The figures as a page.

use super::datasets::SHAPES;
use super::{Arguments, Figure, K, Side};

/// How far behind counts: one row of 200.
const BEHIND: f64 = 0.005;

/// The whole page.
pub fn page(arguments: &Arguments, sides: &[Side; 2], server: &str, figures: &[Figure]) -> String {
    let [ours, theirs] = sides;
    let efs: Vec<String> = arguments.ef.iter().map(u32::to_string).collect();
    let mut parts = vec![
        "# Recall on data that is not normalised, beside pgvector".to_owned(),
        format!(
            "`make bench-index`: {} rows of each shape, {} questions that are no rows, recall@{K} at `hnsw.ef_search` {}, `m` 16, \
             `ef_construction` 64, `hnsw.iterative_scan` off. {server}, {} {}, {} {}. Each cell: vector_ext, and pgvector in brackets. \
             A row exactly as near as the tenth counts as well.",
            arguments.rows,
            arguments.questions,
            efs.join(" / "),
            ours.name,
            ours.version,
            theirs.name,
            theirs.version,
        ),
        sums(arguments, figures),
    ];
    for &dims in &arguments.dims {
        for &history in &arguments.histories {
            let of = |figure: &&Figure| figure.dims == dims && figure.history == history;
            let some: Vec<&Figure> = figures.iter().filter(of).collect();
            parts.push(format!("## {dims} dimensions, {history:?}"));
            parts.push(grid(&some));
        }
    }
    parts.join("\n\n") + "\n"
}

/// How many cases are ahead and behind, and the worst of these.
fn sums(arguments: &Arguments, figures: &[Figure]) -> String {
    let mut lines = vec![
        "| `hnsw.ef_search` | mean of vector_ext | of pgvector | ahead by more than 0.005 | behind by more | farthest behind |".to_owned(),
        "|---|---|---|---|---|---|".to_owned(),
    ];
    for (at, ef) in arguments.ef.iter().enumerate() {
        let both = |figure: &Figure| [figure.recalls[0][at], figure.recalls[1][at]];
        let mean = |side: usize| {
            figures.iter().map(|figure| both(figure)[side]).sum::<f64>()
                / figures.len().max(1) as f64
        };
        let ahead = |figure: &&Figure| both(figure)[0] > both(figure)[1] + BEHIND;
        let behind = |figure: &Figure| both(figure)[1] - both(figure)[0];
        let worst = figures
            .iter()
            .max_by(|a, b| behind(a).total_cmp(&behind(b)));
        let worst = worst.map_or(String::new(), |figure| {
            let [ours, theirs] = both(figure);
            format!(
                "{ours:.3} ({theirs:.3}): {}, {} dimensions, {:?}, {:?}",
                figure.class, figure.dims, figure.shape, figure.history
            )
        });
        lines.push(format!(
            "| {ef} | {:.4} | {:.4} | {} of {} | {} | {worst} |",
            mean(0),
            mean(1),
            figures.iter().filter(ahead).count(),
            figures.len(),
            figures
                .iter()
                .filter(|figure| behind(figure) > BEHIND)
                .count(),
        ));
    }
    lines.join("\n")
}

/// Shapes down, classes across.
fn grid(figures: &[&Figure]) -> String {
    let mut classes: Vec<&str> = figures.iter().map(|figure| figure.class).collect();
    classes.sort_unstable();
    classes.dedup();
    let mut lines = vec![
        format!("| | {} |", classes.join(" | ")),
        format!("|{}", "---|".repeat(classes.len() + 1)),
    ];
    for shape in SHAPES {
        let mut cells = vec![format!("{shape:?}")];
        for class in &classes {
            let figure = figures
                .iter()
                .find(|figure| figure.class == *class && figure.shape == shape);
            cells.push(figure.map_or("-".to_owned(), |figure| {
                let list = |recalls: &[f64]| {
                    let recalls = recalls.iter().map(|recall| format!("{recall:.3}"));
                    recalls.collect::<Vec<_>>().join(" / ")
                };
                format!(
                    "{} ({})",
                    list(&figure.recalls[0]),
                    list(&figure.recalls[1])
                )
            }));
        }
        lines.push(format!("| {} |", cells.join(" | ")));
    }
    lines.join("\n")
}
