//! Plans: a node of them tells a search of ours what its rows are filtered by, so that the index leaves out rows
//! while it searches: [README](README.md).
//!
//! | file | what it holds |
//! |---|---|
//! | `path.rs` | which paths the planner is offered |
//! | `planned.rs` | the plans they become |
//! | `order.rs` | whether the query above a search relies on sorted rows |
//! | `nulls.rs` | rows without a value, which an index of ours does not have |
//! | `numbers.rs` | the numbers by which a plan tells its node what it expects |
//! | `node.rs` | the node while a query runs |
//! | `filter.rs` | the filter of the scan beneath, for the index to ask |
//! | `shortlist.rs` | the bitmap that the planner would make of other indexes |
//! | `threshold/` | conditions beyond which a search can end |
//! | `list.rs` | lists of tids: the rows that those indexes know of |
//! | `volatile.rs` | whether a filter calls volatile functions |
//! | `raw.rs` | functions of Postgres without a guard |

mod filter;
mod list;
mod node;
mod nulls;
mod numbers;
mod order;
mod path;
mod planned;
mod raw;
mod shortlist;
mod threshold;
mod volatile;

use std::ffi::CStr;

use pgrx::pg_sys;

/// What EXPLAIN calls the node.
const NAME: &CStr = c"FilteredVectorSearch";

/// The name of the node if it has no filter to evaluate, but the query above relies on sorted rows.
const SORTED_NAME: &CStr = c"SortedVectorSearch";

/// A table of callbacks, which Postgres reads and nobody writes.
struct Callbacks<T>(T);

// SAFETY: it is constant: function pointers and a C string.
unsafe impl<T> Sync for Callbacks<T> {}

/// Has the planner offer the node, and plans that name it be read back; called once, when the library is
/// loaded.
pub fn install() {
    // SAFETY: at load time, with tables that stay.
    unsafe {
        pg_sys::RegisterCustomScanMethods(&raw const node::FILTERED.0);
        pg_sys::RegisterCustomScanMethods(&raw const node::SORTED.0);
    }
    path::install();
}

/// The entries of a list of pointers.
///
/// # Safety
/// The list is null or of pointers to what `T` says, and stays as it is meanwhile.
unsafe fn entries<T>(list: *mut pg_sys::List) -> impl Iterator<Item = *mut T> {
    // SAFETY: as the caller says.
    let cells = unsafe { list.as_ref() }.map_or(&[][..], |list| {
        // SAFETY: a list that is not null has so many cells.
        unsafe { std::slice::from_raw_parts(list.elements, list.length as usize) }
    });
    // SAFETY: as the caller says.
    cells.iter().map(|cell| unsafe { cell.ptr_value }.cast())
}

/// The first entry of a list.
///
/// # Safety
/// The list has one, a pointer to what `T` says.
unsafe fn first<T>(list: *mut pg_sys::List) -> *mut T {
    // SAFETY: as the caller says.
    unsafe { (*(*list).elements).ptr_value.cast() }
}

/// A list of one pointer.
///
/// # Safety
/// The pointer is to a node.
unsafe fn list_of<T>(entry: *mut T) -> *mut pg_sys::List {
    // SAFETY: a null list is an empty one.
    unsafe { raw::lappend(std::ptr::null_mut(), entry.cast()) }
}

/// A node of zeros.
///
/// # Safety
/// `T` begins with a tag, and zeros are a value of it.
unsafe fn make<T>(tag: pg_sys::NodeTag) -> *mut T {
    // SAFETY: as the caller says.
    unsafe {
        let node: *mut T = raw::palloc0(size_of::<T>()).cast();
        *node.cast() = tag;
        node
    }
}
