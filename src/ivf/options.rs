//! Options: what a user says of an index when it is made.

use crate::page::CONTENT_BYTES;
use crate::quantize::Form;
use crate::values::{DenseVectors, Metric, kind};

use super::long::LongForm;
use super::meta::ListsParameters;
use super::shape::ListsShape;

/// The most lists of an index.
pub const MAX_LISTS: usize = 32_768;

/// Below so many rows there is one list: it is read as fast as the nearest of several are found.
const ONE_LIST: u64 = 4_000;

/// Rows of a list where there are so many rows that twice their square root would be fewer lists.
const ROWS_A_LIST: u64 = 1_000;

/// Elements on a page of the mean.
pub const MEAN_ELEMENTS: usize = CONTENT_BYTES / 4;

/// What may be chosen.
#[derive(Clone, Copy, Debug)]
pub struct ListsOptions {
    /// Lists, up to 32,768; 0 for as many as suit the rows.
    pub lists: u32,
    /// The form of long codes; None for an index that asks the table for values at once. For bits any form stands for
    /// the bits themselves, which have no other.
    pub form: Option<LongForm>,
    /// Directions that the codes of rows have a bit for, rounded up to a multiple of 16; 0 for all. Fewer than there
    /// are dimensions are the principal ones of the rows around their centres, where there are enough rows to learn
    /// them from, and else random. Of bits codes have all.
    pub directions: u32,
    /// Draws seeds and the rotation.
    pub seed: u64,
    /// When the index is made, as the caller counts time: [`ListsCensus`](super::ListsCensus) says it again.
    pub made: u64,
}

impl Default for ListsOptions {
    fn default() -> Self {
        Self {
            lists: 0,
            form: Some(LongForm::Stored(Form::Int8)),
            directions: 0,
            seed: 0x05EE_D0F6_7A9B,
            made: 0,
        }
    }
}

impl ListsOptions {
    /// How many lists an index of so many rows has: twice their square root, or one for a thousand rows if that is
    /// more, where nothing else is asked for.
    #[must_use]
    pub fn lists_of(&self, rows: u64) -> usize {
        let asked = usize::try_from(self.lists).unwrap_or(MAX_LISTS);
        if asked > 0 {
            return asked.min(MAX_LISTS);
        }
        if rows < ONE_LIST {
            return 1;
        }
        let lists = (2 * rows.isqrt()).max(rows / ROWS_A_LIST);
        usize::try_from(lists).unwrap_or(MAX_LISTS).min(MAX_LISTS)
    }

    /// What an index of vectors of `dims` dimensions will never change.
    pub(in crate::ivf) fn parameters(&self, dims: usize, metric: Metric) -> ListsParameters {
        let form = self.form.filter(|form| *form != LongForm::Bits);
        self.parameters_of(kind::DENSE, dims, metric, form)
    }

    /// What an index of `bits` bits, at most 64,000, will never change.
    pub(in crate::ivf) fn parameters_of_bits(&self, bits: usize) -> ListsParameters {
        let form = self.form.map(|_| LongForm::Bits);
        let all = Self {
            directions: 0,
            ..*self
        };
        all.parameters_of(kind::BITS, bits, Metric::L2, form)
    }

    fn parameters_of(
        &self,
        kind: u8,
        dims: usize,
        metric: Metric,
        form: Option<LongForm>,
    ) -> ListsParameters {
        ListsParameters {
            kind,
            metric,
            form,
            dims,
            asked: self.lists,
            seed: self.seed,
            mean_pages: u32::try_from(dims.div_ceil(MEAN_ELEMENTS)).unwrap_or(u32::MAX),
            directions: self.directions,
            widening: None,
            shape: ListsShape::new(dims, self.directions as usize, form),
        }
    }
}

/// The points of an index. Whole numbers and bits are not rotated, so that they stay what they are.
pub fn vectors(parameters: &ListsParameters) -> DenseVectors {
    let form = match (parameters.kind, parameters.form) {
        (kind::BITS, _) => Form::Whole,
        (_, Some(LongForm::Stored(form))) => form,
        _ => Form::F16,
    };
    DenseVectors::new(parameters.metric, form, parameters.dims, parameters.seed)
}
