//! Best-first search over anything that can be visited.

use super::Beam;

/// Something to walk on: pages, or memory while an index is built.
pub trait Graph {
    /// What a visit may fail with.
    type Error;

    /// Offers what `number` links to. What it does with the node itself is its own.
    ///
    /// # Errors
    /// Where the node cannot be read.
    fn visit(&mut self, number: u32, beam: &mut Beam) -> Result<(), Self::Error>;

    /// Says which node is visited after the one that is visited next, so that it is brought closer
    /// meanwhile.
    fn announce(&mut self, number: u32);
}

/// Visits the nearest unvisited candidates until the beam has none (Malkov and Yashunin, 2018,
/// algorithm 2, with the beam as both of its heaps).
///
/// One node is always chosen ahead of the visit before it, so that it can be on its way from memory
/// while that one is looked at. It might have been another one a moment later; it would then have
/// been visited a moment later, nearly always.
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

        fn visit(&mut self, number: u32, beam: &mut Beam) -> Result<(), Infallible> {
            self.visited.push(number);
            for next in [number.saturating_sub(1), (number + 1).min(99)] {
                let at = f32::from(u8::try_from(next).unwrap());
                beam.push((at - self.target).abs(), next);
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
}
