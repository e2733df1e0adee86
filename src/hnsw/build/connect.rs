//! What the threads have left out of reach.

use std::sync::PoisonError;

use super::super::error::Error;
use super::super::space::Space;
use super::Steps;
use super::graph::{Links, Scratch};

impl<V: Space> Links<'_, V> {
    /// Links what cannot be reached from the entry to what can: to a neighbour, or to the nearest
    /// that a search finds. A few times over, for a link that is displaced may cut off another.
    pub fn connect(&self, ef: usize, steps: &mut Steps<'_>) -> Result<(), Error> {
        let entry = *self.entry.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((entry, _)) = entry else {
            return Ok(());
        };
        let mut scratch = Scratch::new(self.rows.len(), ef);
        for _ in 0..8 {
            let reached = self.reached(steps)?;
            let is_reached = |value: u32| reached.get(value as usize) == Some(&true);
            let missed = (0_u32..).zip(&reached).filter(|(_, reached)| !**reached);
            let missed: Vec<u32> = missed.map(|(value, _)| value).collect();
            if missed.is_empty() {
                return Ok(());
            }
            for value in missed {
                steps.step()?;
                let near = self.neighbours(value, 0);
                let near = near.into_iter().filter(|(to, _)| is_reached(*to));
                let near = near.min_by(|a, b| a.1.total_cmp(&b.1)).or_else(|| {
                    self.search(value, (entry, 0), ef, &mut scratch);
                    let mut found = scratch.nearest.iter();
                    let found = found.find(|key| is_reached(key.number()));
                    found.map(|key| (key.number(), key.distance()))
                });
                if let Some((to, distance)) = near {
                    self.link_back(to, 0, (value, distance), true);
                }
            }
        }
        Ok(())
    }

    fn reached(&self, steps: &mut Steps<'_>) -> Result<Vec<bool>, Error> {
        let mut reached = vec![false; self.rows.len()];
        let entry = *self.entry.lock().unwrap_or_else(PoisonError::into_inner);
        let mut stack: Vec<u32> = entry.into_iter().map(|(entry, _)| entry).collect();
        // A value is on the ground wherever it is above.
        while let Some(value) = stack.pop() {
            steps.step()?;
            if let Some(reached) = reached.get_mut(value as usize)
                && !*reached
            {
                *reached = true;
                let level = self.levels.get(value as usize).copied().unwrap_or(0);
                for level in 0..=level {
                    stack.extend(self.neighbours(value, level).into_iter().map(|(to, _)| to));
                }
            }
        }
        Ok(reached)
    }
}
