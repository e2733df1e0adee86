//! Options: `amoptions`, which says what `WITH (...)` may have.

use std::ffi::CStr;
use std::mem::offset_of;
use std::sync::OnceLock;

use pgrx::pg_sys;
use pgrx::pg_sys::Datum;

use crate::hnsw::{Form, Options};

/// The options of a graph, as Postgres fills them in.
#[repr(C)]
struct StoredOptions {
    varlena: i32,
    m: i32,
    ef_construction: i32,
    storage: i32,
}

/// Values of `storage`, in the order of their numbers. Source: `src/hnsw/README.md`.
const STORAGE: [(&CStr, Option<Form>); 4] = [
    (c"auto", None),
    (c"f32", Some(Form::F32)),
    (c"f16", Some(Form::F16)),
    (c"int8", Some(Form::Int8)),
];

/// Registers the options, once in a backend, and gives their kind.
fn kind() -> pg_sys::relopt_kind::Type {
    static KIND: OnceLock<pg_sys::relopt_kind::Type> = OnceLock::new();
    *KIND.get_or_init(|| {
        let storage = STORAGE.iter().enumerate();
        let members: Vec<_> = storage
            .map(|(i, (name, _))| member(name.as_ptr(), i as i32))
            .chain([member(std::ptr::null(), 0)])
            .collect();
        // Postgres keeps the pointer.
        let members = Box::leak(members.into_boxed_slice());
        let lock = pg_sys::AccessExclusiveLock as i32;
        let (m, ef) = (
            c"Max number of connections",
            c"Size of the dynamic candidate list for construction",
        );
        // SAFETY: called by the backend's thread; Postgres copies names and texts.
        unsafe {
            let kind = pg_sys::add_reloption_kind();
            pg_sys::add_int_reloption(kind, c"m".as_ptr(), m.as_ptr(), 16, 2, 100, lock);
            pg_sys::add_int_reloption(
                kind,
                c"ef_construction".as_ptr(),
                ef.as_ptr(),
                64,
                4,
                1000,
                lock,
            );
            pg_sys::add_enum_reloption(
                kind,
                c"storage".as_ptr(),
                c"How vectors are stored".as_ptr(),
                members.as_mut_ptr(),
                0,
                c"Valid values are \"auto\", \"f32\", \"f16\" and \"int8\".".as_ptr(),
                lock,
            );
            kind
        }
    })
}

fn member(name: *const std::ffi::c_char, value: i32) -> pg_sys::relopt_enum_elt_def {
    pg_sys::relopt_enum_elt_def {
        string_val: name,
        symbol_val: value,
    }
}

/// Reads the options of a graph.
///
/// # Safety
/// As `amoptions`.
pub unsafe fn parse(options: Datum, validate: bool) -> *mut pg_sys::bytea {
    use pg_sys::relopt_type::{RELOPT_TYPE_ENUM, RELOPT_TYPE_INT};
    #[allow(clippy::needless_update, reason = "PostgreSQL 18 has another field")]
    let element = |name: &'static CStr, type_, offset: usize| pg_sys::relopt_parse_elt {
        optname: name.as_ptr(),
        opttype: type_,
        offset: offset as i32,
        ..Default::default()
    };
    let elements = [
        element(c"m", RELOPT_TYPE_INT, offset_of!(StoredOptions, m)),
        element(
            c"ef_construction",
            RELOPT_TYPE_INT,
            offset_of!(StoredOptions, ef_construction),
        ),
        element(
            c"storage",
            RELOPT_TYPE_ENUM,
            offset_of!(StoredOptions, storage),
        ),
    ];
    let size = size_of::<StoredOptions>();
    // SAFETY: the elements name fields of a struct of this size.
    unsafe {
        let kind = kind();
        let count = elements.len() as i32;
        pg_sys::build_reloptions(options, validate, kind, size, elements.as_ptr(), count).cast()
    }
}

/// The options of an open index.
///
/// # Safety
/// The relation is an open index whose options [`parse`] has read.
pub unsafe fn of(index: pg_sys::Relation) -> Options {
    let mut options = Options::default();
    // SAFETY: the caller vouches for the relation.
    let stored: *const StoredOptions = unsafe { (*index).rd_options }.cast();
    if stored.is_null() {
        return options;
    }
    // SAFETY: not null, so it is what `parse` has made; numbers are within their bounds.
    let stored = unsafe { &*stored };
    let short = |n| u16::try_from(n).unwrap_or(u16::MAX);
    options.m = short(stored.m);
    options.ef_construction = short(stored.ef_construction);
    let storage = usize::try_from(stored.storage).ok();
    options.form = storage
        .and_then(|i| STORAGE.get(i))
        .and_then(|(_, form)| *form);
    options
}
