-- The whole SQL surface of vector_ext, top to bottom. Names, volatility, casts and operators are
-- pgvector's; src/README.md says which C symbol lives in which room.
--
-- `make install` installs this file as vector_ext--VERSION.sql. Whoever changes it makes the same change in the update script,
-- vector_ext--0.1.0--0.2.0.sql, which brings the databases of the version before to this surface. `tests/server/upgrade`
-- compares the two, object by object, and fails where they differ.

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION vector_ext" to load this file. \quit

-- Access methods have no schema, so a database holds either these or pgvector's.
--
-- Here and wherever this extension has SQL that runs: an operator or a function without its schema is looked up in
-- all of search_path, and one of anybody's whose types match exactly wins over one of pg_catalog whose types do not.
-- So each is named with its schema.
DO $$
DECLARE
    other pg_catalog.name;
    method pg_catalog.name;
BEGIN
    SELECT e.extname, a.amname INTO other, method
      FROM pg_catalog.pg_am a
      JOIN pg_catalog.pg_depend d ON d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_am'::pg_catalog.regclass::pg_catalog.oid
       AND d.objid OPERATOR(pg_catalog.=) a.oid AND d.deptype OPERATOR(pg_catalog.=) 'e'::pg_catalog."char"
      JOIN pg_catalog.pg_extension e ON e.oid OPERATOR(pg_catalog.=) d.refobjid
     WHERE a.amname OPERATOR(pg_catalog.=) ANY (ARRAY['hnsw', 'ivfflat']::pg_catalog.name[])
     ORDER BY a.amname USING OPERATOR(pg_catalog.<) LIMIT 1;
    IF FOUND THEN
        RAISE duplicate_object USING
            MESSAGE = pg_catalog.format('extension "%s" of this database has the access method "%s" already', other, method),
            HINT = 'Use that one, or dump the database and restore it where "vector_ext" is, as docs/pgvector.md tells.';
    END IF;
END $$;

-- ---------------------------------------------------------------- type vector

CREATE TYPE vector;

CREATE FUNCTION vector_in(cstring, oid, integer) RETURNS vector
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION vector_out(vector) RETURNS cstring
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION vector_typmod_in(cstring[]) RETURNS integer
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION vector_recv(internal, oid, integer) RETURNS vector
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION vector_send(vector) RETURNS bytea
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE TYPE vector (
    INPUT     = vector_in,
    OUTPUT    = vector_out,
    TYPMOD_IN = vector_typmod_in,
    RECEIVE   = vector_recv,
    SEND      = vector_send,
    STORAGE   = external
);
COMMENT ON TYPE vector IS 'dense vector of float4, written [1,2,3]';

-- functions that users call

CREATE FUNCTION l2_distance(vector, vector) RETURNS double precision
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION inner_product(vector, vector) RETURNS double precision
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION cosine_distance(vector, vector) RETURNS double precision
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION l1_distance(vector, vector) RETURNS double precision
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION vector_dims(vector) RETURNS integer
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION vector_norm(vector) RETURNS double precision
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION l2_normalize(vector) RETURNS vector
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION binary_quantize(vector) RETURNS bit
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION subvector(vector, integer, integer) RETURNS vector
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

-- functions behind operators, operator classes and casts

CREATE FUNCTION vector_add(vector, vector) RETURNS vector
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION vector_sub(vector, vector) RETURNS vector
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION vector_mul(vector, vector) RETURNS vector
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION vector_concat(vector, vector) RETURNS vector
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION vector_lt(vector, vector) RETURNS boolean
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION vector_le(vector, vector) RETURNS boolean
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION vector_eq(vector, vector) RETURNS boolean
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION vector_ne(vector, vector) RETURNS boolean
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION vector_ge(vector, vector) RETURNS boolean
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION vector_gt(vector, vector) RETURNS boolean
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION vector_cmp(vector, vector) RETURNS integer
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION vector_l2_squared_distance(vector, vector) RETURNS double precision
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION vector_negative_inner_product(vector, vector) RETURNS double precision
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION vector_spherical_distance(vector, vector) RETURNS double precision
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION vector_accum(double precision[], vector) RETURNS double precision[]
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION vector_avg(double precision[]) RETURNS vector
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION vector_combine(double precision[], double precision[]) RETURNS double precision[]
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

-- aggregates

CREATE AGGREGATE avg(vector) (
    SFUNC       = vector_accum,
    STYPE       = double precision[],
    FINALFUNC   = vector_avg,
    COMBINEFUNC = vector_combine,
    INITCOND    = '{0}',
    PARALLEL    = SAFE
);

CREATE AGGREGATE sum(vector) (
    SFUNC       = vector_add,
    STYPE       = vector,
    COMBINEFUNC = vector_add,
    PARALLEL    = SAFE
);

-- casts: into vector by assignment only, so that ARRAY[1,2] = ARRAY[1,2] stays unambiguous

CREATE FUNCTION vector(vector, integer, boolean) RETURNS vector
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION array_to_vector(integer[], integer, boolean) RETURNS vector
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION array_to_vector(real[], integer, boolean) RETURNS vector
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION array_to_vector(double precision[], integer, boolean) RETURNS vector
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION array_to_vector(numeric[], integer, boolean) RETURNS vector
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION vector_to_float4(vector, integer, boolean) RETURNS real[]
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE CAST (vector AS vector)
    WITH FUNCTION vector(vector, integer, boolean) AS IMPLICIT;
CREATE CAST (vector AS real[])
    WITH FUNCTION vector_to_float4(vector, integer, boolean) AS IMPLICIT;
CREATE CAST (integer[] AS vector)
    WITH FUNCTION array_to_vector(integer[], integer, boolean) AS ASSIGNMENT;
CREATE CAST (real[] AS vector)
    WITH FUNCTION array_to_vector(real[], integer, boolean) AS ASSIGNMENT;
CREATE CAST (double precision[] AS vector)
    WITH FUNCTION array_to_vector(double precision[], integer, boolean) AS ASSIGNMENT;
CREATE CAST (numeric[] AS vector)
    WITH FUNCTION array_to_vector(numeric[], integer, boolean) AS ASSIGNMENT;

-- operators

CREATE OPERATOR <-> (
    LEFTARG = vector, RIGHTARG = vector, FUNCTION = l2_distance, COMMUTATOR = <->
);
CREATE OPERATOR <#> (
    LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_negative_inner_product, COMMUTATOR = <#>
);
CREATE OPERATOR <=> (
    LEFTARG = vector, RIGHTARG = vector, FUNCTION = cosine_distance, COMMUTATOR = <=>
);
CREATE OPERATOR <+> (
    LEFTARG = vector, RIGHTARG = vector, FUNCTION = l1_distance, COMMUTATOR = <+>
);
CREATE OPERATOR + (
    LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_add, COMMUTATOR = +
);
CREATE OPERATOR - (
    LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_sub
);
CREATE OPERATOR * (
    LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_mul, COMMUTATOR = *
);
CREATE OPERATOR || (
    LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_concat
);
CREATE OPERATOR < (
    LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_lt,
    COMMUTATOR = >, NEGATOR = >=, RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
CREATE OPERATOR <= (
    LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_le,
    COMMUTATOR = >=, NEGATOR = >, RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
CREATE OPERATOR = (
    LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_eq,
    COMMUTATOR = =, NEGATOR = <>, RESTRICT = eqsel, JOIN = eqjoinsel
);
CREATE OPERATOR <> (
    LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_ne,
    COMMUTATOR = <>, NEGATOR = =, RESTRICT = eqsel, JOIN = eqjoinsel
);
CREATE OPERATOR >= (
    LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_ge,
    COMMUTATOR = <=, NEGATOR = <, RESTRICT = scalargesel, JOIN = scalargejoinsel
);
CREATE OPERATOR > (
    LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_gt,
    COMMUTATOR = <, NEGATOR = <=, RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);

CREATE OPERATOR CLASS vector_ops
    DEFAULT FOR TYPE vector USING btree AS
    OPERATOR 1 <,
    OPERATOR 2 <=,
    OPERATOR 3 =,
    OPERATOR 4 >=,
    OPERATOR 5 >,
    FUNCTION 1 vector_cmp(vector, vector);

-- what \df+ and \do+ show

COMMENT ON FUNCTION vector_in(cstring, oid, integer) IS 'I/O';
COMMENT ON FUNCTION vector_out(vector) IS 'I/O';
COMMENT ON FUNCTION vector_typmod_in(cstring[]) IS 'I/O typmod';
COMMENT ON FUNCTION vector_recv(internal, oid, integer) IS 'I/O';
COMMENT ON FUNCTION vector_send(vector) IS 'I/O';
COMMENT ON FUNCTION l2_distance(vector, vector) IS 'Euclidean distance';
COMMENT ON FUNCTION inner_product(vector, vector) IS 'inner product';
COMMENT ON FUNCTION cosine_distance(vector, vector) IS 'cosine distance';
COMMENT ON FUNCTION l1_distance(vector, vector) IS 'taxicab distance';
COMMENT ON FUNCTION vector_dims(vector) IS 'number of dimensions';
COMMENT ON FUNCTION vector_norm(vector) IS 'Euclidean norm';
COMMENT ON FUNCTION l2_normalize(vector) IS 'normalize with Euclidean norm';
COMMENT ON FUNCTION binary_quantize(vector) IS 'binary quantize';
COMMENT ON FUNCTION subvector(vector, integer, integer) IS 'subvector';
COMMENT ON FUNCTION vector_add(vector, vector) IS 'implementation of + operator';
COMMENT ON FUNCTION vector_sub(vector, vector) IS 'implementation of - operator';
COMMENT ON FUNCTION vector_mul(vector, vector) IS 'implementation of * operator';
COMMENT ON FUNCTION vector_concat(vector, vector) IS 'implementation of || operator';
COMMENT ON FUNCTION vector_lt(vector, vector) IS 'implementation of < operator';
COMMENT ON FUNCTION vector_le(vector, vector) IS 'implementation of <= operator';
COMMENT ON FUNCTION vector_eq(vector, vector) IS 'implementation of = operator';
COMMENT ON FUNCTION vector_ne(vector, vector) IS 'implementation of <> operator';
COMMENT ON FUNCTION vector_ge(vector, vector) IS 'implementation of >= operator';
COMMENT ON FUNCTION vector_gt(vector, vector) IS 'implementation of > operator';
COMMENT ON FUNCTION vector_cmp(vector, vector) IS 'less-equal-greater';
COMMENT ON FUNCTION vector_l2_squared_distance(vector, vector) IS 'squared Euclidean distance';
COMMENT ON FUNCTION vector_negative_inner_product(vector, vector) IS 'negative inner product';
COMMENT ON FUNCTION vector_spherical_distance(vector, vector) IS 'spherical distance';
COMMENT ON FUNCTION vector_accum(double precision[], vector) IS 'aggregate transition function';
COMMENT ON FUNCTION vector_avg(double precision[]) IS 'aggregate final function';
COMMENT ON FUNCTION vector_combine(double precision[], double precision[]) IS 'aggregate combine function';
COMMENT ON FUNCTION vector(vector, integer, boolean) IS 'adjust vector to typmod';
COMMENT ON FUNCTION array_to_vector(integer[], integer, boolean) IS 'convert int4 array to vector';
COMMENT ON FUNCTION array_to_vector(real[], integer, boolean) IS 'convert float4 array to vector';
COMMENT ON FUNCTION array_to_vector(double precision[], integer, boolean) IS 'convert float8 array to vector';
COMMENT ON FUNCTION array_to_vector(numeric[], integer, boolean) IS 'convert numeric array to vector';
COMMENT ON FUNCTION vector_to_float4(vector, integer, boolean) IS 'convert vector to float4 array';
COMMENT ON OPERATOR <-> (vector, vector) IS 'Euclidean distance';
COMMENT ON OPERATOR <#> (vector, vector) IS 'negative inner product';
COMMENT ON OPERATOR <=> (vector, vector) IS 'cosine distance';
COMMENT ON OPERATOR <+> (vector, vector) IS 'taxicab distance';
COMMENT ON OPERATOR + (vector, vector) IS 'add';
COMMENT ON OPERATOR - (vector, vector) IS 'subtract';
COMMENT ON OPERATOR * (vector, vector) IS 'multiply';
COMMENT ON OPERATOR || (vector, vector) IS 'concatenate';
COMMENT ON OPERATOR < (vector, vector) IS 'less than';
COMMENT ON OPERATOR <= (vector, vector) IS 'less than or equal';
COMMENT ON OPERATOR = (vector, vector) IS 'equal';
COMMENT ON OPERATOR <> (vector, vector) IS 'not equal';
COMMENT ON OPERATOR >= (vector, vector) IS 'greater than or equal';
COMMENT ON OPERATOR > (vector, vector) IS 'greater than';
COMMENT ON AGGREGATE avg(vector) IS 'the average (arithmetic mean) as vector of all vector values';
COMMENT ON AGGREGATE sum(vector) IS 'sum as vector across all vector input values';
COMMENT ON CAST (vector AS vector) IS 'adjust vector to typmod';
COMMENT ON CAST (vector AS real[]) IS 'convert vector to float4 array';
COMMENT ON CAST (integer[] AS vector) IS 'convert int4 array to vector';
COMMENT ON CAST (real[] AS vector) IS 'convert float4 array to vector';
COMMENT ON CAST (double precision[] AS vector) IS 'convert float8 array to vector';
COMMENT ON CAST (numeric[] AS vector) IS 'convert numeric array to vector';
COMMENT ON OPERATOR CLASS vector_ops USING btree IS 'order of vector: element by element';
COMMENT ON OPERATOR FAMILY vector_ops USING btree IS 'order of vector: element by element';

-- ---------------------------------------------------------------- type halfvec

CREATE TYPE halfvec;

CREATE FUNCTION halfvec_in(cstring, oid, integer) RETURNS halfvec
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION halfvec_out(halfvec) RETURNS cstring
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION halfvec_typmod_in(cstring[]) RETURNS integer
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION halfvec_recv(internal, oid, integer) RETURNS halfvec
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION halfvec_send(halfvec) RETURNS bytea
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE TYPE halfvec (
    INPUT     = halfvec_in,
    OUTPUT    = halfvec_out,
    TYPMOD_IN = halfvec_typmod_in,
    RECEIVE   = halfvec_recv,
    SEND      = halfvec_send,
    STORAGE   = external
);
COMMENT ON TYPE halfvec IS 'dense vector of 16-bit floats, written [1,2,3]';

-- functions that users call

CREATE FUNCTION l2_distance(halfvec, halfvec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'halfvec_l2_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION inner_product(halfvec, halfvec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'halfvec_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION cosine_distance(halfvec, halfvec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'halfvec_cosine_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION l1_distance(halfvec, halfvec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'halfvec_l1_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION vector_dims(halfvec) RETURNS integer
    AS 'MODULE_PATHNAME', 'halfvec_vector_dims' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION l2_norm(halfvec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'halfvec_l2_norm' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION l2_normalize(halfvec) RETURNS halfvec
    AS 'MODULE_PATHNAME', 'halfvec_l2_normalize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION binary_quantize(halfvec) RETURNS bit
    AS 'MODULE_PATHNAME', 'halfvec_binary_quantize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION subvector(halfvec, integer, integer) RETURNS halfvec
    AS 'MODULE_PATHNAME', 'halfvec_subvector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

-- functions behind operators, operator classes and casts

CREATE FUNCTION halfvec_add(halfvec, halfvec) RETURNS halfvec
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION halfvec_sub(halfvec, halfvec) RETURNS halfvec
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION halfvec_mul(halfvec, halfvec) RETURNS halfvec
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION halfvec_concat(halfvec, halfvec) RETURNS halfvec
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION halfvec_lt(halfvec, halfvec) RETURNS boolean
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION halfvec_le(halfvec, halfvec) RETURNS boolean
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION halfvec_eq(halfvec, halfvec) RETURNS boolean
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION halfvec_ne(halfvec, halfvec) RETURNS boolean
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION halfvec_ge(halfvec, halfvec) RETURNS boolean
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION halfvec_gt(halfvec, halfvec) RETURNS boolean
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION halfvec_cmp(halfvec, halfvec) RETURNS integer
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION halfvec_l2_squared_distance(halfvec, halfvec) RETURNS double precision
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION halfvec_negative_inner_product(halfvec, halfvec) RETURNS double precision
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION halfvec_spherical_distance(halfvec, halfvec) RETURNS double precision
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION halfvec_accum(double precision[], halfvec) RETURNS double precision[]
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION halfvec_avg(double precision[]) RETURNS halfvec
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION halfvec_combine(double precision[], double precision[]) RETURNS double precision[]
    AS 'MODULE_PATHNAME', 'vector_combine' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

-- aggregates

CREATE AGGREGATE avg(halfvec) (
    SFUNC       = halfvec_accum,
    STYPE       = double precision[],
    FINALFUNC   = halfvec_avg,
    COMBINEFUNC = halfvec_combine,
    INITCOND    = '{0}',
    PARALLEL    = SAFE
);

CREATE AGGREGATE sum(halfvec) (
    SFUNC       = halfvec_add,
    STYPE       = halfvec,
    COMBINEFUNC = halfvec_add,
    PARALLEL    = SAFE
);

-- casts: from vector by itself, into vector and arrays by assignment

CREATE FUNCTION halfvec(halfvec, integer, boolean) RETURNS halfvec
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION halfvec_to_vector(halfvec, integer, boolean) RETURNS vector
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION vector_to_halfvec(vector, integer, boolean) RETURNS halfvec
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION array_to_halfvec(integer[], integer, boolean) RETURNS halfvec
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION array_to_halfvec(real[], integer, boolean) RETURNS halfvec
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION array_to_halfvec(double precision[], integer, boolean) RETURNS halfvec
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION array_to_halfvec(numeric[], integer, boolean) RETURNS halfvec
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION halfvec_to_float4(halfvec, integer, boolean) RETURNS real[]
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE CAST (halfvec AS halfvec)
    WITH FUNCTION halfvec(halfvec, integer, boolean) AS IMPLICIT;
CREATE CAST (halfvec AS vector)
    WITH FUNCTION halfvec_to_vector(halfvec, integer, boolean) AS ASSIGNMENT;
CREATE CAST (vector AS halfvec)
    WITH FUNCTION vector_to_halfvec(vector, integer, boolean) AS IMPLICIT;
CREATE CAST (halfvec AS real[])
    WITH FUNCTION halfvec_to_float4(halfvec, integer, boolean) AS ASSIGNMENT;
CREATE CAST (integer[] AS halfvec)
    WITH FUNCTION array_to_halfvec(integer[], integer, boolean) AS ASSIGNMENT;
CREATE CAST (real[] AS halfvec)
    WITH FUNCTION array_to_halfvec(real[], integer, boolean) AS ASSIGNMENT;
CREATE CAST (double precision[] AS halfvec)
    WITH FUNCTION array_to_halfvec(double precision[], integer, boolean) AS ASSIGNMENT;
CREATE CAST (numeric[] AS halfvec)
    WITH FUNCTION array_to_halfvec(numeric[], integer, boolean) AS ASSIGNMENT;

-- operators

CREATE OPERATOR <-> (
    LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = l2_distance, COMMUTATOR = <->
);
CREATE OPERATOR <#> (
    LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_negative_inner_product, COMMUTATOR = <#>
);
CREATE OPERATOR <=> (
    LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = cosine_distance, COMMUTATOR = <=>
);
CREATE OPERATOR <+> (
    LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = l1_distance, COMMUTATOR = <+>
);
CREATE OPERATOR + (
    LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_add, COMMUTATOR = +
);
CREATE OPERATOR - (
    LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_sub
);
CREATE OPERATOR * (
    LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_mul, COMMUTATOR = *
);
CREATE OPERATOR || (
    LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_concat
);
CREATE OPERATOR < (
    LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_lt,
    COMMUTATOR = >, NEGATOR = >=, RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
CREATE OPERATOR <= (
    LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_le,
    COMMUTATOR = >=, NEGATOR = >, RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
CREATE OPERATOR = (
    LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_eq,
    COMMUTATOR = =, NEGATOR = <>, RESTRICT = eqsel, JOIN = eqjoinsel
);
CREATE OPERATOR <> (
    LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_ne,
    COMMUTATOR = <>, NEGATOR = =, RESTRICT = eqsel, JOIN = eqjoinsel
);
CREATE OPERATOR >= (
    LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_ge,
    COMMUTATOR = <=, NEGATOR = <, RESTRICT = scalargesel, JOIN = scalargejoinsel
);
CREATE OPERATOR > (
    LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_gt,
    COMMUTATOR = <, NEGATOR = <=, RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);

CREATE OPERATOR CLASS halfvec_ops
    DEFAULT FOR TYPE halfvec USING btree AS
    OPERATOR 1 <,
    OPERATOR 2 <=,
    OPERATOR 3 =,
    OPERATOR 4 >=,
    OPERATOR 5 >,
    FUNCTION 1 halfvec_cmp(halfvec, halfvec);

-- what \df+ and \do+ show

COMMENT ON FUNCTION halfvec_in(cstring, oid, integer) IS 'I/O';
COMMENT ON FUNCTION halfvec_out(halfvec) IS 'I/O';
COMMENT ON FUNCTION halfvec_typmod_in(cstring[]) IS 'I/O typmod';
COMMENT ON FUNCTION halfvec_recv(internal, oid, integer) IS 'I/O';
COMMENT ON FUNCTION halfvec_send(halfvec) IS 'I/O';
COMMENT ON FUNCTION l2_distance(halfvec, halfvec) IS 'Euclidean distance';
COMMENT ON FUNCTION inner_product(halfvec, halfvec) IS 'inner product';
COMMENT ON FUNCTION cosine_distance(halfvec, halfvec) IS 'cosine distance';
COMMENT ON FUNCTION l1_distance(halfvec, halfvec) IS 'taxicab distance';
COMMENT ON FUNCTION vector_dims(halfvec) IS 'number of dimensions';
COMMENT ON FUNCTION l2_norm(halfvec) IS 'Euclidean norm';
COMMENT ON FUNCTION l2_normalize(halfvec) IS 'normalize with Euclidean norm';
COMMENT ON FUNCTION binary_quantize(halfvec) IS 'binary quantize';
COMMENT ON FUNCTION subvector(halfvec, integer, integer) IS 'subvector';
COMMENT ON FUNCTION halfvec_add(halfvec, halfvec) IS 'implementation of + operator';
COMMENT ON FUNCTION halfvec_sub(halfvec, halfvec) IS 'implementation of - operator';
COMMENT ON FUNCTION halfvec_mul(halfvec, halfvec) IS 'implementation of * operator';
COMMENT ON FUNCTION halfvec_concat(halfvec, halfvec) IS 'implementation of || operator';
COMMENT ON FUNCTION halfvec_lt(halfvec, halfvec) IS 'implementation of < operator';
COMMENT ON FUNCTION halfvec_le(halfvec, halfvec) IS 'implementation of <= operator';
COMMENT ON FUNCTION halfvec_eq(halfvec, halfvec) IS 'implementation of = operator';
COMMENT ON FUNCTION halfvec_ne(halfvec, halfvec) IS 'implementation of <> operator';
COMMENT ON FUNCTION halfvec_ge(halfvec, halfvec) IS 'implementation of >= operator';
COMMENT ON FUNCTION halfvec_gt(halfvec, halfvec) IS 'implementation of > operator';
COMMENT ON FUNCTION halfvec_cmp(halfvec, halfvec) IS 'less-equal-greater';
COMMENT ON FUNCTION halfvec_l2_squared_distance(halfvec, halfvec) IS 'squared Euclidean distance';
COMMENT ON FUNCTION halfvec_negative_inner_product(halfvec, halfvec) IS 'negative inner product';
COMMENT ON FUNCTION halfvec_spherical_distance(halfvec, halfvec) IS 'spherical distance';
COMMENT ON FUNCTION halfvec_accum(double precision[], halfvec) IS 'aggregate transition function';
COMMENT ON FUNCTION halfvec_avg(double precision[]) IS 'aggregate final function';
COMMENT ON FUNCTION halfvec_combine(double precision[], double precision[]) IS 'aggregate combine function';
COMMENT ON FUNCTION halfvec(halfvec, integer, boolean) IS 'adjust halfvec to typmod';
COMMENT ON FUNCTION halfvec_to_vector(halfvec, integer, boolean) IS 'convert halfvec to vector';
COMMENT ON FUNCTION vector_to_halfvec(vector, integer, boolean) IS 'convert vector to halfvec';
COMMENT ON FUNCTION array_to_halfvec(integer[], integer, boolean) IS 'convert int4 array to halfvec';
COMMENT ON FUNCTION array_to_halfvec(real[], integer, boolean) IS 'convert float4 array to halfvec';
COMMENT ON FUNCTION array_to_halfvec(double precision[], integer, boolean) IS 'convert float8 array to halfvec';
COMMENT ON FUNCTION array_to_halfvec(numeric[], integer, boolean) IS 'convert numeric array to halfvec';
COMMENT ON FUNCTION halfvec_to_float4(halfvec, integer, boolean) IS 'convert halfvec to float4 array';
COMMENT ON OPERATOR <-> (halfvec, halfvec) IS 'Euclidean distance';
COMMENT ON OPERATOR <#> (halfvec, halfvec) IS 'negative inner product';
COMMENT ON OPERATOR <=> (halfvec, halfvec) IS 'cosine distance';
COMMENT ON OPERATOR <+> (halfvec, halfvec) IS 'taxicab distance';
COMMENT ON OPERATOR + (halfvec, halfvec) IS 'add';
COMMENT ON OPERATOR - (halfvec, halfvec) IS 'subtract';
COMMENT ON OPERATOR * (halfvec, halfvec) IS 'multiply';
COMMENT ON OPERATOR || (halfvec, halfvec) IS 'concatenate';
COMMENT ON OPERATOR < (halfvec, halfvec) IS 'less than';
COMMENT ON OPERATOR <= (halfvec, halfvec) IS 'less than or equal';
COMMENT ON OPERATOR = (halfvec, halfvec) IS 'equal';
COMMENT ON OPERATOR <> (halfvec, halfvec) IS 'not equal';
COMMENT ON OPERATOR >= (halfvec, halfvec) IS 'greater than or equal';
COMMENT ON OPERATOR > (halfvec, halfvec) IS 'greater than';
COMMENT ON AGGREGATE avg(halfvec) IS 'the average (arithmetic mean) as halfvec of all halfvec values';
COMMENT ON AGGREGATE sum(halfvec) IS 'sum as halfvec across all halfvec input values';
COMMENT ON CAST (halfvec AS halfvec) IS 'adjust halfvec to typmod';
COMMENT ON CAST (halfvec AS vector) IS 'convert halfvec to vector';
COMMENT ON CAST (vector AS halfvec) IS 'convert vector to halfvec';
COMMENT ON CAST (halfvec AS real[]) IS 'convert halfvec to float4 array';
COMMENT ON CAST (integer[] AS halfvec) IS 'convert int4 array to halfvec';
COMMENT ON CAST (real[] AS halfvec) IS 'convert float4 array to halfvec';
COMMENT ON CAST (double precision[] AS halfvec) IS 'convert float8 array to halfvec';
COMMENT ON CAST (numeric[] AS halfvec) IS 'convert numeric array to halfvec';
COMMENT ON OPERATOR CLASS halfvec_ops USING btree IS 'order of halfvec: element by element';
COMMENT ON OPERATOR FAMILY halfvec_ops USING btree IS 'order of halfvec: element by element';

-- ---------------------------------------------------------------- type sparsevec

CREATE TYPE sparsevec;

CREATE FUNCTION sparsevec_in(cstring, oid, integer) RETURNS sparsevec
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION sparsevec_out(sparsevec) RETURNS cstring
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION sparsevec_typmod_in(cstring[]) RETURNS integer
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION sparsevec_recv(internal, oid, integer) RETURNS sparsevec
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION sparsevec_send(sparsevec) RETURNS bytea
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE TYPE sparsevec (
    INPUT     = sparsevec_in,
    OUTPUT    = sparsevec_out,
    TYPMOD_IN = sparsevec_typmod_in,
    RECEIVE   = sparsevec_recv,
    SEND      = sparsevec_send,
    STORAGE   = external
);
COMMENT ON TYPE sparsevec IS 'sparse vector of float4, written {index:value,index:value}/dimensions';

-- functions that users call

CREATE FUNCTION l2_distance(sparsevec, sparsevec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'sparsevec_l2_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION inner_product(sparsevec, sparsevec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'sparsevec_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION cosine_distance(sparsevec, sparsevec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'sparsevec_cosine_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION l1_distance(sparsevec, sparsevec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'sparsevec_l1_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION l2_norm(sparsevec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'sparsevec_l2_norm' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION l2_normalize(sparsevec) RETURNS sparsevec
    AS 'MODULE_PATHNAME', 'sparsevec_l2_normalize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

-- functions behind operators, operator classes and casts

CREATE FUNCTION sparsevec_lt(sparsevec, sparsevec) RETURNS boolean
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION sparsevec_le(sparsevec, sparsevec) RETURNS boolean
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION sparsevec_eq(sparsevec, sparsevec) RETURNS boolean
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION sparsevec_ne(sparsevec, sparsevec) RETURNS boolean
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION sparsevec_ge(sparsevec, sparsevec) RETURNS boolean
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION sparsevec_gt(sparsevec, sparsevec) RETURNS boolean
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION sparsevec_cmp(sparsevec, sparsevec) RETURNS integer
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION sparsevec_l2_squared_distance(sparsevec, sparsevec) RETURNS double precision
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION sparsevec_negative_inner_product(sparsevec, sparsevec) RETURNS double precision
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

-- casts: from vector and halfvec by itself, into them and from arrays by assignment

CREATE FUNCTION sparsevec(sparsevec, integer, boolean) RETURNS sparsevec
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION sparsevec_to_vector(sparsevec, integer, boolean) RETURNS vector
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION vector_to_sparsevec(vector, integer, boolean) RETURNS sparsevec
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION halfvec_to_sparsevec(halfvec, integer, boolean) RETURNS sparsevec
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION sparsevec_to_halfvec(sparsevec, integer, boolean) RETURNS halfvec
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION array_to_sparsevec(integer[], integer, boolean) RETURNS sparsevec
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION array_to_sparsevec(real[], integer, boolean) RETURNS sparsevec
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION array_to_sparsevec(double precision[], integer, boolean) RETURNS sparsevec
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION array_to_sparsevec(numeric[], integer, boolean) RETURNS sparsevec
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE CAST (sparsevec AS sparsevec)
    WITH FUNCTION sparsevec(sparsevec, integer, boolean) AS IMPLICIT;
CREATE CAST (sparsevec AS vector)
    WITH FUNCTION sparsevec_to_vector(sparsevec, integer, boolean) AS ASSIGNMENT;
CREATE CAST (vector AS sparsevec)
    WITH FUNCTION vector_to_sparsevec(vector, integer, boolean) AS IMPLICIT;
CREATE CAST (sparsevec AS halfvec)
    WITH FUNCTION sparsevec_to_halfvec(sparsevec, integer, boolean) AS ASSIGNMENT;
CREATE CAST (halfvec AS sparsevec)
    WITH FUNCTION halfvec_to_sparsevec(halfvec, integer, boolean) AS IMPLICIT;
CREATE CAST (integer[] AS sparsevec)
    WITH FUNCTION array_to_sparsevec(integer[], integer, boolean) AS ASSIGNMENT;
CREATE CAST (real[] AS sparsevec)
    WITH FUNCTION array_to_sparsevec(real[], integer, boolean) AS ASSIGNMENT;
CREATE CAST (double precision[] AS sparsevec)
    WITH FUNCTION array_to_sparsevec(double precision[], integer, boolean) AS ASSIGNMENT;
CREATE CAST (numeric[] AS sparsevec)
    WITH FUNCTION array_to_sparsevec(numeric[], integer, boolean) AS ASSIGNMENT;

-- operators

CREATE OPERATOR <-> (
    LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = l2_distance, COMMUTATOR = <->
);
CREATE OPERATOR <#> (
    LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = sparsevec_negative_inner_product, COMMUTATOR = <#>
);
CREATE OPERATOR <=> (
    LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = cosine_distance, COMMUTATOR = <=>
);
CREATE OPERATOR <+> (
    LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = l1_distance, COMMUTATOR = <+>
);
CREATE OPERATOR < (
    LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = sparsevec_lt,
    COMMUTATOR = >, NEGATOR = >=, RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
CREATE OPERATOR <= (
    LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = sparsevec_le,
    COMMUTATOR = >=, NEGATOR = >, RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
CREATE OPERATOR = (
    LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = sparsevec_eq,
    COMMUTATOR = =, NEGATOR = <>, RESTRICT = eqsel, JOIN = eqjoinsel
);
CREATE OPERATOR <> (
    LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = sparsevec_ne,
    COMMUTATOR = <>, NEGATOR = =, RESTRICT = eqsel, JOIN = eqjoinsel
);
CREATE OPERATOR >= (
    LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = sparsevec_ge,
    COMMUTATOR = <=, NEGATOR = <, RESTRICT = scalargesel, JOIN = scalargejoinsel
);
CREATE OPERATOR > (
    LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = sparsevec_gt,
    COMMUTATOR = <, NEGATOR = <=, RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);

CREATE OPERATOR CLASS sparsevec_ops
    DEFAULT FOR TYPE sparsevec USING btree AS
    OPERATOR 1 <,
    OPERATOR 2 <=,
    OPERATOR 3 =,
    OPERATOR 4 >=,
    OPERATOR 5 >,
    FUNCTION 1 sparsevec_cmp(sparsevec, sparsevec);

-- what \df+ and \do+ show

COMMENT ON FUNCTION sparsevec_in(cstring, oid, integer) IS 'I/O';
COMMENT ON FUNCTION sparsevec_out(sparsevec) IS 'I/O';
COMMENT ON FUNCTION sparsevec_typmod_in(cstring[]) IS 'I/O typmod';
COMMENT ON FUNCTION sparsevec_recv(internal, oid, integer) IS 'I/O';
COMMENT ON FUNCTION sparsevec_send(sparsevec) IS 'I/O';
COMMENT ON FUNCTION l2_distance(sparsevec, sparsevec) IS 'Euclidean distance';
COMMENT ON FUNCTION inner_product(sparsevec, sparsevec) IS 'inner product';
COMMENT ON FUNCTION cosine_distance(sparsevec, sparsevec) IS 'cosine distance';
COMMENT ON FUNCTION l1_distance(sparsevec, sparsevec) IS 'taxicab distance';
COMMENT ON FUNCTION l2_norm(sparsevec) IS 'Euclidean norm';
COMMENT ON FUNCTION l2_normalize(sparsevec) IS 'normalize with Euclidean norm';
COMMENT ON FUNCTION sparsevec_lt(sparsevec, sparsevec) IS 'implementation of < operator';
COMMENT ON FUNCTION sparsevec_le(sparsevec, sparsevec) IS 'implementation of <= operator';
COMMENT ON FUNCTION sparsevec_eq(sparsevec, sparsevec) IS 'implementation of = operator';
COMMENT ON FUNCTION sparsevec_ne(sparsevec, sparsevec) IS 'implementation of <> operator';
COMMENT ON FUNCTION sparsevec_ge(sparsevec, sparsevec) IS 'implementation of >= operator';
COMMENT ON FUNCTION sparsevec_gt(sparsevec, sparsevec) IS 'implementation of > operator';
COMMENT ON FUNCTION sparsevec_cmp(sparsevec, sparsevec) IS 'less-equal-greater';
COMMENT ON FUNCTION sparsevec_l2_squared_distance(sparsevec, sparsevec) IS 'squared Euclidean distance';
COMMENT ON FUNCTION sparsevec_negative_inner_product(sparsevec, sparsevec) IS 'negative inner product';
COMMENT ON FUNCTION sparsevec(sparsevec, integer, boolean) IS 'adjust sparsevec to typmod';
COMMENT ON FUNCTION sparsevec_to_vector(sparsevec, integer, boolean) IS 'convert sparsevec to vector';
COMMENT ON FUNCTION vector_to_sparsevec(vector, integer, boolean) IS 'convert vector to sparsevec';
COMMENT ON FUNCTION halfvec_to_sparsevec(halfvec, integer, boolean) IS 'convert halfvec to sparsevec';
COMMENT ON FUNCTION sparsevec_to_halfvec(sparsevec, integer, boolean) IS 'convert sparsevec to halfvec';
COMMENT ON FUNCTION array_to_sparsevec(integer[], integer, boolean) IS 'convert int4 array to sparsevec';
COMMENT ON FUNCTION array_to_sparsevec(real[], integer, boolean) IS 'convert float4 array to sparsevec';
COMMENT ON FUNCTION array_to_sparsevec(double precision[], integer, boolean) IS 'convert float8 array to sparsevec';
COMMENT ON FUNCTION array_to_sparsevec(numeric[], integer, boolean) IS 'convert numeric array to sparsevec';
COMMENT ON OPERATOR <-> (sparsevec, sparsevec) IS 'Euclidean distance';
COMMENT ON OPERATOR <#> (sparsevec, sparsevec) IS 'negative inner product';
COMMENT ON OPERATOR <=> (sparsevec, sparsevec) IS 'cosine distance';
COMMENT ON OPERATOR <+> (sparsevec, sparsevec) IS 'taxicab distance';
COMMENT ON OPERATOR < (sparsevec, sparsevec) IS 'less than';
COMMENT ON OPERATOR <= (sparsevec, sparsevec) IS 'less than or equal';
COMMENT ON OPERATOR = (sparsevec, sparsevec) IS 'equal';
COMMENT ON OPERATOR <> (sparsevec, sparsevec) IS 'not equal';
COMMENT ON OPERATOR >= (sparsevec, sparsevec) IS 'greater than or equal';
COMMENT ON OPERATOR > (sparsevec, sparsevec) IS 'greater than';
COMMENT ON CAST (sparsevec AS sparsevec) IS 'adjust sparsevec to typmod';
COMMENT ON CAST (sparsevec AS vector) IS 'convert sparsevec to vector';
COMMENT ON CAST (vector AS sparsevec) IS 'convert vector to sparsevec';
COMMENT ON CAST (sparsevec AS halfvec) IS 'convert sparsevec to halfvec';
COMMENT ON CAST (halfvec AS sparsevec) IS 'convert halfvec to sparsevec';
COMMENT ON CAST (integer[] AS sparsevec) IS 'convert int4 array to sparsevec';
COMMENT ON CAST (real[] AS sparsevec) IS 'convert float4 array to sparsevec';
COMMENT ON CAST (double precision[] AS sparsevec) IS 'convert float8 array to sparsevec';
COMMENT ON CAST (numeric[] AS sparsevec) IS 'convert numeric array to sparsevec';
COMMENT ON OPERATOR CLASS sparsevec_ops USING btree IS 'order of sparsevec: element by element';
COMMENT ON OPERATOR FAMILY sparsevec_ops USING btree IS 'order of sparsevec: element by element';

-- ---------------------------------------------------------------- what pgvector has of other types only

CREATE FUNCTION l2_norm(vector) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vector_norm' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION vector_dims(sparsevec) RETURNS integer
    AS 'MODULE_PATHNAME', 'sparsevec_vector_dims' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION l2_norm(vector) IS 'Euclidean norm';
COMMENT ON FUNCTION vector_dims(sparsevec) IS 'number of dimensions';

-- ---------------------------------------------------------------- type int8vec, which pgvector has not

CREATE TYPE int8vec;

CREATE FUNCTION int8vec_in(cstring, oid, integer) RETURNS int8vec
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION int8vec_out(int8vec) RETURNS cstring
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION int8vec_typmod_in(cstring[]) RETURNS integer
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION int8vec_recv(internal, oid, integer) RETURNS int8vec
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION int8vec_send(int8vec) RETURNS bytea
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE TYPE int8vec (
    INPUT     = int8vec_in,
    OUTPUT    = int8vec_out,
    TYPMOD_IN = int8vec_typmod_in,
    RECEIVE   = int8vec_recv,
    SEND      = int8vec_send,
    STORAGE   = external
);
COMMENT ON TYPE int8vec IS 'dense vector of whole numbers from -128 to 127, written [1,-2,3]';

-- functions that users call

CREATE FUNCTION l2_distance(int8vec, int8vec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'int8vec_l2_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION inner_product(int8vec, int8vec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'int8vec_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION cosine_distance(int8vec, int8vec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'int8vec_cosine_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION l1_distance(int8vec, int8vec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'int8vec_l1_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION vector_dims(int8vec) RETURNS integer
    AS 'MODULE_PATHNAME', 'int8vec_vector_dims' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION l2_norm(int8vec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'int8vec_l2_norm' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION binary_quantize(int8vec) RETURNS bit
    AS 'MODULE_PATHNAME', 'int8vec_binary_quantize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION subvector(int8vec, integer, integer) RETURNS int8vec
    AS 'MODULE_PATHNAME', 'int8vec_subvector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

-- functions behind operators, operator classes and casts

CREATE FUNCTION int8vec_concat(int8vec, int8vec) RETURNS int8vec
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION int8vec_lt(int8vec, int8vec) RETURNS boolean
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION int8vec_le(int8vec, int8vec) RETURNS boolean
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION int8vec_eq(int8vec, int8vec) RETURNS boolean
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION int8vec_ne(int8vec, int8vec) RETURNS boolean
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION int8vec_ge(int8vec, int8vec) RETURNS boolean
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION int8vec_gt(int8vec, int8vec) RETURNS boolean
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION int8vec_cmp(int8vec, int8vec) RETURNS integer
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION int8vec_l2_squared_distance(int8vec, int8vec) RETURNS double precision
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION int8vec_negative_inner_product(int8vec, int8vec) RETURNS double precision
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION int8vec_accum(double precision[], int8vec) RETURNS double precision[]
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION int8vec_sum(double precision[]) RETURNS vector
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

-- aggregates: sums and means of whole numbers leave their range, so that they are vectors

CREATE AGGREGATE avg(int8vec) (
    SFUNC       = int8vec_accum,
    STYPE       = double precision[],
    FINALFUNC   = vector_avg,
    COMBINEFUNC = vector_combine,
    INITCOND    = '{0}',
    PARALLEL    = SAFE
);

CREATE AGGREGATE sum(int8vec) (
    SFUNC       = int8vec_accum,
    STYPE       = double precision[],
    FINALFUNC   = int8vec_sum,
    COMBINEFUNC = vector_combine,
    INITCOND    = '{0}',
    PARALLEL    = SAFE
);

-- casts: all by assignment, rounding to the nearest

CREATE FUNCTION int8vec(int8vec, integer, boolean) RETURNS int8vec
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION int8vec_to_vector(int8vec, integer, boolean) RETURNS vector
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION vector_to_int8vec(vector, integer, boolean) RETURNS int8vec
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION int8vec_to_halfvec(int8vec, integer, boolean) RETURNS halfvec
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION halfvec_to_int8vec(halfvec, integer, boolean) RETURNS int8vec
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION array_to_int8vec(smallint[], integer, boolean) RETURNS int8vec
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION array_to_int8vec(integer[], integer, boolean) RETURNS int8vec
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION array_to_int8vec(real[], integer, boolean) RETURNS int8vec
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION array_to_int8vec(double precision[], integer, boolean) RETURNS int8vec
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION array_to_int8vec(numeric[], integer, boolean) RETURNS int8vec
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION int8vec_to_int2(int8vec, integer, boolean) RETURNS smallint[]
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION int8vec_to_int4(int8vec, integer, boolean) RETURNS integer[]
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION int8vec_to_float4(int8vec, integer, boolean) RETURNS real[]
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE CAST (int8vec AS int8vec)
    WITH FUNCTION int8vec(int8vec, integer, boolean) AS IMPLICIT;
CREATE CAST (int8vec AS vector)
    WITH FUNCTION int8vec_to_vector(int8vec, integer, boolean) AS ASSIGNMENT;
CREATE CAST (vector AS int8vec)
    WITH FUNCTION vector_to_int8vec(vector, integer, boolean) AS ASSIGNMENT;
CREATE CAST (int8vec AS halfvec)
    WITH FUNCTION int8vec_to_halfvec(int8vec, integer, boolean) AS ASSIGNMENT;
CREATE CAST (halfvec AS int8vec)
    WITH FUNCTION halfvec_to_int8vec(halfvec, integer, boolean) AS ASSIGNMENT;
CREATE CAST (smallint[] AS int8vec)
    WITH FUNCTION array_to_int8vec(smallint[], integer, boolean) AS ASSIGNMENT;
CREATE CAST (integer[] AS int8vec)
    WITH FUNCTION array_to_int8vec(integer[], integer, boolean) AS ASSIGNMENT;
CREATE CAST (real[] AS int8vec)
    WITH FUNCTION array_to_int8vec(real[], integer, boolean) AS ASSIGNMENT;
CREATE CAST (double precision[] AS int8vec)
    WITH FUNCTION array_to_int8vec(double precision[], integer, boolean) AS ASSIGNMENT;
CREATE CAST (numeric[] AS int8vec)
    WITH FUNCTION array_to_int8vec(numeric[], integer, boolean) AS ASSIGNMENT;
CREATE CAST (int8vec AS smallint[])
    WITH FUNCTION int8vec_to_int2(int8vec, integer, boolean) AS ASSIGNMENT;
CREATE CAST (int8vec AS integer[])
    WITH FUNCTION int8vec_to_int4(int8vec, integer, boolean) AS ASSIGNMENT;
CREATE CAST (int8vec AS real[])
    WITH FUNCTION int8vec_to_float4(int8vec, integer, boolean) AS ASSIGNMENT;

-- operators

CREATE OPERATOR <-> (
    LEFTARG = int8vec, RIGHTARG = int8vec, FUNCTION = l2_distance, COMMUTATOR = <->
);
CREATE OPERATOR <#> (
    LEFTARG = int8vec, RIGHTARG = int8vec, FUNCTION = int8vec_negative_inner_product, COMMUTATOR = <#>
);
CREATE OPERATOR <=> (
    LEFTARG = int8vec, RIGHTARG = int8vec, FUNCTION = cosine_distance, COMMUTATOR = <=>
);
CREATE OPERATOR <+> (
    LEFTARG = int8vec, RIGHTARG = int8vec, FUNCTION = l1_distance, COMMUTATOR = <+>
);
CREATE OPERATOR || (
    LEFTARG = int8vec, RIGHTARG = int8vec, FUNCTION = int8vec_concat
);
CREATE OPERATOR < (
    LEFTARG = int8vec, RIGHTARG = int8vec, FUNCTION = int8vec_lt,
    COMMUTATOR = >, NEGATOR = >=, RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
CREATE OPERATOR <= (
    LEFTARG = int8vec, RIGHTARG = int8vec, FUNCTION = int8vec_le,
    COMMUTATOR = >=, NEGATOR = >, RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
CREATE OPERATOR = (
    LEFTARG = int8vec, RIGHTARG = int8vec, FUNCTION = int8vec_eq,
    COMMUTATOR = =, NEGATOR = <>, RESTRICT = eqsel, JOIN = eqjoinsel
);
CREATE OPERATOR <> (
    LEFTARG = int8vec, RIGHTARG = int8vec, FUNCTION = int8vec_ne,
    COMMUTATOR = <>, NEGATOR = =, RESTRICT = eqsel, JOIN = eqjoinsel
);
CREATE OPERATOR >= (
    LEFTARG = int8vec, RIGHTARG = int8vec, FUNCTION = int8vec_ge,
    COMMUTATOR = <=, NEGATOR = <, RESTRICT = scalargesel, JOIN = scalargejoinsel
);
CREATE OPERATOR > (
    LEFTARG = int8vec, RIGHTARG = int8vec, FUNCTION = int8vec_gt,
    COMMUTATOR = <, NEGATOR = <=, RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);

CREATE OPERATOR CLASS int8vec_ops
    DEFAULT FOR TYPE int8vec USING btree AS
    OPERATOR 1 <,
    OPERATOR 2 <=,
    OPERATOR 3 =,
    OPERATOR 4 >=,
    OPERATOR 5 >,
    FUNCTION 1 int8vec_cmp(int8vec, int8vec);

-- what \df+ and \do+ show

COMMENT ON FUNCTION int8vec_in(cstring, oid, integer) IS 'I/O';
COMMENT ON FUNCTION int8vec_out(int8vec) IS 'I/O';
COMMENT ON FUNCTION int8vec_typmod_in(cstring[]) IS 'I/O typmod';
COMMENT ON FUNCTION int8vec_recv(internal, oid, integer) IS 'I/O';
COMMENT ON FUNCTION int8vec_send(int8vec) IS 'I/O';
COMMENT ON FUNCTION l2_distance(int8vec, int8vec) IS 'Euclidean distance';
COMMENT ON FUNCTION inner_product(int8vec, int8vec) IS 'inner product';
COMMENT ON FUNCTION cosine_distance(int8vec, int8vec) IS 'cosine distance';
COMMENT ON FUNCTION l1_distance(int8vec, int8vec) IS 'taxicab distance';
COMMENT ON FUNCTION vector_dims(int8vec) IS 'number of dimensions';
COMMENT ON FUNCTION l2_norm(int8vec) IS 'Euclidean norm';
COMMENT ON FUNCTION binary_quantize(int8vec) IS 'binary quantize';
COMMENT ON FUNCTION subvector(int8vec, integer, integer) IS 'subvector';
COMMENT ON FUNCTION int8vec_concat(int8vec, int8vec) IS 'implementation of || operator';
COMMENT ON FUNCTION int8vec_lt(int8vec, int8vec) IS 'implementation of < operator';
COMMENT ON FUNCTION int8vec_le(int8vec, int8vec) IS 'implementation of <= operator';
COMMENT ON FUNCTION int8vec_eq(int8vec, int8vec) IS 'implementation of = operator';
COMMENT ON FUNCTION int8vec_ne(int8vec, int8vec) IS 'implementation of <> operator';
COMMENT ON FUNCTION int8vec_ge(int8vec, int8vec) IS 'implementation of >= operator';
COMMENT ON FUNCTION int8vec_gt(int8vec, int8vec) IS 'implementation of > operator';
COMMENT ON FUNCTION int8vec_cmp(int8vec, int8vec) IS 'less-equal-greater';
COMMENT ON FUNCTION int8vec_l2_squared_distance(int8vec, int8vec) IS 'squared Euclidean distance';
COMMENT ON FUNCTION int8vec_negative_inner_product(int8vec, int8vec) IS 'negative inner product';
COMMENT ON FUNCTION int8vec_accum(double precision[], int8vec) IS 'aggregate transition function';
COMMENT ON FUNCTION int8vec_sum(double precision[]) IS 'aggregate final function';
COMMENT ON FUNCTION int8vec(int8vec, integer, boolean) IS 'adjust int8vec to typmod';
COMMENT ON FUNCTION int8vec_to_vector(int8vec, integer, boolean) IS 'convert int8vec to vector';
COMMENT ON FUNCTION vector_to_int8vec(vector, integer, boolean) IS 'convert vector to int8vec';
COMMENT ON FUNCTION int8vec_to_halfvec(int8vec, integer, boolean) IS 'convert int8vec to halfvec';
COMMENT ON FUNCTION halfvec_to_int8vec(halfvec, integer, boolean) IS 'convert halfvec to int8vec';
COMMENT ON FUNCTION array_to_int8vec(smallint[], integer, boolean) IS 'convert int2 array to int8vec';
COMMENT ON FUNCTION array_to_int8vec(integer[], integer, boolean) IS 'convert int4 array to int8vec';
COMMENT ON FUNCTION array_to_int8vec(real[], integer, boolean) IS 'convert float4 array to int8vec';
COMMENT ON FUNCTION array_to_int8vec(double precision[], integer, boolean) IS 'convert float8 array to int8vec';
COMMENT ON FUNCTION array_to_int8vec(numeric[], integer, boolean) IS 'convert numeric array to int8vec';
COMMENT ON FUNCTION int8vec_to_int2(int8vec, integer, boolean) IS 'convert int8vec to int2 array';
COMMENT ON FUNCTION int8vec_to_int4(int8vec, integer, boolean) IS 'convert int8vec to int4 array';
COMMENT ON FUNCTION int8vec_to_float4(int8vec, integer, boolean) IS 'convert int8vec to float4 array';
COMMENT ON OPERATOR <-> (int8vec, int8vec) IS 'Euclidean distance';
COMMENT ON OPERATOR <#> (int8vec, int8vec) IS 'negative inner product';
COMMENT ON OPERATOR <=> (int8vec, int8vec) IS 'cosine distance';
COMMENT ON OPERATOR <+> (int8vec, int8vec) IS 'taxicab distance';
COMMENT ON OPERATOR || (int8vec, int8vec) IS 'concatenate';
COMMENT ON OPERATOR < (int8vec, int8vec) IS 'less than';
COMMENT ON OPERATOR <= (int8vec, int8vec) IS 'less than or equal';
COMMENT ON OPERATOR = (int8vec, int8vec) IS 'equal';
COMMENT ON OPERATOR <> (int8vec, int8vec) IS 'not equal';
COMMENT ON OPERATOR >= (int8vec, int8vec) IS 'greater than or equal';
COMMENT ON OPERATOR > (int8vec, int8vec) IS 'greater than';
COMMENT ON AGGREGATE avg(int8vec) IS 'the average (arithmetic mean) as vector of all int8vec values';
COMMENT ON AGGREGATE sum(int8vec) IS 'sum as vector across all int8vec input values';
COMMENT ON CAST (int8vec AS int8vec) IS 'adjust int8vec to typmod';
COMMENT ON CAST (int8vec AS vector) IS 'convert int8vec to vector';
COMMENT ON CAST (vector AS int8vec) IS 'convert vector to int8vec';
COMMENT ON CAST (int8vec AS halfvec) IS 'convert int8vec to halfvec';
COMMENT ON CAST (halfvec AS int8vec) IS 'convert halfvec to int8vec';
COMMENT ON CAST (smallint[] AS int8vec) IS 'convert int2 array to int8vec';
COMMENT ON CAST (integer[] AS int8vec) IS 'convert int4 array to int8vec';
COMMENT ON CAST (real[] AS int8vec) IS 'convert float4 array to int8vec';
COMMENT ON CAST (double precision[] AS int8vec) IS 'convert float8 array to int8vec';
COMMENT ON CAST (numeric[] AS int8vec) IS 'convert numeric array to int8vec';
COMMENT ON CAST (int8vec AS smallint[]) IS 'convert int8vec to int2 array';
COMMENT ON CAST (int8vec AS integer[]) IS 'convert int8vec to int4 array';
COMMENT ON CAST (int8vec AS real[]) IS 'convert int8vec to float4 array';
COMMENT ON OPERATOR CLASS int8vec_ops USING btree IS 'order of int8vec: element by element';
COMMENT ON OPERATOR FAMILY int8vec_ops USING btree IS 'order of int8vec: element by element';

-- ---------------------------------------------------------------- distances of bit

CREATE FUNCTION hamming_distance(bit, bit) RETURNS double precision
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION jaccard_distance(bit, bit) RETURNS double precision
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE OPERATOR <~> (
    LEFTARG = bit, RIGHTARG = bit, FUNCTION = hamming_distance, COMMUTATOR = <~>
);
CREATE OPERATOR <%> (
    LEFTARG = bit, RIGHTARG = bit, FUNCTION = jaccard_distance, COMMUTATOR = <%>
);

COMMENT ON OPERATOR <~> (bit, bit) IS 'Hamming distance';
COMMENT ON OPERATOR <%> (bit, bit) IS 'Jaccard distance';
COMMENT ON FUNCTION hamming_distance(bit, bit) IS 'Hamming distance';
COMMENT ON FUNCTION jaccard_distance(bit, bit) IS 'Jaccard distance';

-- ---------------------------------------------------------------- access method hnsw

CREATE FUNCTION hnswhandler(internal) RETURNS index_am_handler
    AS 'MODULE_PATHNAME' LANGUAGE C;

CREATE ACCESS METHOD hnsw TYPE INDEX HANDLER hnswhandler;
COMMENT ON FUNCTION hnswhandler(internal) IS 'hnsw index access method handler';
COMMENT ON ACCESS METHOD hnsw IS 'hnsw index access method';

CREATE OPERATOR CLASS vector_l2_ops
    FOR TYPE vector USING hnsw AS
    OPERATOR 1 <-> (vector, vector) FOR ORDER BY pg_catalog.float_ops,
    FUNCTION 1 vector_l2_squared_distance(vector, vector);

CREATE OPERATOR CLASS vector_ip_ops
    FOR TYPE vector USING hnsw AS
    OPERATOR 1 <#> (vector, vector) FOR ORDER BY pg_catalog.float_ops,
    FUNCTION 1 vector_negative_inner_product(vector, vector);

CREATE OPERATOR CLASS vector_cosine_ops
    FOR TYPE vector USING hnsw AS
    OPERATOR 1 <=> (vector, vector) FOR ORDER BY pg_catalog.float_ops,
    FUNCTION 1 vector_negative_inner_product(vector, vector),
    FUNCTION 2 vector_norm(vector);

CREATE OPERATOR CLASS vector_l1_ops
    FOR TYPE vector USING hnsw AS
    OPERATOR 1 <+> (vector, vector) FOR ORDER BY pg_catalog.float_ops,
    FUNCTION 1 l1_distance(vector, vector);

CREATE FUNCTION hnsw_halfvec_support(internal) RETURNS internal
    AS 'MODULE_PATHNAME' LANGUAGE C;

CREATE OPERATOR CLASS halfvec_l2_ops
    FOR TYPE halfvec USING hnsw AS
    OPERATOR 1 <-> (halfvec, halfvec) FOR ORDER BY pg_catalog.float_ops,
    FUNCTION 1 halfvec_l2_squared_distance(halfvec, halfvec),
    FUNCTION 3 hnsw_halfvec_support(internal);

CREATE OPERATOR CLASS halfvec_ip_ops
    FOR TYPE halfvec USING hnsw AS
    OPERATOR 1 <#> (halfvec, halfvec) FOR ORDER BY pg_catalog.float_ops,
    FUNCTION 1 halfvec_negative_inner_product(halfvec, halfvec),
    FUNCTION 3 hnsw_halfvec_support(internal);

CREATE OPERATOR CLASS halfvec_cosine_ops
    FOR TYPE halfvec USING hnsw AS
    OPERATOR 1 <=> (halfvec, halfvec) FOR ORDER BY pg_catalog.float_ops,
    FUNCTION 1 halfvec_negative_inner_product(halfvec, halfvec),
    FUNCTION 2 l2_norm(halfvec),
    FUNCTION 3 hnsw_halfvec_support(internal);

CREATE OPERATOR CLASS halfvec_l1_ops
    FOR TYPE halfvec USING hnsw AS
    OPERATOR 1 <+> (halfvec, halfvec) FOR ORDER BY pg_catalog.float_ops,
    FUNCTION 1 l1_distance(halfvec, halfvec),
    FUNCTION 3 hnsw_halfvec_support(internal);
COMMENT ON FUNCTION hnsw_halfvec_support(internal) IS 'hnsw halfvec support';

CREATE OPERATOR CLASS int8vec_l2_ops
    FOR TYPE int8vec USING hnsw AS
    OPERATOR 1 <-> (int8vec, int8vec) FOR ORDER BY pg_catalog.float_ops,
    FUNCTION 1 int8vec_l2_squared_distance(int8vec, int8vec);

CREATE OPERATOR CLASS int8vec_ip_ops
    FOR TYPE int8vec USING hnsw AS
    OPERATOR 1 <#> (int8vec, int8vec) FOR ORDER BY pg_catalog.float_ops,
    FUNCTION 1 int8vec_negative_inner_product(int8vec, int8vec);

CREATE OPERATOR CLASS int8vec_cosine_ops
    FOR TYPE int8vec USING hnsw AS
    OPERATOR 1 <=> (int8vec, int8vec) FOR ORDER BY pg_catalog.float_ops,
    FUNCTION 1 int8vec_negative_inner_product(int8vec, int8vec),
    FUNCTION 2 l2_norm(int8vec);

CREATE OPERATOR CLASS int8vec_l1_ops
    FOR TYPE int8vec USING hnsw AS
    OPERATOR 1 <+> (int8vec, int8vec) FOR ORDER BY pg_catalog.float_ops,
    FUNCTION 1 l1_distance(int8vec, int8vec);

CREATE FUNCTION hnsw_sparsevec_support(internal) RETURNS internal
    AS 'MODULE_PATHNAME' LANGUAGE C;

CREATE OPERATOR CLASS sparsevec_l2_ops
    FOR TYPE sparsevec USING hnsw AS
    OPERATOR 1 <-> (sparsevec, sparsevec) FOR ORDER BY pg_catalog.float_ops,
    FUNCTION 1 sparsevec_l2_squared_distance(sparsevec, sparsevec),
    FUNCTION 3 hnsw_sparsevec_support(internal);

CREATE OPERATOR CLASS sparsevec_ip_ops
    FOR TYPE sparsevec USING hnsw AS
    OPERATOR 1 <#> (sparsevec, sparsevec) FOR ORDER BY pg_catalog.float_ops,
    FUNCTION 1 sparsevec_negative_inner_product(sparsevec, sparsevec),
    FUNCTION 3 hnsw_sparsevec_support(internal);

CREATE OPERATOR CLASS sparsevec_cosine_ops
    FOR TYPE sparsevec USING hnsw AS
    OPERATOR 1 <=> (sparsevec, sparsevec) FOR ORDER BY pg_catalog.float_ops,
    FUNCTION 1 sparsevec_negative_inner_product(sparsevec, sparsevec),
    FUNCTION 2 l2_norm(sparsevec),
    FUNCTION 3 hnsw_sparsevec_support(internal);

CREATE OPERATOR CLASS sparsevec_l1_ops
    FOR TYPE sparsevec USING hnsw AS
    OPERATOR 1 <+> (sparsevec, sparsevec) FOR ORDER BY pg_catalog.float_ops,
    FUNCTION 1 l1_distance(sparsevec, sparsevec),
    FUNCTION 3 hnsw_sparsevec_support(internal);
COMMENT ON FUNCTION hnsw_sparsevec_support(internal) IS 'hnsw sparsevec support';

CREATE FUNCTION hnsw_bit_support(internal) RETURNS internal
    AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION hnsw_bit_support(internal) IS 'hnsw bit support';

CREATE OPERATOR CLASS bit_hamming_ops
    FOR TYPE bit USING hnsw AS
    OPERATOR 1 <~> (bit, bit) FOR ORDER BY pg_catalog.float_ops,
    FUNCTION 1 hamming_distance(bit, bit),
    FUNCTION 3 hnsw_bit_support(internal);

CREATE OPERATOR CLASS bit_jaccard_ops
    FOR TYPE bit USING hnsw AS
    OPERATOR 1 <%> (bit, bit) FOR ORDER BY pg_catalog.float_ops,
    FUNCTION 1 jaccard_distance(bit, bit),
    FUNCTION 3 hnsw_bit_support(internal);

COMMENT ON OPERATOR CLASS vector_l2_ops USING hnsw IS 'nearest by Euclidean distance, <->';
COMMENT ON OPERATOR FAMILY vector_l2_ops USING hnsw IS 'nearest by Euclidean distance, <->';
COMMENT ON OPERATOR CLASS vector_ip_ops USING hnsw IS 'nearest by inner product, <#>';
COMMENT ON OPERATOR FAMILY vector_ip_ops USING hnsw IS 'nearest by inner product, <#>';
COMMENT ON OPERATOR CLASS vector_cosine_ops USING hnsw IS 'nearest by cosine distance, <=>';
COMMENT ON OPERATOR FAMILY vector_cosine_ops USING hnsw IS 'nearest by cosine distance, <=>';
COMMENT ON OPERATOR CLASS vector_l1_ops USING hnsw IS 'nearest by taxicab distance, <+>';
COMMENT ON OPERATOR FAMILY vector_l1_ops USING hnsw IS 'nearest by taxicab distance, <+>';
COMMENT ON OPERATOR CLASS halfvec_l2_ops USING hnsw IS 'nearest by Euclidean distance, <->';
COMMENT ON OPERATOR FAMILY halfvec_l2_ops USING hnsw IS 'nearest by Euclidean distance, <->';
COMMENT ON OPERATOR CLASS halfvec_ip_ops USING hnsw IS 'nearest by inner product, <#>';
COMMENT ON OPERATOR FAMILY halfvec_ip_ops USING hnsw IS 'nearest by inner product, <#>';
COMMENT ON OPERATOR CLASS halfvec_cosine_ops USING hnsw IS 'nearest by cosine distance, <=>';
COMMENT ON OPERATOR FAMILY halfvec_cosine_ops USING hnsw IS 'nearest by cosine distance, <=>';
COMMENT ON OPERATOR CLASS halfvec_l1_ops USING hnsw IS 'nearest by taxicab distance, <+>';
COMMENT ON OPERATOR FAMILY halfvec_l1_ops USING hnsw IS 'nearest by taxicab distance, <+>';
COMMENT ON OPERATOR CLASS int8vec_l2_ops USING hnsw IS 'nearest by Euclidean distance, <->';
COMMENT ON OPERATOR FAMILY int8vec_l2_ops USING hnsw IS 'nearest by Euclidean distance, <->';
COMMENT ON OPERATOR CLASS int8vec_ip_ops USING hnsw IS 'nearest by inner product, <#>';
COMMENT ON OPERATOR FAMILY int8vec_ip_ops USING hnsw IS 'nearest by inner product, <#>';
COMMENT ON OPERATOR CLASS int8vec_cosine_ops USING hnsw IS 'nearest by cosine distance, <=>';
COMMENT ON OPERATOR FAMILY int8vec_cosine_ops USING hnsw IS 'nearest by cosine distance, <=>';
COMMENT ON OPERATOR CLASS int8vec_l1_ops USING hnsw IS 'nearest by taxicab distance, <+>';
COMMENT ON OPERATOR FAMILY int8vec_l1_ops USING hnsw IS 'nearest by taxicab distance, <+>';
COMMENT ON OPERATOR CLASS sparsevec_l2_ops USING hnsw IS 'nearest by Euclidean distance, <->';
COMMENT ON OPERATOR FAMILY sparsevec_l2_ops USING hnsw IS 'nearest by Euclidean distance, <->';
COMMENT ON OPERATOR CLASS sparsevec_ip_ops USING hnsw IS 'nearest by inner product, <#>';
COMMENT ON OPERATOR FAMILY sparsevec_ip_ops USING hnsw IS 'nearest by inner product, <#>';
COMMENT ON OPERATOR CLASS sparsevec_cosine_ops USING hnsw IS 'nearest by cosine distance, <=>';
COMMENT ON OPERATOR FAMILY sparsevec_cosine_ops USING hnsw IS 'nearest by cosine distance, <=>';
COMMENT ON OPERATOR CLASS sparsevec_l1_ops USING hnsw IS 'nearest by taxicab distance, <+>';
COMMENT ON OPERATOR FAMILY sparsevec_l1_ops USING hnsw IS 'nearest by taxicab distance, <+>';
COMMENT ON OPERATOR CLASS bit_hamming_ops USING hnsw IS 'nearest by Hamming distance, <~>';
COMMENT ON OPERATOR FAMILY bit_hamming_ops USING hnsw IS 'nearest by Hamming distance, <~>';
COMMENT ON OPERATOR CLASS bit_jaccard_ops USING hnsw IS 'nearest by Jaccard distance, <%>';
COMMENT ON OPERATOR FAMILY bit_jaccard_ops USING hnsw IS 'nearest by Jaccard distance, <%>';

-- ---------------------------------------------------------------- access method ivfflat

CREATE FUNCTION ivfflathandler(internal) RETURNS index_am_handler
    AS 'MODULE_PATHNAME' LANGUAGE C;
CREATE FUNCTION ivfflat_halfvec_support(internal) RETURNS internal
    AS 'MODULE_PATHNAME' LANGUAGE C;
CREATE FUNCTION ivfflat_bit_support(internal) RETURNS internal
    AS 'MODULE_PATHNAME' LANGUAGE C;

CREATE ACCESS METHOD ivfflat TYPE INDEX HANDLER ivfflathandler;

CREATE OPERATOR CLASS vector_l2_ops
    DEFAULT FOR TYPE vector USING ivfflat AS
    OPERATOR 1 <-> (vector, vector) FOR ORDER BY pg_catalog.float_ops,
    FUNCTION 1 vector_l2_squared_distance(vector, vector),
    FUNCTION 3 l2_distance(vector, vector);

CREATE OPERATOR CLASS vector_ip_ops
    FOR TYPE vector USING ivfflat AS
    OPERATOR 1 <#> (vector, vector) FOR ORDER BY pg_catalog.float_ops,
    FUNCTION 1 vector_negative_inner_product(vector, vector),
    FUNCTION 3 vector_spherical_distance(vector, vector),
    FUNCTION 4 vector_norm(vector);

CREATE OPERATOR CLASS vector_cosine_ops
    FOR TYPE vector USING ivfflat AS
    OPERATOR 1 <=> (vector, vector) FOR ORDER BY pg_catalog.float_ops,
    FUNCTION 1 vector_negative_inner_product(vector, vector),
    FUNCTION 2 vector_norm(vector),
    FUNCTION 3 vector_spherical_distance(vector, vector),
    FUNCTION 4 vector_norm(vector);

CREATE OPERATOR CLASS halfvec_l2_ops
    FOR TYPE halfvec USING ivfflat AS
    OPERATOR 1 <-> (halfvec, halfvec) FOR ORDER BY pg_catalog.float_ops,
    FUNCTION 1 halfvec_l2_squared_distance(halfvec, halfvec),
    FUNCTION 3 l2_distance(halfvec, halfvec),
    FUNCTION 5 ivfflat_halfvec_support(internal);

CREATE OPERATOR CLASS halfvec_ip_ops
    FOR TYPE halfvec USING ivfflat AS
    OPERATOR 1 <#> (halfvec, halfvec) FOR ORDER BY pg_catalog.float_ops,
    FUNCTION 1 halfvec_negative_inner_product(halfvec, halfvec),
    FUNCTION 3 halfvec_spherical_distance(halfvec, halfvec),
    FUNCTION 4 l2_norm(halfvec),
    FUNCTION 5 ivfflat_halfvec_support(internal);

CREATE OPERATOR CLASS halfvec_cosine_ops
    FOR TYPE halfvec USING ivfflat AS
    OPERATOR 1 <=> (halfvec, halfvec) FOR ORDER BY pg_catalog.float_ops,
    FUNCTION 1 halfvec_negative_inner_product(halfvec, halfvec),
    FUNCTION 2 l2_norm(halfvec),
    FUNCTION 3 halfvec_spherical_distance(halfvec, halfvec),
    FUNCTION 4 l2_norm(halfvec),
    FUNCTION 5 ivfflat_halfvec_support(internal);

CREATE OPERATOR CLASS int8vec_l2_ops
    FOR TYPE int8vec USING ivfflat AS
    OPERATOR 1 <-> (int8vec, int8vec) FOR ORDER BY pg_catalog.float_ops,
    FUNCTION 1 int8vec_l2_squared_distance(int8vec, int8vec);

CREATE OPERATOR CLASS int8vec_ip_ops
    FOR TYPE int8vec USING ivfflat AS
    OPERATOR 1 <#> (int8vec, int8vec) FOR ORDER BY pg_catalog.float_ops,
    FUNCTION 1 int8vec_negative_inner_product(int8vec, int8vec);

CREATE OPERATOR CLASS int8vec_cosine_ops
    FOR TYPE int8vec USING ivfflat AS
    OPERATOR 1 <=> (int8vec, int8vec) FOR ORDER BY pg_catalog.float_ops,
    FUNCTION 1 int8vec_negative_inner_product(int8vec, int8vec),
    FUNCTION 2 l2_norm(int8vec);

CREATE OPERATOR CLASS bit_hamming_ops
    FOR TYPE bit USING ivfflat AS
    OPERATOR 1 <~> (bit, bit) FOR ORDER BY pg_catalog.float_ops,
    FUNCTION 1 hamming_distance(bit, bit),
    FUNCTION 3 hamming_distance(bit, bit),
    FUNCTION 5 ivfflat_bit_support(internal);

COMMENT ON FUNCTION ivfflathandler(internal) IS 'ivfflat index access method handler';
COMMENT ON FUNCTION ivfflat_halfvec_support(internal) IS 'ivfflat halfvec support';
COMMENT ON FUNCTION ivfflat_bit_support(internal) IS 'ivfflat bit support';
COMMENT ON ACCESS METHOD ivfflat IS 'ivfflat index access method';
COMMENT ON OPERATOR CLASS vector_l2_ops USING ivfflat IS 'nearest by Euclidean distance, <->';
COMMENT ON OPERATOR FAMILY vector_l2_ops USING ivfflat IS 'nearest by Euclidean distance, <->';
COMMENT ON OPERATOR CLASS vector_ip_ops USING ivfflat IS 'nearest by inner product, <#>';
COMMENT ON OPERATOR FAMILY vector_ip_ops USING ivfflat IS 'nearest by inner product, <#>';
COMMENT ON OPERATOR CLASS vector_cosine_ops USING ivfflat IS 'nearest by cosine distance, <=>';
COMMENT ON OPERATOR FAMILY vector_cosine_ops USING ivfflat IS 'nearest by cosine distance, <=>';
COMMENT ON OPERATOR CLASS halfvec_l2_ops USING ivfflat IS 'nearest by Euclidean distance, <->';
COMMENT ON OPERATOR FAMILY halfvec_l2_ops USING ivfflat IS 'nearest by Euclidean distance, <->';
COMMENT ON OPERATOR CLASS halfvec_ip_ops USING ivfflat IS 'nearest by inner product, <#>';
COMMENT ON OPERATOR FAMILY halfvec_ip_ops USING ivfflat IS 'nearest by inner product, <#>';
COMMENT ON OPERATOR CLASS halfvec_cosine_ops USING ivfflat IS 'nearest by cosine distance, <=>';
COMMENT ON OPERATOR FAMILY halfvec_cosine_ops USING ivfflat IS 'nearest by cosine distance, <=>';
COMMENT ON OPERATOR CLASS int8vec_l2_ops USING ivfflat IS 'nearest by Euclidean distance, <->';
COMMENT ON OPERATOR FAMILY int8vec_l2_ops USING ivfflat IS 'nearest by Euclidean distance, <->';
COMMENT ON OPERATOR CLASS int8vec_ip_ops USING ivfflat IS 'nearest by inner product, <#>';
COMMENT ON OPERATOR FAMILY int8vec_ip_ops USING ivfflat IS 'nearest by inner product, <#>';
COMMENT ON OPERATOR CLASS int8vec_cosine_ops USING ivfflat IS 'nearest by cosine distance, <=>';
COMMENT ON OPERATOR FAMILY int8vec_cosine_ops USING ivfflat IS 'nearest by cosine distance, <=>';
COMMENT ON OPERATOR CLASS bit_hamming_ops USING ivfflat IS 'nearest by Hamming distance, <~>';
COMMENT ON OPERATOR FAMILY bit_hamming_ops USING ivfflat IS 'nearest by Hamming distance, <~>';

-- ---------------------------------------------------------------- for people who run an index

CREATE FUNCTION vector_index_info(
    index regclass,
    OUT rows bigint,            -- in the index, whether they are visible or not
    OUT nodes bigint,           -- different values
    OUT levels integer,
    OUT dims integer,
    OUT storage text,           -- of dense vectors: f32, f16, int8, 1 to 7 bits; of others plain, as they are
    OUT m integer,
    OUT lists bigint,
    OUT smallest bigint,        -- rows of the list that has the fewest
    OUT median bigint,          -- of the one in the middle
    OUT largest bigint,         -- of the one that has the most
    OUT drift double precision, -- mean distance of rows from their centres, over that at the build
    OUT trained bigint,         -- rows that the centres were learned from
    OUT made timestamptz,       -- when
    OUT bytes bigint,           -- of all pages
    OUT dead bigint,            -- nodes that the next vacuum frees; places of lists without a row
    OUT free bigint,            -- slots that the next inserts take; pages of lists that are free
    OUT format integer,         -- of the pages
    OUT build_memory bigint     -- bytes of maintenance_work_mem that a rebuild needs to stay in memory; NULL where it cannot be rebuilt
)
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION vector_index_info(regclass) IS 'what an index holds';

CREATE FUNCTION vector_index_check(index regclass) RETURNS TABLE (problem text)
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION vector_index_check(regclass) IS 'what is wrong with an index: no row where it is sound';

CREATE FUNCTION vector_index_tend(
    index regclass,
    OUT split bigint,           -- lists that were too long
    OUT merged bigint,          -- lists that were too short
    OUT moved bigint            -- rows that went to a nearer list
)
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION vector_index_tend(regclass) IS 'bring an index into shape, as VACUUM does: split lists that are too long, merge those that are too short';

CREATE FUNCTION vector_index_prewarm(index regclass) RETURNS bigint
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION vector_index_prewarm(regclass) IS 'read an index into shared buffers';

CREATE FUNCTION vector_index_scans() RETURNS TABLE (
    index regclass,
    scans bigint,               -- searches of this session
    nodes bigint,               -- visited by them, or lists read
    pages bigint,               -- of the index, read by them
    restarts bigint,            -- times that a search went on because LIMIT was not met
    measured bigint,            -- rows whose order only the table's values could tell
    last_nodes bigint,
    last_pages bigint,
    last_restarts bigint,
    last_measured bigint
)
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT PARALLEL RESTRICTED;
CREATE VIEW vector_index_scans AS
    SELECT s.* FROM vector_index_scans() AS s
     WHERE EXISTS (SELECT FROM pg_catalog.pg_class c
                    WHERE c.oid OPERATOR(pg_catalog.=) s.index::pg_catalog.oid);
COMMENT ON FUNCTION vector_index_scans() IS 'what searches of this session have cost, by index';
COMMENT ON VIEW vector_index_scans IS 'what searches of this session have cost, by index that is still there';
-- Each session sees its own searches alone.
GRANT SELECT ON vector_index_scans TO PUBLIC;

-- Rows of the table as questions, each as if it were not there; or those that a query gives, which runs with the rights of
-- whoever asks. A row that is found counts if it is no farther than the k-th by exact search.
CREATE FUNCTION vector_index_recall(index regclass, sample integer DEFAULT 100, k integer DEFAULT 10)
RETURNS TABLE (effort integer, recall double precision, milliseconds double precision)
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION vector_index_recall(regclass, integer, integer) IS 'recall and time of searches, by hnsw.ef_search or ivfflat.probes';
CREATE FUNCTION vector_index_recall(index regclass, questions text, sample integer DEFAULT 100, k integer DEFAULT 10)
RETURNS TABLE (effort integer, recall double precision, milliseconds double precision)
    AS 'MODULE_PATHNAME', 'vector_index_recall_asked' LANGUAGE C STRICT;
COMMENT ON FUNCTION vector_index_recall(regclass, text, integer, integer) IS 'recall and time of searches by hnsw.ef_search or ivfflat.probes, for the questions that a query gives';
