//! The access method `hnsw`: a graph (`crate::hnsw`) under Postgres' roof.

use std::ffi::CStr;

use pgrx::pg_sys;
use pgrx::pg_sys::Datum;

use super::cost::Estimate;
use super::method::{Build, Method, Search, Visits};
use super::opclass::{Kind, dims};
use super::options;
use crate::hnsw::{Builder, Form, Index, Manhattan, Resources};
use crate::pg::error::Failure;
use crate::pg::guc;
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
        let (kind, dims, options) =
            unsafe { (Kind::of(index)?, dims((*index).rd_id)?, options::of(index)) };
        if options.ef_construction < 2 * options.m {
            return Err(Failure::EfConstruction);
        }
        Ok(match kind {
            Kind::Dense(metric) => Box::new(Builder::dense(dims, metric, &options, resources)),
            Kind::Manhattan => {
                let measure = Manhattan::new(dims, options.form.unwrap_or(Form::F32));
                Box::new(Builder::plain(measure, &options, resources))
            }
        })
    }

    unsafe fn open(store: &'static PgStore) -> Result<Box<dyn Search>, Failure> {
        let index = store.relation();
        // SAFETY: the caller vouches for the relation.
        let (kind, options) = unsafe { (Kind::of(index)?, options::of(index)) };
        Ok(match kind {
            Kind::Dense(_) => Box::new(Index::open(store, &options)?),
            Kind::Manhattan => Box::new(Index::<_, crate::hnsw::Plain<Manhattan>>::open_plain(
                store, &options,
            )?),
        })
    }

    /// A walk visits little more than `ef` nodes, and one or two on each level above. To give all rows
    /// it visits all; for some more than ten it visits several each, which is not charged, lest a
    /// prepared LIMIT that is not known yet (a tenth of the rows, as the planner has it) be sorted.
    fn estimate(index: &Estimate) -> Visits {
        let ef = guc::hnsw().ef as f64;
        let levels = index.rows.max(1.0).log(32.0);
        Visits {
            first: (1.1 * ef + 2.0 * levels).min(index.rows),
            all: index.rows,
        }
    }
}
