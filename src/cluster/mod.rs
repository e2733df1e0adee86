//! CLUSTER: what lists learn from some vectors, on all cores: centres by k-means, and principal directions.
//!
//! | file | what it holds |
//! |---|---|
//! | `lloyd.rs` | Lloyd's iterations from k-means++ seeds, on one thread |
//! | `train.rs` | two levels of them, and last passes over all, on all threads |
//! | `passes.rs` | the last passes |
//! | `members.rs` | vectors by their centre |
//! | `near.rs` | the centre that is nearest to a vector |
//! | `tree.rs` | the same among many centres, in two levels |
//! | `principal.rs` | the directions in which vectors vary most |

mod lloyd;
mod members;
mod near;
mod passes;
mod principal;
mod train;
mod tree;

pub use lloyd::{Draws, Selection, centres as lloyd_centres};
pub use members::Members;
pub use near::{Centres, Nearest};
pub use principal::principal_directions;
pub use train::{Goal, train};
pub use tree::{CentreTree, NearestBatch};

/// Vectors of one size, one behind the other.
#[derive(Clone, Copy, Debug)]
pub struct Vectors<'v> {
    /// Elements of each, at least one.
    pub dims: usize,
    /// All elements.
    pub elements: &'v [f32],
}

impl<'v> Vectors<'v> {
    /// How many there are.
    #[must_use]
    pub fn len(self) -> usize {
        self.elements.len() / self.dims
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.elements.len() < self.dims
    }

    /// One of them; empty where there are not so many.
    #[must_use]
    pub fn get(self, at: usize) -> &'v [f32] {
        let start = at.saturating_mul(self.dims);
        self.elements
            .get(start..start.saturating_add(self.dims))
            .unwrap_or_default()
    }
}
