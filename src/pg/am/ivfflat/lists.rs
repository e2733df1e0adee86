//! Lists: the index of this method, behind the doors that all indexes share.

use std::marker::PhantomData;
use std::sync::Arc;

use pgrx::pg_sys::Datum;

use crate::bulk::{Built, Progress, Sink};
use crate::index::{Continue, Error, Tid, Vacuumed};
use crate::ivf::{ListIndex, ListsBuilder, ListsScan, LongForm, ReadValue, TidSet};
use crate::pg::am::everything::Everything;
use crate::pg::am::ivfflat::centroids;
use crate::pg::am::ivfflat::column::ListsColumn;
use crate::pg::am::ivfflat::options::AskedLists;
use crate::pg::am::ivfflat::settings::settings;
use crate::pg::am::ivfflat::streams::ListsStream;
use crate::pg::am::method::{
    Build, Description, Killed, Learned, ListSizes, RankedRows, Ranks, Search, Stream, TableValues,
    TendReport,
};
use crate::pg::am::shown::column_first;
use crate::pg::error::{CentroidsProblem, Failure};
use crate::pg::storage::{PgStore, check_for_interrupts, polling};
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
        pushed.map_err(|error| column_first(C::TYPE, error))
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

impl<C: ListsColumn> ListsSearch<C> {
    /// An open index.
    pub fn new(index: ListIndex<'static, PgStore>) -> Self {
        let column = PhantomData;
        Self { index, column }
    }

    fn stream<'s>(
        &'s self,
        scan: ListsScan<'s, 'static, PgStore>,
        go_on: Continue,
    ) -> ListsStream<'s, C> {
        ListsStream::new(scan, self.index.metric(), go_on)
    }

    /// Measures how many lists a search needs, if there are not as many as when that was measured last.
    fn calibrate_again(&self, values: &mut dyn TableValues) -> Result<(), Failure> {
        let lists = f64::from(self.index.roots().map_err(Error::from)?.lists);
        let before = f64::from(self.index.calibrated_lists().map_err(Error::from)?);
        let change = lists / before.max(1.0);
        if lists > 1.0 && !(1.0 / CALIBRATED_WITHIN..CALIBRATED_WITHIN).contains(&change) {
            self.calibrate(values)?;
        }
        Ok(())
    }
}

impl<C: ListsColumn> ListsSearch<C> {
    /// Runs an operation that reads values from the table.
    fn reading<T>(
        &self,
        table: &mut dyn TableValues,
        run: impl FnOnce(ReadValue<'_>) -> Result<T, Error>,
    ) -> Result<T, Failure> {
        let mut failed = None;
        let done = run(&mut |tid| {
            let mut value = Ok(None);
            table.see(tid, &mut |datum| {
                // SAFETY: what is in the column is of its type, and outlives this call.
                let ready = unsafe { C::ready(datum) };
                value =
                    ready.and_then(|ready| Ok(Some(C::value(&ready).elements(self.index.dims())?)));
            });
            value.map_err(|failure| {
                failed = Some(failure);
                Error::Cancelled
            })
        });
        match failed {
            Some(failure) => Err(failure),
            None => Ok(done?),
        }
    }
}

/// What was measured of an index holds for so many times as many lists.
const CALIBRATED_WITHIN: f64 = 1.25;

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
            let scan = self.index.scan(C::value(&ready), settings.probes());
            let scan = scan.map_err(|error| column_first(C::TYPE, error))?;
            if let Some(mut scan) = scan {
                scan.limit_memory(settings.memory);
                return Ok(Box::new(self.stream(scan, settings.go_on)));
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
        inserted.map_err(|error| column_first(C::TYPE, error))
    }

    fn vacuum(
        &self,
        gone: &mut dyn FnMut(Tid) -> bool,
        poll: &mut dyn FnMut(),
    ) -> Result<Vacuumed, Failure> {
        Ok(self.index.vacuum(gone, &mut polling(poll))?)
    }

    fn tend(
        &self,
        values: &mut dyn TableValues,
        poll: &mut dyn FnMut(),
    ) -> Result<TendReport, Failure> {
        let tended = self.reading(values, |values| {
            self.index.tend(u64::MAX, values, &mut polling(poll))
        })?;
        self.calibrate_again(values)?;
        Ok(TendReport {
            split: tended.split,
            merged: tended.merged,
            moved: tended.moved,
        })
    }

    fn calibrate(&self, values: &mut dyn TableValues) -> Result<(), Failure> {
        self.reading(values, |values| {
            self.index
                .calibrate(values, &mut polling(&mut check_for_interrupts))
        })
    }

    fn ranks(&self) -> Option<&dyn Ranks> {
        Some(self)
    }

    fn value_bytes(&self) -> usize {
        C::bytes(self.index.dims())
    }

    fn has_budget(&self) -> bool {
        settings().has_budget()
    }

    fn describe(&self) -> Result<Description, Failure> {
        let census = self.index.census(&mut polling(&mut check_for_interrupts))?;
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
        place.map_err(|error| column_first(C::TYPE, error))
    }
}

impl<C: ListsColumn> Ranks for ListsSearch<C> {
    fn can_rank(&self) -> Result<bool, Failure> {
        Ok(true)
    }

    /// Rows are looked for in the lists, nearest first. An index has each row of its table that has a place in it, so
    /// none is unknown.
    unsafe fn rank<'s>(
        &'s self,
        query: Datum,
        tids: &[Tid],
    ) -> Result<Option<RankedRows<'s>>, Failure> {
        // SAFETY: the caller vouches for the datum.
        let ready = unsafe { C::ready(query) }?;
        C::verify(&self.index, &ready)?;
        let settings = settings();
        let rows = Arc::new(TidSet::new(tids)?);
        let scan = self
            .index
            .scan_among(C::value(&ready), rows, settings.all_probes());
        let scan = scan.map_err(|error| column_first(C::TYPE, error))?;
        let Some(mut scan) = scan else {
            return Ok(None);
        };
        scan.limit_memory(settings.memory);
        Ok(Some(RankedRows {
            stream: Some(Box::new(self.stream(scan, Continue::Strict))),
            unknown: Vec::new(),
        }))
    }

    fn learn(&self, _nodes: u64, _missed: usize) -> Result<Learned, Failure> {
        Ok(Learned {
            nodes: 0,
            share: 1.0,
        })
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
