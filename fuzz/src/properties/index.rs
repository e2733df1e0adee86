//! Indexes whose pages make no sense: rows or an error, never a panic, a loop, or more memory than a
//! few pages.
//!
//! An input is a list of changes to the pages of a small index: `block u8 | byte u16 | count u8 | bytes`,
//! each number taken modulo what there is.

use vector_ext::hnsw::{
    BitMetric, Bits, Dense, Index, Measure, Options, Plain, Space, SparseVectors, ValueOf,
};
use vector_ext::index::{Continue, Error, Tid};
use vector_ext::page::{Bytes, MemoryStore, PAGE_BYTES, PageError, PageStore};
use vector_ext::vector::{MAX_BITS, MAX_DIMS, MAX_SPARSE_DIMS, Sparse};

use super::Target;
use super::memory::within;

/// Bytes that one change writes at most.
const MOST: usize = 16;

/// Bytes of memory that all that is done with an index may take: the largest vectors and their
/// rotation, and a list of slots, are well below.
const MEMORY: usize = 64 << 20;

/// Pages that may be added while rows are.
const PAGES: u32 = 40;

/// The targets of indexes of each kind.
pub fn targets() -> [Target; 3] {
    let dense = stored(include_bytes!("../../../tests/graph/format/1-l2"));
    let sparse = stored(include_bytes!("../../../tests/graph/format/1-sparse"));
    let bits = bits();
    [
        Target::new("index_dense", move |data| {
            any_pages(&dense, data, use_dense);
        }),
        Target::new("index_sparse", move |data| {
            any_pages(&sparse, data, use_sparse);
        }),
        Target::new("index_bits", move |data| any_pages(&bits, data, use_bits)),
    ]
}

fn stored(bytes: &[u8]) -> Vec<Bytes> {
    bytes.as_chunks().0.to_vec()
}

/// An index of 100 bits that are as good as random, some of them of several rows.
fn bits() -> Vec<Bytes> {
    let store = MemoryStore::new();
    let measure = Bits::new(BitMetric::Jaccard, 100);
    let index = Index::create_plain(&store, measure, &options()).expect("an empty store");
    for row in 0..60_u64 {
        let word = (row % 50 + 1)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
            .to_be_bytes();
        let mut value = [word, word.map(|byte| byte.rotate_left(3))].concat();
        value.truncate(13);
        value[12] &= 0xF0;
        let inserted = index.insert(&value, Tid::at(row));
        inserted.expect("a row of the index's bits");
    }
    let pages = store.pages().expect("pages in memory");
    pages.iter().map(|page| **page).collect()
}

fn options() -> Options {
    Options {
        m: 8,
        ef_construction: 20,
        ..Options::default()
    }
}

fn damaged(pages: &[Bytes], mut changes: &[u8]) -> MemoryStore {
    let mut pages = pages.to_vec();
    while let Some(([block, high, low, count], rest)) = changes.split_first_chunk() {
        let (block, at) = (usize::from(*block) % pages.len(), [*high, *low]);
        let at = usize::from(u16::from_be_bytes(at)) % PAGE_BYTES;
        let bytes = rest.get(..usize::from(*count) % MOST).unwrap_or(rest);
        for (place, byte) in pages[block][at..].iter_mut().zip(bytes) {
            *place = *byte;
        }
        changes = &rest[bytes.len()..];
    }
    let store = MemoryStore::new();
    for page in &pages {
        store.push(page).expect("room in memory");
    }
    store
}

fn any_pages(pages: &[Bytes], changes: &[u8], use_all: fn(&MemoryStore) -> Result<(), Error>) {
    let store = damaged(pages, changes);
    let before = store.blocks().unwrap_or_default();
    if let Err(error) = within(MEMORY, || use_all(&store)) {
        let named = matches!(
            error,
            Error::Page(PageError::Corrupt { .. } | PageError::Missing { .. })
                | Error::OtherSpace { .. }
                | Error::Full
        );
        assert!(named, "{error:?}");
    }
    let added = store.blocks().unwrap_or_default() - before;
    assert!(added <= PAGES, "{added} pages added");
}

fn use_dense(store: &MemoryStore) -> Result<(), Error> {
    let index: Index<'_, _, Dense> = Index::open(store, &options())?;
    assert!(index.space().dims() <= MAX_DIMS);
    let query = vec![0.5; index.space().dims()];
    use_index(&index, &query)
}

fn use_sparse(store: &MemoryStore) -> Result<(), Error> {
    let index: Index<'_, _, Plain<SparseVectors>> = Index::open_plain(store, &options())?;
    let dims = index.space().measure().dims();
    assert!((1..=MAX_SPARSE_DIMS).contains(&dims));
    // More than a node has room for.
    let indices: Vec<u32> = (0..dims.min(150)).collect();
    let values = vec![0.5; indices.len()];
    let value = Sparse {
        dims,
        indices: &indices,
        values: &values,
    };
    use_index(&index, value)
}

fn use_bits(store: &MemoryStore) -> Result<(), Error> {
    let index: Index<'_, _, Plain<Bits>> = Index::open_plain(store, &options())?;
    let dims = usize::try_from(index.space().measure().dims()).unwrap_or(usize::MAX);
    assert!((1..=MAX_BITS).contains(&dims));
    use_index(&index, &vec![0x80; dims.div_ceil(8)])
}

/// All that is done with an index. What one step says of the damage does not keep the others from
/// being taken.
fn use_index<V: Space>(
    index: &Index<'_, MemoryStore, V>,
    value: ValueOf<'_, V>,
) -> Result<(), Error> {
    let steps = [
        scan(index, value, Continue::Relaxed),
        scan(index, value, Continue::Strict),
        list(index),
        index.census().map(drop),
        index.check().map(drop),
        index.dump().map(drop),
        index.insert(value, Tid::at(900)).map(drop),
        index.insert(value, Tid::at(901)).map(drop),
        vacuum(index),
        index.check().map(drop),
    ];
    steps.into_iter().collect()
}

fn scan<V: Space>(
    index: &Index<'_, MemoryStore, V>,
    value: ValueOf<'_, V>,
    go_on: Continue,
) -> Result<(), Error> {
    let Some(mut scan) = index.scan(value, 20, go_on)? else {
        return Ok(());
    };
    for _ in 0..200 {
        scan.next_row()?;
    }
    Ok(())
}

fn list<V: Space>(index: &Index<'_, MemoryStore, V>) -> Result<(), Error> {
    let mut listing = index.list();
    while listing.next_row()?.is_some() {}
    Ok(())
}

fn vacuum<V: Space>(index: &Index<'_, MemoryStore, V>) -> Result<(), Error> {
    let mut gone = |tid: Tid| tid.place().is_multiple_of(2);
    index.vacuum(&mut gone, &mut || Ok(())).map(drop)
}
