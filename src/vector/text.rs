//! Text form of dense vectors: `[1,2,3]`, with white space anywhere between the parts.

use super::number::ScannedNumber;
use super::{Element, Invalid, MAX_DIMS, Type, check_dims, check_finite, number};

/// White space of C's `isspace` in the C locale.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0B | 0x0C)
}

/// Where the first byte is from `at` on that is not white space.
pub(super) fn skip_space(text: &[u8], mut at: usize) -> usize {
    while text.get(at).is_some_and(|b| is_space(*b)) {
        at += 1;
    }
    at
}

/// What is said of a literal that is none.
pub(super) fn syntax(of: Type, text: &[u8], detail: Option<&'static str>) -> Invalid {
    Invalid::Syntax {
        of,
        text: String::from_utf8_lossy(text).into_owned(),
        detail,
    }
}

/// The element that a number is, at the start of `rest`.
fn element<E: Element>(scanned: ScannedNumber, rest: &[u8]) -> Result<E, Invalid> {
    let (of, value) = (E::TYPE, scanned.value);
    let token = || String::from_utf8_lossy(&rest[..scanned.len]).into_owned();
    if E::is_near(value) {
        return if E::is_written(value) {
            Ok(E::narrow(value))
        } else {
            Err(Invalid::Fraction { of, token: token() })
        };
    }
    if !scanned.overflow {
        check_finite(of, value)?;
    }
    Err(Invalid::OutOfRange { of, token: token() })
}

/// Reads a literal. `expected` is how many elements are likely, a mere hint for the allocation, which
/// the length of the text limits: each element takes two bytes of it.
///
/// # Errors
/// [`Invalid::Syntax`], [`Invalid::OutOfRange`], [`Invalid::Fraction`], [`Invalid::NoDims`],
/// [`Invalid::TooManyDims`] and what [`check_finite`] refuses; the first that is met from left to right.
pub fn parse<E: Element>(text: &[u8], expected: usize) -> Result<Vec<E>, Invalid> {
    let of = E::TYPE;
    let mut at = skip_space(text, 0);
    if text.get(at) != Some(&b'[') {
        return Err(syntax(
            of,
            text,
            Some("Vector contents must start with \"[\"."),
        ));
    }
    at = skip_space(text, at + 1);
    if text.get(at) == Some(&b']') {
        return Err(Invalid::NoDims(of));
    }
    let likely = expected.clamp(16, MAX_DIMS).min(text.len() / 2);
    let mut elements = Vec::with_capacity(likely);
    loop {
        check_dims(of, elements.len() + 1)?;
        at = skip_space(text, at);
        let rest = text.get(at..).unwrap_or_default();
        let Some(scanned) = number::scan(rest) else {
            return Err(syntax(of, text, None));
        };
        elements.push(element(scanned, rest)?);
        at = skip_space(text, at + scanned.len);
        match text.get(at) {
            Some(b',') => at += 1,
            Some(b']') => break,
            _ => return Err(syntax(of, text, None)),
        }
    }
    if skip_space(text, at + 1) == text.len() {
        Ok(elements)
    } else {
        Err(syntax(of, text, Some("Junk after closing right brace.")))
    }
}

/// The literal of `elements`, without spaces. Elements that are shorter than float32 are printed as
/// the float32 that they widen to.
#[must_use]
pub fn format<E: Element>(elements: &[E]) -> Vec<u8> {
    let mut out = Vec::with_capacity(elements.len() * 13 + 2);
    out.push(b'[');
    for element in elements {
        if out.len() > 1 {
            out.push(b',');
        }
        number::write(element.widen(), &mut out);
    }
    out.push(b']');
    out
}

#[cfg(test)]
mod tests {
    use super::super::f16;
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
        assert_eq!(parsed("[]"), Err(Invalid::NoDims(Type::Vector)));
        assert_eq!(parsed("[  ]"), Err(Invalid::NoDims(Type::Vector)));
        assert_eq!(parsed("[NaN]"), Err(Invalid::NotANumber(Type::Vector)));
        assert_eq!(
            parsed("[1,-Infinity]"),
            Err(Invalid::Infinite(Type::Vector))
        );
        assert_eq!(
            parsed("[1,4e38 ]"),
            Err(Invalid::OutOfRange {
                of: Type::Vector,
                token: "4e38".into()
            })
        );
        assert!(parsed(&format!("[{}1]", "1,".repeat(MAX_DIMS - 1))).is_ok());
        assert_eq!(
            parsed(&format!("[{}1]", "1,".repeat(MAX_DIMS))),
            Err(Invalid::TooManyDims(Type::Vector))
        );
    }

    #[test]
    fn a_short_literal_takes_little_memory_whatever_is_declared() {
        assert!(parse::<f32>(b"[1,2]", MAX_DIMS).unwrap().capacity() < 16);
        let long = format!("[{}1]", "1,".repeat(MAX_DIMS - 1));
        let elements = parse::<f32>(long.as_bytes(), MAX_DIMS).unwrap();
        assert_eq!(elements.capacity(), MAX_DIMS);
    }

    #[test]
    fn float16_has_its_own_range_and_shows_the_float32_that_it_is() {
        let parsed = |text: &str| parse::<f16>(text.as_bytes(), 0);
        let shown = |text: &str| String::from_utf8(literal(&parsed(text).unwrap())).unwrap();
        assert_eq!(shown("[1.23456,0.6,-0]"), "[1.234375,0.60009766,-0]");
        assert_eq!(shown("[65519,6e-8,1e-8]"), "[65504,5.9604645e-08,0]");
        let beyond = |token: &str| {
            let (of, token) = (Type::Halfvec, token.into());
            Err(Invalid::OutOfRange { of, token })
        };
        assert_eq!(parsed("[1,65520 ]"), beyond("65520"));
        assert_eq!(parsed("[-4e38]"), beyond("-4e38"));
        assert_eq!(parsed("[inf]"), Err(Invalid::Infinite(Type::Halfvec)));
        assert_eq!(parsed("[nan]"), Err(Invalid::NotANumber(Type::Halfvec)));
    }

    #[test]
    fn int8_takes_whole_numbers_of_its_range() {
        let parsed = |text: &str| parse::<i8>(text.as_bytes(), 0);
        let of = Type::Int8vec;
        assert_eq!(parsed("[1,-2.0, 3e1,-0]"), Ok(vec![1, -2, 30, 0]));
        assert_eq!(parsed("[127,-128]"), Ok(vec![127, -128]));
        assert_eq!(literal(&[-128_i8, 0, 127]), b"[-128,0,127]");
        let beyond = |token: &str| {
            let token = token.into();
            Err(Invalid::OutOfRange { of, token })
        };
        assert_eq!(parsed("[1,128 ]"), beyond("128"));
        assert_eq!(parsed("[-129]"), beyond("-129"));
        assert_eq!(parsed("[4e39]"), beyond("4e39"));
        let token = "1.5".into();
        assert_eq!(parsed("[1,1.5]"), Err(Invalid::Fraction { of, token }));
        assert_eq!(parsed("[inf]"), Err(Invalid::Infinite(of)));
        assert_eq!(parsed("[nan]"), Err(Invalid::NotANumber(of)));
        assert_eq!(parsed("[]"), Err(Invalid::NoDims(of)));
    }

    proptest! {
        #[test]
        fn what_is_written_of_int8_reads_back(values in prop::collection::vec(any::<i8>(), 1..99)) {
            prop_assert_eq!(parse::<i8>(&literal(&values), 0), Ok(values));
        }

        #[test]
        fn what_is_written_of_float16_reads_back(bits in prop::collection::vec(any::<u16>(), 1..99)) {
            let values: Vec<f16> = bits.into_iter().map(f16::from_bits).filter(|x| x.is_finite()).collect();
            prop_assume!(!values.is_empty());
            let back: Vec<f16> = parse(&literal(&values), values.len()).unwrap();
            let bits = |values: &[f16]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            prop_assert_eq!(bits(&back), bits(&values));
        }

        #[test]
        fn what_is_written_reads_back(
            values in prop::collection::vec(any::<f32>().prop_filter("finite", |x| x.is_finite()), 1..99)
        ) {
            let back: Vec<f32> = parse(&literal(&values), values.len()).unwrap();
            let bits = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            prop_assert_eq!(bits(&back), bits(&values));
        }

        #[test]
        fn no_text_panics(text in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse::<f32>(&text, 0);
        }

        #[test]
        fn no_text_of_the_right_letters_panics(text in "[\\[\\]0-9.,eExXpPnaif+() -]{0,60}") {
            let _ = parse::<f32>(text.as_bytes(), 0);
            let _ = parse::<f16>(format!("[{text}]").as_bytes(), 0);
            let _ = parse::<i8>(format!("[{text}]").as_bytes(), 0);
        }
    }
}
