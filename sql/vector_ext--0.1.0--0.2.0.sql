-- Brings a database from vector_ext 0.1.0 to the surface of vector_ext.sql. Each change there is made here too;
-- `tests/server/upgrade` compares.
--
-- Under the name `vector` the same script runs where its changes may be made already (scripts/shim). So every statement must
-- be one that can be run twice: CREATE OR REPLACE, COMMENT ON, ALTER, DROP ... IF EXISTS; what has no OR REPLACE stands
-- in a DO block that looks first whether it is there.

-- complain if script is sourced in psql, rather than via ALTER EXTENSION
\echo Use "ALTER EXTENSION vector_ext UPDATE" to load this file. \quit

-- the view calls nothing of others, and everybody may read it
CREATE OR REPLACE VIEW vector_index_scans AS
    SELECT s.* FROM vector_index_scans() AS s
     WHERE EXISTS (SELECT FROM pg_catalog.pg_class c
                    WHERE c.oid OPERATOR(pg_catalog.=) s.index::pg_catalog.oid);
GRANT SELECT ON vector_index_scans TO PUBLIC;
COMMENT ON FUNCTION vector_index_scans() IS 'what searches of this session have cost, by index';
COMMENT ON VIEW vector_index_scans IS 'what searches of this session have cost, by index that is still there';

-- what had no comment
COMMENT ON OPERATOR <-> (vector, vector) IS 'Euclidean distance';
COMMENT ON OPERATOR <#> (vector, vector) IS 'negative inner product';
COMMENT ON OPERATOR <=> (vector, vector) IS 'cosine distance';
COMMENT ON OPERATOR <+> (vector, vector) IS 'taxicab distance';
COMMENT ON CAST (vector AS vector) IS 'adjust vector to typmod';
COMMENT ON CAST (vector AS real[]) IS 'convert vector to float4 array';
COMMENT ON CAST (integer[] AS vector) IS 'convert int4 array to vector';
COMMENT ON CAST (real[] AS vector) IS 'convert float4 array to vector';
COMMENT ON CAST (double precision[] AS vector) IS 'convert float8 array to vector';
COMMENT ON CAST (numeric[] AS vector) IS 'convert numeric array to vector';
COMMENT ON OPERATOR CLASS vector_ops USING btree IS 'order of vector: element by element';
COMMENT ON OPERATOR FAMILY vector_ops USING btree IS 'order of vector: element by element';
COMMENT ON OPERATOR <-> (halfvec, halfvec) IS 'Euclidean distance';
COMMENT ON OPERATOR <#> (halfvec, halfvec) IS 'negative inner product';
COMMENT ON OPERATOR <=> (halfvec, halfvec) IS 'cosine distance';
COMMENT ON OPERATOR <+> (halfvec, halfvec) IS 'taxicab distance';
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
COMMENT ON OPERATOR <-> (sparsevec, sparsevec) IS 'Euclidean distance';
COMMENT ON OPERATOR <#> (sparsevec, sparsevec) IS 'negative inner product';
COMMENT ON OPERATOR <=> (sparsevec, sparsevec) IS 'cosine distance';
COMMENT ON OPERATOR <+> (sparsevec, sparsevec) IS 'taxicab distance';
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
COMMENT ON OPERATOR <-> (int8vec, int8vec) IS 'Euclidean distance';
COMMENT ON OPERATOR <#> (int8vec, int8vec) IS 'negative inner product';
COMMENT ON OPERATOR <=> (int8vec, int8vec) IS 'cosine distance';
COMMENT ON OPERATOR <+> (int8vec, int8vec) IS 'taxicab distance';
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
COMMENT ON OPERATOR <~> (bit, bit) IS 'Hamming distance';
COMMENT ON OPERATOR <%> (bit, bit) IS 'Jaccard distance';
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

-- questions of one's own
DO $$
BEGIN
    -- its first column had another name
    IF EXISTS (SELECT FROM pg_catalog.pg_proc p
                WHERE p.oid OPERATOR(pg_catalog.=)
                      pg_catalog.to_regprocedure('vector_index_recall(pg_catalog.regclass, integer, integer)')::pg_catalog.oid
                  AND 'ef_search'::pg_catalog.text OPERATOR(pg_catalog.=) ANY (p.proargnames)) THEN
        DROP FUNCTION vector_index_recall(pg_catalog.regclass, integer, integer);
        DROP FUNCTION IF EXISTS vector_index_recall(pg_catalog.regclass, text, integer, integer);
    END IF;
END $$;
CREATE OR REPLACE FUNCTION vector_index_recall(index regclass, sample integer DEFAULT 100, k integer DEFAULT 10)
RETURNS TABLE (effort integer, recall double precision, milliseconds double precision)
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION vector_index_recall(regclass, integer, integer) IS 'recall and time of searches, by hnsw.ef_search or ivfflat.probes';
CREATE OR REPLACE FUNCTION vector_index_recall(index regclass, questions text, sample integer DEFAULT 100, k integer DEFAULT 10)
RETURNS TABLE (effort integer, recall double precision, milliseconds double precision)
    AS 'MODULE_PATHNAME', 'vector_index_recall_asked' LANGUAGE C STRICT;
COMMENT ON FUNCTION vector_index_recall(regclass, text, integer, integer) IS 'recall and time of searches by hnsw.ef_search or ivfflat.probes, for the questions that a query gives';

-- access method ivfflat
CREATE OR REPLACE FUNCTION ivfflathandler(internal) RETURNS index_am_handler
    AS 'MODULE_PATHNAME' LANGUAGE C;
CREATE OR REPLACE FUNCTION ivfflat_halfvec_support(internal) RETURNS internal
    AS 'MODULE_PATHNAME' LANGUAGE C;
CREATE OR REPLACE FUNCTION ivfflat_bit_support(internal) RETURNS internal
    AS 'MODULE_PATHNAME' LANGUAGE C;
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_am a WHERE a.amname OPERATOR(pg_catalog.=) 'ivfflat'::pg_catalog.name) THEN
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
    END IF;
END $$;
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

-- lists are kept in shape
CREATE OR REPLACE FUNCTION vector_index_tend(
    index regclass,
    OUT split bigint,           -- lists that were too long
    OUT merged bigint,          -- lists that were too short
    OUT moved bigint            -- rows that went to a nearer list
)
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION vector_index_tend(regclass) IS 'bring an index into shape, as VACUUM does: split lists that are too long, merge those that are too short';

-- what lists are like
DO $$
BEGIN
    -- it had fewer columns
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_proc p
                    WHERE p.oid OPERATOR(pg_catalog.=)
                          pg_catalog.to_regprocedure('vector_index_info(pg_catalog.regclass)')::pg_catalog.oid
                      AND 'drift'::pg_catalog.text OPERATOR(pg_catalog.=) ANY (p.proargnames)) THEN
        DROP FUNCTION IF EXISTS vector_index_info(pg_catalog.regclass);
    END IF;
END $$;
CREATE OR REPLACE FUNCTION vector_index_info(
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
