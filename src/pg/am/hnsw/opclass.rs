//! Operator classes: which values and which space a class means.

use std::marker::PhantomData;
use std::marker::PhantomData as OF;

use pgrx::pg_sys;

use crate::bulk::Resources;
use crate::hnsw::{
    BitMetric, Bits, Builder, Dense, Index, Manhattan, Measure, Metric, Options, Plain,
    SparseMetric, SparseVectors,
};
use crate::pg::am::dense::Floats;
use crate::pg::am::hnsw::graph::{GraphBuild, GraphIndex};
use crate::pg::am::hnsw::value::{Column, SqlSpace};
use crate::pg::am::method::{Build, Search};
use crate::pg::am::opclass::{self, ClassEntry, entry, normalised};
use crate::pg::error::Failure;
use crate::pg::storage::PgStore;
use crate::pg::types::{Bit, Sparsevec, distances};
use crate::vector::f16;

/// What an operator class means: the values of a column, and the graph that holds them.
pub trait OperatorClass: Sync {
    /// The most dimensions that a column may have.
    fn max_dims(&self) -> usize;

    /// Starts a build.
    fn builder(&self, dims: usize, options: &Options, resources: Resources) -> Box<dyn Build>;

    /// Opens an index.
    ///
    /// # Errors
    /// Where its first pages make no sense, or it holds other values.
    fn open(&self, store: &'static PgStore, options: &Options) -> Result<Box<dyn Search>, Failure>;
}

/// Dense vectors of elements `E`, whose links carry codes.
struct CodedClass<E>(Metric, PhantomData<fn(E)>);

impl<E: Floats> OperatorClass for CodedClass<E> {
    fn max_dims(&self) -> usize {
        E::TYPE.max_dims()
    }

    fn builder(&self, dims: usize, options: &Options, resources: Resources) -> Box<dyn Build> {
        let form = E::form(options.form);
        let options = Options { form, ..*options };
        let builder = Builder::dense(dims, self.0, &options, resources);
        Box::new(GraphBuild::<Dense, E>::new(builder))
    }

    fn open(&self, store: &'static PgStore, options: &Options) -> Result<Box<dyn Search>, Failure> {
        let index = Index::open(store, options)?;
        Ok(Box::new(GraphIndex::<Dense, E>::new(index)))
    }
}

/// Values of a column `C` under a measure, which is made for dimensions and options.
struct MeasuredClass<C, M>(fn(usize, &Options) -> M, PhantomData<fn(C)>);

impl<C, M> OperatorClass for MeasuredClass<C, M>
where
    C: Column<Plain<M>>,
    M: Measure + 'static,
    Plain<M>: SqlSpace,
{
    fn max_dims(&self) -> usize {
        C::TYPE.max_dims()
    }

    fn builder(&self, dims: usize, options: &Options, resources: Resources) -> Box<dyn Build> {
        let builder = Builder::plain((self.0)(dims, options), options, resources);
        Box::new(GraphBuild::<Plain<M>, C>::new(builder))
    }

    fn open(&self, store: &'static PgStore, options: &Options) -> Result<Box<dyn Search>, Failure> {
        let index = Index::open_plain(store, options)?;
        Ok(Box::new(GraphIndex::<Plain<M>, C>::new(index)))
    }
}

/// Dense vectors of elements `E` under L1.
fn taxicab<E: Floats>(dims: usize, options: &Options) -> Manhattan {
    Manhattan::new(dims, E::form(options.form).unwrap_or(E::FORM))
}

/// Sparse vectors under a metric.
fn sparse(metric: SparseMetric, dims: usize) -> SparseVectors {
    SparseVectors::new(metric, u32::try_from(dims).unwrap_or(u32::MAX))
}

static CLASSES: [ClassEntry<dyn OperatorClass>; 18] = {
    use Metric::{Cosine, InnerProduct, L2};
    use distances as d;
    [
        entry(d::vector_l2_squared_distance, &CodedClass::<f32>(L2, OF)),
        entry(
            d::vector_negative_inner_product,
            &CodedClass::<f32>(InnerProduct, OF),
        ),
        normalised(
            d::vector_negative_inner_product,
            &CodedClass::<f32>(Cosine, OF),
        ),
        entry(d::l1_distance, &MeasuredClass::<f32, _>(taxicab::<f32>, OF)),
        entry(d::halfvec_l2_squared_distance, &CodedClass::<f16>(L2, OF)),
        entry(
            d::halfvec_negative_inner_product,
            &CodedClass::<f16>(InnerProduct, OF),
        ),
        normalised(
            d::halfvec_negative_inner_product,
            &CodedClass::<f16>(Cosine, OF),
        ),
        entry(
            d::halfvec_l1_distance,
            &MeasuredClass::<f16, _>(taxicab::<f16>, OF),
        ),
        entry(d::int8vec_l2_squared_distance, &CodedClass::<i8>(L2, OF)),
        entry(
            d::int8vec_negative_inner_product,
            &CodedClass::<i8>(InnerProduct, OF),
        ),
        normalised(
            d::int8vec_negative_inner_product,
            &CodedClass::<i8>(Cosine, OF),
        ),
        entry(
            d::int8vec_l1_distance,
            &MeasuredClass::<i8, _>(taxicab::<i8>, OF),
        ),
        entry(
            d::sparsevec_l2_squared_distance,
            &MeasuredClass::<Sparsevec, _>(|dims, _| sparse(SparseMetric::L2, dims), OF),
        ),
        entry(
            d::sparsevec_negative_inner_product,
            &MeasuredClass::<Sparsevec, _>(|dims, _| sparse(SparseMetric::InnerProduct, dims), OF),
        ),
        normalised(
            d::sparsevec_negative_inner_product,
            &MeasuredClass::<Sparsevec, _>(|dims, _| sparse(SparseMetric::Cosine, dims), OF),
        ),
        entry(
            d::sparsevec_l1_distance,
            &MeasuredClass::<Sparsevec, _>(|dims, _| sparse(SparseMetric::L1, dims), OF),
        ),
        entry(
            d::hamming_distance,
            &MeasuredClass::<Bit, _>(|bits, _| Bits::new(BitMetric::Hamming, bits), OF),
        ),
        entry(
            d::jaccard_distance,
            &MeasuredClass::<Bit, _>(|bits, _| Bits::new(BitMetric::Jaccard, bits), OF),
        ),
    ]
};

/// The operator class of an index's column.
///
/// # Safety
/// The relation is an open index.
///
/// # Errors
/// Where it measures with a function that is none of ours.
pub unsafe fn of(index: pg_sys::Relation) -> Result<&'static dyn OperatorClass, Failure> {
    // SAFETY: as the caller says.
    unsafe { opclass::of(index, &CLASSES) }
}

/// The third support functions of operator classes. pgvector asks them what a type can do. Here the distance
/// function tells that, so they say nothing.
macro_rules! support_functions {
    ($($name:ident)*) => {
        sql_functions! { $(fn $name(_call) -> pg_sys::Datum { Ok(pg_sys::Datum::null()) })* }
    };
}

support_functions! { hnsw_halfvec_support hnsw_bit_support hnsw_sparsevec_support }
