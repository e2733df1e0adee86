//! Pages of a build, in order: meta page, mean, directory with its centres, and the pages of each list.

use std::ops::Range;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, PoisonError};

use crate::bulk::Crew;
use crate::cluster::CentreTree;
use crate::index::{Error, Fallible};
use crate::page::{self, Bytes, PAGE_BYTES, set_field};

use super::blocks::CodePageMut;
use super::build::ListsBuilder;
use super::coder::Coder;
use super::directions::Directions;
use super::directory::{ListHead, NewList, set_list, stored_centre};
use super::meta::{self, KIND_CENTRES, KIND_DIRECTIONS, KIND_LISTS, KIND_LONG, KIND_MEAN};
use super::meta::{KIND_ROWS, ListsParameters, ListsRoots, META, NONE};
use super::options::MEAN_ELEMENTS;
use super::radii::Radii;
use super::shape::VectorPages;
use super::sort::Sorted;

/// Pages of rows that are encoded between two visits to the sink.
const PAGES_AT_ONCE: usize = 512;

/// What writes the pages of a build.
pub struct ListsWriter<'b> {
    pub coder: Coder,
    pub parameters: ListsParameters,
    pub rows: &'b ListsBuilder,
    pub sorted: &'b Sorted,
    pub tree: &'b CentreTree,
}

/// A page of rows to be written, with the pages of their long codes behind it.
struct RowsPage {
    list: u32,
    /// Among the sorted rows.
    rows: Range<usize>,
    block: u32,
    next: u32,
}

/// What is to be written behind the directory, and what the directory says of it.
struct Plan {
    pages: Vec<RowsPage>,
    heads: Vec<ListHead>,
}

impl ListsWriter<'_> {
    /// Writes everything.
    ///
    /// # Errors
    /// Those of the sink, and where no block number is left.
    pub fn all(&self, roots: &ListsRoots, crew: &mut Crew<'_>) -> Result<(), Error> {
        let Plan { pages, heads } = self.plan(roots.directory)?;
        let mut page = [0; PAGE_BYTES];
        meta::write(&mut page, &self.parameters, roots);
        crew.sink.page(&page)?;
        for (block, part) in (META + 1..).zip(self.coder.mean().chunks(MEAN_ELEMENTS)) {
            page::format(&mut page, meta::mark(block, KIND_MEAN));
            page::set_lower(&mut page, 4 * part.len());
            for (at, x) in part.iter().enumerate() {
                set_field(page::content_mut(&mut page), 4 * at, x.to_ne_bytes());
            }
            crew.sink.page(&page)?;
        }
        self.directions(crew)?;
        self.directory(roots.directory, &heads, crew)?;
        for plan in pages.chunks(PAGES_AT_ONCE) {
            let encoded: Vec<Mutex<Vec<Bytes>>> = plan.iter().map(|_| Mutex::default()).collect();
            let both: Vec<_> = plan.iter().zip(&encoded).collect();
            let threads = crew.pool.current_num_threads();
            crew.each(
                threads,
                &both,
                || Ok(Vec::new()),
                |point, (page, out)| {
                    *out.lock().unwrap_or_else(PoisonError::into_inner) = self.encode(page, point);
                },
            )?;
            for pages in encoded {
                for page in pages.into_inner().unwrap_or_else(PoisonError::into_inner) {
                    crew.sink.page(&page)?;
                    crew.progress.written.fetch_add(1, Relaxed);
                }
            }
        }
        Ok(())
    }

    /// The pages of principal directions, behind those of the mean.
    fn directions(&self, crew: &mut Crew<'_>) -> Result<(), Error> {
        let Directions::Principal(principal) = &self.coder.directions else {
            return Ok(());
        };
        let parts = principal.bytes().chunks(page::CONTENT_BYTES);
        for (block, part) in (META + 1 + self.parameters.mean_pages..).zip(parts) {
            (crew.sink).page(&formatted(meta::mark(block, KIND_DIRECTIONS), part))?;
        }
        Ok(())
    }

    fn lists(&self) -> usize {
        self.tree.centres().len()
    }

    /// Where the rows of a list are among the sorted ones.
    fn range(&self, list: usize) -> Range<usize> {
        let start = |list: usize| {
            self.sorted
                .members
                .starts()
                .get(list)
                .map_or(0, |start| *start as usize)
        };
        start(list)..start(list + 1)
    }

    /// Pages that the directory takes, with those of its centres.
    fn directory_pages(&self, lists: usize) -> usize {
        let shape = &self.parameters.shape;
        let lanes = shape.lists.lanes();
        let (full, rest) = (lists / lanes, lists % lanes);
        let pages = |lists: usize| 1 + shape.centres.pages(lists);
        full * pages(lanes) + if rest > 0 { pages(rest) } else { 0 }
    }

    /// All pages of rows, and the head of each list.
    fn plan(&self, directory: u32) -> Result<Plan, Error> {
        let shape = &self.parameters.shape;
        let block = |block: usize| u32::try_from(block).map_err(|_| Error::Full);
        let mut at = directory as usize + self.directory_pages(self.lists());
        let (mut plan, mut heads): (Vec<RowsPage>, Vec<ListHead>) = (Vec::new(), Vec::new());
        for list in 0..self.lists() {
            let rows = self.range(list);
            let number = u32::try_from(list).unwrap_or(u32::MAX);
            let centre = self.tree.centres().get(list);
            let radii = self
                .sorted
                .radii
                .get(list)
                .copied()
                .unwrap_or(Radii::UNKNOWN);
            let mut head = ListHead::empty(number, self.coder.vectors.dot(centre, centre));
            head.rows = u32::try_from(rows.len()).unwrap_or(u32::MAX);
            head.radii = radii;
            for start in rows.clone().step_by(shape.rows.lanes()) {
                let rows = start..(start + shape.rows.lanes()).min(rows.end);
                if head.first == NONE {
                    head.first = block(at)?;
                } else if let Some(last) = plan.last_mut() {
                    last.next = block(at)?;
                }
                head.last = block(at)?;
                let long = shape.long.map_or(0, |long| long.pages(rows.len()));
                plan.try_push(RowsPage {
                    list: u32::try_from(list).unwrap_or(u32::MAX),
                    rows,
                    block: block(at)?,
                    next: NONE,
                })?;
                at += 1 + long;
            }
            heads.try_push(head)?;
        }
        block(at)?;
        Ok(Plan { pages: plan, heads })
    }

    fn directory(&self, first: u32, heads: &[ListHead], crew: &mut Crew<'_>) -> Result<(), Error> {
        let shape = &self.parameters.shape;
        let mut block = first;
        let chunks = heads.chunks(shape.lists.lanes()).count();
        for (chunk, heads) in heads.chunks(shape.lists.lanes()).enumerate() {
            let mut page = [0; PAGE_BYTES];
            page::format(&mut page, meta::mark(block, KIND_LISTS));
            let mut lanes = CodePageMut::new(&mut page, shape.lists);
            lanes.clear(0);
            lanes.set_used(heads.len());
            let owned = shape.centres.pages(heads.len());
            for (at, centres) in (0..owned).zip(block + 1..) {
                lanes.set_owned(at, centres);
            }
            let mut stored = Vec::new();
            for (lane, head) in heads.iter().enumerate() {
                let centre = self.tree.centres().get(chunk * shape.lists.lanes() + lane);
                stored.push(stored_centre(centre).1);
                let list = NewList {
                    shape: shape.lists,
                    centre,
                    head: *head,
                };
                set_list(&mut page, &self.coder, lane, &list);
            }
            let owned = u32::try_from(owned).unwrap_or(u32::MAX);
            let next = block + 1 + owned;
            page::set_next(&mut page, if chunk + 1 == chunks { NONE } else { next });
            crew.sink.page(&page)?;
            let mark = |at: u32| meta::mark(block + 1 + at, KIND_CENTRES);
            for (at, stored) in (0..).zip(vector_pages(shape.centres, &stored)) {
                crew.sink.page(&formatted(mark(at), &stored))?;
            }
            block = next;
        }
        Ok(())
    }

    /// A page of rows, and the pages of their long codes.
    fn encode(&self, plan: &RowsPage, point: &mut Vec<f32>) -> Vec<Bytes> {
        let shape = &self.parameters.shape;
        let centre = self.tree.centres().get(plan.list as usize);
        let origin = self.coder.origin(centre.to_vec());
        let mut page = [0; PAGE_BYTES];
        page::format(&mut page, meta::mark(plan.block, KIND_ROWS));
        page::set_next(&mut page, plan.next);
        let mut lanes = CodePageMut::new(&mut page, shape.rows);
        lanes.clear(plan.list);
        lanes.set_used(plan.rows.len());
        let mut stored = Vec::new();
        let rows = self
            .sorted
            .members
            .vectors()
            .get(plan.rows.clone())
            .unwrap_or_default();
        for (lane, row) in rows.iter().enumerate() {
            self.rows.point(*row as usize, point);
            lanes.set_code(lane, &self.coder.code(point, &origin));
            lanes.set_subject(lane, self.rows.tid(*row as usize).0);
            if shape.long.is_some() {
                stored.push(self.coder.long_code(point));
            }
        }
        let mut pages = Vec::new();
        if let Some(long) = shape.long {
            for (at, stored) in vector_pages(long, &stored).into_iter().enumerate() {
                let block = plan.block + 1 + u32::try_from(at).unwrap_or(u32::MAX);
                lanes.set_owned(at, block);
                pages.push(formatted(meta::mark(block, KIND_LONG), &stored));
            }
        }
        pages.insert(0, page);
        pages
    }
}

/// The contents of the pages that vectors take.
fn vector_pages(pages: VectorPages, stored: &[Vec<u8>]) -> Vec<Vec<u8>> {
    if pages.each == 0 {
        let parts = |vector: &Vec<u8>| -> Vec<Vec<u8>> {
            vector
                .chunks(page::CONTENT_BYTES)
                .map(<[u8]>::to_vec)
                .collect()
        };
        return stored.iter().flat_map(parts).collect();
    }
    stored.chunks(pages.each).map(<[Vec<u8>]>::concat).collect()
}

fn formatted(mark: page::Mark, content: &[u8]) -> Bytes {
    let mut bytes = [0; PAGE_BYTES];
    page::format(&mut bytes, mark);
    if let Some(place) = page::content_mut(&mut bytes).get_mut(..content.len()) {
        place.copy_from_slice(content);
    }
    page::set_lower(&mut bytes, content.len());
    bytes
}
