//! Long codes: what rows are measured by before the table is asked. They do not change when a row changes its list.
//!
//! Vectors of whole bytes an element are stored as they are searched. Those of two to seven bits are codes of `x - m`,
//! rotated, `m` being the mean of all rows: with `y = x - m`, a row's distance from `q` is that of `y` from `q - m`
//! under L2, and `-<m, q>` less the inner product of `y` with `q` under inner product.

use crate::page::{field, set_field};
use crate::quantize::{Form, PackedFactors, PackedForm, Rotation};
use crate::values::{BitMetric, Bits, CodeOrigin, Metric, Values, code_dims, extremes};

use super::blocks::RowCode;
use super::coder::{Coder, Query, above};
use super::meta::ListsParameters;
use super::shape::SCALE_BYTES;

/// Standard errors by which the distance of a packed vector may be off: more in one of 16,000 rows. It is never more
/// than the error's own length allows, which is as much up to 17 dimensions.
const STANDARD_ERRORS: f32 = 4.0;

/// What sums of float32 may be off by, as a share of their largest terms.
const ROUNDING_SHARE: f32 = 2e-6;

/// What rounding to float16, in which a build keeps rows, takes from a vector's length at most.
const FLOAT16_SHARE: f32 = 1.0 / 2_048.0;

/// The byte of a form of two bits, less two, and that of bits.
const PACKED: u8 = 16;
const BITS: u8 = 32;

/// How long codes are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LongForm {
    /// A whole vector, of one or more bytes an element.
    Stored(Form),
    /// Two to seven bits an element.
    Packed(PackedForm),
    /// Of bits, as they are.
    Bits,
}

impl From<Form> for LongForm {
    fn from(form: Form) -> Self {
        Self::Stored(form)
    }
}

impl LongForm {
    /// The form for so many bits an element of a dense vector, 1 to 8. One bit is that of the code which every row has
    /// in its list: there is no long code, and the table is asked at once. Eight are int8.
    #[must_use]
    pub fn of_bits(bits: u8) -> Option<Self> {
        match PackedForm::of_bits(bits) {
            Some(packed) => Some(Self::Packed(packed)),
            None if bits < 2 => None,
            None => Some(Self::Stored(Form::Int8)),
        }
    }

    /// Bytes of a vector, without its scale.
    #[must_use]
    pub fn bytes(self, dims: usize) -> usize {
        match self {
            Self::Stored(form) => form.bytes(dims),
            Self::Packed(form) => form.bytes(dims),
            Self::Bits => dims.div_ceil(8),
        }
    }

    /// Writes a vector, which is rotated where it is packed, and gives its scale.
    pub fn encode(self, vector: &[f32], own: &mut [u8]) -> f32 {
        match self {
            Self::Stored(form) => form.encode(vector, own),
            Self::Packed(form) => form.encode(vector, own),
            Self::Bits => {
                Bits::pack(vector, own);
                1.0
            }
        }
    }

    /// Reads a vector; a packed one with its error.
    pub fn decode(self, own: &[u8], scale: f32, out: &mut [f32]) {
        match self {
            Self::Stored(form) => form.decode(own, scale, out),
            Self::Packed(form) => form.decode(own, scale, out),
            Self::Bits => Bits::unpack(own, out),
        }
    }

    /// How far a vector that was stored with this scale may be from its value; infinite where its bytes tell that.
    #[must_use]
    pub fn off(self, dims: usize, scale: f32) -> f32 {
        let dims = f32::from(u16::try_from(dims).unwrap_or(u16::MAX));
        match self {
            Self::Stored(form) => form.rounding(scale) * dims.sqrt(),
            Self::Packed(_) => f32::INFINITY,
            Self::Bits => 0.0,
        }
    }

    /// The byte that names it on the meta page.
    #[must_use]
    pub fn byte(self) -> u8 {
        match self {
            Self::Stored(form) => form as u8,
            Self::Packed(form) => PACKED + form as u8,
            Self::Bits => BITS,
        }
    }

    /// The form that a byte names.
    #[must_use]
    pub fn from_byte(byte: u8) -> Option<Self> {
        if byte == BITS {
            return Some(Self::Bits);
        }
        let packed = byte.checked_sub(PACKED).and_then(PackedForm::of_bits);
        packed
            .map(Self::Packed)
            .or_else(|| Form::from_byte(byte).map(Self::Stored))
    }
}

/// A query, as long codes are compared with it.
#[derive(Clone, Debug)]
pub enum LongQuery {
    /// As it is.
    Stored,
    /// `q - m`, or `q` under inner product, rotated as long codes are.
    Packed(Vec<f32>),
    /// Eight a byte.
    Bits(Vec<u8>),
}

/// A distance by a long code.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LongDistance {
    /// In the measure of the values.
    pub distance: f32,
    /// How much that may be off.
    pub doubt: f32,
}

/// What writes and reads the long codes of an index.
pub struct LongCodes {
    form: Option<LongForm>,
    /// Of vectors that are not rotated as points.
    rotation: Option<Rotation>,
}

impl LongCodes {
    /// Those of an index with these parameters.
    pub fn new(parameters: &ListsParameters) -> Self {
        let ListsParameters {
            form, dims, seed, ..
        } = *parameters;
        let is_packed = matches!(form, Some(LongForm::Packed(_)));
        let rotated = is_packed && code_dims(dims) > dims;
        Self {
            form,
            rotation: rotated.then(|| Rotation::new(dims, seed)),
        }
    }
}

impl Coder {
    /// A point in the directions in which packed codes are taken.
    fn turned(&self, mut point: Vec<f32>) -> Vec<f32> {
        if let Some(rotation) = &self.long.rotation {
            rotation.apply(&mut point);
        }
        point
    }

    fn less_mean(&self, point: &[f32]) -> Vec<f32> {
        point.iter().zip(self.mean()).map(|(x, m)| x - m).collect()
    }

    /// Prepares a query for long codes.
    pub(in crate::ivf) fn long_query(&self, point: &[f32]) -> LongQuery {
        match self.long.form {
            None | Some(LongForm::Stored(_)) => LongQuery::Stored,
            Some(LongForm::Packed(_)) => {
                LongQuery::Packed(self.turned(match self.vectors.metric() {
                    Metric::InnerProduct => point.to_vec(),
                    Metric::L2 | Metric::Cosine => self.less_mean(point),
                }))
            }
            Some(LongForm::Bits) => {
                let mut bits = vec![0; point.len().div_ceil(8)];
                Bits::pack(point, &mut bits);
                LongQuery::Bits(bits)
            }
        }
    }

    /// The long code of a point, with its scale; empty where the index has none.
    pub(in crate::ivf) fn long_code(&self, point: &[f32]) -> Vec<u8> {
        let Some(form) = self.long.form else {
            return Vec::new();
        };
        let mut long = vec![0; SCALE_BYTES + form.bytes(point.len())];
        let (scale_bytes, own) = long.split_at_mut(SCALE_BYTES);
        let scale = match form {
            LongForm::Packed(packed) => {
                let length = self.vectors.dot(point, point).sqrt();
                let scale = packed.encode(&self.turned(self.less_mean(point)), own);
                packed.widen(own, FLOAT16_SHARE * length);
                scale
            }
            LongForm::Stored(_) | LongForm::Bits => form.encode(point, own),
        };
        set_field(scale_bytes, 0, scale.to_ne_bytes());
        long
    }

    /// The point that a long code tells, for packed vectors with their error.
    pub(in crate::ivf) fn point_of(&self, long: &[u8]) -> Vec<f32> {
        let (scale, own) = parts(long);
        let mut point = vec![0.0; self.vectors.dims()];
        if let Some(form) = self.long.form {
            form.decode(own, scale, &mut point);
        }
        if let Some(LongForm::Packed(_)) = self.long.form {
            if let Some(rotation) = &self.long.rotation {
                rotation.undo(&mut point);
            }
            for (x, m) in point.iter_mut().zip(self.mean()) {
                *x += m;
            }
        }
        point
    }

    /// How far a row's value may be from the point that its long code tells. Without long codes the point is the value.
    pub(in crate::ivf) fn off_of_long(&self, long: &[u8]) -> f32 {
        let (scale, own) = parts(long);
        match self.long.form {
            None => 0.0,
            Some(LongForm::Packed(form)) => form.factors(own).off,
            Some(form) => form.off(self.vectors.dims(), scale),
        }
    }

    /// The code around an origin of a row of which only the long code is known, and the point that this tells. The
    /// error of the long code is added to the code's own: the squared length of `e` is no part of the distance, and
    /// `2 <e, q>` has a standard error of `2 |e| |q - c| / sqrt(D - 1)`.
    pub(in crate::ivf) fn code_of_long(
        &self,
        long: &[u8],
        point: &[f32],
        origin: &CodeOrigin,
    ) -> RowCode {
        let code = self.code(point, origin);
        let Some(LongForm::Packed(form)) = self.long.form else {
            return code;
        };
        let PackedFactors { off, .. } = form.factors(parts(long).1);
        let terms = match self.vectors.metric() {
            Metric::InnerProduct => 1.0,
            Metric::L2 | Metric::Cosine => 2.0,
        };
        let error = terms * off / self.freedom().sqrt();
        let (error, base) = (
            code.error.hypot(error),
            code.base - (terms - 1.0) * off * off,
        );
        if error.is_finite() && base.is_finite() {
            return RowCode {
                base,
                error: above(error),
                ..code
            };
        }
        RowCode {
            base: -f32::MAX,
            slope: 0.0,
            error: 0.0,
            bits: code.bits,
        }
    }

    /// `D - 1`, or 1 where that is less.
    fn freedom(&self) -> f32 {
        let dims = u16::try_from(self.vectors.dims()).unwrap_or(u16::MAX);
        f32::from(dims.saturating_sub(1).max(1))
    }

    /// How far a row is from a query by its long code, whose scale comes first.
    pub(in crate::ivf) fn measure(&self, query: &Query, long: &[u8]) -> LongDistance {
        let (scale, own) = parts(long);
        match (&query.long, self.long.form) {
            (LongQuery::Packed(v), Some(LongForm::Packed(form))) => {
                let factors = form.factors(own);
                let product = form.inner_product(v, own, scale);
                self.packed_distance(&query.point, v, factors, product)
            }
            (LongQuery::Bits(bits), _) => {
                let values = Bits::new(BitMetric::Hamming, self.vectors.dims());
                LongDistance {
                    distance: values.distance(bits, own, scale),
                    doubt: 0.0,
                }
            }
            _ => {
                let distance = self.vectors.distance(&query.point, own, scale);
                LongDistance {
                    distance,
                    doubt: self.vectors.doubt(&query.point, distance, scale),
                }
            }
        }
    }

    /// The error `e` is at right angles to `y`. So under L2 the distance is off by `2 <e, v - y>`, which is at most
    /// `2 s |e| |v - y|` with `s` the standard errors that are allowed for; `|v - y|` is the root of the true distance,
    /// which is `s |e| + sqrt(s^2 |e|^2 + distance)` at most. Under inner product it is off by `<e, q>`.
    fn packed_distance(
        &self,
        point: &[f32],
        v: &[f32],
        factors: PackedFactors,
        product: f32,
    ) -> LongDistance {
        let PackedFactors { squared, off } = factors;
        let off = off * (STANDARD_ERRORS / self.freedom().sqrt()).min(1.0);
        let unit = self.vectors.dot(v, v);
        let (distance, doubt) = match self.vectors.metric() {
            Metric::L2 | Metric::Cosine => {
                let distance = unit + squared - 2.0 * product;
                let away = off + (off * off + distance.max(0.0)).sqrt();
                (
                    distance,
                    2.0 * off * away + ROUNDING_SHARE * (unit + squared),
                )
            }
            Metric::InnerProduct => {
                let of_mean = self.vectors.dot(point, self.mean());
                let length = unit.sqrt();
                let rounded = ROUNDING_SHARE * (of_mean.abs() + length * squared.sqrt());
                (-of_mean - product, off * length + rounded)
            }
        };
        if distance.is_finite() && doubt.is_finite() {
            return LongDistance { distance, doubt };
        }
        // Nothing is known: the row is among the first, and the table is asked.
        LongDistance {
            distance: 0.0,
            doubt: extremes::saturated(f32::INFINITY),
        }
    }
}

/// The scale of a long code, and what follows.
fn parts(long: &[u8]) -> (f32, &[u8]) {
    let scale = f32::from_ne_bytes(field(long, 0));
    (scale, long.get(SCALE_BYTES..).unwrap_or_default())
}
