//! Blocks: 32 codes on a page of rows or of lists, with the numbers that make distances of them.

use crate::page::{self, Bytes, field, set_field};
use crate::quantize::{LANES, Lanes, code_bytes, from_bf16, read_lane, to_bf16, write_lane};

use super::shape::{CodePages, HEADER_BYTES};

const OWNER_AT: usize = 0;
const USED_AT: usize = 4;
const DEAD_AT: usize = 6;
const CLOSED_AT: usize = 8;

/// A code with what its bits do not say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RowCode {
    /// The row's own part of its distance.
    pub base: f32,
    /// The factor of the sum of its bits.
    pub slope: f32,
    /// The standard error of the distance, for a query at distance 1 from the centre.
    pub error: f32,
    /// The bits.
    pub bits: Vec<u8>,
}

/// A page of codes, to read.
#[derive(Clone, Copy)]
pub struct CodePage<'p> {
    pub content: &'p [u8],
    pub shape: CodePages,
}

/// The lanes of a block, to score.
#[derive(Clone, Copy)]
pub struct Block<'p> {
    pub lanes: Lanes<'p>,
    /// 32 bfloat16.
    pub errors: &'p [u8; 2 * LANES],
}

impl<'p> CodePage<'p> {
    pub fn new(bytes: &'p Bytes, shape: CodePages) -> Self {
        Self {
            content: page::content(bytes),
            shape,
        }
    }

    /// The list that the page belongs to.
    pub fn owner(self) -> u32 {
        u32::from_ne_bytes(field(self.content, OWNER_AT))
    }

    /// Lanes that were given out, no more than there are.
    pub fn used(self) -> usize {
        let used = u16::from_ne_bytes(field(self.content, USED_AT));
        usize::from(used).min(self.shape.lanes())
    }

    /// Lanes among them whose rows are gone.
    pub fn dead(self) -> usize {
        usize::from(u16::from_ne_bytes(field(self.content, DEAD_AT)))
    }

    /// Whether its list is no longer in the directory, so that no row may be added.
    pub fn is_closed(self) -> bool {
        field(self.content, CLOSED_AT) != [0]
    }

    /// The number of a page that it owns, zero where there is none yet.
    pub fn owned(self, at: usize) -> u32 {
        if at >= self.shape.owned {
            return 0;
        }
        u32::from_ne_bytes(field(self.content, HEADER_BYTES + 4 * at))
    }

    /// A block; None where the page is too short for it.
    pub fn block(self, block: usize) -> Option<Block<'p>> {
        let at = self.shape.block_at(block);
        let bytes = self.content.get(at..at + self.shape.block_bytes())?;
        let bytes = bytes.get(LANES * self.shape.subject..)?;
        let (bases, bytes) = bytes.split_first_chunk()?;
        let (slopes, bytes) = bytes.split_first_chunk()?;
        let (errors, codes) = bytes.split_first_chunk()?;
        Some(Block {
            lanes: Lanes {
                codes,
                bases,
                slopes,
            },
            errors,
        })
    }

    /// What a lane stands for.
    pub fn subject<const N: usize>(self, lane: usize) -> [u8; N] {
        let at = self.shape.block_at(lane / LANES) + lane % LANES * self.shape.subject;
        field(self.content, at)
    }

    /// What the lanes of a block stand for; empty where the page is too short for it.
    pub fn subjects<const N: usize>(self, block: usize) -> &'p [[u8; N]] {
        let at = self.shape.block_at(block);
        let bytes = self.content.get(at..at + LANES * self.shape.subject);
        bytes.unwrap_or_default().as_chunks().0
    }

    /// Whether there is something in a lane.
    pub fn is_taken(self, lane: usize) -> bool {
        let at = self.base_at(lane);
        lane < self.used() && f32::from_ne_bytes(field(self.content, at)) < f32::INFINITY
    }

    /// The lanes in which there is something.
    pub fn taken(self) -> impl Iterator<Item = usize> + use<'p> {
        (0..self.used()).filter(move |lane| self.is_taken(*lane))
    }

    /// The pages that it owns by now.
    pub fn all_owned(self) -> impl Iterator<Item = u32> + use<'p> {
        let owned = (0..self.shape.owned).map(move |at| self.owned(at));
        owned.filter(|block| *block != 0)
    }

    fn base_at(self, lane: usize) -> usize {
        self.shape.block_at(lane / LANES) + LANES * self.shape.subject + 4 * (lane % LANES)
    }

    /// The slope and the error of a lane.
    pub fn slope_and_error(self, lane: usize) -> [f32; 2] {
        let slopes = self.base_at(lane) - 4 * (lane % LANES) + 4 * LANES;
        let at = slopes + 2 * (lane % LANES);
        [at, at + 2 * LANES].map(|at| from_bf16(u16::from_ne_bytes(field(self.content, at))))
    }

    /// The code of a lane.
    pub fn code(self, lane: usize) -> RowCode {
        let Some(block) = self.block(lane / LANES) else {
            return RowCode::default();
        };
        let lane = lane % LANES;
        let mut bits = vec![0; self.shape.bits / 8];
        read_lane(block.lanes.codes, lane, &mut bits);
        let short = |bytes: &[u8]| from_bf16(u16::from_ne_bytes(field(bytes, 2 * lane)));
        RowCode {
            base: f32::from_ne_bytes(field(block.lanes.bases, 4 * lane)),
            slope: short(block.lanes.slopes),
            error: short(block.errors),
            bits,
        }
    }
}

/// A page of codes, to change.
pub struct CodePageMut<'p> {
    pub content: &'p mut [u8],
    pub shape: CodePages,
}

impl<'p> CodePageMut<'p> {
    pub fn new(bytes: &'p mut Bytes, shape: CodePages) -> Self {
        page::set_lower(bytes, shape.block_at(shape.blocks));
        Self {
            content: page::content_mut(bytes),
            shape,
        }
    }

    /// Makes it a page of a list, without anything on it.
    pub fn clear(&mut self, owner: u32) {
        self.content.fill(0);
        set_field(self.content, OWNER_AT, owner.to_ne_bytes());
        for lane in 0..self.shape.lanes() {
            self.clear_lane(lane);
        }
    }

    pub fn read(&self) -> CodePage<'_> {
        CodePage {
            content: self.content,
            shape: self.shape,
        }
    }

    /// Says that its list is no longer in the directory.
    pub fn close(&mut self) {
        set_field(self.content, CLOSED_AT, [1]);
    }

    pub fn set_used(&mut self, used: usize) {
        let used = u16::try_from(used).unwrap_or(u16::MAX);
        set_field(self.content, USED_AT, used.to_ne_bytes());
    }

    pub fn set_owned(&mut self, at: usize, block: u32) {
        if at < self.shape.owned {
            set_field(self.content, HEADER_BYTES + 4 * at, block.to_ne_bytes());
        }
    }

    pub fn set_subject<const N: usize>(&mut self, lane: usize, subject: [u8; N]) {
        let at = self.shape.block_at(lane / LANES) + lane % LANES * self.shape.subject;
        set_field(self.content, at, subject);
    }

    /// Puts a code into a lane.
    pub fn set_code(&mut self, lane: usize, code: &RowCode) {
        let factors = self.shape.block_at(lane / LANES) + LANES * self.shape.subject;
        let lane = lane % LANES;
        let slopes = factors + 4 * LANES;
        let errors = slopes + 2 * LANES;
        let codes = errors + 2 * LANES;
        set_field(self.content, factors + 4 * lane, code.base.to_ne_bytes());
        set_field(
            self.content,
            slopes + 2 * lane,
            to_bf16(code.slope).to_ne_bytes(),
        );
        set_field(
            self.content,
            errors + 2 * lane,
            to_bf16(code.error).to_ne_bytes(),
        );
        let codes = self
            .content
            .get_mut(codes..codes + code_bytes(self.shape.bits));
        write_lane(codes.unwrap_or_default(), lane, &code.bits);
    }

    /// Takes what is in a lane out of all searches.
    pub fn clear_lane(&mut self, lane: usize) {
        let at = self.read().base_at(lane);
        set_field(self.content, at, f32::INFINITY.to_ne_bytes());
    }

    /// Notes that the row of a lane is gone.
    pub fn bury(&mut self, lane: usize) {
        self.clear_lane(lane);
        let dead = u16::try_from(self.read().dead() + 1).unwrap_or(u16::MAX);
        set_field(self.content, DEAD_AT, dead.to_ne_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ivf::long::LongForm;
    use crate::ivf::shape::ListsShape;
    use crate::page::{Format, Mark, PAGE_BYTES};

    #[test]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "small numbers"
    )]
    fn lanes_do_not_touch_each_other() {
        let shape = ListsShape::new(100, 0, LongForm::of_bits(8)).rows;
        let mut bytes = [0; PAGE_BYTES];
        let mark = Mark {
            format: Format::LATEST,
            block: 3,
            kind: 1,
        };
        page::format(&mut bytes, mark);
        let mut page = CodePageMut::new(&mut bytes, shape);
        page.clear(9);
        let code = |lane: usize| RowCode {
            base: lane as f32,
            slope: -2.0,
            error: 0.5,
            bits: (0..shape.bits / 8).map(|i| (i * 7 + lane) as u8).collect(),
        };
        for lane in 0..shape.lanes() {
            page.set_code(lane, &code(lane));
            page.set_subject(lane, [lane as u8; 6]);
        }
        for at in 0..shape.owned {
            page.set_owned(at, 100 + at as u32);
        }
        page.set_used(shape.lanes());
        page.bury(1);
        let page = CodePage::new(&bytes, shape);
        for lane in 0..shape.lanes() {
            assert_eq!(page.is_taken(lane), lane != 1);
            assert_eq!(page.subject(lane), [lane as u8; 6]);
            if lane != 1 {
                assert_eq!(page.code(lane), code(lane));
                let [slope, error] = page.slope_and_error(lane);
                assert_eq!(slope.to_bits(), code(lane).slope.to_bits());
                assert_eq!(error.to_bits(), code(lane).error.to_bits());
            }
        }
        assert_eq!(
            (page.owner(), page.used(), page.dead()),
            (9, shape.lanes(), 1)
        );
        assert_eq!(page.owned(shape.owned - 1), 99 + shape.owned as u32);
        assert_eq!(page::content(&bytes).len(), page.content.len());
    }
}
