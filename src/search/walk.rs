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

    /// Brings a node closer that will probably be visited next.
    fn prefetch(&self, number: u32);
}

/// Visits the nearest unvisited candidate until the beam has none (Malkov and Yashunin, 2018,
/// algorithm 2, with the beam as both of its heaps).
///
/// # Errors
/// Those of [`Graph::visit`].
pub fn walk<G: Graph>(graph: &mut G, beam: &mut Beam) -> Result<(), G::Error> {
    while let Some(number) = beam.next_unvisited() {
        if let Some(next) = beam.peek() {
            graph.prefetch(next);
        }
        graph.visit(number, beam)?;
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

        fn prefetch(&self, _: u32) {}
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
        assert_eq!(line.visited[..60], (10..70).collect::<Vec<u32>>()[..]);
        assert_eq!(line.visited[60..], [70, 71]);
    }
}
