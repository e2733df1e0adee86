//! Refinement: rows in the order of their exact distances, from a stream that knows their distances with some
//! doubt. Only rows whose order is in doubt are measured.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, TryReserveError, VecDeque};

/// Rows of equal bounds that are held back before the nearest row is given although the next has these bounds as well.
/// Nearly always their values are equal, and so are their distances; a table may have a million of them.
const ALIKE: usize = 256;

/// A row whose distance lies between two bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounded<T> {
    /// The row.
    pub row: T,
    /// It is not nearer than this.
    pub lower: f64,
    /// Nor farther.
    pub upper: f64,
}

impl<T> Bounded<T> {
    fn bounds(&self) -> (f64, f64) {
        (self.lower, self.upper)
    }
}

/// Rows by the lower bounds of their distances, nearest first.
pub trait Source {
    /// A row.
    type Row;
    /// Why there may be none.
    type Error;

    /// Whether the next row costs little.
    fn is_ready(&self) -> bool;

    /// No row that is not ready is nearer than this.
    fn floor(&self) -> f64;

    /// The next row; None where there is none left.
    ///
    /// # Errors
    /// Those of the source.
    fn next(&mut self) -> Result<Option<Bounded<Self::Row>>, Self::Error>;

    /// Whether a row may be given. Asked before the row is measured, and only about rows that may come next.
    ///
    /// # Errors
    /// Those of the source.
    fn admits(&mut self, _row: &Self::Row) -> Result<bool, Self::Error> {
        Ok(true)
    }

    /// Whether it may give a row after farther ones, and such a row is to come when all others have come. Otherwise it
    /// comes at once.
    fn puts_late_rows_last(&self) -> bool {
        false
    }

    /// The exact distance of a row; None where it is not to be given.
    ///
    /// # Errors
    /// Those of the source.
    fn measure(&mut self, row: &Self::Row) -> Result<Option<f64>, Self::Error>;
}

/// A row that was measured; the nearest is the least.
#[derive(Debug)]
pub struct MeasuredRow<T> {
    /// The exact distance. Not-a-number comes last.
    pub distance: f64,
    /// The row.
    pub row: T,
}

impl<T> PartialEq for MeasuredRow<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T> Eq for MeasuredRow<T> {}

impl<T> PartialOrd for MeasuredRow<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for MeasuredRow<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        // Of not-a-number the sign says nothing.
        let key = |x: f64| if x.is_nan() { f64::NAN } else { x };
        key(self.distance).total_cmp(&key(other.distance))
    }
}

/// Gives the rows of a source in exact order. All rows are measured whose bounds leave in doubt which is next, however
/// many they are, but for rows of equal bounds: of them at most 256 are held back, and where their distances differ all
/// the same, some of them may come out of order. No limit of memory counts the rows that are held back. Whether a row
/// is late is told by its exact distance: a bound would have rows of great doubt come last that are not late.
#[derive(Debug)]
pub struct Refined<T> {
    measured: BinaryHeap<Reverse<MeasuredRow<Bounded<T>>>>,
    ahead: Option<Bounded<T>>,
    /// The bounds of the row that was held back last, and how many rows that are held back have them.
    alike: ((f64, f64), usize),
    /// No row is farther that was given in order.
    given: f64,
    /// Rows that were found late, and come last.
    late: VecDeque<T>,
}

impl<T> Default for Refined<T> {
    fn default() -> Self {
        Self {
            measured: BinaryHeap::new(),
            ahead: None,
            alike: ((f64::NAN, f64::NAN), 0),
            given: f64::NEG_INFINITY,
            late: VecDeque::new(),
        }
    }
}

impl<T> Refined<T> {
    /// The next row by exact distance. The source has to work only where a row that it might find could come
    /// first.
    ///
    /// # Errors
    /// Those of the source, or where there is no memory for rows that come later.
    pub fn next<S: Source<Row = T>>(&mut self, source: &mut S) -> Result<Option<T>, S::Error>
    where
        S::Error: From<TryReserveError>,
    {
        loop {
            let nearest = self.measured.peek().map(|Reverse(row)| row.distance);
            if let Some(nearest) = nearest {
                let is_next = !self.may_come_below(nearest, source)?;
                if is_next {
                    self.given = self.given.max(nearest);
                }
                if is_next || self.is_next_alike() {
                    return Ok(self.take_nearest());
                }
            } else if self.ahead.is_none() {
                self.ahead = source.next()?;
            }
            let Some(row) = self.ahead.take() else {
                return Ok(self.late.pop_front());
            };
            if !source.admits(&row.row)? {
                continue;
            }
            let given = if source.puts_late_rows_last() {
                self.given
            } else {
                f64::NEG_INFINITY
            };
            let is_sure = self.measured.is_empty() && row.lower >= given;
            if is_sure && !self.may_come_below(row.upper, source)? {
                self.given = self.given.max(row.upper);
                return Ok(Some(row.row));
            }
            if let Some(distance) = source.measure(&row.row)? {
                if distance < given {
                    self.late.try_reserve(1)?;
                    self.late.push_back(row.row);
                } else {
                    self.hold_back(distance, row)?;
                }
            }
        }
    }

    fn hold_back(&mut self, distance: f64, row: Bounded<T>) -> Result<(), TryReserveError> {
        self.measured.try_reserve(1)?;
        let (bounds, count) = self.alike;
        let now = row.bounds();
        self.alike = (now, if now == bounds { count + 1 } else { 1 });
        self.measured.push(Reverse(MeasuredRow { distance, row }));
        Ok(())
    }

    fn take_nearest(&mut self) -> Option<T> {
        let Reverse(MeasuredRow { row, .. }) = self.measured.pop()?;
        if row.bounds() == self.alike.0 {
            self.alike.1 = self.alike.1.saturating_sub(1);
        }
        Some(row.row)
    }

    /// Whether so many rows are held back that have the bounds of the next one that it waits for the nearest of all.
    fn is_next_alike(&self) -> bool {
        let (bounds, count) = self.alike;
        count >= ALIKE
            && self
                .ahead
                .as_ref()
                .is_some_and(|row| row.bounds() == bounds)
    }

    /// Whether the next row may be nearer than `bound`.
    fn may_come_below<S: Source<Row = T>>(
        &mut self,
        bound: f64,
        source: &mut S,
    ) -> Result<bool, S::Error> {
        if self.ahead.is_none() && (source.is_ready() || source.floor() < bound) {
            self.ahead = source.next()?;
        }
        Ok(self.ahead.as_ref().is_some_and(|row| row.lower < bound))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    /// Distances with doubts; every `gone`-th row is not to be given.
    struct DoubtedRows {
        rows: Vec<(f64, f64)>,
        at: usize,
        gone: usize,
        ready: usize,
        measured: usize,
        /// Every so-many-th row is admitted.
        admitted: usize,
        asked: usize,
        late_last: bool,
    }

    impl DoubtedRows {
        fn new(mut rows: Vec<(f64, f64)>) -> Self {
            rows.sort_by(|a, b| (a.0 - a.1).total_cmp(&(b.0 - b.1)));
            Self {
                rows,
                at: 0,
                gone: usize::MAX,
                ready: usize::MAX,
                measured: 0,
                admitted: 1,
                asked: 0,
                late_last: false,
            }
        }

        /// Rows in this order, those last that come after farther ones.
        fn unsorted(rows: Vec<(f64, f64)>) -> Self {
            Self {
                rows,
                late_last: true,
                ..Self::new(Vec::new())
            }
        }

        fn all(mut self) -> (Vec<usize>, Self) {
            let (mut refined, mut order) = (Refined::default(), Vec::new());
            while let Ok(Some(row)) = refined.next(&mut self) {
                order.push(row);
            }
            (order, self)
        }
    }

    impl Source for DoubtedRows {
        type Row = usize;
        type Error = TryReserveError;

        fn is_ready(&self) -> bool {
            self.at < self.rows.len() && self.at != self.ready
        }

        fn floor(&self) -> f64 {
            let next = self.rows.get(self.at);
            next.map_or(f64::INFINITY, |(distance, doubt)| distance - doubt)
        }

        fn next(&mut self) -> Result<Option<Bounded<usize>>, TryReserveError> {
            let row = self.at;
            self.at += 1;
            Ok(self.rows.get(row).map(|(distance, doubt)| Bounded {
                row,
                lower: distance - doubt,
                upper: distance + doubt,
            }))
        }

        fn admits(&mut self, row: &usize) -> Result<bool, TryReserveError> {
            self.asked += 1;
            Ok((row + 1).is_multiple_of(self.admitted))
        }

        fn puts_late_rows_last(&self) -> bool {
            self.late_last
        }

        fn measure(&mut self, row: &usize) -> Result<Option<f64>, TryReserveError> {
            self.measured += 1;
            Ok((row % self.gone != self.gone - 1).then(|| self.rows[*row].0))
        }
    }

    proptest! {
        #[test]
        fn rows_come_by_exact_distance(
            rows in prop::collection::vec((0.0..100.0, 0.0..0.4), 0..200)
        ) {
            let (order, source) = DoubtedRows::new(rows).all();
            prop_assert_eq!(order.len(), source.rows.len());
            let distances: Vec<f64> = order.iter().map(|row| source.rows[*row].0).collect();
            prop_assert!(distances.is_sorted(), "{:?}", distances);
        }

        /// A bound may be below what was given, if the source knows more than the bound says.
        #[test]
        fn rows_of_great_doubt_are_not_late(
            mut rows in prop::collection::vec((0.0..100.0, 0.0..20.0), 0..200)
        ) {
            rows.sort_by(|a: &(f64, f64), b| a.0.total_cmp(&b.0));
            let (order, source) = DoubtedRows::unsorted(rows).all();
            let wanted: Vec<usize> = (0..source.rows.len()).collect();
            prop_assert_eq!(order, wanted);
        }

        #[test]
        fn late_rows_come_last_and_no_others_do(
            rows in prop::collection::vec((0.0..100.0, 0.0..5.0), 0..200)
        ) {
            let (order, source) = DoubtedRows::unsorted(rows).all();
            let different: HashSet<&usize> = order.iter().collect();
            prop_assert_eq!((order.len(), different.len()), (source.rows.len(), source.rows.len()));
            let distances: Vec<f64> = order.iter().map(|row| source.rows[*row].0).collect();
            let sorted = distances.windows(2).take_while(|pair| pair[0] <= pair[1]).count() + 1;
            let (in_order, late) = distances.split_at(sorted.min(distances.len()));
            // A row that was given without being measured may be farther than it is by twice its doubt.
            let farthest = in_order.last().map_or(0.0, |last| last + 10.0);
            prop_assert!(late.iter().all(|distance| *distance < farthest), "{:?}", distances);
        }
    }

    #[test]
    fn rows_that_are_far_apart_are_not_measured() {
        let (order, source) = DoubtedRows::new((0..9).map(|i| (f64::from(i), 0.4)).collect()).all();
        assert_eq!((order.len(), source.measured), (9, 0));
    }

    #[test]
    fn equal_rows_are_not_all_measured_before_the_first_is_given() {
        let mut source = DoubtedRows::new(vec![(1.0, 0.1); 10_000]);
        let mut refined = Refined::default();
        for _ in 0..10 {
            assert!(refined.next(&mut source).unwrap().is_some());
        }
        assert!(source.measured < ALIKE + 12, "{}", source.measured);
    }

    /// No more than 256 rows were held back: of 1,000 in doubt, some came out of order.
    #[test]
    fn all_rows_in_doubt_are_measured_before_the_first_is_given() {
        let rows = (0..1_000).map(|i| (f64::from((i * 7_919) % 1_000), 1_000.0 + f64::from(i)));
        let (order, source) = DoubtedRows::new(rows.collect()).all();
        let distances: Vec<f64> = order.iter().map(|row| source.rows[*row].0).collect();
        assert!(
            distances.is_sorted() && distances.len() == 1_000,
            "{distances:?}"
        );
    }

    /// Once 256 rows of equal bounds were held back, all rows that were came before the next one, farther ones too.
    #[test]
    fn equal_rows_come_before_farther_ones_in_doubt() {
        let doubted = (0..100).map(|i| {
            let distance = 1.5 + f64::from(i) / 100.0;
            (distance, distance - 0.5 - f64::from(i) / 250.0)
        });
        let equal = [(1.2, 0.2); 1_000];
        let (order, source) = DoubtedRows::new(doubted.chain(equal).collect()).all();
        let distances: Vec<f64> = order.iter().map(|row| source.rows[*row].0).collect();
        assert!(
            distances.is_sorted() && distances.len() == 1_100,
            "{distances:?}"
        );
    }

    #[test]
    fn rows_that_are_gone_are_left_out_where_they_were_measured() {
        let mut source = DoubtedRows::new(vec![(1.0, 0.5), (1.1, 0.5), (1.2, 0.5), (1.3, 0.5)]);
        source.gone = 2;
        assert_eq!(source.all().0, [0, 2]);
    }

    /// A filter drops rows before they are measured: only those that pass are. It is not asked about rows that cannot
    /// come next.
    #[test]
    fn rows_that_are_not_admitted_are_not_measured() {
        let mut source = DoubtedRows::new((0..100).map(|i| (f64::from(i) * 0.1, 0.4)).collect());
        source.admitted = 20;
        let mut refined = Refined::default();
        for row in [19, 39, 59] {
            assert_eq!(refined.next(&mut source), Ok(Some(row)));
            assert!(
                source.measured <= (row + 1) / 20,
                "{} for {row}",
                source.measured
            );
            assert!(source.asked < row + 12, "{} for {row}", source.asked);
        }
    }

    #[test]
    fn the_source_does_not_work_for_rows_that_are_sure() {
        let mut source = DoubtedRows::new(vec![(1.0, 0.1), (1.1, 0.1), (3.0, 0.1), (4.0, 0.1)]);
        source.ready = 3;
        let mut refined = Refined::default();
        assert_eq!(refined.next(&mut source), Ok(Some(0)));
        assert_eq!(refined.next(&mut source), Ok(Some(1)));
        assert_eq!(source.at, 3);
        assert_eq!(refined.next(&mut source), Ok(Some(2)));
        assert_eq!(refined.next(&mut source), Ok(Some(3)));
        assert_eq!(refined.next(&mut source), Ok(None));
    }

    #[test]
    fn rows_in_doubt_wait_for_what_the_source_has_to_work_for() {
        let mut source = DoubtedRows::new(vec![(1.0, 0.1), (2.2, 0.3), (2.1, 0.1), (2.6, 0.1)]);
        for ready in 0..4 {
            (source.at, source.ready) = (0, ready);
            let (mut refined, mut distances) = (Refined::default(), Vec::new());
            while let Ok(Some(row)) = refined.next(&mut source) {
                distances.push(source.rows[row].0);
            }
            assert_eq!(distances, [1.0, 2.1, 2.2, 2.6], "ready up to {ready}");
        }
    }
}
