//! Text form of sparse vectors: `{1:1.5,3:2}/5`, indices from 1, with white space anywhere between the parts.

use super::super::text::{skip_space, syntax};
use super::super::{Invalid, Type, check_declared, check_finite, number};
use super::{MAX_ELEMENTS, Sparse, SparseVector, check_index, check_sparse_dims};

const OF: Type = Type::Sparsevec;

/// A literal, and how far it has been read.
struct Reader<'t> {
    text: &'t [u8],
    at: usize,
}

impl Reader<'_> {
    fn fault(&self, detail: Option<&'static str>) -> Invalid {
        syntax(OF, self.text, detail)
    }

    /// The next byte that is not white space, without taking it.
    fn peek(&mut self) -> Option<u8> {
        self.at = skip_space(self.text, self.at);
        self.text.get(self.at).copied()
    }

    /// Takes the next byte if it is this one.
    fn take(&mut self, byte: u8) -> bool {
        let is = self.peek() == Some(byte);
        self.at += usize::from(is);
        is
    }

    /// Reads a decimal integer, as large as int32 can be where it is larger.
    fn integer(&mut self) -> Result<i32, Invalid> {
        self.peek();
        let rest = self.text.get(self.at..).unwrap_or_default();
        let sign = usize::from(matches!(rest.first(), Some(b'+' | b'-')));
        let digits = rest[sign..].iter().take_while(|b| b.is_ascii_digit());
        let (count, size) = digits.fold((0, 0_i64), |(count, size), digit| {
            let longer = size
                .saturating_mul(10)
                .saturating_add((digit - b'0').into());
            (count + 1, longer)
        });
        if count == 0 {
            return Err(self.fault(None));
        }
        self.at += sign + count;
        let signed = if rest[0] == b'-' { -size } else { size };
        let least = i64::from(i32::MIN) + 1;
        Ok(i32::try_from(signed.clamp(least, i32::MAX.into())).unwrap_or(0))
    }

    /// Reads an element. Unlike in a dense vector, one that is too small for float32 is refused: it
    /// would be left out.
    fn element(&mut self) -> Result<f32, Invalid> {
        self.peek();
        let rest = self.text.get(self.at..).unwrap_or_default();
        let scanned = number::scan(rest).ok_or_else(|| self.fault(None))?;
        let token = &rest[..scanned.len];
        if scanned.overflow || scanned.value == 0.0 && !number::is_zero(token) {
            let token = String::from_utf8_lossy(token).into_owned();
            return Err(Invalid::OutOfRange { of: OF, token });
        }
        check_finite(OF, scanned.value)?;
        self.at += scanned.len;
        Ok(scanned.value)
    }

    /// Reads `{1:1.5,3:2}`: index from 0, and value, of each element that is not zero.
    fn elements(&mut self) -> Result<Vec<(i32, f32)>, Invalid> {
        if !self.take(b'{') {
            return Err(self.fault(Some("Vector contents must start with \"{\".")));
        }
        let mut elements = Vec::new();
        if self.take(b'}') {
            return Ok(elements);
        }
        loop {
            let index = self.integer()?;
            if !self.take(b':') {
                return Err(self.fault(None));
            }
            let value = self.element()?;
            if value != 0.0 {
                elements.push((index - 1, value));
            }
            if self.take(b'}') {
                return Ok(elements);
            }
            if !self.take(b',') {
                return Err(self.fault(None));
            }
        }
    }
}

/// Reads a literal; `declared` is the column's number of dimensions.
///
/// # Errors
/// [`Invalid::TooManyElements`] by the number of commas, then the first fault from left to right,
/// then what is wrong with dimensions and indices.
pub fn parse(text: &[u8], declared: Option<usize>) -> Result<SparseVector, Invalid> {
    if text.split(|b| *b == b',').nth(MAX_ELEMENTS).is_some() {
        return Err(Invalid::TooManyElements);
    }
    let mut reader = Reader { text, at: 0 };
    let mut elements = reader.elements()?;
    if !reader.take(b'/') {
        return Err(reader.fault(Some("Unexpected end of input.")));
    }
    let dims = reader.integer()?;
    if reader.peek().is_some() {
        return Err(reader.fault(Some("Junk after closing.")));
    }
    let dims = check_sparse_dims(dims)?;
    check_declared(declared, dims as usize)?;
    elements.sort_by_key(|(index, _)| *index);
    let mut vector = SparseVector::zero(dims);
    let mut before = None;
    for (index, value) in elements {
        vector.push(check_index(before, index, dims)?, value);
        before = Some(index);
    }
    Ok(vector)
}

/// The literal of a vector, without spaces.
#[must_use]
pub fn format(vector: Sparse<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(vector.values.len() * 24 + 16);
    out.push(b'{');
    for (index, value) in vector.iter() {
        if out.len() > 1 {
            out.push(b',');
        }
        out.extend_from_slice((u64::from(index) + 1).to_string().as_bytes());
        out.push(b':');
        number::write(value, &mut out);
    }
    out.extend_from_slice(b"}/");
    out.extend_from_slice(vector.dims.to_string().as_bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::super::MAX_SPARSE_DIMS;
    use super::{format as literal, *};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn parsed(text: &str) -> Result<SparseVector, Invalid> {
        parse(text.as_bytes(), None)
    }

    fn shown(text: &str) -> String {
        String::from_utf8(literal(parsed(text).unwrap().as_sparse())).unwrap()
    }

    fn is_syntax(text: &str, detail: Option<&str>) -> bool {
        matches!(parsed(text), Err(Invalid::Syntax { detail: found, .. }) if found == detail)
    }

    #[test]
    fn elements_are_sorted_zeros_left_out_and_spaces_free() {
        assert_eq!(shown("{3:2,1:1.5,2:0}/5"), "{1:1.5,3:2}/5");
        assert_eq!(
            shown(" \t{ 1 : 1.5\n,\x0b+3 :2 }\x0c/ +5 "),
            "{1:1.5,3:2}/5"
        );
        assert_eq!(shown("{}/3"), "{}/3");
        assert_eq!(shown("{ } / 3"), "{}/3");
        assert_eq!(
            shown("{1000000000:-1}/1000000000"),
            "{1000000000:-1}/1000000000"
        );
        assert_eq!(shown("{9:0,9:-0}/3"), "{}/3");
    }

    #[test]
    fn each_fault_has_its_words() {
        let start = Some("Vector contents must start with \"{\".");
        assert!(is_syntax("", start) && is_syntax("1:1}/2", start) && is_syntax("[1]", start));
        let end = Some("Unexpected end of input.");
        assert!(is_syntax("{}", end) && is_syntax("{1:1}", end) && is_syntax("{1:1} 2", end));
        let junk = Some("Junk after closing.");
        assert!(is_syntax("{}/5a", junk) && is_syntax("{1:1}/5 5", junk));
        for text in [
            "{",
            "{1",
            "{1:",
            "{1:1",
            "{1:1,",
            "{1:1,}/2",
            "{,}/2",
            "{1:1 2:1}/2",
            "{:1}/2",
            "{1 1}/2",
            "{a:1}/2",
            "{1:a}/2",
            "{}/",
            "{}/a",
            "{1.5:1}/2",
            "{-:1}/2",
        ] {
            assert!(is_syntax(text, None), "{text}");
        }
    }

    #[test]
    fn numbers_and_places_are_checked() {
        let of = OF;
        let beyond = |token: &str| {
            let token = token.into();
            Err(Invalid::OutOfRange { of, token })
        };
        assert_eq!(parsed("{1:4e38}/2"), beyond("4e38"));
        assert_eq!(parsed("{1:-1e-46 }/2"), beyond("-1e-46"));
        assert_eq!(parsed("{1:0x1p-200}/2"), beyond("0x1p-200"));
        assert_eq!(shown("{1:1e-45,2:0.00e-99,3:0x0p5}/3"), "{1:1e-45}/3");
        assert_eq!(parsed("{1:nan}/2"), Err(Invalid::NotANumber(of)));
        assert_eq!(parsed("{1:inf}/2"), Err(Invalid::Infinite(of)));
        for text in ["{0:1}/2", "{3:1}/2", "{-1:1}/2", "{99999999999:1}/2"] {
            assert_eq!(parsed(text), Err(Invalid::IndexOutOfBounds), "{text}");
        }
        assert_eq!(parsed("{2:1,1:3,2:2}/2"), Err(Invalid::IndexTwice));
        for text in ["{}/0", "{}/-1", "{}/-99999999999999999999"] {
            assert_eq!(parsed(text), Err(Invalid::NoDims(of)), "{text}");
        }
        for text in ["{}/1000000001", "{}/99999999999999999999"] {
            assert_eq!(parsed(text), Err(Invalid::TooManyDims(of)), "{text}");
        }
        assert!(parse(b"{}/3", Some(3)).is_ok() && parse(b"{}/3", Some(2)).is_err());
        let many = |count| format!("{{{}1:1}}/2", "1:0,".repeat(count));
        assert!(parsed(&many(MAX_ELEMENTS - 1)).is_ok());
        assert_eq!(parsed(&many(MAX_ELEMENTS)), Err(Invalid::TooManyElements));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            elements in prop::collection::btree_map(0..MAX_SPARSE_DIMS, any::<f32>(), 0..60),
        ) {
            let fits = |(_, x): &(u32, f32)| x.is_finite() && *x != 0.0;
            let kept: BTreeMap<u32, f32> = elements.into_iter().filter(fits).collect();
            let vector = SparseVector {
                dims: MAX_SPARSE_DIMS,
                indices: kept.keys().copied().collect(),
                values: kept.values().copied().collect(),
            };
            prop_assert_eq!(parse(&literal(vector.as_sparse()), None).unwrap(), vector);
        }

        #[test]
        fn no_text_panics(text in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&text, None);
        }

        #[test]
        fn no_text_of_the_right_letters_panics(text in "[{}:/0-9.,eExXpPnaif+ -]{0,60}") {
            let _ = parse(text.as_bytes(), None);
            let _ = parse(format!("{{{text}").as_bytes(), None);
        }
    }
}
