//! Lists: the index of this method, behind the doors that all indexes share.

use std::marker::PhantomData;

use pgrx::pg_sys::Datum;

use crate::bulk::{Built, Progress, Sink};
use crate::index::{Error, Tid, Vacuumed};
use crate::ivf::{ListIndex, ListsBuilder};
use crate::pg::am::dense::Floats;
use crate::pg::am::everything::Everything;
use crate::pg::am::ivfflat::centroids;
use crate::pg::am::ivfflat::options::AskedLists;
use crate::pg::am::ivfflat::settings::settings;
use crate::pg::am::ivfflat::streams::ListsStream;
use crate::pg::am::method::{Build, Description, Killed, Search, Stream, Tended};
use crate::pg::am::shown::failure;
use crate::pg::error::{CentroidsProblem, Failure};
use crate::pg::storage::PgStore;
use crate::pg::types::Operand as _;
use crate::quantize::Form;

/// A datum of a column of type `E` as float32.
unsafe fn ready<E: Floats>(datum: Datum) -> Result<E::Wide, Failure> {
    // SAFETY: the caller says that it is of this type, and not NULL.
    Ok(E::wide(unsafe { E::hold(datum) }?))
}

/// The rows of a build, from a column of type `E`.
pub struct ListsBuild<E> {
    builder: ListsBuilder,
    asked: AskedLists,
    column: PhantomData<fn(E)>,
}

impl<E> ListsBuild<E> {
    /// Rows for a build.
    pub fn new(builder: ListsBuilder, asked: AskedLists) -> Self {
        Self {
            builder,
            asked,
            column: PhantomData,
        }
    }
}

impl<E: Floats> Build for ListsBuild<E> {
    fn begin(&mut self) -> Result<(), Failure> {
        let Some(table) = &self.asked.centroids else {
            return Ok(());
        };
        let (dims, asked) = (self.builder.dims(), self.asked.options.lists as usize);
        let values = centroids::read(table, dims)?;
        let found = values.len() / dims;
        let problem = if asked != 0 && asked != found {
            CentroidsProblem::Lists { found, asked }
        } else if !self.builder.take_centres(&values)? {
            CentroidsProblem::Zero
        } else {
            return Ok(());
        };
        Err(Failure::Centroids {
            table: table.clone(),
            problem,
        })
    }

    unsafe fn push(&mut self, datum: Datum, tid: Tid) -> Result<bool, Failure> {
        // SAFETY: the caller vouches for the datum.
        let value = unsafe { ready::<E>(datum) }?;
        let pushed = self.builder.push(&value, tid);
        pushed.map_err(|error| failure(E::TYPE, error))
    }

    fn bytes_per_row(&self) -> usize {
        self.builder.bytes_per_row()
    }

    fn finish(self: Box<Self>, progress: &Progress, sink: &mut dyn Sink) -> Result<Built, Error> {
        self.builder.finish(progress, sink)
    }
}

/// An open index of a column of type `E`.
pub struct ListsSearch<E> {
    index: ListIndex<'static, PgStore>,
    column: PhantomData<fn(E)>,
}

impl<E> ListsSearch<E> {
    /// An open index.
    pub fn new(index: ListIndex<'static, PgStore>) -> Self {
        let column = PhantomData;
        Self { index, column }
    }
}

impl<E: Floats> Search for ListsSearch<E> {
    unsafe fn scan<'s>(
        &'s self,
        query: Option<Datum>,
        _killed: Killed,
    ) -> Result<Box<dyn Stream + 's>, Failure> {
        if let Some(query) = query {
            // SAFETY: the caller vouches for the datum.
            let value = unsafe { ready::<E>(query) }?;
            let settings = settings();
            let roots = self.index.roots().map_err(Error::from)?;
            let probes = settings.probes(roots.lists as usize);
            let scan = self.index.scan(&value, probes);
            let scan = scan.map_err(|error| failure(E::TYPE, error))?;
            if let Some(scan) = scan {
                let stream = ListsStream::new(scan, self.index.metric(), settings.go_on);
                return Ok(Box::new(stream));
            }
        }
        let mut list = self.index.list()?;
        Ok(Box::new(Everything::new(query.is_none(), move || {
            Ok(list.next_row()?)
        })))
    }

    unsafe fn insert(&self, datum: Datum, tid: Tid) -> Result<bool, Failure> {
        // SAFETY: the caller vouches for the datum.
        let value = unsafe { ready::<E>(datum) }?;
        let inserted = self.index.insert(&value, tid);
        inserted.map_err(|error| failure(E::TYPE, error))
    }

    fn vacuum(
        &self,
        gone: &mut dyn FnMut(Tid) -> bool,
        poll: &mut dyn FnMut(),
    ) -> Result<Vacuumed, Failure> {
        let mut poll = || {
            poll();
            Ok(())
        };
        Ok(self.index.vacuum(gone, &mut poll)?)
    }

    fn tend(&self, poll: &mut dyn FnMut()) -> Result<Tended, Failure> {
        let mut poll = || {
            poll();
            Ok(())
        };
        Ok(Tended {
            split: self.index.tend(&mut poll)?,
            ..Tended::default()
        })
    }

    fn value_bytes(&self) -> usize {
        self.index.dims() * size_of::<E>()
    }

    fn has_budget(&self) -> bool {
        settings().has_budget()
    }

    fn describe(&self) -> Result<Description, Failure> {
        let report = self.index.check()?;
        Ok(Description {
            rows: report.rows,
            values: report.rows,
            graph: None,
            dims: self.index.dims() as u32,
            storage: match self.index.form() {
                Some(Form::F32) => "f32",
                Some(Form::F16) => "f16",
                Some(Form::Int8 | Form::Whole) => "int8",
                None => "codes",
            },
            dead: report.dead,
            free: report.free,
            format: 1,
        })
    }

    fn problems(&self) -> Result<Vec<String>, Failure> {
        Ok(self.index.check()?.problems)
    }

    fn live_rows(&self, see: &mut dyn FnMut(Tid) -> Result<(), Failure>) -> Result<(), Failure> {
        let mut list = self.index.list()?;
        while let Some(tid) = list.next_row()? {
            see(tid)?;
        }
        Ok(())
    }

    unsafe fn is_indexable(&self, datum: Datum) -> Result<bool, Failure> {
        // SAFETY: the caller vouches for the datum.
        let value = unsafe { ready::<E>(datum) }?;
        Ok(self.index.has_place(&value))
    }
}
