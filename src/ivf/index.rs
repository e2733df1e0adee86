//! Index: how it is opened, and how its pages are read.

use crate::index::Error;
use crate::page::{self, Format, PageError, PageStore, field};
use crate::values::{Metric, kind};

use super::coder::Coder;
use super::directions::Directions;
use super::long::LongForm;
use super::meta::{self, KIND_MEAN, ListsParameters, ListsRoots, META};
use super::options::MEAN_ELEMENTS;
use super::value::ListValue;

/// Lists of dense vectors, or of bits, on pages.
pub struct ListIndex<'s, S> {
    pub(in crate::ivf) store: &'s S,
    pub(in crate::ivf) parameters: ListsParameters,
    pub(in crate::ivf) coder: Coder,
}

impl<'s, S: PageStore> ListIndex<'s, S> {
    /// Opens an index.
    ///
    /// # Errors
    /// Where its first pages make no sense, or it holds other values.
    pub fn open(store: &'s S) -> Result<Self, Error> {
        let parameters = meta::parameters(&*store.read(META)?)?;
        let ListsParameters { kind, dims, .. } = parameters;
        if kind != kind::DENSE && kind != kind::BITS {
            return Err(parameters.other_space());
        }
        let mut mean: Vec<f32> = Vec::with_capacity(dims);
        for block in META + 1..=META + parameters.mean_pages {
            let page = store.read(block)?;
            page::verify(&page, meta::mark(block, KIND_MEAN))?;
            let here = MEAN_ELEMENTS.min(dims - mean.len());
            let content = page::content(&page);
            mean.extend((0..here).map(|at| f32::from_ne_bytes(field(content, 4 * at))));
        }
        if mean.len() != dims {
            let reason = format!("a mean of {} dimensions", mean.len()).into();
            return Err(PageError::Corrupt {
                block: META,
                reason,
            }
            .into());
        }
        Ok(Self {
            store,
            parameters,
            coder: Coder::new(&parameters, mean, Directions::read(store, &parameters)?),
        })
    }

    /// Of the pages.
    pub const FORMAT: u8 = Format::LATEST as u8;

    /// The metric.
    #[must_use]
    pub fn metric(&self) -> Metric {
        self.parameters.metric
    }

    /// Dimensions.
    #[must_use]
    pub fn dims(&self) -> usize {
        self.parameters.dims
    }

    /// The form of long codes; None where there are none.
    #[must_use]
    pub fn form(&self) -> Option<LongForm> {
        self.parameters.shape.long.and(self.parameters.form)
    }

    /// The principal directions that the codes of rows have; None where they have all, or some that are random.
    #[must_use]
    pub fn principal_directions(&self) -> Option<usize> {
        self.parameters
            .widening
            .map(|_| self.parameters.principal())
    }

    /// Whether a row with this value is in the index.
    ///
    /// # Errors
    /// Where the value has another size.
    pub fn has_place(&self, value: ListValue<'_>) -> Result<bool, Error> {
        let point = value.point(&self.parameters, &self.coder.vectors)?;
        Ok(point.is_some())
    }

    /// Lists that there were when [`calibrate`](Self::calibrate) measured the index; 0 where it has not.
    ///
    /// # Errors
    /// Where the meta page cannot be read.
    pub fn calibrated_lists(&self) -> Result<u32, PageError> {
        Ok(meta::table(&*self.page(META, meta::KIND_META)?).lists)
    }

    /// The roots as they are now.
    ///
    /// # Errors
    /// Where the meta page cannot be read.
    pub fn roots(&self) -> Result<ListsRoots, PageError> {
        Ok(meta::roots(&*self.page(META, meta::KIND_META)?))
    }

    /// A page under a shared lock.
    pub(in crate::ivf) fn page(&self, block: u32, kind: u16) -> Result<S::Guard<'s>, PageError> {
        let page = self.store.read(block)?;
        page::verify(&page, meta::mark(block, kind))?;
        Ok(page)
    }
}
