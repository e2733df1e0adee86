//! Options: what a user says of an index when it is made.

use crate::page::{CONTENT_BYTES, Format};
use crate::quantize::Form;
use crate::values::{Metric, kind};

use crate::hnsw::nodes::meta::Parameters;
use crate::hnsw::nodes::shape::Shape;

/// How an index is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Links of a node and level; twice as many on the ground. 2 to 100.
    pub m: u16,
    /// Half the candidates that inserts and builds keep. 4 to 1,000.
    pub ef_construction: u16,
    /// How vectors are stored; None for what suits their size.
    pub form: Option<Form>,
    /// Draws levels and signs.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            m: 16,
            ef_construction: 64,
            form: None,
            seed: 0x05EE_D0F6_7A9B,
        }
    }
}

/// Elements on a page of the centre.
pub(in crate::hnsw) const CENTRE_ELEMENTS: usize = CONTENT_BYTES / 4;

impl Options {
    /// The beam of inserts and builds: twice `ef_construction`. Estimates and int8 distances make it as cheap
    /// as half of it with exact distances, and the recall of later searches depends on it.
    pub(in crate::hnsw) fn beam(&self) -> usize {
        2 * usize::from(self.ef_construction)
    }

    /// What an index of dense vectors will never change.
    pub(in crate::hnsw) fn dense(&self, dims: usize, metric: Metric) -> (Parameters, Form) {
        let form = self
            .form
            .unwrap_or_else(|| Shape::best_form(dims, self.m.into()));
        let parameters = Parameters {
            format: Format::LATEST,
            kind: kind::DENSE,
            metric: metric as u8,
            form: form as u8,
            m: self.m,
            dims: u32::try_from(dims).unwrap_or(u32::MAX),
            seed: self.seed,
            centre_pages: u32::try_from(dims.div_ceil(CENTRE_ELEMENTS)).unwrap_or(u32::MAX),
            shape: Shape::dense(dims, self.m.into(), form),
        };
        (parameters, form)
    }
}
