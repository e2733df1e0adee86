//! Graph: the index of this method, behind the doors that all indexes share.

use std::marker::PhantomData;

use pgrx::pg_sys::Datum;

use crate::bulk::{Built, Progress, Sink};
use crate::hnsw::{Builder, Form, Index, Values};
use crate::index::{Error, Tid, Vacuumed};
use crate::pg::am::everything::Everything;
use crate::pg::am::hnsw::outlined::Outlined;
use crate::pg::am::hnsw::settings::settings;
use crate::pg::am::hnsw::streams::{GraphStream, RankedStream};
use crate::pg::am::hnsw::value::{Column, SqlSpace};
use crate::pg::am::left_out;
use crate::pg::am::method::{
    Build, Description, GraphShape, Killed, Kills, Learned, RankedRows, Ranks, Search, Stream,
};
use crate::pg::error::Failure;
use crate::pg::storage::{PgStore, polling};

/// The rows of a build, from a column of type `C`.
pub struct GraphBuild<V: SqlSpace, C> {
    builder: Builder<V>,
    column: PhantomData<fn(C)>,
}

impl<V: SqlSpace, C> GraphBuild<V, C> {
    /// Rows for a build.
    pub fn new(builder: Builder<V>) -> Self {
        let column = PhantomData;
        Self { builder, column }
    }
}

impl<V: SqlSpace, C: Column<V>> Build for GraphBuild<V, C> {
    unsafe fn push(&mut self, datum: Datum, tid: Tid) -> Result<bool, Failure> {
        // SAFETY: the caller vouches for the datum.
        let ready = unsafe { C::ready(datum) }?;
        let pushed = self.builder.push(C::value(&ready), tid);
        pushed.map_err(C::failure)
    }

    fn bytes_per_row(&self) -> usize {
        self.builder.bytes_per_row()
    }

    fn finish(self: Box<Self>, progress: &Progress, sink: &mut dyn Sink) -> Result<Built, Error> {
        self.builder.finish(progress, sink)
    }
}

/// An open index of a column of type `C`.
pub struct GraphIndex<V, C> {
    index: Index<'static, PgStore, V>,
    outlined: Outlined,
    column: PhantomData<fn(C)>,
}

impl<V: SqlSpace, C> GraphIndex<V, C> {
    /// An open index.
    pub fn new(index: Index<'static, PgStore, V>) -> Self {
        Self {
            index,
            outlined: Outlined::default(),
            column: PhantomData,
        }
    }
}

impl<V: SqlSpace, C: Column<V>> Search for GraphIndex<V, C> {
    unsafe fn scan<'s>(
        &'s self,
        query: Option<Datum>,
        killed: Killed,
    ) -> Result<Box<dyn Stream + 's>, Failure> {
        let settings = settings();
        if let Some(query) = query {
            // SAFETY: the caller vouches for the datum.
            let ready = unsafe { C::ready(query) }?;
            C::verify(self.index.space(), &ready)?;
            let ef = self.index.widened_ef(settings.ef)?;
            let scan = self.index.scan(C::value(&ready), ef, settings.go_on);
            if let Some(mut scan) = scan.map_err(C::failure)? {
                scan.limit_memory(settings.memory);
                scan.limit_nodes(settings.max_tuples);
                if killed == Killed::Skip {
                    scan.skip_killed();
                }
                if let Some(node) = left_out::node() {
                    scan.leave_out(node);
                }
                return Ok(Box::new(GraphStream {
                    index: &self.index,
                    scan,
                    go_on: settings.go_on,
                }));
            }
        }
        let mut list = self.index.list();
        if killed == Killed::Skip {
            list.skip_killed();
        }
        Ok(Box::new(Everything::new(query.is_none(), move || {
            Ok(list.next_row()?)
        })))
    }

    unsafe fn insert(&self, datum: Datum, tid: Tid) -> Result<bool, Failure> {
        // SAFETY: the caller vouches for the datum.
        let ready = unsafe { C::ready(datum) }?;
        let inserted = self.index.insert(C::value(&ready), tid);
        Ok(inserted.map_err(C::failure)?.is_some())
    }

    fn vacuum(
        &self,
        gone: &mut dyn FnMut(Tid) -> bool,
        poll: &mut dyn FnMut(),
    ) -> Result<Vacuumed, Failure> {
        Ok(self.index.vacuum(gone, &mut polling(poll))?)
    }

    fn value_bytes(&self) -> usize {
        self.index.shape().own
    }

    fn has_budget(&self) -> bool {
        settings().max_tuples != u64::MAX
    }

    fn describe(&self) -> Result<Description, Failure> {
        let (census, constants) = (self.index.census()?, self.index.constants());
        Ok(Description {
            rows: census.rows,
            values: census.nodes.first().copied().unwrap_or(0),
            graph: Some(GraphShape {
                levels: census.nodes.len(),
                m: constants.m,
            }),
            lists: None,
            dims: constants.dims,
            storage: match constants.form {
                Some(Form::F32) => "f32",
                Some(Form::F16) => "f16",
                Some(Form::Int8 | Form::Whole) => "int8",
                None => "plain",
            },
            dead: census.dead,
            free: census.free,
            format: constants.format,
        })
    }

    fn kills(&self) -> Option<&dyn Kills> {
        Some(self)
    }

    fn ranks(&self) -> Option<&dyn Ranks> {
        Some(self)
    }

    fn problems(&self) -> Result<Vec<String>, Failure> {
        let report = self.index.check()?;
        let mut problems = report.problems;
        if report.unreachable_rows > 0 {
            // A search that goes on finds them at its end, when it reads all pages.
            problems.insert(
                0,
                format!(
                    "rows that no link leads to: {}; VACUUM the table, or else REINDEX the index",
                    report.unreachable_rows
                ),
            );
        }
        Ok(problems)
    }

    fn live_rows(&self, see: &mut dyn FnMut(Tid) -> Result<(), Failure>) -> Result<(), Failure> {
        let mut list = self.index.list();
        list.skip_killed();
        while let Some(tid) = list.next_row()? {
            see(tid)?;
        }
        Ok(())
    }

    unsafe fn is_indexable(&self, datum: Datum) -> Result<bool, Failure> {
        // SAFETY: the caller vouches for the datum.
        let ready = unsafe { C::ready(datum) }?;
        Ok(self
            .index
            .space()
            .values()
            .point(C::value(&ready))
            .is_some())
    }
}

impl<V: SqlSpace, C: Column<V>> Kills for GraphIndex<V, C> {
    fn kill(
        &self,
        node: u32,
        tid: Tid,
        still_dead: &mut dyn FnMut() -> bool,
    ) -> Result<(), Failure> {
        self.index.kill(node, tid, still_dead)?;
        Ok(())
    }
}

impl<V: SqlSpace, C: Column<V>> Ranks for GraphIndex<V, C> {
    fn can_rank(&self) -> Result<bool, Failure> {
        Ok(self.outlined.current(&self.index)?.is_some())
    }

    unsafe fn rank<'s>(
        &'s self,
        query: Datum,
        tids: &[Tid],
    ) -> Result<Option<RankedRows<'s>>, Failure> {
        let Some(outline) = self.outlined.current(&self.index)? else {
            return Ok(None);
        };
        // SAFETY: the caller vouches for the datum.
        let ready = unsafe { C::ready(query) }?;
        C::verify(self.index.space(), &ready)?;
        let ranked = self.index.rank(&outline, C::value(&ready), tids);
        let ranked = ranked.map_err(C::failure)?;
        Ok(ranked.map(|ranked| RankedRows {
            stream: Some(Box::new(RankedStream {
                index: &self.index,
                ranking: ranked.ranking,
            })),
            unknown: ranked.unknown,
        }))
    }

    fn learn(&self, nodes: u64, missed: usize) -> Result<Learned, Failure> {
        self.outlined.note_missed(missed);
        self.outlined.grow(&self.index, nodes)
    }
}
