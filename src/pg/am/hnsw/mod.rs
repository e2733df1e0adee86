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
pub mod outlined;
mod settings;
mod streams;
mod value;

use std::ffi::CStr;

use pgrx::pg_sys;
use pgrx::pg_sys::Datum;

use crate::bulk::Resources;
use crate::index::Continue;
use crate::pg::am::method::IndexSize;
use crate::pg::am::method::{Build, Method, Search, Visits};
use crate::pg::error::Failure;
use crate::pg::storage::PgStore;

/// The access method.
pub struct Hnsw;

impl Method for Hnsw {
    const NAME: &'static CStr = c"hnsw";
    const SUPPORT_FUNCTIONS: u16 = 3;

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
        let dims = opclass::dims(unsafe { (*index).rd_id }, class, Self::NAME)?;
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
        let levels = index.rows.max(1.0).log(32.0);
        Visits {
            first: (1.1 * ef + 2.0 * levels).min(index.rows),
            all: index.rows,
        }
    }

    fn define_settings() {
        settings::define();
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
