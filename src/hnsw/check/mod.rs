//! Check: what searches, inserts and vacuums rely on, and a dump for tests.
//!
//! Of reach it is what searches rely on: links lead to every live node of the ground, by way of dead nodes as well,
//! for walks go through these. [`reach`](crate::hnsw::change::reach) has a stronger rule, that links of live nodes
//! alone lead to every live node of each level. That holds once a vacuum has ended, and not while one is at work or
//! after it was cut, so it is no problem where it does not.
//!
//! A crash may leave nodes that nothing links to, chunks that nothing chains and slots that are
//! reserved: they are counted, for vacuum frees them. Everything else that is not as it must be is
//! a problem.
//!
//! | file | what it holds |
//! |---|---|
//! | `slots.rs` | slots: their states, rows and values, and the chain of pages with free ones |
//! | `links.rs` | links: each leads to a node of its level and says what that one is |
//! | `reach.rs` | reach: the nodes of the ground that no walk can come to |

mod links;
mod reach;
mod slots;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;

use crate::index::{Error, Tid};
use crate::page::PageStore;

use crate::hnsw::index::Index;
use crate::hnsw::nodes::meta::Roots;
use crate::hnsw::spaces::space::Space;

/// What [`Index::check`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Live nodes of each level, the ground first.
    pub nodes: Vec<u64>,
    /// Rows.
    pub rows: u64,
    /// Links.
    pub links: u64,
    /// Nodes without rows that are still walked through.
    pub dead: u64,
    /// Slots that are free.
    pub free: u64,
    /// Slots of further tids.
    pub chunks: u64,
    /// Slots with parts of values.
    pub rests: u64,
    /// Slots, chunks and parts of values that a crash has left.
    pub orphans: u64,
    /// Live nodes of the ground that no walk can reach.
    pub unreachable: u64,
    /// Their rows.
    pub unreachable_rows: u64,
    /// What is wrong, one line each.
    pub problems: Vec<String>,
}

/// What is kept of a node while others are checked.
struct CheckedNode {
    level: u8,
    live: bool,
    links: Vec<u32>,
    down: u32,
    /// Of a live node of the ground.
    rows: u64,
}

/// A slot with a part of a value.
struct RestPart {
    owner: u32,
    next: u32,
    bytes: usize,
}

struct Checker<'i, 's, S, V> {
    index: &'i Index<'s, S, V>,
    roots: Roots,
    report: Report,
    seen: HashMap<u32, CheckedNode>,
    tids: HashSet<Tid>,
    chunks: HashSet<u32>,
    chained: HashSet<u32>,
    reserved: HashSet<u32>,
    rests: BTreeMap<u32, RestPart>,
    /// Nodes whose values are not whole.
    broken: HashSet<u32>,
}

impl<S: PageStore, V: Space> Index<'_, S, V> {
    /// Checks everything. Nothing may be inserted or vacuumed meanwhile.
    ///
    /// # Errors
    /// Where pages cannot be read or hold no slots at all. What is wrong within slots is reported.
    pub fn check(&self) -> Result<Report, Error> {
        let mut checker = Checker {
            index: self,
            roots: self.pages.roots()?,
            report: Report::default(),
            seen: HashMap::new(),
            tids: HashSet::new(),
            chunks: HashSet::new(),
            chained: HashSet::new(),
            reserved: HashSet::new(),
            rests: BTreeMap::new(),
            broken: HashSet::new(),
        };
        checker.slots()?;
        checker.values()?;
        checker.links()?;
        checker.levels();
        checker.free_pages()?;
        checker.reach()?;
        let chunks = checker.chunks.difference(&checker.chained).count();
        checker.report.orphans += chunks as u64;
        Ok(checker.report)
    }

    /// A text of every node in order of its number: level, rows, neighbours by distance.
    ///
    /// # Errors
    /// Where pages cannot be read.
    pub fn dump(&self) -> Result<String, Error> {
        let roots = self.pages.roots()?;
        let mut text = format!("entry {} top {}\n", roots.entry.cast_signed(), roots.top);
        for number in self.pages.slots(roots.groups) {
            self.pages.read(number, |node| {
                if !node.is_walkable() {
                    return;
                }
                let mut links: Vec<_> = node.neighbours().collect();
                links.sort_by(|(a, _), (b, _)| node.distance(*a).total_cmp(&node.distance(*b)));
                let tids: Vec<u64> = node.tids().map(Tid::place).collect();
                let _ = write!(text, "{number} level {} rows {tids:?} to", node.level());
                for (lane, to) in links {
                    let _ = write!(text, " {to}@{:.3}", node.distance(lane));
                }
                text.push('\n');
            })?;
        }
        Ok(text)
    }
}

impl<S: PageStore, V: Space> Checker<'_, '_, S, V> {
    fn problem(&mut self, number: u32, what: &str) {
        self.report.problems.push(format!("node {number}: {what}"));
    }
}
