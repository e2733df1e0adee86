//! The text form: `[1,2,3]`, with white space anywhere between the parts.

use super::{Invalid, MAX_DIMS, check_dims, check_element, number};

/// White space of C's `isspace` in the C locale.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0B | 0x0C)
}

fn skip_space(text: &[u8], mut at: usize) -> usize {
    while text.get(at).is_some_and(|b| is_space(*b)) {
        at += 1;
    }
    at
}

fn syntax(text: &[u8], detail: Option<&'static str>) -> Invalid {
    Invalid::Syntax {
        text: String::from_utf8_lossy(text).into_owned(),
        detail,
    }
}

/// Reads a literal. `expected` is how many elements are likely, a mere hint for the allocation.
///
/// # Errors
/// [`Invalid::Syntax`], [`Invalid::OutOfRange`], [`Invalid::NoDims`], [`Invalid::TooManyDims`] and
/// what [`check_element`] refuses; the first that is met from left to right.
pub fn parse(text: &[u8], expected: usize) -> Result<Vec<f32>, Invalid> {
    let mut at = skip_space(text, 0);
    if text.get(at) != Some(&b'[') {
        return Err(syntax(text, Some("Vector contents must start with \"[\".")));
    }
    at = skip_space(text, at + 1);
    if text.get(at) == Some(&b']') {
        return Err(Invalid::NoDims);
    }
    let mut elements = Vec::with_capacity(expected.clamp(16, MAX_DIMS));
    loop {
        check_dims(elements.len() + 1)?;
        at = skip_space(text, at);
        let rest = text.get(at..).unwrap_or_default();
        let Some(scanned) = number::scan(rest) else {
            return Err(syntax(text, None));
        };
        if scanned.overflow {
            let token = String::from_utf8_lossy(&rest[..scanned.len]).into_owned();
            return Err(Invalid::OutOfRange { token });
        }
        check_element(scanned.value)?;
        elements.push(scanned.value);
        at = skip_space(text, at + scanned.len);
        match text.get(at) {
            Some(b',') => at += 1,
            Some(b']') => break,
            _ => return Err(syntax(text, None)),
        }
    }
    if skip_space(text, at + 1) == text.len() {
        Ok(elements)
    } else {
        Err(syntax(text, Some("Junk after closing right brace.")))
    }
}

/// The literal of `elements`, without spaces.
#[must_use]
pub fn format(elements: &[f32]) -> Vec<u8> {
    let mut out = Vec::with_capacity(elements.len() * 13 + 2);
    out.push(b'[');
    for element in elements {
        if out.len() > 1 {
            out.push(b',');
        }
        number::write(*element, &mut out);
    }
    out.push(b']');
    out
}

#[cfg(test)]
mod tests {
    use super::{format as literal, *};
    use proptest::prelude::*;

    fn parsed(text: &str) -> Result<Vec<f32>, Invalid> {
        parse(text.as_bytes(), 0)
    }

    fn is_syntax(text: &str, detail: Option<&str>) -> bool {
        matches!(parsed(text), Err(Invalid::Syntax { detail: found, .. }) if found == detail)
    }

    #[test]
    fn spaces_are_free() {
        let values = parsed(" \t[ 1 ,\n2\x0b,\x0c-3.5\r] ").unwrap();
        assert_eq!(values, [1.0, 2.0, -3.5]);
    }

    #[test]
    fn each_fault_has_its_words() {
        let start = Some("Vector contents must start with \"[\".");
        let junk = Some("Junk after closing right brace.");
        assert!(is_syntax("", start) && is_syntax("1,2", start) && is_syntax("{1}", start));
        assert!(is_syntax("[1]2", junk) && is_syntax("[1]]", junk) && is_syntax("[1] [", junk));
        for text in [
            "[", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1,,2]", "[a]", "[1,2,3", "[1;2]",
        ] {
            assert!(is_syntax(text, None), "{text}");
        }
        assert_eq!(parsed("[]"), Err(Invalid::NoDims));
        assert_eq!(parsed("[  ]"), Err(Invalid::NoDims));
        assert_eq!(parsed("[NaN]"), Err(Invalid::NotANumber));
        assert_eq!(parsed("[1,-Infinity]"), Err(Invalid::Infinite));
        assert_eq!(
            parsed("[1,4e38 ]"),
            Err(Invalid::OutOfRange {
                token: "4e38".into()
            })
        );
        assert!(parsed(&format!("[{}1]", "1,".repeat(MAX_DIMS - 1))).is_ok());
        assert_eq!(
            parsed(&format!("[{}1]", "1,".repeat(MAX_DIMS))),
            Err(Invalid::TooManyDims)
        );
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            values in prop::collection::vec(any::<f32>().prop_filter("finite", |x| x.is_finite()), 1..99)
        ) {
            let back = parse(&literal(&values), values.len()).unwrap();
            let bits = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            prop_assert_eq!(bits(&back), bits(&values));
        }

        #[test]
        fn no_text_panics(text in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&text, 0);
        }

        #[test]
        fn no_text_of_the_right_letters_panics(text in "[\\[\\]0-9.,eExXpPnaif+() -]{0,60}") {
            let _ = parse(text.as_bytes(), 0);
            let _ = parse(format!("[{text}]").as_bytes(), 0);
        }
    }
}
