//! Directions in which the coordinates of rows' codes are taken.
//!
//! Codes with a bit for each dimension, or for some that are drawn at random, are those of `quantize/code.rs`. Codes of
//! few bits tell more where their coordinates are those in which rows vary most around their centres. With the offset
//! `y = x - c` of a row, that of a query `v = q - c`, `K` principal directions `P`, and the signs `b` of `P y`:
//!
//! ```text
//! <y, v> = <P y, P v> + <y', v'>      y', v': what is in none of the directions
//! <P y, P v> ~ |P y|^2 / <b, P y> <b, P v>      as of a random code, for P is mixed at random
//! <y', v'> ~ 0
//! error^2 / 4 = |P y|^2 tan^2 / (K - 1) + w^2 |y'|^2 / (D - K)      for |v| = 1; tan: of the angle of P y and b
//! ```
//!
//! Were `y'` a random vector, `w` would be 1. But it is no more so than rows are, and the nearer a row is to the query,
//! the more are `y'` and `v'` alike. So `w`, the *widening*, is measured when the directions are learned (`learn.rs`).
//! In any case `<y', v'>` is no more than `|y'| |v'|`, which bounds that may miss no row allow for.

use crate::index::{Error, with_room};
use crate::page::{self, CONTENT_BYTES, PageError, PageStore};
use crate::quantize::{Factors, PrincipalDirections, standard_error};
use crate::values::{CodedOffset, DenseVectors, code_dims};

use super::meta::{self, KIND_DIRECTIONS, ListsParameters, META};

/// The share of a vector's squared length that its signs have along it, where it has many coordinates that are as
/// random ones: `2 / pi`.
const SIGNED_SHARE: f32 = std::f32::consts::FRAC_2_PI;

/// In which directions the coordinates of rows' codes are taken.
pub enum Directions {
    /// The first of a random rotation of all.
    Random,
    /// Those in which rows vary most around their centres.
    Principal(Principal),
}

/// Principal directions, and what they leave out.
pub struct Principal {
    along: PrincipalDirections,
    /// `D - K`, or 1 where that is less.
    rest: f32,
    /// `w`
    widening: f32,
}

impl Principal {
    /// Directions that leave out the rest of so many dimensions; their widening is 1 until it was measured.
    #[expect(clippy::cast_precision_loss, reason = "at most 16,000")]
    pub fn new(along: PrincipalDirections, dims: usize) -> Self {
        Self {
            rest: dims.saturating_sub(along.len()).max(1) as f32,
            along,
            widening: 1.0,
        }
    }

    /// The same with another widening.
    pub fn widened(self, widening: f32) -> Self {
        Self { widening, ..self }
    }

    /// `w`
    pub fn widening(&self) -> f32 {
        self.widening
    }

    /// The widening by which the error of what is not coded is as large as that can be, `sqrt(D - K)`.
    pub fn widest(&self) -> f32 {
        self.rest.sqrt()
    }

    /// As the pages behind the mean have them.
    pub fn bytes(&self) -> &[u8] {
        self.along.as_bytes()
    }

    /// A point less another along the directions.
    pub fn coded(&self, vectors: &DenseVectors, point: &[f32], from: &[f32]) -> CodedOffset {
        let offset: Vec<f32> = point.iter().zip(from).map(|(x, u)| x - u).collect();
        let coordinates = self.along.apply(&offset);
        let inside = vectors.dot(&coordinates, &coordinates);
        CodedOffset {
            beside: (vectors.dot(&offset, &offset) - inside).max(0.0),
            coordinates,
        }
    }

    /// The two parts of the standard error of an estimate, for a query at distance 1: that of the code, and that of
    /// what is not coded before it is widened.
    pub fn errors(&self, factors: Factors, beside: f32) -> [f32; 2] {
        let coded = self.along.len();
        let inside = standard_error(factors, 1.0, coded, coded);
        [inside, 2.0 * (beside / self.rest).sqrt()]
    }

    /// Standard errors that an estimate is off by at most, where what is coded is off by so many. For a query at
    /// distance 1 it is `2 (e a + |y'|)` where the error is `2 sqrt(a^2 + w^2 |y'|^2 / (D - K))`, and of the sums of
    /// two products with the same sum of squares the largest is `sqrt(e^2 + (D - K) / w^2)` times the error.
    pub fn farthest(&self, errors: f32) -> f32 {
        errors.hypot(self.rest.sqrt() / self.widening)
    }

    /// The distance of a row from the origin of its code, about, from slope and error.
    #[expect(clippy::cast_precision_loss, reason = "at most 16,000")]
    fn distance_by(&self, slope: f32, error: f32) -> f32 {
        let coded = self.along.len() as f32;
        let signed = slope * slope * coded / 4.0;
        let inside = signed * SIGNED_SHARE;
        let of_code = (signed - inside) / (coded - 1.0).max(1.0);
        let of_rest = (error * error / 4.0 - of_code).max(0.0);
        (inside + of_rest * self.rest / (self.widening * self.widening)).sqrt()
    }
}

impl Directions {
    /// The directions of an index with these parameters: random ones, or those on the pages behind its mean.
    ///
    /// # Errors
    /// Where pages cannot be read or make no sense, and where there is no memory.
    pub fn read<S: PageStore>(store: &S, parameters: &ListsParameters) -> Result<Self, Error> {
        let (dims, count) = (parameters.dims, parameters.principal());
        let Some(widening) = parameters.widening else {
            return Ok(Self::Random);
        };
        let bytes = PrincipalDirections::bytes_of(dims, count);
        let mut read: Vec<u8> = with_room(bytes)?;
        let first = META.saturating_add(parameters.mean_pages).saturating_add(1);
        for block in (first..).take(parameters.direction_pages() as usize) {
            let page = store.read(block)?;
            page::verify(&page, meta::mark(block, KIND_DIRECTIONS))?;
            let here = CONTENT_BYTES.min(bytes - read.len());
            let content = page::content(&page).get(..here).unwrap_or_default();
            read.extend_from_slice(content);
        }
        let along = PrincipalDirections::from_bytes(dims, read).filter(|all| all.len() == count);
        let along = along.ok_or_else(|| PageError::Corrupt {
            block: first,
            reason: "directions that are no numbers".into(),
        })?;
        Ok(Self::Principal(
            Principal::new(along, dims).widened(widening),
        ))
    }

    /// What the meta page says of them.
    pub fn widening(&self) -> Option<f32> {
        match self {
            Self::Random => None,
            Self::Principal(principal) => Some(principal.widening()),
        }
    }

    /// A point less another, as rows are encoded.
    pub fn coded(&self, vectors: &DenseVectors, point: &[f32], from: &[f32]) -> CodedOffset {
        match self {
            Self::Random => CodedOffset {
                coordinates: vectors.offset(point, from),
                beside: 0.0,
            },
            Self::Principal(principal) => principal.coded(vectors, point, from),
        }
    }

    /// The standard error of an estimate by a code of so many bits, for a query at distance 1.
    pub fn standard_error(&self, factors: Factors, beside: f32, codes: CodeSize) -> f32 {
        match self {
            Self::Random => standard_error(factors, 1.0, codes.bits, code_dims(codes.dims)),
            Self::Principal(principal) => {
                let [inside, rest] = principal.errors(factors, beside);
                inside.hypot(principal.widening * rest)
            }
        }
    }

    /// The distance of a row from the origin of its code: what [`standard_error`](Self::standard_error) makes the error
    /// of, from slope and error as they are stored. It is off by a few thousandths of itself; by principal directions,
    /// where the code's own part of the error is taken to be that of an average code, by a few hundredths.
    #[expect(clippy::cast_precision_loss, reason = "at most 16,000")]
    pub fn distance_by(&self, slope: f32, error: f32, codes: CodeSize) -> f32 {
        match self {
            Self::Random => {
                let dims = code_dims(codes.dims);
                let bits = codes.bits.min(dims) as f32;
                let across = error * error * dims.saturating_sub(1) as f32 / 4.0;
                (slope * slope * bits / 4.0 - across).max(0.0).sqrt()
            }
            Self::Principal(principal) => principal.distance_by(slope, error),
        }
    }
}

/// How large codes are, and of what.
#[derive(Clone, Copy, Debug)]
pub struct CodeSize {
    /// Bits of a code.
    pub bits: usize,
    /// Dimensions of a vector.
    pub dims: usize,
}
