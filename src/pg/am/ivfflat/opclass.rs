//! Operator classes: which values and which metric a class means.

use std::marker::PhantomData;
use std::marker::PhantomData as OF;

use pgrx::pg_sys;

use crate::bulk::Resources;
use crate::ivf::{ListIndex, ListsBuilder};
use crate::pg::am::ivfflat::column::ListsColumn;
use crate::pg::am::ivfflat::lists::{ListsBuild, ListsSearch};
use crate::pg::am::ivfflat::options::AskedLists;
use crate::pg::am::method::{Build, Search};
use crate::pg::am::opclass::{self, ClassEntry, entry, normalised};
use crate::pg::error::Failure;
use crate::pg::storage::PgStore;
use crate::pg::types::{Bit, distances};
use crate::values::Metric;
use crate::vector::f16;

/// What an operator class means: the values of a column, and the lists that hold them.
pub trait ListsClass: Sync {
    /// The most dimensions that a column may have.
    fn max_dims(&self) -> usize;

    /// Starts a build.
    ///
    /// # Errors
    /// Where what is asked for does not suit the column.
    fn builder(
        &self,
        dims: usize,
        asked: AskedLists,
        resources: Resources,
    ) -> Result<Box<dyn Build>, Failure>;

    /// Opens an index.
    ///
    /// # Errors
    /// Where its first pages make no sense, or it holds other values.
    fn open(&self, store: &'static PgStore) -> Result<Box<dyn Search>, Failure>;
}

/// Vectors of a column of type `C`.
struct DenseClass<C>(Metric, PhantomData<fn(C)>);

impl<C: ListsColumn> ListsClass for DenseClass<C> {
    fn max_dims(&self) -> usize {
        C::TYPE.max_dims()
    }

    fn builder(
        &self,
        dims: usize,
        asked: AskedLists,
        resources: Resources,
    ) -> Result<Box<dyn Build>, Failure> {
        let asked = asked.of_column::<C>(dims)?;
        let builder = ListsBuilder::new(dims, self.0, &asked.options, resources);
        Ok(Box::new(ListsBuild::<C>::new(builder, asked)))
    }

    fn open(&self, store: &'static PgStore) -> Result<Box<dyn Search>, Failure> {
        Ok(Box::new(ListsSearch::<C>::new(ListIndex::open(store)?)))
    }
}

/// Bits by Hamming distance.
struct BitClass;

impl ListsClass for BitClass {
    fn max_dims(&self) -> usize {
        Bit::TYPE.max_dims()
    }

    fn builder(
        &self,
        dims: usize,
        asked: AskedLists,
        resources: Resources,
    ) -> Result<Box<dyn Build>, Failure> {
        let asked = asked.of_column::<Bit>(dims)?;
        let builder = ListsBuilder::of_bits(dims, &asked.options, resources);
        Ok(Box::new(ListsBuild::<Bit>::new(builder, asked)))
    }

    fn open(&self, store: &'static PgStore) -> Result<Box<dyn Search>, Failure> {
        Ok(Box::new(ListsSearch::<Bit>::new(ListIndex::open(store)?)))
    }
}

static CLASSES: [ClassEntry<dyn ListsClass>; 10] = {
    use Metric::{Cosine, InnerProduct, L2};
    use distances as d;
    [
        entry(d::vector_l2_squared_distance, &DenseClass::<f32>(L2, OF)),
        entry(
            d::vector_negative_inner_product,
            &DenseClass::<f32>(InnerProduct, OF),
        ),
        normalised(
            d::vector_negative_inner_product,
            &DenseClass::<f32>(Cosine, OF),
        ),
        entry(d::halfvec_l2_squared_distance, &DenseClass::<f16>(L2, OF)),
        entry(
            d::halfvec_negative_inner_product,
            &DenseClass::<f16>(InnerProduct, OF),
        ),
        normalised(
            d::halfvec_negative_inner_product,
            &DenseClass::<f16>(Cosine, OF),
        ),
        entry(d::int8vec_l2_squared_distance, &DenseClass::<i8>(L2, OF)),
        entry(
            d::int8vec_negative_inner_product,
            &DenseClass::<i8>(InnerProduct, OF),
        ),
        normalised(
            d::int8vec_negative_inner_product,
            &DenseClass::<i8>(Cosine, OF),
        ),
        entry(d::hamming_distance, &BitClass),
    ]
};

/// The operator class of an index's column.
///
/// # Safety
/// The relation is an open index.
///
/// # Errors
/// Where it measures with a function that is none of ours.
pub unsafe fn of(index: pg_sys::Relation) -> Result<&'static dyn ListsClass, Failure> {
    // SAFETY: as the caller says.
    unsafe { opclass::of(index, &CLASSES) }
}

// The fifth support functions of operator classes. pgvector asks them what a type can do. Here the distance function
// tells that, so they say nothing.
sql_functions! {
    fn ivfflat_halfvec_support(_call) -> pg_sys::Datum { Ok(pg_sys::Datum::null()) }
    fn ivfflat_bit_support(_call) -> pg_sys::Datum { Ok(pg_sys::Datum::null()) }
}
