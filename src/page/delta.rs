//! The bytes that Generic WAL logs for a change of a page.

use super::Bytes;
use super::layout::{HEADER_BYTES, PAGE_BYTES, content, lower};

/// A fragment's header: offset and length, two bytes each. Runs of equal bytes that are not
/// longer are logged with their neighbours (`MATCH_THRESHOLD`).
const FRAGMENT_BYTES: usize = 4;

/// Bytes that Generic WAL logs for a page that was `before` and is `after`
/// (`computeDelta` in `src/backend/access/transam/generic_xlog.c`): fragments with their headers,
/// of the part before `pd_lower` and the part from `pd_upper`; the record's own header
/// (about 24 bytes, and 20 a page) and full-page images are not counted.
#[must_use]
pub fn generic_wal_bytes(before: &Bytes, after: &Bytes) -> usize {
    let used = HEADER_BYTES + lower(after);
    let upper = HEADER_BYTES + content(after).len();
    let (was, is) = (HEADER_BYTES + lower(before), used);
    // Bytes that were beyond the old pd_lower are always logged.
    region(before, after, 0, used, was.min(is))
        + region(before, after, upper, PAGE_BYTES, PAGE_BYTES)
}

/// Fragments of `from..to`, where only bytes before `known` can be equal.
fn region(before: &Bytes, after: &Bytes, from: usize, to: usize, known: usize) -> usize {
    let mut logged = 0;
    // The last byte that was logged, and whether there was one.
    let mut end: Option<usize> = None;
    for at in from..to {
        if at < known && before.get(at) == after.get(at) {
            continue;
        }
        logged += match end {
            Some(end) if at - end - 1 <= FRAGMENT_BYTES => at - end,
            _ => FRAGMENT_BYTES + 1,
        };
        end = Some(at);
    }
    logged
}

#[cfg(test)]
mod tests {
    use super::super::{format, set_lower};
    use super::*;

    fn page(used: usize) -> Bytes {
        let mut page = [0; PAGE_BYTES];
        format(&mut page, 1);
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
