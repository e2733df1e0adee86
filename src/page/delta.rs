//! Delta: the bytes that Generic WAL logs for a change of a page.

use std::ops::Range;

use super::Bytes;
use super::layout::{HEADER_BYTES, PAGE_BYTES, content, lower};

/// A fragment's header: offset and length, two bytes each. A run of equal bytes that is no longer than this is
/// logged with its neighbours (`MATCH_THRESHOLD`).
const FRAGMENT_BYTES: usize = 4;

/// Bytes that are compared at once.
const WORD: usize = size_of::<u64>();

/// Replaces `delta` by the changes that turn the page `before` into `after`, in the form that Generic WAL logs
/// and replays: fragments with offset and length, of the part before `pd_lower` and the part from `pd_upper`.
/// Source: `computeDelta` in `src/backend/access/transam/generic_xlog.c`, which compares byte by byte.
pub fn write_delta(before: &Bytes, after: &Bytes, delta: &mut Vec<u8>) {
    delta.clear();
    let used = HEADER_BYTES + lower(after);
    let upper = HEADER_BYTES + content(after).len();
    // Bytes that were beyond the old pd_lower are always logged.
    let known = (HEADER_BYTES + lower(before)).min(used);
    fragments(before, after, 0..used, known, delta);
    fragments(before, after, upper..PAGE_BYTES, PAGE_BYTES, delta);
}

/// Makes the changes of a delta to a page, as recovery does. Source: `applyPageRedo`, likewise.
pub fn apply_delta(page: &mut Bytes, mut delta: &[u8]) {
    while let [a, b, c, d, rest @ ..] = delta {
        let at = usize::from(u16::from_ne_bytes([*a, *b]));
        let len = usize::from(u16::from_ne_bytes([*c, *d])).min(rest.len());
        let (bytes, after) = rest.split_at(len);
        if let Some(place) = page.get_mut(at..at + len) {
            place.copy_from_slice(bytes);
        }
        delta = after;
    }
}

/// Bytes of a delta; the record's own header (about 24 bytes, and 20 a page) and full-page images are
/// not counted.
#[must_use]
pub fn generic_wal_bytes(before: &Bytes, after: &Bytes) -> usize {
    let mut delta = Vec::new();
    write_delta(before, after, &mut delta);
    delta.len()
}

/// Fragments of a range, where only bytes before `known` can be equal.
fn fragments(
    before: &Bytes,
    after: &Bytes,
    range: Range<usize>,
    known: usize,
    delta: &mut Vec<u8>,
) {
    let known = known.clamp(range.start, range.end);
    let mut open = range.start..range.start;
    let mut differ = |bytes: Range<usize>| {
        if open.is_empty() {
            open = bytes;
        } else if bytes.start - open.end > FRAGMENT_BYTES {
            write(after, &open, delta);
            open = bytes;
        } else {
            open.end = bytes.end;
        }
    };
    let [old, new] = [before, after].map(|page| page.get(range.start..known).unwrap_or_default());
    let ((old_words, old_rest), (new_words, new_rest)) = (old.as_chunks(), new.as_chunks());
    let words = old_words.iter().zip(new_words);
    for (at, (old, new)) in (range.start..).step_by(WORD).zip(words) {
        // Links change a byte in sixteen, so words are compared, and then only the bytes that differ are looked at.
        let mut different = u64::from_le_bytes(*old) ^ u64::from_le_bytes(*new);
        while different != 0 {
            let byte = different.trailing_zeros() / u8::BITS;
            differ(at + byte as usize..at + byte as usize + 1);
            different &= !(0xFF << (byte * u8::BITS));
        }
    }
    for (at, (old, new)) in (known - old_rest.len()..).zip(old_rest.iter().zip(new_rest)) {
        if old != new {
            differ(at..at + 1);
        }
    }
    if known < range.end {
        differ(known..range.end);
    }
    if !open.is_empty() {
        write(after, &open, delta);
    }
}

fn write(after: &Bytes, fragment: &Range<usize>, delta: &mut Vec<u8>) {
    let short = |n: usize| u16::try_from(n).unwrap_or(u16::MAX).to_ne_bytes();
    delta.extend(short(fragment.start));
    delta.extend(short(fragment.len()));
    delta.extend_from_slice(after.get(fragment.clone()).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Format, Mark, content_mut, format, set_lower};
    use super::*;

    fn page(used: usize) -> Bytes {
        let mut page = [0; PAGE_BYTES];
        let mark = Mark {
            format: Format::LATEST,
            block: 7,
            kind: 1,
        };
        format(&mut page, mark);
        set_lower(&mut page, used);
        page
    }

    fn changed(at: &[usize]) -> usize {
        let before = page(1_000);
        let mut after = before;
        for &at in at {
            after[at] ^= 1;
        }
        generic_wal_bytes(&before, &after)
    }

    proptest! {
        #[test]
        fn a_delta_replays_to_what_the_page_became(
            used in (0_usize..8_000, 0_usize..8_000),
            edits in prop::collection::vec((24_usize..PAGE_BYTES, 1_usize..90, any::<u8>()), 0..12),
        ) {
            let mut before = page(used.0);
            content_mut(&mut before)[..used.0].fill(7);
            let mut after = before;
            set_lower(&mut after, used.1);
            for (at, len, value) in edits {
                // Neither the special area's fields nor pd_lower.
                let end = (at + len).min(24 + used.1.min(8_000));
                if at < end {
                    after[at..end].fill(value);
                }
            }
            super::super::layout::clear_hole(&mut after);
            let mut delta = Vec::new();
            write_delta(&before, &after, &mut delta);
            let mut replayed = before;
            apply_delta(&mut replayed, &delta);
            super::super::layout::clear_hole(&mut replayed);
            prop_assert!(replayed == after);
        }
    }

    #[test]
    fn equal_pages_log_nothing() {
        assert_eq!(changed(&[]), 0);
    }

    #[test]
    fn near_bytes_share_a_fragment() {
        assert_eq!(changed(&[100]), 5);
        assert_eq!(changed(&[100, 101]), 6);
        // Four equal bytes between are logged, five are skipped.
        assert_eq!(changed(&[100, 105]), 10);
        assert_eq!(changed(&[100, 105, 106]), 11);
        assert_eq!(changed(&[100, 106]), 10);
        assert_eq!(changed(&[100, 106, 107]), 11);
        assert_eq!(changed(&[100, 110]), 10);
    }

    #[test]
    fn the_hole_is_dropped_and_the_special_area_is_not() {
        assert_eq!(changed(&[5_000]), 0);
        assert_eq!(changed(&[8_180]), 5);
    }

    #[test]
    fn content_that_appears_is_logged_even_where_it_is_zero() {
        let (before, after) = (page(0), page(500));
        // pd_lower itself, two bytes, is one fragment more.
        assert_eq!(generic_wal_bytes(&before, &after), (4 + 2) + (4 + 500));
    }
}
