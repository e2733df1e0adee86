//! Searches that evaluate filters themselves (`src/pg/plan`).
//!
//! | file | what it holds |
//! |---|---|
//! | `answers.rs` | as many rows as there are, and the nearest, by filters of all kinds |
//! | `shortlists.rs` | rows that other indexes shortlist, where a search would cost more |
//! | `lists.rs` | how lists of other indexes are read, and what is held afterwards |
//! | `order.rs` | sorted rows where something relies on it |
//! | `several.rs` | shortlists of several indexes |
//! | `ranks.rs` | shortlists that the index ranks |
//! | `tables.rs` | searches that read the table once they have cost as much |
//! | `thresholds.rs` | searches that end at a distance |
//! | `sessions.rs` | what a session pays to learn to rank, and gives back |
//! | `plans.rs` | which plans have the node, and what EXPLAIN says of it |
//! | `ways.rs` | the ways rows are asked for: prepared, joined, by cursors, by workers, from partitions |
//! | `safety.rs` | errors, cancels, who may see what, rows that change meanwhile |

mod answers;
mod lists;
mod order;
mod plans;
mod ranks;
mod safety;
mod sessions;
mod several;
mod shortlists;
mod tables;
mod thresholds;
mod ways;

use postgres::{Client, GenericClient};

use crate::support::Result;
use crate::support::cluster::Cluster;
use crate::support::vectors::{Clusters, EXACT, make_table, plan};

/// What EXPLAIN calls the node.
const NODE: &str = "Custom Scan (FilteredVectorSearch)";

const DIMS: usize = 24;
const ROWS: usize = 4_000;

/// A session that takes the index of `items`, which has columns to filter by: `a` has each number from 0
/// once, `part` is where a vector lies, `few` is NULL but for 40 rows.
fn prepare(cluster: &Cluster) -> Result<Client> {
    let mut client = cluster.client()?;
    make_table(
        &mut client,
        "",
        DIMS,
        &Clusters::new(71, DIMS, 12).vectors(ROWS),
    )?;
    client.batch_execute(
        "ALTER TABLE items ADD a int, ADD word text, ADD tags int[], ADD part bool, ADD few int;
         UPDATE items SET a = (id * 1237) % 4000, word = 'w' || id % 50, tags = ARRAY[id % 7, id % 11],
             part = l2_norm(subvector(v, 1, 4)) < 2, few = CASE WHEN id % 100 = 0 THEN id / 100 END;
         CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops);
         CREATE TABLE questions AS SELECT id, v FROM items WHERE id % 131 = 0;
         CREATE TABLE small (a int); INSERT INTO small SELECT generate_series(0, 3999, 9)",
    )?;
    client.batch_execute("VACUUM ANALYZE items")?;
    client.batch_execute(TAKE_INDEX)?;
    Ok(client)
}

/// Has the planner take the index of vectors rather than sort.
const TAKE_INDEX: &str =
    "SET enable_seqscan = off; SET enable_sort = off; SET enable_bitmapscan = off";

fn assert_node(client: &mut impl GenericClient, query: &str, wanted: usize) -> Result<()> {
    let plan = plan(client, query, &[])?;
    assert_eq!(plan.matches(NODE).count(), wanted, "{query}\n{plan}");
    Ok(())
}

/// Numbers of a query's first column.
fn ids(client: &mut impl GenericClient, query: &str) -> Result<Vec<i32>> {
    let rows = client.query(query, &[])?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// What EXPLAIN shows of the node by a name.
fn shown<'p>(plan: &'p str, label: &str) -> Option<&'p str> {
    let mut lines = plan.lines();
    lines.find_map(|line| line.trim().strip_prefix(label)?.strip_prefix(": "))
}

/// Rows on which a query evaluates its filter, as EXPLAIN says it.
fn checked(plan: &str) -> Result<u32> {
    let checked = shown(plan, "Rows Checked");
    Ok(checked.ok_or("nothing is checked")?.parse()?)
}

/// What exact search answers, in a session whose settings are these before and after.
fn exact_beside(client: &mut Client, query: &str, settings: &str) -> Result<Vec<i32>> {
    client.batch_execute(EXACT)?;
    let rows = ids(client, query);
    client.batch_execute(settings)?;
    rows
}

/// Rows whatever their order.
fn sorted(mut rows: Vec<i32>) -> Vec<i32> {
    rows.sort_unstable();
    rows
}
