//! Fallible memory: vectors that grow with rows ask for their memory. Where there is none, that is an error of the
//! operation; collections by themselves would end the process.

use std::collections::TryReserveError;

/// As many copies of a value.
///
/// # Errors
/// Where there is no memory for them.
pub fn filled<T: Clone>(value: T, len: usize) -> Result<Vec<T>, TryReserveError> {
    let mut all = with_room(len)?;
    all.resize(len, value);
    Ok(all)
}

/// An empty vector with room for `len`.
///
/// # Errors
/// Where there is no memory for them.
pub fn with_room<T>(len: usize) -> Result<Vec<T>, TryReserveError> {
    let mut all = Vec::new();
    all.try_reserve_exact(len)?;
    Ok(all)
}

/// What a vector does by itself, or an error.
pub trait Fallible<T> {
    /// Adds an element at the end.
    ///
    /// # Errors
    /// Where there is no memory for it.
    fn try_push(&mut self, element: T) -> Result<(), TryReserveError>;

    /// Adds elements at the end.
    ///
    /// # Errors
    /// Where there is no memory for one of them; those before it are there.
    fn try_extend(&mut self, elements: impl IntoIterator<Item = T>) -> Result<(), TryReserveError>;
}

impl<T> Fallible<T> for Vec<T> {
    #[inline]
    fn try_push(&mut self, element: T) -> Result<(), TryReserveError> {
        self.try_reserve(1)?;
        self.push(element);
        Ok(())
    }

    fn try_extend(&mut self, elements: impl IntoIterator<Item = T>) -> Result<(), TryReserveError> {
        let elements = elements.into_iter();
        self.try_reserve(elements.size_hint().0)?;
        for element in elements {
            self.try_push(element)?;
        }
        Ok(())
    }
}

/// The elements of an iterator in a vector.
///
/// # Errors
/// Where there is no memory for them.
pub fn collected<T>(elements: impl IntoIterator<Item = T>) -> Result<Vec<T>, TryReserveError> {
    let mut all = Vec::new();
    all.try_extend(elements)?;
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_memory_holds_is_an_error() {
        assert!(filled(0_u64, usize::MAX / 32).is_err());
        assert!(with_room::<u8>(usize::MAX).is_err());
        let endless = std::iter::repeat_n(0_u64, usize::MAX / 32);
        assert!(collected(endless).is_err());
        let mut all = filled(7, 3).unwrap();
        all.try_push(8).unwrap();
        all.try_extend((9..).take(2)).unwrap();
        assert_eq!(all, [7, 7, 7, 8, 9, 10]);
        assert_eq!(
            collected(all.iter().filter(|x| **x > 8)).unwrap(),
            [&9, &10]
        );
    }
}
