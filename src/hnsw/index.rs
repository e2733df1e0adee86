//! Index: how it is made and opened.

use crate::index::Error;
use crate::page::{self, Change, PageError, PageStore, field, set_field};
use crate::quantize::Form;
use crate::vector::MAX_DIMS;

use crate::hnsw::nodes::meta::{self, KIND_CENTRE, META, Parameters, Roots};
use crate::hnsw::nodes::node::Node;
use crate::hnsw::nodes::pages::Pages;
use crate::hnsw::nodes::shape::Shape;
use crate::hnsw::options::{CENTRE_ELEMENTS, Options};
use crate::hnsw::spaces::dense::Dense;
use crate::hnsw::spaces::plain::Plain;
use crate::hnsw::spaces::space::{PointOf, Space};
use crate::values::{Measure, Metric, kind};

/// Pages whose nodes hold values of one space.
pub struct Index<'s, S, V> {
    pub(in crate::hnsw) pages: Pages<'s, S>,
    pub(in crate::hnsw) space: V,
    /// Candidates that an insert keeps.
    pub(in crate::hnsw) beam: usize,
}

/// Writes the first pages of an index: parameters, roots and centre.
pub(in crate::hnsw) fn write_head(
    parameters: &Parameters,
    roots: &Roots,
    centre: &[f32],
    mut write: impl FnMut(&page::Bytes) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut page = [0; page::PAGE_BYTES];
    meta::write(&mut page, parameters, roots);
    write(&page)?;
    for (block, part) in (META + 1..).zip(centre.chunks(CENTRE_ELEMENTS)) {
        page::format(&mut page, parameters.mark(block, KIND_CENTRE));
        page::set_lower(&mut page, 4 * part.len());
        for (i, x) in part.iter().enumerate() {
            set_field(page::content_mut(&mut page), 4 * i, x.to_ne_bytes());
        }
        write(&page)?;
    }
    Ok(())
}

/// The dimensions of dense vectors, if the meta page can mean them: it says three times what they are.
fn dense_dims(parameters: &Parameters, form: Form) -> Result<usize, PageError> {
    let dims = usize::try_from(parameters.dims).unwrap_or(usize::MAX);
    let possible = (1..=MAX_DIMS).contains(&dims)
        && form.bytes(dims) == parameters.shape.own
        && usize::try_from(parameters.centre_pages) == Ok(dims.div_ceil(CENTRE_ELEMENTS));
    possible.then_some(dims).ok_or_else(|| {
        let (pages, own) = (parameters.centre_pages, parameters.shape.own);
        let reason = format!("{dims} dimensions in {own} bytes, centre of {pages} pages");
        PageError::Corrupt {
            block: META,
            reason: reason.into(),
        }
    })
}

fn read_centre<S: PageStore>(
    store: &S,
    parameters: &Parameters,
    form: Form,
) -> Result<Vec<f32>, Error> {
    let dims = dense_dims(parameters, form)?;
    let mut centre = Vec::with_capacity(dims);
    for block in 1..=parameters.centre_pages {
        let page = store.read(block)?;
        page::verify_header(&page, parameters.mark(block, KIND_CENTRE))?;
        let here = CENTRE_ELEMENTS.min(dims - centre.len());
        let content = page::content(&page);
        centre.extend((0..here).map(|i| f32::from_ne_bytes(field(content, 4 * i))));
    }
    Ok(centre)
}

/// Adds a page.
pub(in crate::hnsw) fn append<S: PageStore>(store: &S, bytes: &page::Bytes) -> Result<(), Error> {
    let mut change = store.change();
    let (_, page) = change.append()?;
    *page = *bytes;
    Ok(change.commit()?)
}

impl<'s, S: PageStore> Index<'s, S, Dense> {
    /// Makes an empty index of dense vectors in an empty store. Codes are relative to the origin:
    /// the mean of rows that are still to come is not known.
    ///
    /// # Errors
    /// Those of the store.
    pub fn create(
        store: &'s S,
        dims: usize,
        metric: Metric,
        options: &Options,
    ) -> Result<Self, Error> {
        let (parameters, _) = options.dense(dims, metric);
        let centre = vec![0.0; dims];
        write_head(&parameters, &Roots::default(), &centre, |bytes| {
            append(store, bytes)
        })?;
        Self::open(store, options)
    }

    /// Opens an index of dense vectors.
    ///
    /// # Errors
    /// Where its first pages make no sense, or it holds other values.
    pub fn open(store: &'s S, options: &Options) -> Result<Self, Error> {
        let parameters = meta::parameters(&*store.read(META)?)?;
        let Parameters {
            kind, metric, form, ..
        } = parameters;
        let other = Error::OtherSpace { kind, metric, form };
        let metrics = [Metric::L2, Metric::InnerProduct, Metric::Cosine];
        let known = metrics.into_iter().find(|m| *m as u8 == metric);
        let (Some(metric), Some(form), kind::DENSE) = (known, Form::from_byte(form), kind) else {
            return Err(other);
        };
        let centre = read_centre(store, &parameters, form)?;
        let dims = centre.len();
        let space = Dense::new(metric, form, dims, parameters.seed, &parameters.shape);
        Ok(Self {
            pages: Pages { store, parameters },
            space: space.with_centre(centre),
            beam: options.beam(),
        })
    }
}

impl<'s, S: PageStore, M: Measure> Index<'s, S, Plain<M>> {
    /// Makes an empty index of values under a measure in an empty store.
    ///
    /// # Errors
    /// Those of the store.
    pub fn create_plain(store: &'s S, measure: M, options: &Options) -> Result<Self, Error> {
        let parameters = Plain::new(measure).parameters(options);
        write_head(&parameters, &Roots::default(), &[], |bytes| {
            append(store, bytes)
        })?;
        Self::open_plain(store, options)
    }

    /// Opens an index of values under a measure of this kind.
    ///
    /// # Errors
    /// Where its first page makes no sense, or it holds other values.
    pub fn open_plain(store: &'s S, options: &Options) -> Result<Self, Error> {
        let parameters = meta::parameters(&*store.read(META)?)?;
        Ok(Self {
            space: Plain::open(&parameters)?,
            pages: Pages { store, parameters },
            beam: options.beam(),
        })
    }
}

impl<S: PageStore, V: Space> Index<'_, S, V> {
    /// The space of its values.
    pub fn space(&self) -> &V {
        &self.space
    }

    /// Prepares a point for a walk.
    pub(in crate::hnsw) fn query(&self, point: PointOf<V>) -> Result<V::Query, PageError> {
        let scale = self.scale_of(&point)?;
        Ok(self.space.query(point, scale))
    }

    /// The factor that makes a point as long as the longest value in the index; estimates depend on it under
    /// inner product.
    pub(in crate::hnsw) fn scale_of(&self, point: &PointOf<V>) -> Result<f32, PageError> {
        let Some(length) = self.space.length(point) else {
            return Ok(1.0);
        };
        Ok(self.pages.roots()?.lengths.scale(length))
    }

    /// Bytes of a node and links it has room for.
    pub fn shape(&self) -> &Shape {
        self.pages.shape()
    }
}

impl<S: PageStore, V: Space> Index<'_, S, V> {
    /// Shows a node with all of its value.
    pub(in crate::hnsw) fn whole<T>(
        &self,
        number: u32,
        reads: &mut u64,
        read: impl FnOnce(Node<'_>) -> T,
    ) -> Result<Option<T>, PageError> {
        self.pages.whole(self.space.values(), number, reads, read)
    }
}
