//! Walk: best-first search over anything that can be visited.

use std::collections::TryReserveError;

use super::{Beam, Frontier};

/// Takes candidates.
pub trait Offers {
    /// Candidates that are not nearer than this are refused. Some that are nearer may be refused too.
    fn bound(&self) -> f32;

    /// Makes room for as many candidates, where what is kept of them grows.
    ///
    /// # Errors
    /// Where there is no memory for them.
    fn make_room(&mut self, offers: usize) -> Result<(), TryReserveError>;

    /// Offers up to [`MAX_OFFER`](super::MAX_OFFER) candidates. The caller has compared: bit `i` of
    /// `near` says that candidate `i` is nearer than [`bound`](Self::bound).
    fn offer(&mut self, numbers: &[u32], distances: &[f32], near: u32);
}

/// Something to walk on: pages, or memory while an index is built.
pub trait Graph {
    /// What a visit may fail with.
    type Error;

    /// Visits node `number`, and offers its neighbours. What it does with the node itself is up to the graph.
    ///
    /// # Errors
    /// Where the node cannot be read.
    fn visit(&mut self, number: u32, candidates: &mut impl Offers) -> Result<(), Self::Error>;

    /// Says which node is visited after the one that is visited next, so that it is brought closer
    /// meanwhile.
    fn announce(&mut self, number: u32);
}

/// Visits the nearest unvisited candidates until the beam has none (Malkov and Yashunin, 2018,
/// algorithm 2, with the beam as both of its heaps).
///
/// The next node is always chosen before the current one is visited, so that it can be on its way from memory
/// meanwhile. The visit may turn up a nearer node; the chosen one would then have been visited a moment later,
/// nearly always.
///
/// # Errors
/// Those of [`Graph::visit`].
pub fn walk<G: Graph>(graph: &mut G, beam: &mut Beam) -> Result<(), G::Error> {
    let mut next = beam.next_unvisited();
    while let Some(number) = next {
        next = beam.next_unvisited();
        if let Some(next) = next {
            graph.announce(next);
        }
        graph.visit(number, beam)?;
        next = next.or_else(|| beam.next_unvisited());
    }
    Ok(())
}

/// Visits the nearest candidates of a frontier, `visits` of them at most.
///
/// # Errors
/// Those of [`Graph::visit`].
pub fn advance<G: Graph>(
    graph: &mut G,
    frontier: &mut Frontier,
    visits: usize,
) -> Result<(), G::Error> {
    let mut next = frontier.next_unvisited();
    for left in (0..visits).rev() {
        let Some(number) = next else {
            break;
        };
        next = if left > 0 {
            frontier.next_unvisited()
        } else {
            None
        };
        if let Some(next) = next {
            graph.announce(next);
        }
        graph.visit(number, frontier)?;
        if left > 0 {
            next = next.or_else(|| frontier.next_unvisited());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    /// Numbers on a line; each links to the two beside it.
    struct Line {
        target: f32,
        visited: Vec<u32>,
    }

    impl Graph for Line {
        type Error = Infallible;

        fn visit(&mut self, number: u32, to: &mut impl Offers) -> Result<(), Infallible> {
            self.visited.push(number);
            for next in [number.saturating_sub(1), (number + 1).min(99)] {
                let at = f32::from(u8::try_from(next).unwrap());
                let distance = (at - self.target).abs();
                to.offer(&[next], &[distance], u32::from(distance < to.bound()));
            }
            Ok(())
        }

        fn announce(&mut self, _: u32) {}
    }

    #[test]
    fn goes_to_the_target_and_stops() {
        let mut line = Line {
            target: 70.2,
            visited: Vec::new(),
        };
        let mut beam = Beam::new(3);
        beam.push(60.2, 10);
        assert_eq!(walk(&mut line, &mut beam), Ok(()));
        let mut nearest = Vec::new();
        beam.nearest(&mut nearest);
        let nearest: Vec<u32> = nearest.iter().map(|key| key.number()).collect();
        assert_eq!(nearest, [70, 71, 69]);
        // One step aside at the start, when there was no better choice yet.
        line.visited.sort_unstable();
        let straight: Vec<u32> = (9..72).collect();
        assert!(line.visited.iter().all(|number| straight.contains(number)));
        assert!(line.visited.len() >= 62);
    }

    #[test]
    fn goes_on_from_where_it_stopped() {
        let mut line = Line {
            target: 70.2,
            visited: Vec::new(),
        };
        let mut frontier = Frontier::default();
        frontier.offer(&[70], &[0.2], 1);
        assert_eq!(advance(&mut line, &mut frontier, 3), Ok(()));
        assert_eq!(line.visited, [70, 71, 69]);
        assert_eq!(advance(&mut line, &mut frontier, 1), Ok(()));
        assert_eq!(line.visited.len(), 4);
        assert_eq!(advance(&mut line, &mut frontier, 1_000), Ok(()));
        line.visited.sort_unstable();
        assert_eq!(line.visited, (0..100).collect::<Vec<u32>>());
    }
}
