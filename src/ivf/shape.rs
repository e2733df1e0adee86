//! Shape: how many rows lie on a page, and where.
//!
//! ```text
//! code page   header 16 | numbers of its long pages, u32 each | blocks of 32 rows
//! block       tids 6 x 32 | bases f32 x 32 | slopes bf16 x 32 | errors bf16 x 32 | codes, as FastScan reads them
//! long page   scale f32, stored form: one for each row of its code page, in order
//! directory   header 16 | numbers of its centre pages | blocks of 32 lists
//! block       heads 24 x 32 | bases | slopes | errors | codes
//! ```

use crate::page::CONTENT_BYTES;
use crate::quantize::{Form, LANES, code_bytes};
use crate::values::code_dims;

use super::long::LongForm;

/// Bytes of a page before the numbers of other pages.
pub const HEADER_BYTES: usize = 16;

/// Bytes of a block's bases, slopes and errors.
pub const FACTOR_BYTES: usize = LANES * (4 + 2 + 2);

/// Bytes of a row's place in the table, and of a list's head.
pub const TID_BYTES: usize = 6;
pub const HEAD_BYTES: usize = 24;

/// Bytes before a stored vector: its scale.
pub const SCALE_BYTES: usize = 4;

/// How vectors lie on pages of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VectorPages {
    /// Bytes of a vector with its scale.
    pub bytes: usize,
    /// Vectors of a page; 0 where one takes several.
    pub each: usize,
    /// Pages of a vector that takes several; 1 elsewhere.
    pub parts: usize,
}

impl VectorPages {
    /// Of vectors of so many bytes without their scale.
    #[must_use]
    pub fn new(own: usize) -> Self {
        let bytes = SCALE_BYTES + own;
        Self {
            bytes,
            each: CONTENT_BYTES / bytes,
            parts: bytes.div_ceil(CONTENT_BYTES),
        }
    }

    /// Pages that `count` vectors take.
    #[must_use]
    pub fn pages(self, count: usize) -> usize {
        if self.each == 0 {
            count * self.parts
        } else {
            count.div_ceil(self.each)
        }
    }

    /// The first page of a vector among those of its owner, and where it starts there.
    #[must_use]
    pub fn place(self, at: usize) -> VectorPlace {
        let (page, offset) = match at.checked_div(self.each) {
            Some(page) => (page, at % self.each * self.bytes),
            None => (at * self.parts, 0),
        };
        VectorPlace { page, offset }
    }
}

/// Where a vector is among the pages of its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VectorPlace {
    /// The page, counted from the owner's first.
    pub page: usize,
    /// Bytes before it in the page's content.
    pub offset: usize,
}

/// Pages with blocks of codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodePages {
    /// Bits of a code.
    pub bits: usize,
    /// Bytes of what a lane stands for: a tid or a head.
    pub subject: usize,
    /// Blocks of a page.
    pub blocks: usize,
    /// Pages with stored vectors that a page has at most.
    pub owned: usize,
}

impl CodePages {
    /// The most blocks that a page has room for with the pages of their vectors. Codes have `bits` bits, or fewer where
    /// not even one block would have room.
    #[must_use]
    pub fn new(mut bits: usize, subject: usize, vectors: Option<VectorPages>) -> Self {
        let owned = |blocks: usize| vectors.map_or(0, |vectors| vectors.pages(blocks * LANES));
        let fits = |bits: usize, blocks: usize| {
            let block = LANES * subject + FACTOR_BYTES + code_bytes(bits);
            HEADER_BYTES + 4 * owned(blocks) + blocks * block <= CONTENT_BYTES
        };
        while !fits(bits, 1) {
            bits -= 16;
        }
        let mut blocks = 1;
        while fits(bits, blocks + 1) {
            blocks += 1;
        }
        Self {
            bits,
            subject,
            blocks,
            owned: owned(blocks),
        }
    }

    /// Lanes of a page.
    #[must_use]
    pub fn lanes(self) -> usize {
        self.blocks * LANES
    }

    /// Bytes of a block.
    #[must_use]
    pub fn block_bytes(self) -> usize {
        LANES * self.subject + FACTOR_BYTES + code_bytes(self.bits)
    }

    /// Where a block starts in a page's content.
    #[must_use]
    pub fn block_at(self, block: usize) -> usize {
        HEADER_BYTES + 4 * self.owned + block * self.block_bytes()
    }
}

/// Where everything of an index is on its pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListsShape {
    /// Pages of rows.
    pub rows: CodePages,
    /// Their stored vectors; None where the table is asked for them.
    pub long: Option<VectorPages>,
    /// Pages of lists.
    pub lists: CodePages,
    /// Their centres.
    pub centres: VectorPages,
}

/// How centres are stored.
pub const CENTRE_FORM: Form = Form::F16;

impl ListsShape {
    /// Of vectors of `dims` dimensions, at least one and at most 64,000, whose long code is `form`. There is no long
    /// code where no page holds one. Codes of rows have a bit for each of so many directions, 0 for all; those of
    /// centres are few, and have all.
    #[must_use]
    pub fn new(dims: usize, directions: usize, form: Option<LongForm>) -> Self {
        let long = form.map(|form| VectorPages::new(form.bytes(dims)));
        let long = long.filter(|long| long.each > 0);
        let centres = VectorPages::new(CENTRE_FORM.bytes(dims));
        let all = code_dims(dims).next_multiple_of(16);
        let rows = CodePages::new(all, TID_BYTES, long);
        // One lookup table of a query serves both, where rows have all directions.
        let lists = CodePages::new(rows.bits, HEAD_BYTES, Some(centres));
        let bits = if directions == 0 {
            lists.bits
        } else {
            directions.next_multiple_of(16).min(lists.bits)
        };
        Self {
            rows: CodePages::new(bits, TID_BYTES, long),
            long,
            lists,
            centres,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_lies_on_its_page() {
        for dims in [
            1, 3, 16, 100, 128, 384, 385, 768, 1_536, 2_000, 4_096, 8_144, 8_200, 16_000, 64_000,
        ] {
            let packed = (1..=8).map(LongForm::of_bits);
            let stored = [Form::F16, Form::Whole, Form::F32].map(LongForm::Stored);
            let others = stored.into_iter().chain([LongForm::Bits]).map(Some);
            for form in packed.chain(others) {
                for directions in [0, 16, 200, 100_000] {
                    verify(&ListsShape::new(dims, directions, form), dims);
                }
                let shape = ListsShape::new(dims, 0, form);
                assert_eq!(shape.rows.bits, shape.lists.bits, "{dims}");
                let few = ListsShape::new(dims, 200, form);
                assert_eq!((few.rows.bits, few.lists), (208, shape.lists));
            }
        }
    }

    fn verify(shape: &ListsShape, dims: usize) {
        assert!(shape.lists.bits >= 384 && shape.rows.bits <= shape.lists.bits);
        for pages in [shape.rows, shape.lists] {
            assert!(pages.blocks >= 1 && pages.bits >= 16, "{dims} {pages:?}");
            assert!(
                pages.block_at(pages.blocks) <= CONTENT_BYTES,
                "{dims} {pages:?}"
            );
            assert!(pages.owned <= 1_000, "{dims} {pages:?}");
        }
        if let Some(long) = shape.long {
            let last = long.place(shape.rows.lanes() - 1);
            assert!(last.page < shape.rows.owned, "{dims} {last:?}");
            assert!(last.offset + long.bytes <= CONTENT_BYTES);
        }
        let last = shape.centres.place(shape.lists.lanes() - 1);
        assert!(last.page + shape.centres.parts <= shape.lists.owned);
    }

    #[test]
    fn a_page_of_384_dimensions_has_128_rows() {
        let shape = ListsShape::new(384, 0, LongForm::of_bits(8));
        assert_eq!((shape.rows.lanes(), shape.rows.owned), (128, 7));
        assert_eq!(shape.lists.lanes(), 96);
    }
}
