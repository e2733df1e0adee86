//! Layout of a page: header, content and special area, as `src/include/storage/bufpage.h` has them.
//!
//! ```text
//! 0 lsn u64 | 8 checksum u16 | 10 flags u16 | 12 lower u16 | 14 upper u16 | 16 special u16
//! 18 page size and layout version u16 | 20 prune xid u32 | 24 content ... | 8176 special area
//! special area: 0 next u32 | 4 own block u32 | 8 zero u32 | 12 kind u16 | 14 page id and format u16
//! ```
//!
//! Pages of format 1 have a zero in the place of their own block.

use std::borrow::Cow;

use super::PageError;

/// Bytes of a page.
pub const PAGE_BYTES: usize = 8192;
/// Bytes before the content.
pub const HEADER_BYTES: usize = 24;
const SPECIAL_BYTES: usize = 16;
/// Where the special area begins.
pub const SPECIAL_AT: usize = PAGE_BYTES - SPECIAL_BYTES;
/// Bytes that are the index's own.
pub const CONTENT_BYTES: usize = SPECIAL_AT - HEADER_BYTES;
/// No block.
pub const NO_BLOCK: u32 = u32::MAX;

/// A page.
pub type Bytes = [u8; PAGE_BYTES];

const LOWER: usize = 12;
const UPPER: usize = 14;
const SPECIAL: usize = 16;
const VERSION: usize = 18;
const NEXT: usize = SPECIAL_AT;
const OWN: usize = SPECIAL_AT + 4;
const KIND: usize = SPECIAL_AT + 12;
const ID: usize = SPECIAL_AT + 14;

/// Page size and layout version 4, as every page since PostgreSQL 8.3 has them.
const PAGE_VERSION: u16 = 8192 | 4;
/// The last two bytes of our pages: tools tell pages apart by them. The low byte is the format.
const PAGE_ID: u16 = 0xEC00;

/// What the pages of an index say of themselves. All pages of an index have one format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Format {
    /// Their kind.
    First = 1,
    /// Their kind and their own block.
    Second = 2,
}

impl Format {
    /// The one of new indexes.
    pub const LATEST: Self = Self::Second;

    /// The format of a page.
    ///
    /// # Errors
    /// [`PageError::Corrupt`] where it is none of ours.
    pub fn of(page: &Bytes, block: u32) -> Result<Self, PageError> {
        let known = [Self::First, Self::Second];
        let id = short(page, ID);
        let found = known.into_iter().find(|format| format.id() == id);
        found.ok_or_else(|| {
            if is_new(page) {
                corrupt(block, NEW)
            } else {
                corrupt(
                    block,
                    format!("page id {id:#x}, {:#x} is known", Self::LATEST.id()),
                )
            }
        })
    }

    fn id(self) -> u16 {
        PAGE_ID | self as u16
    }
}

/// What a page says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The format of the index.
    pub format: Format,
    /// Where the page is.
    pub block: u32,
    /// What it holds, as the index numbers it.
    pub kind: u16,
}

impl Mark {
    /// The bytes in the place of the own block.
    fn own(self) -> u32 {
        match self.format {
            Format::First => 0,
            Format::Second => self.block,
        }
    }

    /// Whether a page has this mark. A page of zeros has none.
    #[inline]
    #[must_use]
    pub fn is_on(self, page: &Bytes) -> bool {
        short(page, ID) == self.format.id()
            && short(page, KIND) == self.kind
            && long(page, OWN) == self.own()
    }
}

fn long(page: &Bytes, at: usize) -> u32 {
    let field = page.get(at..).and_then(|bytes| bytes.first_chunk());
    field.map_or(0, |bytes| u32::from_ne_bytes(*bytes))
}

fn set_long(page: &mut Bytes, at: usize, value: u32) {
    if let Some(field) = page.get_mut(at..).and_then(|b| b.first_chunk_mut()) {
        *field = value.to_ne_bytes();
    }
}

fn short(page: &Bytes, at: usize) -> u16 {
    let field = page.get(at..).and_then(|bytes| bytes.first_chunk());
    field.map_or(0, |bytes| u16::from_ne_bytes(*bytes))
}

fn set_short(page: &mut Bytes, at: usize, value: usize) {
    if let Some(field) = page.get_mut(at..).and_then(|b| b.first_chunk_mut()) {
        *field = u16::try_from(value).unwrap_or(u16::MAX).to_ne_bytes();
    }
}

/// Makes an empty page. The log position stays, for it is the store's.
pub fn format(page: &mut Bytes, mark: Mark) {
    if let Some(rest) = page.get_mut(8..) {
        rest.fill(0);
    }
    set_short(page, LOWER, HEADER_BYTES);
    set_short(page, UPPER, SPECIAL_AT);
    set_short(page, SPECIAL, SPECIAL_AT);
    set_short(page, VERSION, PAGE_VERSION.into());
    set_short(page, KIND, mark.kind.into());
    set_short(page, ID, mark.format.id().into());
    set_long(page, OWN, mark.own());
    set_next(page, NO_BLOCK);
}

/// The position in the log of the last change (`PageGetLSN`); 0 where changes are not logged.
#[must_use]
pub fn lsn(page: &Bytes) -> u64 {
    page.first_chunk()
        .map_or(0, |bytes| u64::from_ne_bytes(*bytes))
}

/// Whether nothing was ever written to it (`PageIsNew`).
#[must_use]
pub fn is_new(page: &Bytes) -> bool {
    short(page, UPPER) == 0
}

/// The content.
#[must_use]
pub fn content(page: &Bytes) -> &[u8] {
    page.get(HEADER_BYTES..SPECIAL_AT).unwrap_or_default()
}

/// The content, to write. What lies beyond [`lower`] is not kept.
pub fn content_mut(page: &mut Bytes) -> &mut [u8] {
    page.get_mut(HEADER_BYTES..SPECIAL_AT).unwrap_or_default()
}

/// Bytes of content in use. What follows is a hole that Generic WAL drops.
#[must_use]
pub fn lower(page: &Bytes) -> usize {
    usize::from(short(page, LOWER)).saturating_sub(HEADER_BYTES)
}

/// Sets the bytes of content in use, at most [`CONTENT_BYTES`].
pub fn set_lower(page: &mut Bytes, bytes: usize) {
    set_short(page, LOWER, HEADER_BYTES + bytes.min(CONTENT_BYTES));
}

/// Zeros what lies between lower and upper, as `GenericXLogFinish` does. New pages stay as they are.
pub fn clear_hole(page: &mut Bytes) {
    let (lower, upper) = (short(page, LOWER), short(page, UPPER));
    if let Some(hole) = page
        .get_mut(lower.into()..upper.into())
        .filter(|_| upper > 0)
    {
        hole.fill(0);
    }
}

/// The next block of a chain, or [`NO_BLOCK`].
#[must_use]
pub fn next(page: &Bytes) -> u32 {
    long(page, NEXT)
}

/// Sets the next block of a chain.
pub fn set_next(page: &mut Bytes, next: u32) {
    set_long(page, NEXT, next);
}

const NEW: &str = "a page of zeros where one of an index is expected";

fn corrupt(block: u32, reason: impl Into<Cow<'static, str>>) -> PageError {
    let reason = reason.into();
    PageError::Corrupt { block, reason }
}

/// Checks that a page is the one that it should be: not new, of the index's format, of its kind, and,
/// where the format says that, of its block.
///
/// # Errors
/// [`PageError::Corrupt`] with the first thing that is wrong.
#[inline]
pub fn verify(page: &Bytes, mark: Mark) -> Result<(), PageError> {
    if mark.is_on(page) {
        Ok(())
    } else {
        Err(wrong(page, mark))
    }
}

/// What is wrong with a page that has not the mark that it should have.
#[cold]
fn wrong(page: &Bytes, mark: Mark) -> PageError {
    let (block, kind) = (mark.block, mark.kind);
    let (id, found, own) = (short(page, ID), short(page, KIND), long(page, OWN));
    if is_new(page) {
        corrupt(block, NEW)
    } else if id != mark.format.id() {
        let known = mark.format.id();
        corrupt(
            block,
            format!("page id {id:#x} where {known:#x} is expected"),
        )
    } else if found != kind {
        corrupt(
            block,
            format!("page of kind {found} where {kind} is expected"),
        )
    } else {
        corrupt(block, format!("the page of block {own}"))
    }
}

/// Checks what [`verify`] checks, and that the page's header makes sense.
///
/// # Errors
/// As [`verify`].
pub fn verify_header(page: &Bytes, mark: Mark) -> Result<(), PageError> {
    verify(page, mark)?;
    let (version, special) = (short(page, VERSION), usize::from(short(page, SPECIAL)));
    if version != PAGE_VERSION || special != SPECIAL_AT {
        let reason = format!("page version {version:#x}, special area at {special}");
        return Err(corrupt(mark.block, reason));
    }
    let (lower, upper) = (short(page, LOWER), usize::from(short(page, UPPER)));
    if usize::from(lower) < HEADER_BYTES || usize::from(lower) > upper || upper != SPECIAL_AT {
        let reason = format!("content from {lower} to {upper}");
        return Err(corrupt(mark.block, reason));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: Mark = Mark {
        format: Format::Second,
        block: 77,
        kind: 3,
    };

    fn formatted(mark: Mark) -> Bytes {
        let mut page = [0xAA; PAGE_BYTES];
        format(&mut page, mark);
        page
    }

    #[test]
    fn a_formatted_page_is_empty_and_of_its_kind() {
        let page = formatted(MARK);
        assert_eq!(verify_header(&page, MARK), Ok(()));
        assert_eq!(page[..8], [0xAA; 8]);
        assert_eq!((lower(&page), next(&page)), (0, NO_BLOCK));
        assert!(content(&page).iter().all(|byte| *byte == 0));
        assert_eq!(content(&page).len(), CONTENT_BYTES);
        assert!(!is_new(&page) && is_new(&[0; PAGE_BYTES]));
    }

    #[test]
    fn fields_do_not_touch_each_other() {
        let mut page = formatted(MARK);
        set_lower(&mut page, CONTENT_BYTES);
        set_next(&mut page, 7);
        content_mut(&mut page).fill(0xFF);
        assert_eq!(verify_header(&page, MARK), Ok(()));
        assert_eq!((lower(&page), next(&page)), (CONTENT_BYTES, 7));
    }

    #[test]
    fn what_is_wrong_is_said_with_the_block() {
        for (at, what) in [
            (LOWER, "content"),
            (UPPER, "content"),
            (SPECIAL, "special"),
            (VERSION, "version"),
            (KIND, "kind"),
            (ID, "page id"),
            (OWN, "the page of block"),
        ] {
            let mut page = formatted(MARK);
            page[at + 1] ^= 0x5A;
            let message = verify_header(&page, MARK).unwrap_err().to_string();
            assert!(message.starts_with("block 77: "), "{message}");
            assert!(message.contains(what), "{message}");
        }
    }

    #[test]
    fn a_page_of_zeros_or_of_another_block_is_none_of_the_index() {
        for format in [Format::First, Format::Second] {
            // Its own block would be zero as well.
            for block in [0, 77] {
                let mark = Mark {
                    format,
                    block,
                    ..MARK
                };
                let message = verify(&[0; PAGE_BYTES], mark).unwrap_err().to_string();
                assert!(message.contains("zeros"), "{message}");
                let other = Mark { block: 78, ..mark };
                let knows = format == Format::Second;
                assert_eq!(verify(&formatted(other), mark).is_err(), knows);
                assert_eq!(Format::of(&formatted(mark), block), Ok(format));
            }
        }
        let mixed = Mark {
            format: Format::First,
            ..MARK
        };
        assert!(verify(&formatted(mixed), MARK).is_err());
        assert!(Format::of(&[0; PAGE_BYTES], 0).is_err());
        assert!(Format::of(&[0xAA; PAGE_BYTES], 0).is_err());
    }
}
