//! The access method `hnsw`: a graph (`crate::hnsw`) under Postgres' roof.
//!
//! | file | what it holds |
//! |---|---|
//! | `graph.rs` | a graph behind the doors that all indexes share |
//! | `streams.rs` | its rows, with bounds of their distances |
//! | `opclass.rs` | which values and which space an operator class means |
//! | `options.rs` | `amoptions` |
//! | `settings.rs` | settings of searches, `hnsw.…` |
//! | `value.rs` | columns, and their datums as values of a space |
//! | `outlined.rs` | the outlines that this session has learned |

mod graph;
mod opclass;
mod options;
mod outlined;
mod settings;
mod streams;
mod value;

use std::ffi::CStr;

use pgrx::pg_sys;
use pgrx::pg_sys::Datum;

use crate::bulk::Resources;
use crate::index::Continue;
use crate::pg::am::method::{Build, Effort, EffortCounts, IndexSize, Method, Search, Visits};
use crate::pg::am::opclass::dims;
use crate::pg::error::Failure;
use crate::pg::storage::PgStore;

/// The access method.
pub struct Hnsw;

/// Pages that a visit touches: a little more than a fifth of a node's neighbours lie on the node's own page
/// (`src/hnsw/MEASURED.md`, order on pages).
const PAGES_A_VISIT: f64 = 0.78;

/// Dimensions that a visit computes for the cost of one operator. It scores 32 codes and a vector:
/// 384 dimensions take 0.35 us where an operator's 0.0025 are about 0.03 us.
const DIMS_AN_OPERATOR: f64 = 32.0;

/// Visits of a walk on the ground for each candidate that it keeps, and of one on a level above.
const VISITS_AN_EF: f64 = 1.1;
const VISITS_A_LEVEL: f64 = 2.0;

/// Nodes of a level for each of the next: `2 m`, at the default `m`. The planner does not read an index's options.
const NODES_A_LEVEL: f64 = 32.0;

impl Method for Hnsw {
    const NAME: &'static CStr = c"hnsw";
    const SUPPORT_FUNCTIONS: u16 = 3;
    const BUILDING: &'static [&'static CStr] = &[c"building graph"];
    const EFFORT: Effort = Effort {
        setting: c"hnsw.ef_search",
        counts: EffortCounts::Rows,
        measured: [10, 20, 40, 80, 160, 320, 640, 1000],
    };

    unsafe fn options(options: Datum, validate: bool) -> *mut pg_sys::bytea {
        // SAFETY: as the caller says.
        unsafe { options::parse(options, validate) }
    }

    unsafe fn builder(
        index: pg_sys::Relation,
        resources: Resources,
    ) -> Result<Box<dyn Build>, Failure> {
        // SAFETY: the caller vouches for the relation.
        let (class, options) = unsafe { (opclass::of(index)?, options::of(index)) };
        // SAFETY: as above.
        let dims = dims(unsafe { (*index).rd_id }, class.max_dims(), Self::NAME)?;
        if options.ef_construction < 2 * options.m {
            return Err(Failure::EfConstruction);
        }
        Ok(class.builder(dims, &options, resources))
    }

    unsafe fn open(store: &'static PgStore) -> Result<Box<dyn Search>, Failure> {
        let index = store.relation();
        // SAFETY: the caller vouches for the relation.
        let (class, options) = unsafe { (opclass::of(index)?, options::of(index)) };
        class.open(store, &options)
    }

    /// A walk visits little more than `ef` nodes, and one or two on each level above. To give all rows it
    /// visits all. To give some more than ten it visits several nodes for each row. That is not charged: a
    /// prepared LIMIT that is not known yet (for the planner a tenth of the rows) would be sorted instead.
    fn estimate(index: &IndexSize) -> Visits {
        let ef = settings::settings().ef as f64;
        let levels = index.rows.max(1.0).log(NODES_A_LEVEL);
        Visits {
            first: (VISITS_AN_EF * ef + VISITS_A_LEVEL * levels).min(index.rows),
            all: index.rows,
            pages: PAGES_A_VISIT,
            operators: 1.0 + index.dims / DIMS_AN_OPERATOR,
        }
    }

    fn define_settings() {
        settings::define();
    }

    fn discard() {
        outlined::release_all();
    }

    fn takes_filters() -> bool {
        settings::filtered_scan()
    }

    fn goes_on() -> bool {
        settings::settings().go_on != Continue::Never
    }
}

crate::pg::am::routine::handlers! {
    /// `CREATE ACCESS METHOD hnsw`.
    fn hnswhandler for Hnsw;
}
