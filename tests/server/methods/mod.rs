//! What each access method must do on real servers.
//!
//! | file | what it holds |
//! |---|---|
//! | `cancel.rs` | cancelled statements end at once and leave nothing behind |
//! | `crash.rs` | kill -9 in the middle of builds, inserts and vacuums |
//! | `ddl.rs` | made and rebuilt while others write, moved, emptied, dumped |
//! | `domains.rs` | domains, fields of composites, generated columns, defaults |
//! | `edges.rs` | numbers at the ends of float32 |
//! | `memory.rs` | statements that the system gives no memory |
//! | `rows.rs` | NULL, zero vectors, cursors, scans that begin again |
//! | `standby.rs` | a standby answers as its primary, and takes its place |
//! | `stress.rs` | writers, readers and vacuums at once |
//! | `transactions.rs` | savepoints, isolation, HOT |

/// An access method, and how tests make its indexes.
#[derive(Clone, Copy, Debug)]
pub struct TestedMethod {
    /// As `USING` has it.
    pub name: &'static str,
    /// What stands behind the columns of an index.
    options: &'static str,
    /// Other options.
    pub other: &'static str,
    /// Options that say how vectors are stored.
    pub forms: &'static [&'static str],
    /// Operators of distances between vectors, with their operator classes.
    pub classes: &'static [(&'static str, &'static str)],
    /// How it says that a query has 2 dimensions and the column 3: as pgvector's method of that name.
    pub two_and_three: &'static str,
}

/// The graph.
pub const HNSW: TestedMethod = TestedMethod {
    name: "hnsw",
    options: "",
    other: "m = 24, ef_construction = 80, storage = int8",
    forms: &["storage = f32", "storage = f16", "storage = int8"],
    classes: &[
        ("<->", "vector_l2_ops"),
        ("<#>", "vector_ip_ops"),
        ("<+>", "vector_l1_ops"),
    ],
    two_and_three: "2 and 3",
};

/// Lists: as many as searches do not read all of.
pub const IVFFLAT: TestedMethod = TestedMethod {
    name: "ivfflat",
    options: " WITH (lists = 20)",
    other: "lists = 7, bits = 4",
    forms: &["bits = 1", "lists = 1", "lists = 5"],
    classes: &[("<->", "vector_l2_ops"), ("<#>", "vector_ip_ops")],
    two_and_three: "3 and 2",
};

impl TestedMethod {
    /// Statements that make indexes of this method, from those that make indexes of hnsw without options.
    pub fn sql(self, statements: &str) -> String {
        let using = format!("USING {} ", self.name);
        let columns = format!("_ops){}", self.options);
        statements
            .replace("USING hnsw ", &using)
            .replace("_ops)", &columns)
    }
}

/// Makes a test of each function, which takes the method, for each access method.
macro_rules! of_each_method {
    ($($test:ident),+ $(,)?) => {
        mod hnsw {
            $(#[test]
            fn $test() -> $crate::support::Result<()> {
                super::$test($crate::methods::HNSW)
            })+
        }

        mod ivfflat {
            $(#[test]
            fn $test() -> $crate::support::Result<()> {
                super::$test($crate::methods::IVFFLAT)
            })+
        }
    };
}

pub mod cancel;
pub mod crash;
mod ddl;
mod domains;
mod edges;
mod memory;
mod rows;
mod standby;
mod stress;
mod transactions;
