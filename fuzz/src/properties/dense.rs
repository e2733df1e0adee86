//! Text and binary form of dense vectors.

use std::fmt::Debug;

use vector_ext::vector::{Element, Invalid, MAX_DIMS, text, wire};

use super::memory::{bound, within};
use super::{Target, plain};

/// What becomes of a number in a literal.
pub enum Rounded {
    /// The element, as float32.
    To(f32),
    /// No element is near.
    Beyond,
    /// Elements are whole numbers, and it is none.
    Fraction,
}

impl Rounded {
    /// One that is not finite is beyond.
    pub fn float(x: f32) -> Self {
        if x.is_finite() {
            Self::To(x)
        } else {
            Self::Beyond
        }
    }

    /// An int8.
    pub fn int8(x: f32) -> Self {
        if !(-128.5..127.5).contains(&x) {
            Self::Beyond
        } else if x % 1.0 == 0.0 {
            // There is no negative zero.
            Self::To(x + 0.0)
        } else {
            Self::Fraction
        }
    }
}

/// How float32 is rounded to an element.
type Rounding = fn(f32) -> Rounded;

/// The targets of the vectors of one element.
pub fn targets<E: Element>(rounding: Rounding) -> [Target; 2] {
    [
        Target::new(format!("{}_text", E::TYPE), move |data| {
            any_text::<E>(data, rounding);
        }),
        Target::new(format!("{}_wire", E::TYPE), any_bytes::<E>),
    ]
}

fn bits<E: Element>(elements: &[E]) -> Vec<u32> {
    elements.iter().map(|e| e.widen().to_bits()).collect()
}

fn same<E: Element>(found: &Result<Vec<E>, Invalid>, expected: &[E], by: &dyn Debug) {
    let found = found.as_ref().map(|elements| bits(elements));
    assert_eq!(found, Ok(bits(expected)), "{by:?}");
}

/// What reads was within the limits, and comes back bit for bit from what is written of it.
fn whole<E: Element>(elements: &[E]) {
    assert!((1..=MAX_DIMS).contains(&elements.len()));
    assert!(elements.iter().all(|e| e.widen().is_finite()));
    let literal = text::format(elements);
    assert!(literal.is_ascii());
    same(&text::parse(&literal, elements.len()), elements, &literal);
    let mut message = vec![0; wire::encoded_len::<E>(elements.len())];
    wire::encode(elements, &mut message);
    same(&wire::decode(&message, None), elements, &message);
    let dims = elements.len();
    assert!(wire::decode::<E>(&message, Some(dims)).is_ok());
    let unexpected = Invalid::UnexpectedDims {
        expected: dims + 1,
        dims,
    };
    assert_eq!(wire::decode::<E>(&message, Some(dims + 1)), Err(unexpected));
    message.pop();
    assert_eq!(wire::decode::<E>(&message, None), Err(Invalid::Truncated));
}

fn any_text<E: Element>(data: &[u8], rounding: Rounding) {
    let limit = bound(data.len());
    let parsed = within(limit, || text::parse::<E>(data, 0));
    let hinted = within(limit, || text::parse::<E>(data, MAX_DIMS));
    assert_eq!(parsed.as_ref().err(), hinted.as_ref().err());
    match &parsed {
        Ok(elements) => {
            same(&hinted, elements, &data);
            whole(elements);
        }
        Err(invalid) => refused::<E>(invalid, data),
    }
    if let Some(numbers) = numbers(data) {
        agrees(&parsed, &numbers, rounding);
    }
}

/// An error is about this text, and of this type.
fn refused<E: Element>(invalid: &Invalid, data: &[u8]) {
    let shown = String::from_utf8_lossy(data);
    let about = if let Invalid::Syntax { of, text, .. } = invalid {
        *of == E::TYPE && *text == shown
    } else if let Invalid::OutOfRange { of, token } | Invalid::Fraction { of, token } = invalid {
        *of == E::TYPE && !token.is_empty() && shown.contains(token.as_str())
    } else {
        [
            Invalid::NotANumber(E::TYPE),
            Invalid::Infinite(E::TYPE),
            Invalid::NoDims(E::TYPE),
            Invalid::TooManyDims(E::TYPE),
        ]
        .contains(invalid)
    };
    assert!(about, "{invalid:?} of {shown:?}");
}

/// The numbers of a plain literal with their text.
fn numbers(data: &[u8]) -> Option<Vec<(f32, &str)>> {
    let inner = std::str::from_utf8(data).ok()?;
    let inner = inner.strip_prefix('[')?.strip_suffix(']')?;
    let tokens = plain::split(inner).into_iter();
    tokens
        .map(|token| Some((plain::number(token)?, token)))
        .collect()
}

/// The parser and the standard library read the same from a plain literal.
fn agrees<E: Element>(
    parsed: &Result<Vec<E>, Invalid>,
    numbers: &[(f32, &str)],
    rounding: Rounding,
) {
    let mut read = numbers.iter().take(MAX_DIMS);
    let (of, mut expected) = (E::TYPE, Vec::new());
    let refused = read.find_map(|(x, token)| {
        let token = (*token).to_owned();
        match rounding(*x) {
            Rounded::To(x) => {
                expected.push(x.to_bits());
                None
            }
            Rounded::Beyond => Some(Invalid::OutOfRange { of, token }),
            Rounded::Fraction => Some(Invalid::Fraction { of, token }),
        }
    });
    match refused {
        Some(invalid) => assert_eq!(parsed.as_ref().err(), Some(&invalid)),
        None if numbers.len() > MAX_DIMS => {
            let many = Invalid::TooManyDims(of);
            assert_eq!(parsed.as_ref().err(), Some(&many));
        }
        None => {
            let found = parsed.as_ref().map(|elements| bits(elements));
            assert_eq!(found, Ok(expected), "{numbers:?}");
        }
    }
}

/// As a message, and as the elements of one.
fn any_bytes<E: Element>(data: &[u8]) {
    match within(bound(data.len()), || wire::decode::<E>(data, None)) {
        Ok(elements) => {
            let mut message = vec![0; wire::encoded_len::<E>(elements.len())];
            wire::encode(&elements, &mut message);
            assert!(data.starts_with(&message), "{message:?} of {data:?}");
            whole(&elements);
        }
        Err(invalid) => {
            let known = [
                Invalid::NoDims(E::TYPE),
                Invalid::TooManyDims(E::TYPE),
                Invalid::NotANumber(E::TYPE),
                Invalid::Infinite(E::TYPE),
                Invalid::Truncated,
            ];
            let unused = matches!(invalid, Invalid::Unused(other) if other != 0);
            assert!(
                unused || known.contains(&invalid),
                "{invalid:?} of {data:?}"
            );
        }
    }
    let elements = data.chunks_exact(E::BYTES).map(E::from_network);
    let finite = elements.filter(|e| e.widen().is_finite()).take(MAX_DIMS);
    let elements: Vec<E> = finite.collect();
    if !elements.is_empty() {
        whole(&elements);
    }
}
