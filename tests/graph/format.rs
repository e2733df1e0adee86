//! The bytes of this version, and bytes that make no sense.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::path::PathBuf;

use vector_ext::hnsw::{Index, Metric, SparseMetric};
use vector_ext::index::{Continue, Error, Tid};
use vector_ext::page::{Bytes, Change, MemoryStore, PAGE_BYTES, PageError, PageStore};

use crate::kinds::{Coded, Kind, Scattered};
use crate::support::{Random, as_written, build, check, first, options, resources, vacuum};

/// The format that is written now, as names of fixtures begin.
const LATEST: &str = "2-";

/// The pages that an older build wrote. Those of the latest format are written with
/// `VECTOR_EXT_WRITE_FIXTURES=1`; those of formats before it are kept.
pub fn fixture(name: &str, build: impl FnOnce() -> MemoryStore) -> MemoryStore {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/graph/format");
    let path = folder.join(name);
    if name.starts_with(LATEST) && std::env::var_os("VECTOR_EXT_WRITE_FIXTURES").is_some() {
        let pages = build().pages().unwrap();
        let bytes: Vec<u8> = pages.iter().flat_map(|page| page.iter().copied()).collect();
        std::fs::write(&path, bytes).unwrap();
    }
    let bytes = std::fs::read(&path).unwrap();
    let store = MemoryStore::new();
    for page in bytes.as_chunks::<PAGE_BYTES>().0 {
        store.push(page).unwrap();
    }
    store
}

fn rows() -> Vec<(u64, Vec<f32>)> {
    let mut random = Random(61);
    let mut rows: Vec<(u64, Vec<f32>)> = (0..40).map(|id| (id, random.vector(20, 3))).collect();
    let equal = rows[2].1.clone();
    rows.extend((100..106).map(|id| (id, equal.clone())));
    rows
}

/// The pages that older builds wrote are read, answered from and changed.
#[test]
fn formats_are_read() {
    for (name, metric) in [
        ("1-l2", Metric::L2),
        ("1-ip", Metric::InnerProduct),
        ("1-cosine", Metric::Cosine),
        ("2-l2", Metric::L2),
        ("2-ip", Metric::InnerProduct),
        ("2-cosine", Metric::Cosine),
    ] {
        let rows = rows();
        let store = fixture(name, || build(metric, &rows, &options(8)));
        let index = Index::open(&store, &options(8)).unwrap();
        assert!(name.starts_with(&index.constants().format.to_string()));
        check(&index, rows.len());
        if metric != Metric::InnerProduct {
            for (tid, row) in rows.iter().skip(3).step_by(7).take(5) {
                let tid = as_written(*tid);
                assert!(first(&index, row, 1, 20).contains(&tid), "{name} {tid}");
            }
        }
        index.insert(&rows[0].1, Tid::at(500)).unwrap();
        assert_eq!(vacuum(&index, |tid| tid == as_written(1)), 1);
        check(&index, rows.len());
        // New pages are of the index's format, not of the latest.
        for (tid, (_, row)) in (70_000_u64..).zip(&rows) {
            let opposite: Vec<f32> = row.iter().map(|x| -x).collect();
            index.insert(&opposite, Tid::at(tid)).unwrap();
        }
        check(&index, 2 * rows.len());
    }
}

/// What is done to a page.
#[derive(Clone, Copy, Debug)]
enum Misplaced {
    Zeros,
    /// Another page lies in its place, as where a write went astray.
    Copied(usize),
    /// The two have changed places.
    Swapped(usize),
}

impl Misplaced {
    fn pages(self, pages: &[Box<Bytes>], block: usize) -> MemoryStore {
        let damaged = MemoryStore::new();
        for (number, page) in pages.iter().enumerate() {
            let page = match self {
                Self::Zeros if number == block => &[0; PAGE_BYTES],
                Self::Copied(other) if number == block => &pages[other],
                Self::Swapped(other) if number == block => &pages[other],
                Self::Swapped(other) if number == other => &pages[block],
                Self::Zeros | Self::Copied(_) | Self::Swapped(_) => page,
            };
            damaged.push(page).unwrap();
        }
        damaged
    }
}

/// Every row, by a scan and by the list, or an error that names a block.
fn all_or_error<K: Kind>(kind: &K, store: &MemoryStore, query: &K::Row) -> Result<usize, Error> {
    let index = kind.open(store)?;
    let mut scan = index.scan(K::value(query), 10, Continue::Strict)?.unwrap();
    let mut found = BTreeSet::new();
    while let Some(row) = scan.next_row()? {
        assert!(found.insert(row.tid), "a row twice");
    }
    let mut list = index.list();
    while let Some(tid) = list.next_row()? {
        found.insert(tid);
    }
    Ok(found.len())
}

/// A page of zeros held free slots, and its rows were not found; rows of a page that lay in the place of
/// another were found twice, and those of the other not at all.
fn misplaced<K: Kind>(kind: &K, rows: &[(u64, K::Row)]) {
    let pages = kind.build(rows, resources(1)).pages().unwrap();
    for block in 0..pages.len() {
        let other = (block + 1) % pages.len();
        for what in [
            Misplaced::Zeros,
            Misplaced::Copied(other),
            Misplaced::Swapped(other),
        ] {
            let damaged = what.pages(&pages, block);
            let answer = all_or_error(kind, &damaged, &rows[0].1);
            let named = match answer {
                Err(Error::Page(PageError::Corrupt { block, .. })) => Ok(block as usize),
                other => Err(other),
            };
            let right = |named: &usize| [block, other].contains(named);
            assert!(
                named.as_ref().is_ok_and(right),
                "{what:?} {block}: {named:?}"
            );
            // Nor is anything written onto it.
            if let Ok(index) = kind.open(&damaged) {
                assert!(index.vacuum(&mut |_| true, &mut || Ok(())).is_err());
                assert!(index.check().is_err());
            }
        }
    }
}

#[test]
fn a_page_of_zeros_or_of_another_block_is_an_error() {
    let (metric, m) = (Metric::L2, 8);
    let coded = |dims| Coded { metric, dims, m };
    misplaced(&coded(20), &coded(20).rows(71, 60));
    misplaced(&coded(6_000), &coded(6_000).rows(73, 6));
    let (metric, elements) = (SparseMetric::L2, 260);
    let sparse = Scattered {
        metric,
        elements,
        m,
    };
    misplaced(&sparse, &sparse.rows(79, 20));
}

/// The first format knows no blocks, but that a page of zeros is none of its.
#[test]
fn a_page_of_zeros_is_an_error_in_the_first_format() {
    let pages = fixture("1-l2", MemoryStore::new).pages().unwrap();
    let (metric, dims, m) = (Metric::L2, 20, 8);
    let kind = Coded { metric, dims, m };
    for block in 0..pages.len() {
        let damaged = Misplaced::Zeros.pages(&pages, block);
        let answer = all_or_error(&kind, &damaged, &rows()[0].1);
        assert!(matches!(
            answer,
            Err(Error::Page(PageError::Corrupt { .. }))
        ));
    }
}

/// Whatever a byte becomes, the answer is rows or an error, never a panic, and an error names a
/// block.
pub fn damage<P: Deref<Target = Bytes>>(
    pages: &[P],
    rounds: usize,
    use_all: impl Fn(&MemoryStore) -> Result<(), Error>,
) {
    let (mut random, mut errors) = (Random(67), 0);
    for _ in 0..rounds {
        let damaged = MemoryStore::new();
        let (block, at) = (random.below(pages.len()), random.below(PAGE_BYTES));
        for (number, page) in pages.iter().enumerate() {
            let mut page = **page;
            if number == block {
                let len = 1 + random.below(8);
                for byte in page.iter_mut().skip(at).take(len) {
                    *byte = random.next() as u8;
                }
            }
            damaged.push(&page).unwrap();
        }
        let result = use_all(&damaged);
        if let Err(error) = result {
            errors += 1;
            let named = matches!(
                error,
                Error::Page(PageError::Corrupt { .. } | PageError::Missing { .. })
                    | Error::OtherSpace { .. }
                    | Error::Full
            );
            assert!(named, "{error}");
        }
    }
    assert!(errors > 10, "{errors}");
}

#[test]
fn bytes_that_make_no_sense_are_errors() {
    let store = build(Metric::L2, &rows(), &options(8));
    damage(&store.pages().unwrap(), 1_500, use_all);
}

fn use_all(store: &MemoryStore) -> Result<(), Error> {
    let index = Index::open(store, &options(8))?;
    let query = vec![0.5; index.space().dims()];
    if let Ok(Some(mut scan)) = index.scan(&query, 20, Continue::Relaxed) {
        for _ in 0..200 {
            scan.next_row()?;
        }
    }
    index.insert(&query, Tid::at(900))?;
    index.check()?;
    index.vacuum(&mut |tid| tid.place().is_multiple_of(2), &mut || Ok(()))?;
    Ok(())
}

/// The pages of an index with a field of the meta page changed.
fn with_meta(pages: &[impl Deref<Target = Bytes>], at: usize, field: [u8; 4]) -> MemoryStore {
    let changed = MemoryStore::new();
    for (block, page) in pages.iter().enumerate() {
        let mut page = **page;
        if block == 0 {
            page[24 + at..][..4].copy_from_slice(&field);
        }
        changed.push(&page).unwrap();
    }
    changed
}

fn names_the_meta_page<T>(result: &Result<T, Error>) -> bool {
    matches!(
        result,
        Err(Error::Page(PageError::Corrupt { block: 0, .. }))
    )
}

/// One more than the highest was computed, which overflowed.
#[test]
fn a_top_level_that_no_node_has_is_an_error() {
    let store = build(Metric::L2, &rows(), &options(8));
    let pages = store.pages().unwrap();
    for top in [25, 255] {
        let changed = with_meta(&pages, 44, [top, 0, 0, 0]);
        let index = Index::open(&changed, &options(8)).unwrap();
        let query = [0.5; 20];
        assert!(names_the_meta_page(&index.insert(&query, Tid::at(900))));
        assert!(names_the_meta_page(&index.check()));
        let mut scan = index.scan(&query, 20, Continue::Never).unwrap().unwrap();
        assert!(names_the_meta_page(&scan.next_row()));
    }
}

/// Room for them was made before they were doubted: 16 GB, and no memory ends a server.
#[test]
fn dimensions_that_no_vector_has_are_an_error_and_take_no_memory() {
    let store = build(Metric::L2, &rows(), &options(8));
    let pages = store.pages().unwrap();
    for dims in [0, 19, 21, 16_001, u32::MAX] {
        let changed = with_meta(&pages, 12, dims.to_ne_bytes());
        let opened = Index::open(&changed, &options(8));
        assert!(names_the_meta_page(&opened), "{dims}");
    }
}

/// An insert added pages until there were as many, and a check listed all of their slots.
#[test]
fn groups_that_are_not_there_are_an_error_and_no_new_pages() {
    let store = build(Metric::L2, &rows(), &options(8));
    let pages = store.pages().unwrap();
    for groups in [100, 1 << 24, u32::MAX] {
        let changed = with_meta(&pages, 48, u32::to_ne_bytes(groups));
        // No page has a free slot.
        let mut change = changed.change();
        change.page(0).unwrap()[24 + 52..][..4].fill(0xFF);
        change.commit().unwrap();
        let index = Index::open(&changed, &options(8)).unwrap();
        let added = index.insert(&[0.5; 20], Tid::at(900));
        let full = matches!(added, Err(Error::Full));
        assert!(full || names_the_meta_page(&added), "{groups}");
        assert_eq!(changed.blocks().unwrap() as usize, pages.len());
        assert!(matches!(
            index.check(),
            Err(Error::Page(PageError::Missing { .. }))
        ));
    }
}

/// A node whose further rows are nowhere: whoever looks for them does not look for ever.
#[test]
fn a_chain_of_rows_that_leads_astray_is_an_error() {
    let rows = rows();
    let store = build(Metric::L2, &rows, &options(8));
    let index = Index::open(&store, &options(8)).unwrap();
    let (damaged, slot) = (MemoryStore::new(), index.shape().bytes());
    for page in store.pages().unwrap() {
        let mut page = *page;
        for at in (24..PAGE_BYTES - 16 - slot).step_by(slot) {
            // Chunks of tids get another owner.
            if page[at] == 0xA4 {
                page[at + 4] ^= 1;
            }
        }
        damaged.push(&page).unwrap();
    }
    let index = Index::open(&damaged, &options(8)).unwrap();
    let (_, many) = &rows[2];
    let mut scan = index.scan(many, 10, Continue::Never).unwrap().unwrap();
    let found = scan.next_row();
    assert!(matches!(found, Err(Error::Page(PageError::Corrupt { .. }))));
    let added = index.insert(many, Tid::at(900));
    assert!(matches!(added, Err(Error::Page(PageError::Corrupt { .. }))));
}

#[test]
fn a_page_that_is_not_there_is_an_error() {
    let store = MemoryStore::new();
    let missing = Index::open(&store, &options(8)).err().unwrap();
    assert!(matches!(
        missing,
        Error::Page(PageError::Missing { block: 0, .. })
    ));
    store.push(&[0; PAGE_BYTES]).unwrap();
    let new = Index::open(&store, &options(8)).err().unwrap();
    assert!(matches!(
        new,
        Error::Page(PageError::Corrupt { block: 0, .. })
    ));
}
