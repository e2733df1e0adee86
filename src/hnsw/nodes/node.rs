//! Node: its bytes on a page.
//!
//! ```text
//! 0 state u8 | 1 level u8 | 2 tids u8 | 3 killed u8 | 4 scale f32 | 8 link u32 | 12 two tids, 6 bytes each
//! 24 tables: for each block of 32 lanes
//!      numbers u32 x 32 | distances bf16 x 32 | (coded: bases f32 x 32 | slopes bf16 x 32)
//!    codes: for each block, interleaved (quantize::block)
//!    own value, or its first bytes (overflow.rs)
//! ```
//!
//! `link` is the node one level below, or on the ground level the first chunk of further tids.
//! `killed` has a bit for each of the two tids: rows that were seen to be dead to everybody.
//! A lane without a neighbour has the number [`NONE`] and an infinite base. All numbers are in
//! native byte order, as everything in a data directory is.

use crate::index::Tid;
use crate::page::{PageError, field, set_field};
use crate::quantize::{Lanes, from_bf16, read_lane, to_bf16, write_lane};

use crate::hnsw::nodes::shape::{BLOCK_LANES, NONE, Shape};

/// Tids that lie in the node itself.
pub const INLINE_TIDS: usize = 2;

/// Levels above this are not drawn.
pub const MAX_LEVEL: u8 = 24;

/// What a slot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum SlotState {
    /// Nothing: to be taken by the next insert.
    Free = 0,
    /// A node.
    Live = 0xA1,
    /// A node without rows, still walked through until nothing links to it.
    Dead = 0xA2,
    /// A node that is being written, or that nothing links to yet.
    Reserved = 0xA3,
    /// Tids of a node that has more than it holds itself.
    Tids = 0xA4,
    /// A part of a value that is longer than its node has room for.
    Rest = 0xA5,
}

impl SlotState {
    /// The state that a byte stands for; None where it is never written.
    fn of(byte: u8) -> Option<Self> {
        Some(match byte {
            0 => Self::Free,
            0xA1 => Self::Live,
            0xA2 => Self::Dead,
            0xA3 => Self::Reserved,
            0xA4 => Self::Tids,
            0xA5 => Self::Rest,
            _ => return None,
        })
    }

    /// Whether it is a node that can be walked through.
    pub fn is_walkable(self) -> bool {
        matches!(self, Self::Live | Self::Dead)
    }
}

/// The state of a slot.
///
/// # Errors
/// Where the byte is none that is ever written.
pub fn state(bytes: &[u8], number: u32) -> Result<SlotState, PageError> {
    let byte = bytes.first().copied().unwrap_or_default();
    SlotState::of(byte).ok_or_else(|| corrupt(number, &format!("slot state {byte:#x}")))
}

/// A slot whose bytes make no sense. The number stands for the block until it is located.
pub(in crate::hnsw) fn corrupt(number: u32, what: &str) -> PageError {
    PageError::Corrupt {
        block: number,
        reason: format!("node {number}: {what}").into(),
    }
}

/// One node, to read.
#[derive(Clone, Copy)]
pub struct Node<'a> {
    /// Exactly [`Shape::bytes`] bytes.
    pub bytes: &'a [u8],
    /// The index's shape.
    pub shape: &'a Shape,
}

/// One link of a node.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// The neighbour.
    pub number: u32,
    /// How far it is, rounded to bfloat16.
    pub distance: f32,
    /// Its code, empty in plain graphs.
    pub code: Code,
}

/// What a link knows of its neighbour's value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Code {
    /// What estimates are made by, for the index's metric.
    pub estimator: Option<Estimator>,
    /// The bits.
    pub bits: Vec<u8>,
}

/// The numbers of a link's code: an estimate is base + constant + slope x sum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimator {
    /// Base.
    pub base: f32,
    /// Slope.
    pub slope: f32,
}

impl Code {
    /// Whether both are codes of one value: the same bits, and numbers that differ by rounding only. Sums are
    /// taken in another order where a CPU has other registers. `unit` is the scale of distances; where it
    /// overflows, numbers of that size are the largest numbers.
    #[must_use]
    pub fn agrees(&self, other: &Self, unit: f32) -> bool {
        let unit = unit.min(f32::MAX);
        let near = |a: f32, b: f32, unit: f32| (a - b).abs() <= 0.01 * a.abs().max(unit);
        let estimators = match (self.estimator, other.estimator) {
            (Some(a), Some(b)) => near(a.slope, b.slope, 0.0) && near(a.base, b.base, unit),
            (None, None) => true,
            _ => false,
        };
        self.bits == other.bits && estimators
    }
}

impl<'a> Node<'a> {
    /// Whether it is a node that can be walked through.
    #[must_use]
    pub fn is_walkable(&self) -> bool {
        let state = SlotState::of(self.bytes.first().copied().unwrap_or_default());
        state.is_some_and(SlotState::is_walkable)
    }

    /// Whether it may be linked to.
    #[must_use]
    pub fn live(&self) -> bool {
        self.bytes.first().copied() == Some(SlotState::Live as u8)
    }

    /// The level, 0 for the ground.
    #[must_use]
    pub fn level(&self) -> u8 {
        self.bytes.get(1).copied().unwrap_or_default()
    }

    /// The scale of the own value.
    #[must_use]
    pub fn scale(&self) -> f32 {
        f32::from_ne_bytes(field(self.bytes, 4))
    }

    /// The node below, or the first chunk of further tids.
    #[must_use]
    pub fn link(&self) -> u32 {
        u32::from_ne_bytes(field(self.bytes, 8))
    }

    /// The tids that lie in the node.
    pub fn tids(&self) -> impl Iterator<Item = Tid> + 'a {
        let [count] = field(self.bytes, 2);
        let bytes = self.bytes;
        (0..usize::from(count).min(INLINE_TIDS)).map(move |i| Tid(field(bytes, 12 + 6 * i)))
    }

    /// A bit for each tid that lies in the node: whether its row was seen to be dead to everybody.
    #[must_use]
    pub fn killed(&self) -> u8 {
        field::<1>(self.bytes, 3)[0]
    }

    /// The own value.
    #[must_use]
    pub fn own(&self) -> &'a [u8] {
        let at = self.shape.own_at();
        self.bytes.get(at..at + self.shape.own).unwrap_or_default()
    }

    /// The neighbours of a block, four bytes each.
    #[must_use]
    pub fn numbers(&self, block: usize) -> &'a [u8] {
        let table = self.bytes.get(self.shape.table_at(block)..);
        let numbers = table.and_then(|table| table.get(..4 * BLOCK_LANES));
        numbers.unwrap_or_default()
    }

    /// The neighbour in `lane`, or [`NONE`].
    #[must_use]
    pub fn neighbour(&self, lane: usize) -> u32 {
        let at = self.shape.table_at(lane / BLOCK_LANES) + lane % BLOCK_LANES * 4;
        u32::from_ne_bytes(field(self.bytes, at))
    }

    /// The distance to the neighbour in `lane`.
    #[must_use]
    pub fn distance(&self, lane: usize) -> f32 {
        let table = self.shape.table_at(lane / BLOCK_LANES);
        let at = table + BLOCK_LANES * 4 + lane % BLOCK_LANES * 2;
        from_bf16(u16::from_ne_bytes(field(self.bytes, at)))
    }

    /// Lanes with their neighbours.
    pub fn neighbours(self) -> impl Iterator<Item = (usize, u32)> + 'a {
        (0..self.shape.lanes)
            .map(move |lane| (lane, self.neighbour(lane)))
            .filter(|&(_, number)| number != NONE)
    }

    /// Links it has.
    #[must_use]
    pub fn degree(&self) -> usize {
        self.neighbours().count()
    }

    /// Links it may have.
    #[must_use]
    pub fn max_degree(&self) -> usize {
        self.shape.degrees[usize::from(self.level() > 0)]
    }

    /// The codes of a block with their factors, to be scored.
    #[must_use]
    pub fn lanes(&self, block: usize) -> Option<Lanes<'a>> {
        let table = self.bytes.get(self.shape.table_at(block)..)?;
        let codes = self.bytes.get(self.shape.codes_at(block)..)?;
        Some(Lanes {
            codes: codes.get(..self.shape.code_bytes())?,
            bases: table.get(BLOCK_LANES * 6..)?.first_chunk()?,
            slopes: table.get(BLOCK_LANES * 10..)?.first_chunk()?,
        })
    }

    /// Everything of one lane.
    #[must_use]
    pub fn read_link(&self, lane: usize) -> Link {
        Link {
            number: self.neighbour(lane),
            distance: self.distance(lane),
            code: self.read_code(lane),
        }
    }

    fn read_code(&self, lane: usize) -> Code {
        let (block, in_block) = (lane / BLOCK_LANES, lane % BLOCK_LANES);
        let Some(lanes) = self.lanes(block).filter(|_| self.shape.bits > 0) else {
            return Code::default();
        };
        let mut bits = vec![0; self.shape.bits / 8];
        read_lane(lanes.codes, in_block, &mut bits);
        Code {
            estimator: Some(Estimator {
                base: f32::from_ne_bytes(field(lanes.bases, 4 * in_block)),
                slope: from_bf16(u16::from_ne_bytes(field(lanes.slopes, 2 * in_block))),
            }),
            bits,
        }
    }

    /// Numbers and distances of all blocks: equal bytes, equal links.
    #[must_use]
    pub fn tables(&self) -> &'a [u8] {
        let all = self.shape.table_at(0)..self.shape.table_at(self.shape.blocks());
        self.bytes.get(all).unwrap_or_default()
    }
}

/// One node, to write.
pub struct NodeMut<'a> {
    /// Exactly [`Shape::bytes`] bytes.
    pub bytes: &'a mut [u8],
    /// The index's shape.
    pub shape: &'a Shape,
}

impl NodeMut<'_> {
    /// The same node, to read.
    #[must_use]
    pub fn read(&self) -> Node<'_> {
        Node {
            bytes: self.bytes,
            shape: self.shape,
        }
    }

    /// Makes it a node without links and rows.
    pub fn format(&mut self, level: u8, link: u32) {
        self.bytes.fill(0);
        self.set_state(SlotState::Live);
        if let Some(byte) = self.bytes.get_mut(1) {
            *byte = level;
        }
        self.set_link(link);
        for lane in 0..self.shape.lanes {
            self.clear_lane(lane);
        }
    }

    /// Sets the state.
    pub fn set_state(&mut self, state: SlotState) {
        if let Some(byte) = self.bytes.first_mut() {
            *byte = state as u8;
        }
    }

    /// Sets the scale of the own value.
    pub fn set_scale(&mut self, scale: f32) {
        set_field(self.bytes, 4, scale.to_ne_bytes());
    }

    /// Sets the node below, or the first chunk of further tids.
    pub fn set_link(&mut self, link: u32) {
        set_field(self.bytes, 8, link.to_ne_bytes());
    }

    /// Sets the own value, or as much of it as there is room for.
    pub fn set_own(&mut self, own: &[u8]) {
        let (at, here) = (self.shape.own_at(), own.len().min(self.shape.own));
        let place = self.bytes.get_mut(at..at + here);
        if let (Some(place), Some(own)) = (place, own.get(..here)) {
            place.copy_from_slice(own);
        }
    }

    /// Replaces the tids that lie in the node. Tids beyond [`INLINE_TIDS`] are left out.
    pub fn set_tids(&mut self, tids: &[Tid]) {
        let kept = u8::try_from(tids.len().min(INLINE_TIDS)).unwrap_or(0);
        set_field(self.bytes, 2, [kept, 0]);
        for i in 0..INLINE_TIDS {
            let tid = tids.get(i).map_or([0; 6], |tid| tid.0);
            set_field(self.bytes, 12 + 6 * i, tid);
        }
    }

    /// Notes that a row is dead to everybody. False where it does not lie in the node, or is noted.
    pub fn kill(&mut self, tid: Tid) -> bool {
        let killed = self.read().killed();
        let at = self.read().tids().position(|here| here == tid);
        let bit = at.map_or(0, |at| 1 << at);
        set_field(self.bytes, 3, [killed | bit]);
        killed & bit < bit
    }

    /// Fills a lane.
    pub fn set_lane(&mut self, lane: usize, link: &Link) {
        let (block, in_block) = (lane / BLOCK_LANES, lane % BLOCK_LANES);
        let table = self.shape.table_at(block);
        set_field(self.bytes, table + 4 * in_block, link.number.to_ne_bytes());
        let distance = to_bf16(link.distance).to_ne_bytes();
        set_field(self.bytes, table + BLOCK_LANES * 4 + 2 * in_block, distance);
        let Some(estimator) = link.code.estimator.filter(|_| self.shape.bits > 0) else {
            return;
        };
        let base = table + BLOCK_LANES * 6 + 4 * in_block;
        set_field(self.bytes, base, estimator.base.to_ne_bytes());
        let slope = to_bf16(estimator.slope).to_ne_bytes();
        set_field(self.bytes, table + BLOCK_LANES * 10 + 2 * in_block, slope);
        let codes = self.shape.codes_at(block);
        if let Some(codes) = self.bytes.get_mut(codes..codes + self.shape.code_bytes()) {
            write_lane(codes, in_block, &link.code.bits);
        }
    }

    /// Empties a lane. Its code stays: nobody looks at it, and it need not be logged.
    pub fn clear_lane(&mut self, lane: usize) {
        let (block, in_block) = (lane / BLOCK_LANES, lane % BLOCK_LANES);
        let table = self.shape.table_at(block);
        set_field(self.bytes, table + 4 * in_block, NONE.to_ne_bytes());
        if self.shape.bits > 0 {
            let base = table + BLOCK_LANES * 6 + 4 * in_block;
            set_field(self.bytes, base, f32::INFINITY.to_ne_bytes());
        }
    }
}
