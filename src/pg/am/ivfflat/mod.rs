//! The access method `ivfflat`: lists (`crate::ivf`) under Postgres' roof.
//!
//! | file | what it holds |
//! |---|---|
//! | `lists.rs` | lists behind the doors that all indexes share |
//! | `column.rs` | columns, and their datums as values of lists |
//! | `streams.rs` | their rows, with bounds of their distances |
//! | `opclass.rs` | which values and which metric an operator class means |
//! | `options.rs` | `amoptions` |
//! | `centroids.rs` | centroids that were learned elsewhere |
//! | `settings.rs` | settings of searches, `ivfflat.…` |

mod centroids;
mod column;
mod lists;
mod opclass;
mod options;
mod settings;
mod streams;

use std::ffi::CStr;

use pgrx::pg_sys;
use pgrx::pg_sys::Datum;

use crate::bulk::Resources;
use crate::index::Continue;
use crate::ivf::{ListsOptions, MAX_LISTS};
use crate::pg::am::method::{Build, Effort, EffortCounts, IndexSize, Method, Search, Visits};
use crate::pg::am::opclass::dims;
use crate::pg::error::Failure;
use crate::pg::storage::PgStore;

/// The access method.
pub struct Ivfflat;

/// Rows on a page of codes, and the dimensions for which that is so.
const ROWS_A_PAGE: f64 = 128.0;
const CODED_DIMS: f64 = 384.0;

/// Lists on a page of the directory.
const LISTS_A_PAGE: f64 = 96.0;

/// Pages with long codes and centres that a search reads besides, whatever it probes.
const OTHER_PAGES: f64 = 60.0;

/// Dimensions that a page computes for the cost of one operator: 128 rows of 384 dimensions take 0.35 us where an
/// operator's 0.0025 are about 0.03 us.
const DIMS_AN_OPERATOR: f64 = 32.0;

impl Method for Ivfflat {
    const NAME: &'static CStr = c"ivfflat";
    const SUPPORT_FUNCTIONS: u16 = 5;
    const BUILDING: &'static [&'static CStr] = &[c"performing k-means", c"assigning tuples"];
    const EFFORT: Effort = Effort {
        setting: c"ivfflat.probes",
        counts: EffortCounts::Lists,
        measured: [0, 1, 4, 16, 64, 128, 512, MAX_LISTS as i32],
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
        let (class, asked) = unsafe { (opclass::of(index)?, options::of(index)) };
        // SAFETY: as above.
        let dims = dims(unsafe { (*index).rd_id }, class.max_dims(), Self::NAME)?;
        class.builder(dims, asked, resources)
    }

    unsafe fn open(store: &'static PgStore) -> Result<Box<dyn Search>, Failure> {
        // SAFETY: the caller vouches for the relation.
        unsafe { opclass::of(store.relation()) }?.open(store)
    }

    /// A search reads the directory, the pages of codes of the nearest lists, and some pages more. Each page is a
    /// visit. The planner does not read an index's options, so it knows of the lists that suit the rows.
    fn estimate(index: &IndexSize) -> Visits {
        let rows = index.rows.max(1.0);
        let lists = ListsOptions::default().lists_of(rows as u64) as f64;
        let wide = (index.dims / CODED_DIMS).max(0.25);
        let pages = rows * wide / ROWS_A_PAGE;
        let probed = (settings::settings().expected_probes(lists) / lists).min(1.0);
        let directory = lists * wide / LISTS_A_PAGE;
        Visits {
            first: (directory + OTHER_PAGES + probed * pages).min(index.pages.max(1.0)),
            all: index.pages.max(1.0),
            pages: 1.0,
            operators: 1.0 + index.dims / wide / DIMS_AN_OPERATOR,
        }
    }

    fn define_settings() {
        settings::define();
    }

    fn discard() {}

    fn takes_filters() -> bool {
        settings::filtered_scan()
    }

    fn goes_on() -> bool {
        settings::settings().go_on != Continue::Never
    }
}

crate::pg::am::routine::handlers! {
    /// `CREATE ACCESS METHOD ivfflat`.
    fn ivfflathandler for Ivfflat;
}
