//! Header, content and special area of a page, as `src/include/storage/bufpage.h` has them.
//!
//! ```text
//! 0 lsn u64 | 8 checksum u16 | 10 flags u16 | 12 lower u16 | 14 upper u16 | 16 special u16
//! 18 page size and layout version u16 | 20 prune xid u32 | 24 content ... | 8176 special area
//! special area: 0 next u32 | 4 zero u64 | 12 kind u16 | 14 page id and format u16
//! ```

use super::PageError;

/// Bytes of a page.
pub const PAGE_BYTES: usize = 8192;
/// Bytes before the content.
pub const HEADER_BYTES: usize = 24;
const SPECIAL_BYTES: usize = 16;
const SPECIAL_AT: usize = PAGE_BYTES - SPECIAL_BYTES;
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
const KIND: usize = SPECIAL_AT + 12;
const ID: usize = SPECIAL_AT + 14;

/// Page size and layout version 4, as every page since PostgreSQL 8.3 has them.
const PAGE_VERSION: u16 = 8192 | 4;
/// The last two bytes of our pages: tools tell pages apart by them. The low byte is the format.
const PAGE_ID: u16 = 0xEC01;

fn short(page: &Bytes, at: usize) -> u16 {
    let field = page.get(at..).and_then(|bytes| bytes.first_chunk());
    field.map_or(0, |bytes| u16::from_ne_bytes(*bytes))
}

fn set_short(page: &mut Bytes, at: usize, value: usize) {
    if let Some(field) = page.get_mut(at..).and_then(|b| b.first_chunk_mut()) {
        *field = u16::try_from(value).unwrap_or(u16::MAX).to_ne_bytes();
    }
}

/// Makes an empty page of a kind. The log position stays, for it is the store's.
pub fn format(page: &mut Bytes, kind: u16) {
    if let Some(rest) = page.get_mut(8..) {
        rest.fill(0);
    }
    set_short(page, LOWER, HEADER_BYTES);
    set_short(page, UPPER, SPECIAL_AT);
    set_short(page, SPECIAL, SPECIAL_AT);
    set_short(page, VERSION, PAGE_VERSION.into());
    set_short(page, KIND, kind.into());
    set_short(page, ID, PAGE_ID.into());
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
    let field = page.get(NEXT..).and_then(|bytes| bytes.first_chunk());
    field.map_or(NO_BLOCK, |bytes| u32::from_ne_bytes(*bytes))
}

/// Sets the next block of a chain.
pub fn set_next(page: &mut Bytes, next: u32) {
    if let Some(field) = page.get_mut(NEXT..).and_then(|b| b.first_chunk_mut()) {
        *field = next.to_ne_bytes();
    }
}

/// Checks that a page is one of ours and of a kind.
///
/// # Errors
/// [`PageError::Corrupt`] with the first thing that is wrong.
pub fn verify(page: &Bytes, block: u32, kind: u16) -> Result<(), PageError> {
    let corrupt = |reason: String| {
        Err(PageError::Corrupt {
            block,
            reason: reason.into(),
        })
    };
    if is_new(page) {
        return corrupt("a new page where one of an index is expected".into());
    }
    let (version, special) = (short(page, VERSION), usize::from(short(page, SPECIAL)));
    if version != PAGE_VERSION || special != SPECIAL_AT {
        return corrupt(format!(
            "page version {version:#x}, special area at {special}"
        ));
    }
    let (lower, upper) = (short(page, LOWER), usize::from(short(page, UPPER)));
    if usize::from(lower) < HEADER_BYTES || usize::from(lower) > upper || upper != SPECIAL_AT {
        return corrupt(format!("content from {lower} to {upper}"));
    }
    let (id, found) = (short(page, ID), short(page, KIND));
    if id != PAGE_ID {
        return corrupt(format!("page id {id:#x}, {PAGE_ID:#x} is known"));
    }
    if found != kind {
        return corrupt(format!("page of kind {found} where {kind} is expected"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn formatted() -> Bytes {
        let mut page = [0xAA; PAGE_BYTES];
        format(&mut page, 3);
        page
    }

    #[test]
    fn a_formatted_page_is_empty_and_of_its_kind() {
        let page = formatted();
        assert_eq!(verify(&page, 9, 3), Ok(()));
        assert_eq!(page[..8], [0xAA; 8]);
        assert_eq!((lower(&page), next(&page)), (0, NO_BLOCK));
        assert!(content(&page).iter().all(|byte| *byte == 0));
        assert_eq!(content(&page).len(), CONTENT_BYTES);
        assert!(!is_new(&page) && is_new(&[0; PAGE_BYTES]));
    }

    #[test]
    fn fields_do_not_touch_each_other() {
        let mut page = formatted();
        set_lower(&mut page, CONTENT_BYTES);
        set_next(&mut page, 7);
        content_mut(&mut page).fill(0xFF);
        assert_eq!(verify(&page, 0, 3), Ok(()));
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
        ] {
            let mut page = formatted();
            page[at + 1] ^= 0x5A;
            let message = verify(&page, 77, 3).unwrap_err().to_string();
            assert!(message.starts_with("block 77: "), "{message}");
            assert!(message.contains(what), "{message}");
        }
        let message = verify(&[0; PAGE_BYTES], 1, 3).unwrap_err().to_string();
        assert!(message.contains("new page"), "{message}");
    }
}
