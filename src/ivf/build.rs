//! Build: rows are collected, centres are learned from some of them, every row is put into the list of its nearest
//! centre, and the lists are encoded and written, one after the other.

use crate::bulk::{Built, Crew, Memory, Progress, Pushed, Records, Resources, Sink, pool};
use crate::cluster::{CentreTree, Centres, Draws, Goal, Selection, Vectors, train};
use crate::index::{Error, Tid, collected};
use crate::page::{MemoryStore, field, set_field};
use crate::quantize::Form;
use crate::values::{DenseVectors, Metric, Values as _, kind};

use super::coder::Coder;
use super::directory::stored_centre;
use super::index::ListIndex;
use super::long::LongForm;
use super::meta::{ListsParameters, ListsRoots, META, NONE};
use super::options::{ListsOptions, vectors};
use super::sort::Sorted;
use super::value::ListValue;
use super::write::ListsWriter;

/// Rows of the training for each list.
const TRAINED_PER_LIST: usize = 64;

/// Bytes of a row before its elements: tid and scale.
const ROW_HEADER: usize = 12;

/// An index that collects rows.
pub struct ListsBuilder {
    pub(in crate::ivf) vectors: DenseVectors,
    pub(in crate::ivf) parameters: ListsParameters,
    pub(in crate::ivf) options: ListsOptions,
    rows: Records,
    pub(in crate::ivf) count: usize,
    /// As rows are kept until they are encoded.
    pub(in crate::ivf) kept: LongForm,
    /// Centres that were learned elsewhere, as points.
    given: Option<Centres>,
    pub(in crate::ivf) memory: Memory,
    threads: usize,
}

impl ListsBuilder {
    /// Starts a build of vectors of `dims` dimensions.
    #[must_use]
    pub fn new(dims: usize, metric: Metric, options: &ListsOptions, resources: Resources) -> Self {
        Self::with(options.parameters(dims, metric), options, resources)
    }

    /// Starts a build of values of `bits` bits, at most 64,000, under Hamming distance.
    #[must_use]
    pub fn of_bits(bits: usize, options: &ListsOptions, resources: Resources) -> Self {
        Self::with(options.parameters_of_bits(bits), options, resources)
    }

    fn with(parameters: ListsParameters, options: &ListsOptions, resources: Resources) -> Self {
        let kept = match (parameters.kind, parameters.form) {
            (kind::BITS, _) => LongForm::Bits,
            (_, Some(LongForm::Stored(form))) if form != Form::Int8 => LongForm::Stored(form),
            _ => LongForm::Stored(Form::F16),
        };
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            vectors: vectors(&parameters),
            options: *options,
            rows: Records::new(ROW_HEADER + kept.bytes(parameters.dims)),
            parameters,
            count: 0,
            kept,
            given: None,
            memory: Memory::new(resources.budget, resources.files),
            threads: if resources.threads == 0 {
                cores()
            } else {
                resources.threads
            },
        }
    }

    /// Dimensions of a row.
    #[must_use]
    pub fn dims(&self) -> usize {
        self.vectors.dims()
    }

    /// Takes centres that were learned elsewhere, one after the other, in the place of those that it would learn. False
    /// where one of them has no place in the metric.
    ///
    /// # Errors
    /// Where there is no memory for them.
    pub fn take_centres(&mut self, values: &[f32]) -> Result<bool, Error> {
        let dims = self.vectors.dims();
        let mut elements = Vec::new();
        elements.try_reserve_exact(values.len())?;
        for value in values.chunks_exact(dims) {
            let Some(point) = self.vectors.point(value) else {
                return Ok(false);
            };
            elements.extend(point);
        }
        let centres = Centres::new(dims, elements);
        self.options.lists = u32::try_from(centres.len()).unwrap_or(u32::MAX);
        self.parameters.asked = self.options.lists;
        self.given = Some(centres);
        Ok(true)
    }

    /// Bytes of memory for each row of a build that does not spill.
    #[must_use]
    pub fn bytes_per_row(&self) -> usize {
        ROW_HEADER + self.kept.bytes(self.vectors.dims()) + 2 * size_of::<u32>()
    }

    /// Adds a row. False where its value has no place in the metric.
    ///
    /// # Errors
    /// Where the value has another size or kind, the spill file fails, or no number is left.
    pub fn push<'v>(&mut self, value: impl Into<ListValue<'v>>, tid: Tid) -> Result<bool, Error> {
        let value: ListValue<'v> = value.into();
        let Some(point) = value.point(&self.parameters, &self.vectors)? else {
            return Ok(false);
        };
        if self.count >= u32::MAX as usize {
            return Err(Error::Full);
        }
        let bytes = self.kept.bytes(point.len());
        let row = self.rows.push(&mut self.memory)?;
        let own = row.get_mut(ROW_HEADER..ROW_HEADER + bytes);
        let scale = self.kept.encode(&point, own.unwrap_or_default());
        set_field(row, 0, tid.0);
        set_field(row, 8, scale.to_ne_bytes());
        self.memory.account(2 * size_of::<u32>());
        self.count += 1;
        Ok(true)
    }

    /// Builds the lists and hands pages to `sink` in order, from block 0.
    ///
    /// # Errors
    /// Cancelled, those of the sink, or of the spill file.
    pub fn finish(mut self, progress: &Progress, sink: &mut dyn Sink) -> Result<Built, Error> {
        let pool = pool(self.threads).map_err(Error::Threads)?;
        // Their stacks may have taken the last of the memory.
        sink.poll()?;
        let mut crew = Crew {
            pool: &pool,
            progress,
            sink,
        };
        let LearnedCentres {
            centres,
            mean,
            length,
            trained,
        } = self.learn(&mut crew)?;
        let tree = CentreTree::over(centres, self.options.seed);
        let directions = self.learn_directions(&tree, &mut crew)?;
        let sorted = self.sort(&tree, &mut crew)?;
        let lists = BuiltLists {
            tree: &tree,
            sorted: &sorted,
            length,
        };
        let coder = Coder::new(&self.parameters, mean, directions);
        let coder = self.widened(coder, &lists, &mut crew)?;
        self.parameters.widening = coder.directions.widening();
        let parameters = self.parameters;
        let spread = self.spread(&tree, &sorted, &coder);
        let writer = ListsWriter {
            coder,
            parameters,
            rows: &self,
            sorted: &sorted,
            tree: &tree,
        };
        let roots = ListsRoots {
            version: 0,
            directory: META + 1 + parameters.fixed_pages(),
            lists: u32::try_from(tree.centres().len()).unwrap_or(u32::MAX),
            first_free: NONE,
            retired: 0,
            numbers: u32::try_from(tree.centres().len()).unwrap_or(u32::MAX),
            length,
            trained,
            rows: self.count as u64,
            spread,
            made: self.options.made,
        };
        writer.all(&roots, &mut crew)?;
        Ok(Built {
            rows: self.count as u64,
            values: self.count as u64,
            memory: self.memory.used(),
            spilled: self.memory.spilled(),
        })
    }

    /// Learns centres from some rows, or takes those that were given.
    fn learn(&mut self, crew: &mut Crew<'_>) -> Result<LearnedCentres, Error> {
        let asked = self.options.lists_of(self.count as u64);
        let lists = asked.min(self.most_lists());
        let sample = self.sample(lists)?;
        let rows = Vectors {
            dims: self.vectors.dims(),
            elements: &sample,
        };
        let mean = mean(rows)?;
        let goal = Goal {
            centres: lists,
            seed: self.options.seed,
        };
        let (centres, trained) = match self.given.take() {
            Some(given) => (given, 0),
            None => (train(rows, &goal, crew)?, rows.len() as u64),
        };
        Ok(LearnedCentres {
            centres: rounded(&centres, &mean),
            length: self.mean_length(rows),
            mean,
            trained,
        })
    }

    /// Where a row is in the table.
    pub(in crate::ivf) fn tid(&self, row: usize) -> Tid {
        Tid(field(self.rows.get(row), 0))
    }

    /// A row as a point, into `point`.
    pub(in crate::ivf) fn point(&self, row: usize, point: &mut Vec<f32>) {
        let scale = self.scale(row);
        let row = self.rows.get(row);
        let bytes = self.kept.bytes(self.vectors.dims());
        let own = row.get(ROW_HEADER..ROW_HEADER + bytes).unwrap_or_default();
        point.resize(self.vectors.dims(), 0.0);
        self.kept.decode(own, scale, point);
    }

    /// Lists whose centres half of the memory holds while they are learned, with their sums in float64.
    fn most_lists(&self) -> usize {
        let bytes = (2 * size_of::<f32>() + size_of::<f64>()) * self.vectors.dims();
        (self.memory.budget() / 2 / bytes).max(1)
    }

    /// The scale that a row was stored with.
    pub(in crate::ivf) fn scale(&self, row: usize) -> f32 {
        f32::from_ne_bytes(field(self.rows.get(row), 8))
    }

    /// Some rows, as many as the training of so many lists wants and the memory holds.
    fn sample(&self, lists: usize) -> Result<Vec<f32>, Error> {
        let dims = self.vectors.dims();
        let fitting = self.memory.budget() / 2 / (size_of::<f32>() * dims);
        let wanted = (lists * TRAINED_PER_LIST).min(fitting.max(lists));
        let mut draws = Draws(self.options.seed);
        let mut selection = Selection::new(wanted, self.count);
        let (mut sample, mut point) = (Vec::new(), Vec::new());
        sample.try_reserve_exact(selection.wanted() * dims)?;
        for row in 0..self.count {
            if selection.takes(&mut draws) {
                self.point(row, &mut point);
                sample.extend_from_slice(&point);
            }
        }
        Ok(sample)
    }

    /// How long rows are on average, where estimates depend on it.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "a mean"
    )]
    fn mean_length(&self, rows: Vectors<'_>) -> f32 {
        if self.vectors.metric() != Metric::InnerProduct || rows.is_empty() {
            return 0.0;
        }
        let lengths = (0..rows.len()).map(|row| {
            let row = rows.get(row);
            f64::from(self.vectors.dot(row, row))
                .sqrt()
                .min(f64::from(f32::MAX))
        });
        (lengths.sum::<f64>() / rows.len() as f64) as f32
    }
}

/// What was learned from some rows.
struct LearnedCentres {
    /// As they will be read.
    centres: Centres,
    mean: Vec<f32>,
    /// How long rows are on average, where estimates depend on it.
    length: f32,
    /// Rows that the centres were learned from; none where they were given.
    trained: u64,
}

/// Lists that have their rows and are to be encoded.
pub(in crate::ivf) struct BuiltLists<'b> {
    pub tree: &'b CentreTree,
    pub sorted: &'b Sorted,
    /// How long rows are on average, where estimates depend on it.
    pub length: f32,
}

/// Rows whose squared length is more than so many times that of the row in the middle are no part of the mean: a single
/// one among millions would move it to where no row is.
pub(in crate::ivf) const LONG_OF: f64 = 100.0;

/// The mean of vectors; zero where there are none.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "a mean of float32"
)]
fn mean(vectors: Vectors<'_>) -> Result<Vec<f32>, Error> {
    let squared = |row: usize| -> f64 {
        let elements = vectors.get(row).iter();
        elements.map(|x| f64::from(*x) * f64::from(*x)).sum()
    };
    let lengths: Vec<f64> = collected((0..vectors.len()).map(squared))?;
    let mut order: Vec<f64> = collected(lengths.iter().copied())?;
    let middle = order.len() / 2;
    let most = if order.is_empty() {
        0.0
    } else {
        LONG_OF * *order.select_nth_unstable_by(middle, f64::total_cmp).1
    };
    let (mut sums, mut rows) = (vec![0.0_f64; vectors.dims], 0_u64);
    let usual = (0..).zip(&lengths).filter(|(_, length)| **length <= most);
    for (row, _) in usual {
        for (sum, x) in sums.iter_mut().zip(vectors.get(row)) {
            *sum += f64::from(*x);
        }
        rows += 1;
    }
    let rows = rows.max(1) as f64;
    Ok(sums.into_iter().map(|sum| (sum / rows) as f32).collect())
}

/// Centres as they will be read; the mean where none were found, for an index has one list at least.
fn rounded(centres: &Centres, mean: &[f32]) -> Centres {
    let vectors = centres.vectors();
    let mut elements = Vec::with_capacity(vectors.elements.len().max(mean.len()));
    for centre in 0..vectors.len() {
        elements.extend(stored_centre(vectors.get(centre)).0);
    }
    if elements.is_empty() {
        elements = stored_centre(mean).0;
    }
    Centres::new(mean.len(), elements)
}

/// Builds into a store in memory, and measures which recall its lists give: for tests and benchmarks.
///
/// # Errors
/// As [`ListsBuilder::finish`].
pub fn build_into(
    builder: ListsBuilder,
    store: &MemoryStore,
    progress: &Progress,
) -> Result<Built, Error> {
    let built = builder.finish(progress, &mut Pushed(store))?;
    ListIndex::open(store)?.calibrate(&mut |_| Ok(None), &mut || Ok(()))?;
    Ok(built)
}
