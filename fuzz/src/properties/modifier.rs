//! Type modifiers.

use vector_ext::vector::{Type, check_modifier};

/// One number within the limits of the type, or an error that says which type or limit.
pub fn modifier(data: &[u8]) {
    let (numbers, _) = data.as_chunks::<4>();
    let modifiers: Vec<i32> = numbers.iter().map(|b| i32::from_be_bytes(*b)).collect();
    for of in [Type::Vector, Type::Halfvec, Type::Sparsevec, Type::Bit] {
        let most = of.max_dims();
        let valid = match *modifiers {
            [dims] => usize::try_from(dims).is_ok_and(|dims| (1..=most).contains(&dims)),
            _ => false,
        };
        match check_modifier(of, &modifiers) {
            Ok(dims) => assert!(valid && modifiers == [dims], "{modifiers:?} of {of}"),
            Err(message) => {
                assert!(!valid, "{modifiers:?} of {of}: {message}");
                assert_eq!(message.contains(of.name()), modifiers.len() == 1);
            }
        }
    }
}
