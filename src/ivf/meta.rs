//! Meta page, the first one: what the index is, and where its lists are.
//!
//! ```text
//! 0 magic u32 | 4 kind u8 | 5 metric u8 | 6 form u8, 255 without long codes | 7 principal directions u8, 1 where these
//! 8 dims u32 | 12 asked lists u32 | 16 seed u64 | 24 mean pages u32 | 28 directions u32, 0 for all | 96 widening f32
//! 32 version u32 | 36 directory u32 | 40 lists u32 | 44 first free u32 | 52 length f32
//! 56 trained on u64 | 64 rows when trained u64 | 72 retired u64 | 80 numbers u32 | 84 spread f32 | 88 made u64
//! 128 lists when recall was measured u32 | 132 lists for a recall f32, 3 x 9 (`probes.rs`)
//! ```
//!
//! The first two lines are written once. The others are roots, which change: the version and the number of lists when a
//! list is split or two are merged, the free pages when some are freed or taken.

use crate::index::Error;
use crate::page::{self, Bytes, Format, Mark, PageError, field, set_field};
use crate::quantize::PrincipalDirections;
use crate::values::{Metric, kind};
use crate::vector::{MAX_BITS, MAX_DIMS};

use super::long::LongForm;
use super::probes::{RecallTable, TABLE_BYTES};
use super::shape::ListsShape;

/// The block of the meta page.
pub const META: u32 = 0;

/// No page.
pub const NONE: u32 = u32::MAX;

/// Page kinds, in the special area.
pub const KIND_META: u16 = 17;
/// Pages of the mean, behind the meta page.
pub const KIND_MEAN: u16 = 18;
/// Pages of lists.
pub const KIND_LISTS: u16 = 19;
/// Pages of centres.
pub const KIND_CENTRES: u16 = 20;
/// Pages of rows.
pub const KIND_ROWS: u16 = 21;
/// Pages of long codes.
pub const KIND_LONG: u16 = 22;
/// Pages that are free.
pub const KIND_FREE: u16 = 23;
/// Pages of principal directions, behind those of the mean.
pub const KIND_DIRECTIONS: u16 = 24;

const MAGIC: u32 = 0x69_76_66_31;
const NO_FORM: u8 = 255;

const TABLE_AT: usize = 128;

/// No index says that its errors are wider: the part of a row that is not coded errs by no more than its own length.
const WIDEST: f32 = 1_000.0;

/// What never changes during an index's life.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ListsParameters {
    /// Which values.
    pub kind: u8,
    /// Under which metric.
    pub metric: Metric,
    /// The form of long codes; None where there are none.
    pub form: Option<LongForm>,
    /// Dimensions.
    pub dims: usize,
    /// Lists that were asked for; 0 for as many as suit the rows.
    pub asked: u32,
    /// Draws seeds and rotation.
    pub seed: u64,
    /// Pages of the mean.
    pub mean_pages: u32,
    /// Directions that the codes of rows were asked to have; 0 for all.
    pub directions: u32,
    /// By what the errors of what is not coded are multiplied, at least 1, where directions are principal ones; None
    /// where they are random.
    pub widening: Option<f32>,
    /// Where everything is.
    pub shape: ListsShape,
}

impl ListsParameters {
    /// Principal directions of an index that has such: those of its codes, no more than dimensions.
    #[must_use]
    pub fn principal(&self) -> usize {
        self.shape.rows.bits.min(self.dims)
    }

    /// Pages of directions, behind those of the mean.
    #[must_use]
    pub fn direction_pages(&self) -> u32 {
        let bytes = self.widening.map_or(0, |_| {
            PrincipalDirections::bytes_of(self.dims, self.principal())
        });
        u32::try_from(bytes.div_ceil(page::CONTENT_BYTES)).unwrap_or(u32::MAX)
    }

    /// Pages between the meta page and the directory.
    #[must_use]
    pub fn fixed_pages(&self) -> u32 {
        self.mean_pages.saturating_add(self.direction_pages())
    }

    /// The error of a value or an index of another kind.
    #[must_use]
    pub fn other_space(&self) -> Error {
        Error::OtherSpace {
            kind: self.kind,
            metric: self.metric as u8,
            form: self.form.map_or(NO_FORM, LongForm::byte),
        }
    }
}

/// What a page says of itself.
#[must_use]
pub fn mark(block: u32, kind: u16) -> Mark {
    Mark {
        format: Format::LATEST,
        block,
        kind,
    }
}

/// What changes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ListsRoots {
    /// Counts changes of lists, so that who reads the directory sees whether it has changed meanwhile.
    pub version: u32,
    /// The first page of lists.
    pub directory: u32,
    /// Lists.
    pub lists: u32,
    /// The first of the free pages, which are chained.
    pub first_free: u32,
    /// The mean length of the rows of the training, where estimates depend on it; 0 elsewhere.
    pub length: f32,
    /// Rows that the training has seen.
    pub trained: u64,
    /// Rows that there were.
    pub rows: u64,
    /// When pages were last taken out of lists: scans that began before may still read them.
    pub retired: u64,
    /// The number of the next list.
    pub numbers: u32,
    /// The mean distance of rows from their centres when these were learned, by their codes; 0 where there was no row.
    pub spread: f32,
    /// When that was, as the caller counts time.
    pub made: u64,
}

/// Writes the whole page.
pub fn write(page: &mut Bytes, parameters: &ListsParameters, roots: &ListsRoots) {
    page::format(page, mark(META, KIND_META));
    let content = page::content_mut(page);
    set_field(content, 0, MAGIC.to_ne_bytes());
    set_field(content, 4, [parameters.kind, parameters.metric as u8]);
    let form = parameters.form.map_or(NO_FORM, LongForm::byte);
    set_field(content, 6, [form, u8::from(parameters.widening.is_some())]);
    let dims = u32::try_from(parameters.dims).unwrap_or(u32::MAX);
    set_field(content, 8, dims.to_ne_bytes());
    set_field(content, 12, parameters.asked.to_ne_bytes());
    set_field(content, 16, parameters.seed.to_ne_bytes());
    set_field(content, 24, parameters.mean_pages.to_ne_bytes());
    set_field(content, 28, parameters.directions.to_ne_bytes());
    let widening = parameters.widening.unwrap_or(0.0);
    set_field(content, 96, widening.to_ne_bytes());
    write_roots(page, roots);
}

/// Writes what changes.
pub fn write_roots(page: &mut Bytes, roots: &ListsRoots) {
    let content = page::content_mut(page);
    let numbers = [
        roots.version,
        roots.directory,
        roots.lists,
        roots.first_free,
    ];
    for (at, number) in (32..).step_by(4).zip(numbers) {
        set_field(content, at, number.to_ne_bytes());
    }
    set_field(content, 52, roots.length.to_ne_bytes());
    set_field(content, 56, roots.trained.to_ne_bytes());
    set_field(content, 64, roots.rows.to_ne_bytes());
    set_field(content, 72, roots.retired.to_ne_bytes());
    set_field(content, 80, roots.numbers.to_ne_bytes());
    set_field(content, 84, roots.spread.to_ne_bytes());
    set_field(content, 88, roots.made.to_ne_bytes());
    page::set_lower(page, TABLE_AT + TABLE_BYTES);
}

/// Writes how many lists give which recall.
pub fn write_table(page: &mut Bytes, table: &RecallTable) {
    set_field(page::content_mut(page), TABLE_AT, table.to_bytes());
}

/// How many lists give which recall.
#[must_use]
pub fn table(page: &Bytes) -> RecallTable {
    RecallTable::from_bytes(field(page::content(page), TABLE_AT))
}

/// Reads what changes.
#[must_use]
pub fn roots(page: &Bytes) -> ListsRoots {
    let content = page::content(page);
    let number = |at| u32::from_ne_bytes(field(content, at));
    ListsRoots {
        version: number(32),
        directory: number(36),
        lists: number(40),
        first_free: number(44),
        length: f32::from_ne_bytes(field(content, 52)),
        trained: u64::from_ne_bytes(field(content, 56)),
        rows: u64::from_ne_bytes(field(content, 64)),
        retired: u64::from_ne_bytes(field(content, 72)),
        numbers: number(80),
        spread: f32::from_ne_bytes(field(content, 84)),
        made: u64::from_ne_bytes(field(content, 88)),
    }
}

/// Reads what never changes.
///
/// # Errors
/// Where the page is no meta page, or says what no index says.
pub fn parameters(page: &Bytes) -> Result<ListsParameters, PageError> {
    page::verify(page, mark(META, KIND_META))?;
    let content = page::content(page);
    let corrupt = |reason: String| PageError::Corrupt {
        block: META,
        reason: reason.into(),
    };
    let magic = u32::from_ne_bytes(field(content, 0));
    if magic != MAGIC {
        return Err(corrupt(format!("magic {magic:#x}")));
    }
    let [kind, metric]: [u8; 2] = field(content, 4);
    let [form, principal]: [u8; 2] = field(content, 6);
    let metrics = [Metric::L2, Metric::InnerProduct, Metric::Cosine];
    let known = metrics.into_iter().find(|known| *known as u8 == metric);
    let metric = known.ok_or_else(|| corrupt(format!("metric {metric}")))?;
    let known = (form != NO_FORM).then(|| LongForm::from_byte(form));
    let form = match known {
        None => None,
        Some(Some(form)) => Some(form),
        Some(None) => return Err(corrupt(format!("form {form}"))),
    };
    let dims = usize::try_from(u32::from_ne_bytes(field(content, 8))).unwrap_or(usize::MAX);
    let is_bits = kind == kind::BITS;
    let most = if is_bits { MAX_BITS } else { MAX_DIMS };
    if !(1..=most).contains(&dims) {
        return Err(corrupt(format!("{dims} dimensions")));
    }
    if form.is_some_and(|form| (form == LongForm::Bits) != is_bits) {
        return Err(corrupt(format!("form {form:?} of kind {kind}")));
    }
    let directions = u32::from_ne_bytes(field(content, 28));
    let widening = f32::from_ne_bytes(field(content, 96));
    let widening = match principal {
        0 => None,
        1 if directions > 0 && !is_bits && (1.0..=WIDEST).contains(&widening) => Some(widening),
        _ => {
            return Err(corrupt(format!(
                "{directions} directions, {principal}, {widening}"
            )));
        }
    };
    Ok(ListsParameters {
        kind,
        metric,
        form,
        dims,
        directions,
        widening,
        asked: u32::from_ne_bytes(field(content, 12)),
        seed: u64::from_ne_bytes(field(content, 16)),
        mean_pages: u32::from_ne_bytes(field(content, 24)),
        shape: ListsShape::new(dims, directions as usize, form),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ivf::options::ListsOptions;
    use crate::page::PAGE_BYTES;

    const ROOTS: ListsRoots = ListsRoots {
        version: 1,
        directory: 2,
        lists: 3,
        first_free: 4,
        length: 6.5,
        trained: 7,
        rows: 8,
        retired: 9,
        numbers: 10,
        spread: 11.5,
        made: 12,
    };

    #[test]
    fn what_is_written_is_read() {
        for form in (1..=8).map(LongForm::of_bits) {
            let written = ListsParameters {
                kind: kind::DENSE,
                metric: Metric::InnerProduct,
                form,
                dims: 700,
                asked: 31,
                seed: 1 << 40,
                mean_pages: 1,
                directions: 200,
                widening: form.and(Some(1.5)),
                shape: ListsShape::new(700, 200, form),
            };
            let mut page = [0; PAGE_BYTES];
            write(&mut page, &written, &ROOTS);
            assert_eq!(parameters(&page), Ok(written));
            assert_eq!(roots(&page), ROOTS);
        }
        assert!(parameters(&[0; PAGE_BYTES]).is_err());
    }

    #[test]
    fn directions_that_no_index_has_are_refused() {
        let options = ListsOptions {
            directions: 96,
            ..ListsOptions::default()
        };
        for (directions, widening, is_read) in [
            (96, 1.0, true),
            (0, 1.0, false),
            (96, 0.5, false),
            (96, f32::NAN, false),
            (96, f32::INFINITY, false),
        ] {
            let written = ListsParameters {
                directions,
                widening: Some(widening),
                ..options.parameters(300, Metric::L2)
            };
            let mut page = [0; PAGE_BYTES];
            write(&mut page, &written, &ROOTS);
            assert_eq!(
                parameters(&page).is_ok(),
                is_read,
                "{directions} {widening}"
            );
            set_field(page::content_mut(&mut page), 7, [2]);
            assert!(parameters(&page).is_err());
        }
    }
}
