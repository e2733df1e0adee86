//! Meta page, the first one: what the index is, and where a walk starts.
//!
//! ```text
//! 0 magic u32 | 4 format u16 | 6 kind u8 | 7 metric u8 | 8 form u8 | 10 m u16 | 12 dims u32
//! 16 lanes u16 | 18 bits u16 | 20 own u32 | 24 seed u64 | 32 centre pages u32 | 36 degrees u16 x 2
//! 40 entry u32 | 44 top u8 | 48 groups u32 | 52 free u32 | 56 vacuums u32 | 60 longest f32 | 64 shortest f32
//! ```
//!
//! The first two lines are written once. The third, the roots, changes: the entry when a node of a new highest
//! level appears or a vacuum finds the entry dead, groups when the index grows, free when a page with free slots
//! fills or appears, vacuums when one has removed its rows, lengths when a longer or shorter value comes.

use crate::page::{self, Bytes, Format, Mark, PageError, field, set_field};

use crate::hnsw::nodes::shape::{NONE, Shape};

/// The block of the meta page.
pub const META: u32 = 0;

/// Page kinds, in the special area.
pub const KIND_META: u16 = 1;
/// Pages of the centre, behind the meta page.
pub const KIND_CENTRE: u16 = 2;
/// Pages of nodes.
pub const KIND_NODES: u16 = 3;
/// Second and further pages of nodes that take several.
pub const KIND_NODE_REST: u16 = 4;

const MAGIC: u32 = 0x68_6E_73_77;
/// What never changes during an index's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// The format of all pages. An index of an older format is read and changed in that format until it is
    /// built anew.
    pub format: Format,
    /// Which values, as their space numbers them.
    pub kind: u8,
    /// Which metric, as the space numbers it.
    pub metric: u8,
    /// How the own value is stored, as the space numbers it.
    pub form: u8,
    /// Links asked for, per node and level.
    pub m: u16,
    /// Elements of a value.
    pub dims: u32,
    /// Draws levels and signs.
    pub seed: u64,
    /// Pages of the centre.
    pub centre_pages: u32,
    /// Bytes of a node.
    pub shape: Shape,
}

impl Parameters {
    /// What a page says of itself.
    #[must_use]
    pub fn mark(&self, block: u32, kind: u16) -> Mark {
        let format = self.format;
        Mark {
            format,
            block,
            kind,
        }
    }

    /// The first block of nodes.
    #[must_use]
    pub fn first(&self) -> u32 {
        1 + self.centre_pages
    }
}

/// About how long the longest and the shortest value are, zero vectors aside, where the metric depends on
/// that. Both are 0 elsewhere, and in indexes that were made before this was noted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lengths {
    /// Of the longest.
    pub longest: f32,
    /// Of the shortest.
    pub shortest: f32,
}

impl Lengths {
    /// Takes in a length if it is more than a tenth beyond the others, so that the page need not change for
    /// each value that is a little longer. False if it is not.
    pub fn take(&mut self, length: f32) -> bool {
        let longer = length > 1.1 * self.longest;
        let shorter = length > 0.0 && (self.shortest <= 0.0 || 1.1 * length < self.shortest);
        if longer {
            self.longest = length;
        }
        if shorter {
            self.shortest = length;
        }
        longer || shorter
    }

    /// The length of the longest divided by that of the shortest; 1 if not known.
    #[must_use]
    pub fn ratio(self) -> f32 {
        let ratio = self.longest / self.shortest;
        if ratio.is_finite() {
            ratio.max(1.0)
        } else {
            1.0
        }
    }

    /// The factor that makes a vector as long as the longest; 1 if one of the two is zero, or not known.
    #[must_use]
    pub fn scale(self, length: f32) -> f32 {
        let scale = self.longest.min(LONGEST_SCALED) / length;
        if scale.is_finite() && scale > 0.0 {
            scale
        } else {
            1.0
        }
    }
}

/// Vectors are not scaled to more than this length: squares of elements must not overflow.
pub const LONGEST_SCALED: f32 = 1e15;

/// What changes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Roots {
    /// Where walks start: a node of the highest level, or [`NONE`].
    pub entry: u32,
    /// The level of the entry.
    pub top: u8,
    /// Groups of pages that were given out: one page with its slots, or the pages of one node.
    pub groups: u32,
    /// The first page with free slots, or [`NONE`]; pages are chained by their `next`.
    pub free: u32,
    /// Vacuums that have removed what rows they had to remove; it starts again after the last number.
    pub vacuums: u32,
    /// Lengths of the values that were ever in the index.
    pub lengths: Lengths,
}

impl Default for Roots {
    fn default() -> Self {
        Self {
            entry: NONE,
            top: 0,
            groups: 0,
            free: NONE,
            vacuums: 0,
            lengths: Lengths::default(),
        }
    }
}

/// Makes the meta page.
pub fn write(page: &mut Bytes, parameters: &Parameters, roots: &Roots) {
    page::format(page, parameters.mark(META, KIND_META));
    let shape = &parameters.shape;
    let short = |n: usize| u16::try_from(n).unwrap_or(u16::MAX).to_ne_bytes();
    let content = page::content_mut(page);
    set_field(content, 0, MAGIC.to_ne_bytes());
    set_field(content, 4, u16::from(parameters.format as u8).to_ne_bytes());
    set_field(
        content,
        6,
        [parameters.kind, parameters.metric, parameters.form],
    );
    set_field(content, 10, parameters.m.to_ne_bytes());
    set_field(content, 12, parameters.dims.to_ne_bytes());
    set_field(content, 16, short(shape.lanes));
    set_field(content, 18, short(shape.bits));
    let own = u32::try_from(shape.own).unwrap_or(u32::MAX);
    set_field(content, 20, own.to_ne_bytes());
    set_field(content, 24, parameters.seed.to_ne_bytes());
    set_field(content, 32, parameters.centre_pages.to_ne_bytes());
    set_field(content, 36, short(shape.degrees[0]));
    set_field(content, 38, short(shape.degrees[1]));
    write_roots(page, roots);
}

/// Changes the roots on the meta page.
pub fn write_roots(page: &mut Bytes, roots: &Roots) {
    let content = page::content_mut(page);
    set_field(content, 40, roots.entry.to_ne_bytes());
    set_field(content, 44, [roots.top]);
    set_field(content, 48, roots.groups.to_ne_bytes());
    set_field(content, 52, roots.free.to_ne_bytes());
    set_field(content, 56, roots.vacuums.to_ne_bytes());
    set_field(content, 60, roots.lengths.longest.to_ne_bytes());
    set_field(content, 64, roots.lengths.shortest.to_ne_bytes());
    page::set_lower(page, 68);
}

/// Reads the roots.
#[must_use]
pub fn roots(page: &Bytes) -> Roots {
    let content = page::content(page);
    Roots {
        entry: u32::from_ne_bytes(field(content, 40)),
        top: field::<1>(content, 44)[0],
        groups: u32::from_ne_bytes(field(content, 48)),
        free: u32::from_ne_bytes(field(content, 52)),
        vacuums: u32::from_ne_bytes(field(content, 56)),
        lengths: Lengths {
            longest: f32::from_ne_bytes(field(content, 60)),
            shortest: f32::from_ne_bytes(field(content, 64)),
        },
    }
}

/// Reads what never changes.
///
/// # Errors
/// Where the page is not a meta page, of a format that is not known, or makes no sense.
pub fn parameters(page: &Bytes) -> Result<Parameters, PageError> {
    let format = Format::of(page, META)?;
    let (block, kind) = (META, KIND_META);
    page::verify_header(
        page,
        Mark {
            format,
            block,
            kind,
        },
    )?;
    let content = page::content(page);
    let corrupt = |reason: String| PageError::Corrupt {
        block: META,
        reason: reason.into(),
    };
    if u32::from_ne_bytes(field(content, 0)) != MAGIC {
        return Err(corrupt("no meta page of a graph".into()));
    }
    let said = u16::from_ne_bytes(field(content, 4));
    if said != u16::from(format as u8) {
        return Err(corrupt(format!("format {said} on a page of {format:?}")));
    }
    let short = |at| u16::from_ne_bytes(field(content, at));
    let [kind, metric, form] = field(content, 6);
    let shape = Shape::new(
        short(16).into(),
        [short(36).into(), short(38).into()],
        short(18).into(),
        usize::try_from(u32::from_ne_bytes(field(content, 20))).unwrap_or(0),
    );
    let parameters = Parameters {
        format,
        kind,
        metric,
        form,
        m: short(10),
        dims: u32::from_ne_bytes(field(content, 12)),
        seed: u64::from_ne_bytes(field(content, 24)),
        centre_pages: u32::from_ne_bytes(field(content, 32)),
        shape,
    };
    let sensible = shape.is_sensible() && parameters.centre_pages <= 16;
    sensible
        .then_some(parameters)
        .ok_or_else(|| corrupt(format!("impossible shape {shape:?}")))
}
