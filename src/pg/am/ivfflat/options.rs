//! Options: `amoptions`, which says what `WITH (...)` may have.

use std::ffi::CStr;
use std::mem::offset_of;
use std::sync::OnceLock;

use pgrx::pg_sys;
use pgrx::pg_sys::Datum;

use crate::ivf::{ListsOptions, LongForm, MAX_LISTS};
use crate::pg::am::ivfflat::column::ListsColumn;
use crate::pg::error::Failure;
use crate::quantize::Form;
use crate::vector::{MAX_DIMS, Type};

/// The options of lists, as Postgres fills them in.
#[repr(C)]
struct StoredListsOptions {
    varlena: i32,
    lists: i32,
    bits: i32,
    directions: i32,
    /// Where the text begins, in bytes from the start of the options; 0 without one.
    centroids: i32,
}

/// Where bits are not asked for, vectors of so few dimensions are stored as float16: int8 would save little, and leave
/// many rows in doubt.
const FEW_DIMS: usize = 64;

/// Registers the options, once in a backend, and gives their kind.
fn kind() -> pg_sys::relopt_kind::Type {
    static KIND: OnceLock<pg_sys::relopt_kind::Type> = OnceLock::new();
    *KIND.get_or_init(|| {
        let lock = pg_sys::AccessExclusiveLock as i32;
        let (lists, bits, directions) = (
            c"Number of lists; 0 for as many as suit the rows",
            c"Bits for each element of a vector",
            c"Directions that codes have a bit for; 0 for all",
        );
        let (most, most_dims) = (MAX_LISTS as i32, MAX_DIMS as i32);
        // SAFETY: called by the backend's thread; Postgres copies names and texts.
        unsafe {
            let kind = pg_sys::add_reloption_kind();
            pg_sys::add_int_reloption(kind, c"lists".as_ptr(), lists.as_ptr(), 0, 0, most, lock);
            pg_sys::add_int_reloption(kind, c"bits".as_ptr(), bits.as_ptr(), 0, 1, 8, lock);
            let name = c"directions".as_ptr();
            pg_sys::add_int_reloption(kind, name, directions.as_ptr(), 0, 0, most_dims, lock);
            pg_sys::add_string_reloption(
                kind,
                c"centroids".as_ptr(),
                c"Table with the centroids of the lists".as_ptr(),
                std::ptr::null(),
                None,
                lock,
            );
            kind
        }
    })
}

/// Reads the options of lists.
///
/// # Safety
/// As `amoptions`.
pub unsafe fn parse(options: Datum, validate: bool) -> *mut pg_sys::bytea {
    use pg_sys::relopt_type::{RELOPT_TYPE_INT, RELOPT_TYPE_STRING};
    #[allow(clippy::needless_update, reason = "PostgreSQL 18 has another field")]
    let element = |name: &'static CStr, opttype, offset: usize| pg_sys::relopt_parse_elt {
        optname: name.as_ptr(),
        opttype,
        offset: offset as i32,
        ..Default::default()
    };
    let elements = [
        element(
            c"lists",
            RELOPT_TYPE_INT,
            offset_of!(StoredListsOptions, lists),
        ),
        element(
            c"bits",
            RELOPT_TYPE_INT,
            offset_of!(StoredListsOptions, bits),
        ),
        element(
            c"directions",
            RELOPT_TYPE_INT,
            offset_of!(StoredListsOptions, directions),
        ),
        element(
            c"centroids",
            RELOPT_TYPE_STRING,
            offset_of!(StoredListsOptions, centroids),
        ),
    ];
    let size = size_of::<StoredListsOptions>();
    // SAFETY: the elements name fields of a struct of this size.
    unsafe {
        let kind = kind();
        let count = elements.len() as i32;
        pg_sys::build_reloptions(options, validate, kind, size, elements.as_ptr(), count).cast()
    }
}

/// What an index was made with.
pub struct AskedLists {
    /// What may be chosen.
    pub options: ListsOptions,
    /// Bits of an element, where they were asked for.
    bits: Option<u8>,
    /// The table that has the centroids, as it was named.
    pub centroids: Option<String>,
}

impl AskedLists {
    /// The same for a column of type `C`, which has its own forms, and so many dimensions.
    ///
    /// # Errors
    /// Where codes cannot have as many directions as are asked for.
    pub fn of_column<C: ListsColumn>(mut self, dims: usize) -> Result<Self, Failure> {
        let asked = self.options.directions;
        if asked > 0 && C::TYPE == Type::Bit {
            return Err(Failure::BitDirections);
        }
        if asked as usize > dims {
            return Err(Failure::Directions { asked, dims });
        }
        let form = C::form(self.options.form);
        let chosen = form == Some(LongForm::Stored(Form::Int8)) && self.bits.is_none();
        self.options.form = if chosen && dims <= FEW_DIMS {
            Some(LongForm::Stored(Form::F16))
        } else {
            form
        };
        Ok(self)
    }
}

/// The options of an open index.
///
/// # Safety
/// The relation is an open index whose options [`parse`] has read.
pub unsafe fn of(index: pg_sys::Relation) -> AskedLists {
    // SAFETY: reads the clock.
    let made = unsafe { pg_sys::GetCurrentTimestamp() } as u64;
    let mut options = ListsOptions {
        made,
        ..ListsOptions::default()
    };
    // SAFETY: the caller vouches for the relation.
    let start: *const StoredListsOptions = unsafe { (*index).rd_options }.cast();
    // SAFETY: null, or what `parse` has made; numbers are within their bounds.
    let Some(stored) = (unsafe { start.as_ref() }) else {
        return AskedLists {
            options,
            bits: None,
            centroids: None,
        };
    };
    options.lists = stored.lists as u32;
    options.directions = stored.directions as u32;
    let bits = u8::try_from(stored.bits).ok().filter(|bits| *bits > 0);
    if let Some(bits) = bits {
        options.form = LongForm::of_bits(bits);
    }
    let text = (stored.centroids > 0).then(|| {
        // SAFETY: the text ends with a zero, within the options.
        unsafe { CStr::from_ptr(start.cast::<i8>().add(stored.centroids as usize).cast()) }
    });
    AskedLists {
        options,
        bits,
        centroids: text.map(|text| text.to_string_lossy().into_owned()),
    }
}
