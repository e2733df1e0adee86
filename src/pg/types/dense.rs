//! Dense types: their C symbols, which say which name of the catalogue is which function.

use pgrx::pg_sys::Datum;

use super::datum::NewDatum;
use crate::vector::f16;

sql_symbols! { f32:
    vector_in = super::io::input;
    vector_out = super::io::output;
    vector_typmod_in = super::io::typmod_in;
    vector_recv = super::io::receive;
    vector_send = super::io::send;
    vector_dims = super::operators::dims;
    vector_norm = super::operators::norm;
    l2_normalize = super::operators::normalize;
    binary_quantize = super::operators::binary_quantize;
    subvector = super::operators::subvector;
    vector_add = super::operators::add;
    vector_sub = super::operators::sub;
    vector_mul = super::operators::mul;
    vector_concat = super::operators::concat;
    vector_lt = super::order::lt;
    vector_le = super::order::le;
    vector_eq = super::order::eq;
    vector_ne = super::order::ne;
    vector_ge = super::order::ge;
    vector_gt = super::order::gt;
    vector_cmp = super::order::cmp;
    vector_accum = super::aggregates::accumulate;
    vector_avg = super::aggregates::mean;
    vector = super::casts::coerce;
    array_to_vector = super::casts::from_array;
    vector_to_float4 = super::casts::to_float4;
}

sql_symbols! { f16:
    halfvec_in = super::io::input;
    halfvec_out = super::io::output;
    halfvec_typmod_in = super::io::typmod_in;
    halfvec_recv = super::io::receive;
    halfvec_send = super::io::send;
    halfvec_vector_dims = super::operators::dims;
    halfvec_l2_norm = super::operators::norm;
    halfvec_l2_normalize = super::operators::normalize;
    halfvec_binary_quantize = super::operators::binary_quantize;
    halfvec_subvector = super::operators::subvector;
    halfvec_add = super::operators::add;
    halfvec_sub = super::operators::sub;
    halfvec_mul = super::operators::mul;
    halfvec_concat = super::operators::concat;
    halfvec_lt = super::order::lt;
    halfvec_le = super::order::le;
    halfvec_eq = super::order::eq;
    halfvec_ne = super::order::ne;
    halfvec_ge = super::order::ge;
    halfvec_gt = super::order::gt;
    halfvec_cmp = super::order::cmp;
    halfvec_accum = super::aggregates::accumulate;
    halfvec_avg = super::aggregates::mean;
    halfvec = super::casts::coerce;
    array_to_halfvec = super::casts::from_array;
    halfvec_to_float4 = super::casts::to_float4;
    halfvec_to_vector = super::casts::to_vector;
    vector_to_halfvec = super::casts::from_vector;
}

sql_symbols! { i8:
    int8vec_in = super::io::input;
    int8vec_out = super::io::output;
    int8vec_typmod_in = super::io::typmod_in;
    int8vec_recv = super::io::receive;
    int8vec_send = super::io::send;
    int8vec_vector_dims = super::operators::dims;
    int8vec_l2_norm = super::operators::norm;
    int8vec_binary_quantize = super::operators::binary_quantize;
    int8vec_subvector = super::operators::subvector;
    int8vec_concat = super::operators::concat;
    int8vec_lt = super::order::lt;
    int8vec_le = super::order::le;
    int8vec_eq = super::order::eq;
    int8vec_ne = super::order::ne;
    int8vec_ge = super::order::ge;
    int8vec_gt = super::order::gt;
    int8vec_cmp = super::order::cmp;
    int8vec_accum = super::aggregates::accumulate;
    int8vec_sum = super::aggregates::total;
    int8vec = super::casts::coerce;
    array_to_int8vec = super::casts::from_array;
    int8vec_to_float4 = super::casts::to_float4;
    int8vec_to_vector = super::casts::to_vector;
    vector_to_int8vec = super::casts::from_vector;
}

sql_functions! {
    /// `int8vec_to_halfvec(int8vec, typmod, explicit)`.
    fn int8vec_to_halfvec(call) -> NewDatum<f16> {
        super::casts::between::<i8, f16>(call)
    }

    /// `halfvec_to_int8vec(halfvec, typmod, explicit)`.
    fn halfvec_to_int8vec(call) -> NewDatum<i8> {
        super::casts::between::<f16, i8>(call)
    }

    /// `int8vec_to_int2(int8vec, typmod, explicit)`.
    fn int8vec_to_int2(call) -> Datum {
        Ok(super::array::new_int2(&call.held::<i8>(0)?))
    }

    /// `int8vec_to_int4(int8vec, typmod, explicit)`.
    fn int8vec_to_int4(call) -> Datum {
        Ok(super::array::new_int4(&call.held::<i8>(0)?))
    }
}
