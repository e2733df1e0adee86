//! Lists: the index of this method, behind the doors that all indexes share.

use std::marker::PhantomData;

use pgrx::pg_sys::Datum;

use crate::bulk::{Built, Progress, Sink};
use crate::index::{Error, Tid, Vacuumed};
use crate::ivf::{ListIndex, ListsBuilder, LongForm};
use crate::pg::am::everything::Everything;
use crate::pg::am::ivfflat::centroids;
use crate::pg::am::ivfflat::column::ListsColumn;
use crate::pg::am::ivfflat::options::AskedLists;
use crate::pg::am::ivfflat::settings::settings;
use crate::pg::am::ivfflat::streams::ListsStream;
use crate::pg::am::method::{Build, Description, Killed, ListSizes, Search, Stream, Tended};
use crate::pg::am::shown::failure;
use crate::pg::error::{CentroidsProblem, Failure};
use crate::pg::storage::{PgStore, check_for_interrupts};
use crate::quantize::{Form, PackedForm};

/// The rows of a build, from a column of type `C`.
pub struct ListsBuild<C> {
    builder: ListsBuilder,
    asked: AskedLists,
    column: PhantomData<fn(C)>,
}

impl<C> ListsBuild<C> {
    /// Rows for a build.
    pub fn new(builder: ListsBuilder, asked: AskedLists) -> Self {
        Self {
            builder,
            asked,
            column: PhantomData,
        }
    }
}

impl<C: ListsColumn> Build for ListsBuild<C> {
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
        let ready = unsafe { C::ready(datum) }?;
        let pushed = self.builder.push(C::value(&ready), tid);
        pushed.map_err(|error| failure(C::TYPE, error))
    }

    fn bytes_per_row(&self) -> usize {
        self.builder.bytes_per_row()
    }

    fn finish(self: Box<Self>, progress: &Progress, sink: &mut dyn Sink) -> Result<Built, Error> {
        self.builder.finish(progress, sink)
    }
}

/// An open index of a column of type `C`.
pub struct ListsSearch<C> {
    index: ListIndex<'static, PgStore>,
    column: PhantomData<fn(C)>,
}

impl<C> ListsSearch<C> {
    /// An open index.
    pub fn new(index: ListIndex<'static, PgStore>) -> Self {
        let column = PhantomData;
        Self { index, column }
    }
}

impl<C: ListsColumn> Search for ListsSearch<C> {
    unsafe fn scan<'s>(
        &'s self,
        query: Option<Datum>,
        _killed: Killed,
    ) -> Result<Box<dyn Stream + 's>, Failure> {
        if let Some(query) = query {
            // SAFETY: the caller vouches for the datum.
            let ready = unsafe { C::ready(query) }?;
            C::verify(&self.index, &ready)?;
            let settings = settings();
            let roots = self.index.roots().map_err(Error::from)?;
            let probes = settings.probes(roots.lists as usize);
            let scan = self.index.scan(C::value(&ready), probes);
            let scan = scan.map_err(|error| failure(C::TYPE, error))?;
            if let Some(scan) = scan {
                let metric = self.index.metric();
                let stream = ListsStream::<C>::new(scan, metric, settings.go_on);
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
        let ready = unsafe { C::ready(datum) }?;
        let inserted = self.index.insert(C::value(&ready), tid);
        inserted.map_err(|error| failure(C::TYPE, error))
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
        let tended = self.index.tend(u64::MAX, &mut |_| Ok(None), &mut poll)?;
        Ok(Tended {
            split: tended.split,
            merged: tended.merged,
            moved: tended.moved,
        })
    }

    fn value_bytes(&self) -> usize {
        C::bytes(self.index.dims())
    }

    fn has_budget(&self) -> bool {
        settings().has_budget()
    }

    fn describe(&self) -> Result<Description, Failure> {
        let mut poll = || {
            check_for_interrupts();
            Ok(())
        };
        let census = self.index.census(&mut poll)?;
        Ok(Description {
            rows: census.rows,
            values: census.rows,
            graph: None,
            lists: Some(ListSizes {
                lists: census.lists,
                least: census.least,
                median: census.median,
                largest: census.largest,
                drift: census.drift,
                trained: census.trained,
                made: census.made as i64,
            }),
            dims: self.index.dims() as u32,
            storage: storage(self.index.form()),
            dead: census.dead,
            free: census.free,
            format: ListIndex::<PgStore>::FORMAT,
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
        let ready = unsafe { C::ready(datum) }?;
        let place = self.index.has_place(C::value(&ready));
        place.map_err(|error| failure(C::TYPE, error))
    }
}

/// How an index stores what it does not ask the table for, as users name it.
fn storage(form: Option<LongForm>) -> &'static str {
    match form {
        None => "1 bit",
        Some(LongForm::Bits) => "plain",
        Some(LongForm::Stored(Form::F32)) => "f32",
        Some(LongForm::Stored(Form::F16)) => "f16",
        Some(LongForm::Stored(Form::Int8 | Form::Whole)) => "int8",
        Some(LongForm::Packed(form)) => match form {
            PackedForm::Two => "2 bits",
            PackedForm::Three => "3 bits",
            PackedForm::Four => "4 bits",
            PackedForm::Five => "5 bits",
            PackedForm::Six => "6 bits",
            PackedForm::Seven => "7 bits",
        },
    }
}
