//! Plain literals, read by the standard library: the other way to the same numbers. What it does not
//! know (white space, hexadecimal, `nan`) is left to the parsers alone.

/// The parts of `all` between commas.
pub fn split(all: &str) -> Vec<&str> {
    all.split(',').collect()
}

/// The float32 nearest to a decimal with digits only, a sign, a point and an exponent; infinite where
/// it is too large.
pub fn number(token: &str) -> Option<f32> {
    let plain = token
        .bytes()
        .all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    token.parse().ok().filter(|_| plain)
}

/// Whether a decimal that [`number`] reads is zero as it is written.
pub fn is_zero(token: &str) -> bool {
    let digits = token.split(['e', 'E']).next().unwrap_or_default();
    !digits.bytes().any(|b| matches!(b, b'1'..=b'9'))
}
