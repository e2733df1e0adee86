//! Shape of nodes: how large a node is, and where its number says that it lies.

use std::ops::Range;

use crate::page::CONTENT_BYTES;
use crate::quantize::{Form, LANES};
use crate::search::MAX_NUMBER;
use crate::values::code_dims;

/// Links are kept in blocks of so many lanes; a code of each is scored in one pass.
pub const BLOCK_LANES: usize = LANES;

/// No node.
pub const NONE: u32 = u32::MAX;

/// Bytes of a node before its links.
pub const HEADER_BYTES: usize = 24;

/// Bytes of a block of links without their codes: numbers, distances, and for coded links bases
/// and slopes.
const PLAIN_TABLE_BYTES: usize = BLOCK_LANES * (4 + 2);
const CODED_TABLE_BYTES: usize = BLOCK_LANES * (4 + 2 + 4 + 2);

/// The most bits of a code where a node takes several pages: a block of codes then lies on two
/// pages at most, so that a link is one change.
const MAX_SPANNING_BITS: usize = 1_920;

/// A standard error of estimates, relative to `|x - c| |q - c|`, that is good enough: the error of 384
/// dimensions with all their bits.
const GOOD_ERROR: f64 = 0.04;

/// The bytes of a node, the same for every node of an index.
///
/// ```text
/// header | tables of all blocks | codes of all blocks | own value
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Links a node has room for, a multiple of 32.
    pub lanes: usize,
    /// Links a node may have on the ground level, and above it.
    pub degrees: [usize; 2],
    /// Bits of a link's code; 0 where links carry none.
    pub bits: usize,
    /// Bytes of the node's own value.
    pub own: usize,
    /// Bytes of a node, a multiple of four. These and the bits of a number that name the slot follow from the
    /// other fields, and are asked for at every step.
    size: usize,
    slot_bits: u32,
}

/// Where a node lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Its first page.
    pub block: u32,
    /// Its first byte in the page's content.
    pub at: usize,
}

impl Shape {
    /// A node of any kind.
    #[must_use]
    pub fn new(lanes: usize, degrees: [usize; 2], bits: usize, own: usize) -> Self {
        let mut shape = Self {
            lanes,
            degrees,
            bits,
            own,
            size: 0,
            slot_bits: 0,
        };
        shape.size = (shape.own_at() + own).next_multiple_of(4);
        shape.slot_bits = shape.slots().next_power_of_two().trailing_zeros();
        shape
    }

    /// A node whose links carry codes of `bits` bits.
    #[must_use]
    pub fn coded(m: usize, bits: usize, own: usize) -> Self {
        let lanes = (2 * m).next_multiple_of(BLOCK_LANES);
        // Lanes that are there anyway cost nothing to score.
        Self::new(lanes, [lanes; 2], bits, own)
    }

    /// A node whose links are numbers only.
    #[must_use]
    pub fn plain(m: usize, own: usize) -> Self {
        let lanes = (2 * m).next_multiple_of(BLOCK_LANES);
        Self::new(lanes, [2 * m, m], 0, own)
    }

    /// The shape of such a node where it is shown with `own` bytes of value.
    #[must_use]
    pub fn showing(self, own: usize) -> Self {
        Self { own, ..self }
    }

    /// Room for `dims` elements stored as `form`: all bits where the node then lies on one page,
    /// else what fits if that is good enough, else several pages.
    #[must_use]
    pub fn dense(dims: usize, m: usize, form: Form) -> Self {
        let own = form.bytes(dims);
        let full = Self::coded(m, code_dims(dims).next_multiple_of(16), own);
        if full.bytes() <= CONTENT_BYTES {
            return full;
        }
        let fitting = Self::fitting_bits(m, own);
        if fitting > 0 && error(fitting, code_dims(dims)) <= GOOD_ERROR {
            return Self::coded(m, fitting, own);
        }
        Self::coded(m, full.bits.min(MAX_SPANNING_BITS), own)
    }

    /// The form that keeps most of a vector and still gives one page a node, with good estimates;
    /// float16 over several pages where none does.
    #[must_use]
    pub fn best_form(dims: usize, m: usize) -> Form {
        let fits = |form: &Form| Self::dense(dims, m, *form).pages() == 1;
        [Form::F16, Form::Int8]
            .into_iter()
            .find(fits)
            .unwrap_or(Form::F16)
    }

    /// The most bits with which a node lies on one page.
    fn fitting_bits(m: usize, own: usize) -> usize {
        let empty = Self::coded(m, 0, own);
        let table = empty.blocks() * CODED_TABLE_BYTES;
        let room = CONTENT_BYTES.saturating_sub(HEADER_BYTES + table + own);
        room / (empty.blocks() * BLOCK_LANES / 8) / 16 * 16
    }

    /// Whether a node of this shape can exist; false for bytes that are no shape.
    #[must_use]
    pub fn is_sensible(&self) -> bool {
        let [ground, above] = self.degrees;
        self.lanes > 0
            && self.lanes.is_multiple_of(BLOCK_LANES)
            && self.bits.is_multiple_of(16)
            && (1..=self.lanes).contains(&ground)
            && (1..=self.lanes).contains(&above)
            && self.own <= 1 << 17
            && self.code_bytes() <= CONTENT_BYTES
            && self.table_at(self.blocks()) <= CONTENT_BYTES
    }

    /// Blocks of links.
    #[must_use]
    pub fn blocks(&self) -> usize {
        self.lanes / BLOCK_LANES
    }

    /// Blocks that one change of a node may touch: all where it lies on one page, else each alone.
    pub fn parts(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let step = if self.pages() == 1 { self.blocks() } else { 1 };
        let starts = (0..self.blocks()).step_by(step.max(1));
        starts.map(move |start| start..start + step)
    }

    /// Bytes of a block's table.
    #[must_use]
    pub fn table_bytes(&self) -> usize {
        if self.bits == 0 {
            PLAIN_TABLE_BYTES
        } else {
            CODED_TABLE_BYTES
        }
    }

    /// Bytes of a block's codes.
    #[must_use]
    pub fn code_bytes(&self) -> usize {
        BLOCK_LANES * self.bits / 8
    }

    /// Where the table of `block` starts.
    #[must_use]
    pub fn table_at(&self, block: usize) -> usize {
        HEADER_BYTES + block * self.table_bytes()
    }

    /// Where the codes of `block` start; those of the block after the last: the own value.
    #[must_use]
    pub fn codes_at(&self, block: usize) -> usize {
        self.table_at(self.blocks()) + block * self.code_bytes()
    }

    /// Where the own value starts.
    #[must_use]
    pub fn own_at(&self) -> usize {
        self.codes_at(self.blocks())
    }

    /// Bytes of a node, a multiple of four.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.size
    }

    /// Nodes on a page, 1 where a node takes several.
    #[must_use]
    pub fn slots(&self) -> u32 {
        u32::try_from(CONTENT_BYTES / self.bytes()).map_or(1, |slots| slots.max(1))
    }

    /// Pages that a node takes.
    #[must_use]
    pub fn pages(&self) -> u32 {
        u32::try_from(self.bytes().div_ceil(CONTENT_BYTES)).unwrap_or(u32::MAX)
    }

    /// Where a node lies. A number that no node has may give a byte beyond the content.
    #[must_use]
    pub fn slot_of(&self, number: u32) -> Slot {
        let slot = number & ((1 << self.slot_bits) - 1);
        Slot {
            block: number >> self.slot_bits,
            at: slot as usize * self.size,
        }
    }

    /// The number of a slot on a page.
    #[must_use]
    pub fn number(&self, block: u32, slot: u32) -> u32 {
        block << self.slot_bits | slot
    }

    /// The first block whose slots can have no number.
    #[must_use]
    pub fn max_blocks(&self) -> u64 {
        u64::from(MAX_NUMBER) >> self.slot_bits
    }
}

/// The standard error of an estimate by `bits` of `dims` bits, relative to `|x - c| |q - c|`. It is the error
/// of [`crate::quantize::encode`], where the sign keeps the share sqrt(2/pi) of a coordinate.
#[expect(clippy::cast_precision_loss, reason = "at most 16,000")]
fn error(bits: usize, dims: usize) -> f64 {
    let (bits, dims) = (bits.min(dims) as f64, dims as f64);
    (std::f64::consts::FRAC_PI_2 / bits - 1.0 / dims).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dense(dims: usize, m: usize) -> (Form, Shape) {
        let form = Shape::best_form(dims, m);
        (form, Shape::dense(dims, m, form))
    }

    #[test]
    fn a_node_of_384_dimensions_is_a_third_of_a_page() {
        let (form, shape) = dense(384, 16);
        assert_eq!((form, shape.bits, shape.slots()), (Form::F16, 384, 3));
        assert_eq!(shape.bytes(), 24 + 384 + 1_536 + 768);
    }

    #[test]
    fn common_sizes_take_one_page() {
        for dims in [
            1, 3, 128, 256, 384, 512, 768, 1_024, 1_536, 2_048, 3_072, 4_096,
        ] {
            let (_, shape) = dense(dims, 16);
            assert_eq!(shape.pages(), 1, "{dims}");
            assert!(
                error(shape.bits, code_dims(dims)) <= GOOD_ERROR || shape.bits >= dims,
                "{dims}"
            );
        }
    }

    #[test]
    fn every_shape_lies_in_its_pages() {
        for dims in (1..200).chain([384, 1_536, 5_000, 8_191, 16_000]) {
            for m in 2..=100 {
                let (_, shape) = dense(dims, m);
                let pages = usize::try_from(shape.pages()).unwrap();
                assert!(shape.bytes() <= pages * CONTENT_BYTES, "{dims} {m}");
                assert!(
                    shape.table_at(shape.blocks()) <= CONTENT_BYTES,
                    "{dims} {m}"
                );
                assert!(shape.code_bytes() <= CONTENT_BYTES, "{dims} {m}");
                assert!(shape.lanes >= 2 * m, "{dims} {m}");
                for (block, slot) in [(0, 0), (7, shape.slots() - 1), (1_000_003, 0)] {
                    let number = shape.number(block, slot);
                    let Slot { block: found, at } = shape.slot_of(number);
                    assert_eq!(found, block);
                    let slot = u32::try_from(at / shape.bytes()).unwrap();
                    assert_eq!(shape.number(block, slot), number);
                    assert!(pages > 1 || at + shape.bytes() <= CONTENT_BYTES);
                }
            }
        }
    }
}
