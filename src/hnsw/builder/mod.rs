//! Build: many rows at once. Values go into memory, many threads link them, and pages are written in order.
//!
//! | file | what it holds |
//! |---|---|
//! | `rows.rs` | rows of a build: values, sketches, tids |
//! | `graph.rs` | graph of a build: links in memory |
//! | `walk.rs` | walk of a build: towards one value, on one level |
//! | `schedule.rs` | schedule of a build: in which order values are linked |
//! | `connect.rs` | reachability: values that are out of reach are linked to |
//! | `order.rs` | order of nodes on pages: which node gets which number |
//! | `write.rs` | write: the pages of the index |

mod connect;
mod graph;
mod order;
mod rows;
mod schedule;
mod walk;
mod write;

use graph::{LinkLists, Links};
use rows::{BuildRows, ROW_OVERHEAD};

use crate::bulk::{Built, Crew, Memory, Progress, Pushed, Resources, Sink, Steps, pool};
use crate::index::{Error, Tid, collected};
use crate::page::MemoryStore;

use crate::hnsw::change::insert::draw_level;
use crate::hnsw::nodes::meta::Parameters;
use crate::hnsw::nodes::shape::Shape;
use crate::hnsw::options::Options;
use crate::hnsw::spaces::dense::Dense;
use crate::hnsw::spaces::plain::Plain;
use crate::hnsw::spaces::space::{Space, ValueOf};
use crate::values::{Measure, Metric, Sketches, Values};

/// Collects rows and builds an index of them.
pub struct Builder<V: Space> {
    space: V,
    parameters: Parameters,
    rows: BuildRows,
    memory: Memory,
    sum: Vec<f64>,
    ef: usize,
    threads: usize,
}

impl Builder<Dense> {
    /// Starts a build of dense vectors.
    #[must_use]
    pub fn dense(dims: usize, metric: Metric, options: &Options, resources: Resources) -> Self {
        let (parameters, form) = options.dense(dims, metric);
        let space = Dense::new(metric, form, dims, options.seed, &parameters.shape);
        Self::new(space, parameters, options, resources)
    }
}

impl<M: Measure> Builder<Plain<M>> {
    /// Starts a build of values under a measure.
    #[must_use]
    pub fn plain(measure: M, options: &Options, resources: Resources) -> Self {
        let space = Plain::new(measure);
        let parameters = space.parameters(options);
        Self::new(space, parameters, options, resources)
    }
}

impl<V: Space> Builder<V> {
    pub(in crate::hnsw) fn new(
        space: V,
        parameters: Parameters,
        options: &Options,
        resources: Resources,
    ) -> Self {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            rows: BuildRows::new(&space, parameters.shape.own),
            space,
            parameters,
            memory: Memory::new(resources.budget, resources.files),
            sum: Vec::new(),
            ef: options.beam(),
            threads: match resources.threads {
                0 => cores(),
                threads => threads,
            },
        }
    }

    /// Bytes of memory for each row of a build that does not spill; of values whose sizes differ,
    /// for one that its node has room for.
    #[must_use]
    pub fn bytes_per_row(&self) -> usize {
        let shape = &self.parameters.shape;
        let sketch = self.space.values().sketch_bytes().unwrap_or(0);
        shape.own + sketch + 12 + ROW_OVERHEAD + self.link_bytes() + self.threads
    }

    fn link_bytes(&self) -> usize {
        8 * self.parameters.shape.lanes
    }

    /// Adds a row. False where its value has no place in the metric.
    ///
    /// # Errors
    /// Where the spill file fails, or no number is left.
    pub fn push(&mut self, value: ValueOf<'_, V>, tid: Tid) -> Result<bool, Error> {
        self.space.values().verify(value)?;
        let Some(point) = self.space.values().point(value) else {
            return Ok(false);
        };
        self.space.accumulate(&point, &mut self.sum);
        if self.rows.push(&self.space, &point, tid, &mut self.memory)? {
            // Links come later, but their memory is spoken for.
            self.memory.account(ROW_OVERHEAD + self.threads);
        }
        Ok(true)
    }

    /// Builds the graph and hands its pages to `sink` in order, from block 0.
    ///
    /// # Errors
    /// Cancelled, those of the sink, or of the spill file.
    pub fn finish(mut self, progress: &Progress, sink: &mut dyn Sink) -> Result<Built, Error> {
        self.space.settle(&self.sum, self.rows.rows());
        let drawn = self.draw_levels()?;
        let Shape { lanes, degrees, .. } = self.parameters.shape;
        let mut numbers = self.memory.allocate(4 * drawn.lists * lanes)?;
        let mut distances = self.memory.allocate(4 * drawn.lists * lanes)?;
        let pool = pool(self.threads).map_err(Error::Threads)?;
        // Their stacks may have taken the last of the memory.
        sink.poll()?;
        let links = Links::new(
            &self.space,
            &self.rows,
            LinkLists {
                levels: &drawn.levels,
                above: &drawn.above,
                lanes,
                degrees,
                numbers: numbers.atomics(),
                distances: distances.atomics(),
            },
        );
        let mut crew = Crew {
            pool: &pool,
            progress,
            sink,
        };
        links.insert_all(self.ef, &mut crew)?;
        links.connect(self.ef, &mut Steps::new(sink))?;
        write::pages(&links, &self.parameters, &pool, progress, sink)?;
        Ok(Built {
            rows: self.rows.rows(),
            values: self.rows.len() as u64,
            memory: self.memory.used(),
            spilled: self.memory.spilled(),
        })
    }

    /// Draws the level of each value, and counts lists.
    fn draw_levels(&self) -> Result<DrawnLevels, Error> {
        let Parameters { seed, m, .. } = self.parameters;
        let levels = (0..self.rows.len()).map(|value| draw_level(seed, value as u64, m));
        let levels: Vec<u8> = collected(levels)?;
        let mut lists = self.rows.len();
        let above = levels.iter().map(|level| {
            let above = u32::try_from(lists).unwrap_or(u32::MAX);
            lists += usize::from(*level);
            above
        });
        let above = collected(above)?;
        Ok(DrawnLevels {
            levels,
            above,
            lists,
        })
    }
}

/// Levels of all values, and the lists that these ask for.
struct DrawnLevels {
    /// The level of each value.
    levels: Vec<u8>,
    /// The first list above the ground of each value.
    above: Vec<u32>,
    /// How many lists there are.
    lists: usize,
}

/// Builds into a store in memory: for tests and benchmarks.
///
/// # Errors
/// As [`Builder::finish`].
pub fn build_into<V: Space>(
    builder: Builder<V>,
    store: &MemoryStore,
    progress: &Progress,
) -> Result<Built, Error> {
    builder.finish(progress, &mut Pushed(store))
}
