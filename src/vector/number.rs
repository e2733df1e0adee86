//! Numbers: one float32 as text. Reading follows C's `strtof`, which pgvector calls; writing follows Postgres'
//! `float_to_shortest_decimal_buf` (`src/common/f2s.c`), digit for digit.

/// A number at the start of a text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScannedNumber {
    /// The nearest float32.
    pub value: f32,
    /// Bytes that the number takes.
    pub len: usize,
    /// Whether a finite number was written that float32 cannot hold.
    pub overflow: bool,
}

/// Reads the number at the start of `text`: decimal, hexadecimal, `inf`, `infinity`, `nan` or
/// `nan(...)`, in either case, with an optional sign. `None` where there is none.
#[must_use]
pub fn scan(text: &[u8]) -> Option<ScannedNumber> {
    let (value, len) = fast_float2::parse_partial::<f32, _>(text).ok()?;
    let first = match text {
        [b'+' | b'-', rest @ ..] | rest => rest,
    };
    match first {
        [b'0', b'x' | b'X', ..] => scan_hex(text).or(Some(ScannedNumber {
            value,
            len,
            overflow: false,
        })),
        [b'n' | b'N', ..] => Some(ScannedNumber {
            value,
            len: len + nan_payload(&text[len..]),
            overflow: false,
        }),
        [b'i' | b'I', ..] => Some(ScannedNumber {
            value,
            len,
            overflow: false,
        }),
        _ => Some(ScannedNumber {
            value,
            len,
            overflow: value.is_infinite(),
        }),
    }
}

/// Whether a number that was scanned is written as zero: no digit before its exponent is another.
#[must_use]
pub fn is_zero(token: &[u8]) -> bool {
    let unsigned = match token {
        [b'+' | b'-', rest @ ..] | rest => rest,
    };
    let (digits, exponent): (_, &[u8]) = match unsigned {
        [b'0', b'x' | b'X', rest @ ..] => (rest, b"pP"),
        rest => (rest, b"eE"),
    };
    let mut digits = digits.iter().take_while(|b| !exponent.contains(b));
    digits.all(|b| matches!(b, b'0' | b'.'))
}

/// Bytes of the `(...)` that may follow `nan`.
fn nan_payload(text: &[u8]) -> usize {
    let [b'(', rest @ ..] = text else { return 0 };
    let word = rest
        .iter()
        .take_while(|b| b.is_ascii_alphanumeric() || **b == b'_')
        .count();
    if rest.get(word) == Some(&b')') {
        word + 2
    } else {
        0
    }
}

/// Reads `[sign] 0x digits [. digits] [p exponent]`; `None` where no digit follows the `0x`.
fn scan_hex(text: &[u8]) -> Option<ScannedNumber> {
    let sign = usize::from(matches!(text.first(), Some(b'+' | b'-')));
    let mut at = sign + 2;
    // 60 bits of mantissa; what is cut off only leaves a one in the last bit, for the rounding.
    let (mut mantissa, mut exponent, mut digits, mut point) = (0_u64, 0_i64, 0_usize, None);
    while let Some(byte) = text.get(at) {
        match char::from(*byte).to_digit(16) {
            Some(digit) if mantissa >> 56 == 0 => mantissa = mantissa << 4 | u64::from(digit),
            Some(digit) => {
                mantissa |= u64::from(digit != 0);
                exponent += 4;
            }
            None if *byte == b'.' && point.is_none() => {
                point = Some(digits);
                at += 1;
                continue;
            }
            None => break,
        }
        digits += 1;
        at += 1;
    }
    if digits == 0 {
        return None;
    }
    let fraction = point.map_or(0, |before| digits - before);
    exponent -= 4 * i64::try_from(fraction).ok()?;
    let (written, len) = binary_exponent(&text[at..]);
    exponent = exponent.saturating_add(written);
    let magnitude = scale(mantissa, exponent);
    let value = if text.first() == Some(&b'-') {
        -magnitude
    } else {
        magnitude
    };
    Some(ScannedNumber {
        value,
        len: at + len,
        overflow: value.is_infinite(),
    })
}

/// Reads `p[sign]digits`; the exponent and the bytes it takes, none where it is not complete.
fn binary_exponent(text: &[u8]) -> (i64, usize) {
    let [b'p' | b'P', rest @ ..] = text else {
        return (0, 0);
    };
    let sign = usize::from(matches!(rest.first(), Some(b'+' | b'-')));
    let digits = rest[sign..].iter().take_while(|b| b.is_ascii_digit());
    let (value, count) = digits.fold((0_i64, 0), |(value, count), digit| {
        (
            value
                .saturating_mul(10)
                .saturating_add(i64::from(digit - b'0'))
                .min(1 << 40),
            count + 1,
        )
    });
    if count == 0 {
        return (0, 0);
    }
    (
        if rest.first() == Some(&b'-') {
            -value
        } else {
            value
        },
        1 + sign + count,
    )
}

/// `mantissa * 2^exponent` rounded once to float32; `mantissa` has at most 60 bits.
fn scale(mantissa: u64, exponent: i64) -> f32 {
    if mantissa == 0 {
        return 0.0;
    }
    // 50 bits are exact in float64 and leave room for the bit that stands for all that is cut off.
    let cut = (64 - i64::from(mantissa.leading_zeros()) - 50).max(0);
    let kept = mantissa >> cut | u64::from(mantissa & ((1 << cut) - 1) != 0);
    let exponent = i32::try_from((exponent + cut).clamp(-400, 400)).unwrap_or(0);
    #[expect(clippy::cast_precision_loss, reason = "51 bits fit")]
    super::dense::narrow(kept as f64 * 2_f64.powi(exponent))
}

/// Appends the shortest decimal that reads back as `value`, which is finite: `%g`'s layout, fixed
/// from 1e-4 up to 1e6 and `d.ddde+XX` outside.
pub fn write(value: f32, out: &mut Vec<u8>) {
    let mut buffer = ryu::Buffer::new();
    let text = buffer.format_finite(value).as_bytes();
    let magnitude = value.abs();
    if (1e-4..1e6).contains(&magnitude) || magnitude == 0.0 {
        // Both layouts agree here, but for the `.0` of whole numbers.
        out.extend_from_slice(text.strip_suffix(b".0").unwrap_or(text));
    } else {
        if value.is_sign_negative() {
            out.push(b'-');
        }
        let (digits, exponent) = shortest(magnitude, text.strip_prefix(b"-").unwrap_or(text));
        write_scientific(&digits, exponent, out);
    }
}

/// Significant digits of `value` and the decimal exponent of the first of them; `text` is what
/// `ryu` made of it.
///
/// `ryu` accepts a decimal that lies exactly on the border to a neighbour when the mantissa is
/// even; Postgres never does. A border is `odd * 2^k` with an odd of 25 bits, so that nine digits
/// can meet it only where k >= -2, that is from 2^22 up; below, `ryu` is right as it is.
fn shortest(value: f32, text: &[u8]) -> (Vec<u8>, i32) {
    let found = split(text);
    if value < 4_194_304.0 || is_inside(value, text) {
        return found;
    }
    (found.0.len()..=9)
        .map(|digits| format!("{value:.*e}", digits - 1))
        .find(|text| is_inside(value, text.as_bytes()))
        .map_or(found, |text| split(text.as_bytes()))
}

/// Whether the decimal `text` lies strictly nearer to `value` than to either neighbour.
fn is_inside(value: f32, text: &[u8]) -> bool {
    let Ok(decimal) = fast_float2::parse::<f64, _>(text) else {
        return false;
    };
    let (below, at) = (f64::from(value.next_down()), f64::from(value));
    // The largest float has no next one; the bound, met by powers of two, stands in.
    let above = f64::from(value.next_up()).min(at + 2.0 * (at - below));
    f64::midpoint(below, at) < decimal && decimal < f64::midpoint(at, above)
}

/// Splits `12.5`, `0.00125` or `1.25e-3` into `(b"125", exponent of the first digit)`.
fn split(text: &[u8]) -> (Vec<u8>, i32) {
    let mark = text.iter().position(|b| *b == b'e').unwrap_or(text.len());
    let written: i32 = text
        .get(mark + 1..)
        .and_then(|e| std::str::from_utf8(e).ok())
        .and_then(|e| e.parse().ok())
        .unwrap_or(0);
    let whole = text[..mark].iter().position(|b| *b == b'.').unwrap_or(mark);
    let all: Vec<u8> = text[..mark]
        .iter()
        .copied()
        .filter(u8::is_ascii_digit)
        .collect();
    let zeros = all.iter().take_while(|d| **d == b'0').count();
    let mut digits = all[zeros..].to_vec();
    while digits.len() > 1 && digits.last() == Some(&b'0') {
        digits.pop();
    }
    let count = |n: usize| i32::try_from(n).unwrap_or(0);
    (digits, count(whole) - 1 - count(zeros) + written)
}

fn write_scientific(digits: &[u8], exponent: i32, out: &mut Vec<u8>) {
    let Some((first, rest)) = digits.split_first() else {
        return;
    };
    out.push(*first);
    if !rest.is_empty() {
        out.push(b'.');
        out.extend_from_slice(rest);
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    out.extend_from_slice(format!("e{sign}{:02}", exponent.unsigned_abs()).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(value: f32) -> String {
        let mut out = Vec::new();
        write(value, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn value(text: &str) -> f32 {
        let scanned = scan(text.as_bytes()).unwrap();
        assert_eq!(scanned.len, text.len(), "{text}");
        scanned.value
    }

    #[test]
    fn layout_is_that_of_postgres() {
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (0.1, "0.1"),
            (-12.5, "-12.5"),
            (1e-4, "0.0001"),
            (1.5e-5, "1.5e-05"),
            (123_456.0, "123456"),
            (100_000.0, "100000"),
            (1e6, "1e+06"),
            (1_234_567.0, "1.234567e+06"),
            (-1e-45, "-1e-45"),
            (f32::MAX, "3.4028235e+38"),
            (f32::MIN_POSITIVE, "1.1754944e-38"),
            (9_007_199_254_740_992.0, "9.007199e+15"),
            (33_554_432.0, "3.3554432e+07"),
            // 3.355445e+07 lies on the border to the next float: `ryu` takes it, Postgres does not.
            (33_554_448.0, "3.3554448e+07"),
        ] {
            assert_eq!(shown(number), text);
        }
    }

    #[test]
    fn reading_takes_what_strtof_takes() {
        for (text, number) in [
            ("1.", 1.0),
            (".5", 0.5),
            ("+2", 2.0),
            ("1e5", 1e5),
            ("1E-3", 1e-3),
            ("0x10", 16.0),
            ("-0X1.8p1", -3.0),
            ("0x.8", 0.5),
            ("0x1p-149", 1e-45),
            ("0x1p-151", 0.0),
            ("0x1.000001p0", 1.0),
            ("0x1.000001000000000000000000000001p0", 1.000_000_1),
            ("0xffffff8", 268_435_456.0),
            ("1e-60", 0.0),
        ] {
            assert_eq!(value(text).to_bits(), f32::to_bits(number), "{text}");
        }
        assert_eq!(scan(b"0x").map(|s| s.len), Some(1));
        assert_eq!(scan(b"0xp1").map(|s| s.len), Some(1));
        assert_eq!(scan(b"0x1p+").map(|s| s.len), Some(3));
        assert_eq!(scan(b"1e").map(|s| s.len), Some(1));
        assert_eq!(scan(b"nan(12_a)x").map(|s| s.len), Some(9));
        assert_eq!(scan(b"nan(1").map(|s| s.len), Some(3));
        assert!(scan(b"INFINITY").is_some_and(|s| s.value.is_infinite() && !s.overflow));
        assert!(scan(b"-4e38").is_some_and(|s| s.overflow && s.len == 5));
        assert!(scan(b"0x1p999999999999999999").is_some_and(|s| s.overflow));
        for text in ["", "-", ".", "e5", "+-1", "x", ",", "--1"] {
            assert_eq!(scan(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(bits: u32) {
            let number = f32::from_bits(bits);
            prop_assume!(number.is_finite());
            prop_assert_eq!(value(&shown(number)).to_bits(), bits);
        }

        #[test]
        fn hex_agrees_with_an_exact_product(mantissa in 0_u32..1 << 24, exponent in -160_i32..120) {
            let text = format!("0x{mantissa:x}p{exponent}");
            #[expect(clippy::cast_possible_truncation, reason = "the oracle rounds once, too")]
            let exact = (f64::from(mantissa) * 2_f64.powi(exponent)) as f32;
            prop_assert_eq!(value(&text).to_bits(), exact.to_bits());
        }
    }
}
