-- Each error that SQL can meet, with its SQLSTATE, and that the session goes on: nothing here catches them.
-- A line `-- Type::Variant` names what the statements up to the next such line raise; tests/errors.rs
-- compares them with the code, and lists what SQL cannot raise.
\set SHOW_CONTEXT never
SELECT pg_backend_pid() AS backend \gset
-- Bytes to a column as binary COPY brings them: as shown by `encode(bytes, 'escape')`, a field of one row.
CREATE FUNCTION receive(of regtype, bytes bytea) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TEMP TABLE received (v %s) ON COMMIT DROP', of);
    EXECUTE format('COPY received FROM PROGRAM %L (FORMAT binary)', format('printf ''%s''', encode(
        'PGCOPY\012\377\015\012\000'::bytea || int8send(0) || int2send(1::int2) || int4send(length(bytes)) || bytes
        || int2send((-1)::int2), 'escape')));
END $$;
-- ---------------------------------------------------------------- values
-- Invalid::Syntax
SELECT '1,2'::vector;
\echo :SQLSTATE
SELECT '[1,2]3'::vector;
\echo :SQLSTATE
SELECT '[1,2'::vector;
\echo :SQLSTATE
SELECT '1,2'::halfvec;
\echo :SQLSTATE
SELECT '[1,2]3'::halfvec;
\echo :SQLSTATE
SELECT '[a]'::halfvec;
\echo :SQLSTATE
SELECT '[1,2]'::sparsevec;
\echo :SQLSTATE
SELECT '{1:1}/2,'::sparsevec;
\echo :SQLSTATE
SELECT '{1:1}'::sparsevec;
\echo :SQLSTATE
SELECT '{1;1}/2'::sparsevec;
\echo :SQLSTATE
-- Invalid::OutOfRange
SELECT '[1e50]'::vector;
\echo :SQLSTATE
SELECT '[65520]'::halfvec;
\echo :SQLSTATE
SELECT '[128]'::int8vec;
\echo :SQLSTATE
SELECT '[200]'::vector::int8vec;
\echo :SQLSTATE
SELECT '{1:-1e50}/2'::sparsevec;
\echo :SQLSTATE
-- Invalid::Fraction
SELECT '[1.5]'::int8vec;
\echo :SQLSTATE
-- Invalid::NotANumber
SELECT '[NaN]'::vector;
\echo :SQLSTATE
SELECT '{NaN}'::real[]::halfvec;
\echo :SQLSTATE
SELECT '{1:NaN}/2'::sparsevec;
\echo :SQLSTATE
-- Invalid::Infinite
SELECT '{Infinity}'::real[]::vector;
\echo :SQLSTATE
SELECT '[-inf]'::halfvec;
\echo :SQLSTATE
SELECT '{1:inf}/2'::sparsevec;
\echo :SQLSTATE
-- Invalid::NoDims
SELECT '[]'::vector;
\echo :SQLSTATE
SELECT '{}'::real[]::halfvec;
\echo :SQLSTATE
SELECT '{}/0'::sparsevec;
\echo :SQLSTATE
SELECT subvector('[1,2]'::vector, 3, 1);
\echo :SQLSTATE
-- Invalid::TooManyDims
SELECT cardinality(vector_combine('{0}', (SELECT array_agg(n) FROM generate_series(1, 16001) n)));
SELECT vector_combine('{0}', (SELECT array_agg(n) FROM generate_series(1, 16002) n));
\echo :SQLSTATE
SELECT array_fill(0, ARRAY[16001])::vector;
\echo :SQLSTATE
SELECT array_fill(0::real, ARRAY[10000])::halfvec || array_fill(0::real, ARRAY[10000])::halfvec;
\echo :SQLSTATE
SELECT '{}/1000000001'::sparsevec;
\echo :SQLSTATE
-- Invalid::UnexpectedDims
SELECT '[1,2]'::vector(3);
\echo :SQLSTATE
SELECT avg(v) FROM (VALUES ('[1]'::halfvec), ('[1,2]')) t (v);
\echo :SQLSTATE
-- Invalid::DifferentDims
SELECT '[1]'::vector <-> '[1,2]';
\echo :SQLSTATE
SELECT sum(v) FROM (VALUES ('[1]'::halfvec), ('[1,2]')) t (v);
\echo :SQLSTATE
SELECT '{}/1'::sparsevec <=> '{}/2';
\echo :SQLSTATE
-- Invalid::DifferentBits
SELECT B'1' <~> B'10';
\echo :SQLSTATE
SELECT B'1' <%> B'10';
\echo :SQLSTATE
-- Invalid::Overflow
SELECT '[3e38]'::vector + '[3e38]';
\echo :SQLSTATE
SELECT '[65504]'::halfvec * '[2]';
\echo :SQLSTATE
-- Invalid::Underflow
SELECT '[1e-30]'::vector * '[1e-30]';
\echo :SQLSTATE
SELECT '[1e-5]'::halfvec * '[1e-5]';
\echo :SQLSTATE
-- Invalid::Unused
SELECT receive('vector', '\x00010007' || float4send(1));
\echo :SQLSTATE
SELECT receive('sparsevec', int4send(4) || int4send(1) || int4send(7));
\echo :SQLSTATE
-- Invalid::Truncated
SELECT receive('vector', '\x0002000000');
\echo :SQLSTATE
SELECT receive('halfvec', '\x00');
\echo :SQLSTATE
SELECT receive('sparsevec', '\x0000');
\echo :SQLSTATE
-- Invalid::TooManyElements
SELECT array_fill(1, ARRAY[16001])::sparsevec;
\echo :SQLSTATE
-- Invalid::NegativeElements
SELECT receive('sparsevec', int4send(4) || int4send(-1) || int4send(0));
\echo :SQLSTATE
-- Invalid::MoreElementsThanDims
SELECT receive('sparsevec', int4send(4) || int4send(5) || int4send(0));
\echo :SQLSTATE
-- Invalid::IndexOutOfBounds
SELECT '{3:1}/2'::sparsevec;
\echo :SQLSTATE
-- Invalid::IndicesDescend
SELECT receive('sparsevec', int4send(4) || int4send(2) || int4send(0) || int4send(2) || int4send(1)
    || float4send(1) || float4send(1));
\echo :SQLSTATE
-- Invalid::IndexTwice
SELECT '{1:1,1:2}/2'::sparsevec;
\echo :SQLSTATE
-- Invalid::ZeroElement
SELECT receive('sparsevec', int4send(4) || int4send(1) || int4send(0) || int4send(1) || float4send(0));
\echo :SQLSTATE
-- ---------------------------------------------------------------- types, arrays, states
-- Failure::Modifier
CREATE TABLE t (v vector(0));
\echo :SQLSTATE
CREATE TABLE t (v halfvec(16001));
\echo :SQLSTATE
CREATE TABLE t (v sparsevec(1, 2));
\echo :SQLSTATE
-- Failure::Array
SELECT '{{1,2},{3,4}}'::real[]::vector;
\echo :SQLSTATE
CREATE FUNCTION from_words(text[], integer, boolean) RETURNS vector AS '$libdir/vector_ext', 'array_to_vector' LANGUAGE C;
SELECT from_words('{a}', -1, false);
\echo :SQLSTATE
DROP FUNCTION from_words;
-- Failure::NullInArray
SELECT '{1,NULL}'::real[]::halfvec;
\echo :SQLSTATE
-- Failure::State
SELECT vector_accum('{}', '[1]');
\echo :SQLSTATE
SELECT halfvec_avg('{}');
\echo :SQLSTATE
SELECT vector_combine('{}', '{0}');
\echo :SQLSTATE
-- Failure::Corrupted
CREATE FUNCTION raw_send(bytea) RETURNS bytea AS '$libdir/vector_ext', 'vector_send' LANGUAGE C STRICT;
SELECT raw_send('\x0500000001020304');
\echo :SQLSTATE
DROP FUNCTION raw_send;
-- ---------------------------------------------------------------- indexes
CREATE TABLE t (id int, v vector(3), loose vector, b bit(64001), varying varbit(3), h halfvec(2));
INSERT INTO t (id, v) SELECT i, ARRAY[i, i % 7, 1]::vector FROM generate_series(1, 9) i;
CREATE INDEX t_v ON t USING hnsw (v vector_l2_ops);
CREATE INDEX t_btree ON t (id);
-- Failure::NoDimensions
CREATE INDEX ON t USING hnsw (loose vector_l2_ops);
\echo :SQLSTATE
-- Failure::TooManyDimensions
CREATE INDEX ON t USING hnsw (b bit_hamming_ops);
\echo :SQLSTATE
-- Failure::VaryingBits
CREATE INDEX ON t USING hnsw (varying bit_hamming_ops);
\echo :SQLSTATE
-- Failure::EfConstruction
CREATE INDEX ON t USING hnsw (v vector_l2_ops) WITH (m = 16, ef_construction = 31);
\echo :SQLSTATE
-- Failure::OperatorClass
CREATE FUNCTION distance(vector, vector) RETURNS float8 LANGUAGE sql AS 'SELECT 1::float8';
CREATE OPERATOR CLASS own_ops FOR TYPE vector USING hnsw AS
    OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
    FUNCTION 1 distance(vector, vector);
CREATE INDEX ON t USING hnsw (v own_ops);
\echo :SQLSTATE
DROP OPERATOR FAMILY own_ops USING hnsw;
DROP FUNCTION distance;
-- Failure::Centroids
CREATE TABLE centres (id int, c vector(2), d real[]);
CREATE INDEX ON t USING ivfflat (v) WITH (centroids = 'centres');
\echo :SQLSTATE
CREATE INDEX ON t USING ivfflat (v) WITH (centroids = 'public.centres');
\echo :SQLSTATE
ALTER TABLE centres DROP d;
CREATE INDEX ON t USING ivfflat (v) WITH (centroids = 'public.centres');
\echo :SQLSTATE
INSERT INTO centres VALUES (1, '[1,2]'), (2, NULL);
CREATE INDEX ON t USING ivfflat (v) WITH (centroids = 'public.centres');
\echo :SQLSTATE
ALTER TABLE centres DROP c;
CREATE INDEX ON t USING ivfflat (v) WITH (centroids = 'public.centres');
\echo :SQLSTATE
ALTER TABLE centres ADD c double precision[] DEFAULT '{1,2,NaN}';
CREATE INDEX ON t USING ivfflat (v) WITH (centroids = 'public.centres');
\echo :SQLSTATE
UPDATE centres SET c = '{0,0,0}';
CREATE INDEX ON t USING ivfflat (v vector_cosine_ops) WITH (centroids = 'public.centres');
\echo :SQLSTATE
CREATE INDEX ON t USING ivfflat (v) WITH (centroids = 'public.centres', lists = 3);
\echo :SQLSTATE
UPDATE centres SET c = '{1,2}';
CREATE INDEX ON t USING ivfflat (v) WITH (centroids = 'public.centres');
\echo :SQLSTATE
INSERT INTO centres SELECT i, '{1,2,3}' FROM generate_series(1, 32768) i;
DELETE FROM centres WHERE c = '{1,2}';
INSERT INTO centres VALUES (0, '{1,2,3}');
CREATE INDEX ON t USING ivfflat (v) WITH (centroids = 'public.centres');
\echo :SQLSTATE
CREATE INDEX ON t USING ivfflat (v) WITH (centroids = 'public.nothing');
\echo :SQLSTATE
DROP TABLE centres;
-- Failure::Directions
CREATE INDEX ON t USING ivfflat (v) WITH (directions = 4);
\echo :SQLSTATE
-- Failure::BitDirections
CREATE TABLE bits (b bit(40));
CREATE INDEX ON bits USING ivfflat (b bit_hamming_ops) WITH (directions = 16);
\echo :SQLSTATE
DROP TABLE bits;
-- Failure::NotAnIndex
SELECT * FROM vector_index_check('t');
\echo :SQLSTATE
SELECT * FROM vector_index_info('t_btree');
\echo :SQLSTATE
SELECT vector_index_prewarm(0);
\echo :SQLSTATE
SELECT * FROM vector_index_recall('t_btree');
\echo :SQLSTATE
-- Failure::Partitioned
CREATE TABLE parted (v vector(2)) PARTITION BY LIST (v);
CREATE INDEX parted_v ON parted USING hnsw (v vector_l2_ops);
SELECT * FROM vector_index_info('parted_v');
\echo :SQLSTATE
DROP TABLE parted;
-- a query through an index
SET enable_seqscan = off;
SELECT id FROM t ORDER BY v <-> '[1,2]' LIMIT 1;
\echo :SQLSTATE
-- the index is no way to count
SELECT count(v) FROM t;
RESET enable_seqscan;
-- Error::SpillLimit
CREATE TABLE wide (v vector(1000));
INSERT INTO wide SELECT array_fill(i, ARRAY[1000])::vector FROM generate_series(1, 2000) i;
SET maintenance_work_mem = '1MB';
SET temp_file_limit = '1MB';
SET client_min_messages = warning;
CREATE INDEX ON wide USING hnsw (v vector_l2_ops);
\echo :SQLSTATE
RESET client_min_messages;
RESET temp_file_limit;
RESET maintenance_work_mem;
DROP TABLE wide;
-- ---------------------------------------------------------------- what Postgres says for the extension
-- settings
SET hnsw.ef_search = 0;
\echo :SQLSTATE
SET hnsw.ef_search = 1001;
\echo :SQLSTATE
SET hnsw.iterative_scan = on;
\echo :SQLSTATE
SET hnsw.max_scan_tuples = 0;
\echo :SQLSTATE
SET hnsw.scan_mem_multiplier = 0.5;
\echo :SQLSTATE
SET vector_ext.kernels = fast;
\echo :SQLSTATE
SET hnsw.ef = 40;
\echo :SQLSTATE
SET vector_ext.kernel = auto;
\echo :SQLSTATE
-- options
CREATE INDEX ON t USING hnsw (v vector_l2_ops) WITH (m = 1);
\echo :SQLSTATE
CREATE INDEX ON t USING hnsw (v vector_l2_ops) WITH (m = 101);
\echo :SQLSTATE
CREATE INDEX ON t USING hnsw (v vector_l2_ops) WITH (ef_construction = 1001);
\echo :SQLSTATE
CREATE INDEX ON t USING hnsw (v vector_l2_ops) WITH (m = many);
\echo :SQLSTATE
CREATE INDEX ON t USING hnsw (v vector_l2_ops) WITH (storage = f64);
\echo :SQLSTATE
CREATE INDEX ON t USING hnsw (v vector_l2_ops) WITH (lists = 100);
\echo :SQLSTATE
-- what the access method does not do
CREATE INDEX ON t USING hnsw (v);
\echo :SQLSTATE
CREATE INDEX ON t USING hnsw (h vector_l2_ops);
\echo :SQLSTATE
CREATE UNIQUE INDEX ON t USING hnsw (v vector_l2_ops);
\echo :SQLSTATE
CREATE INDEX ON t USING hnsw (v vector_l2_ops, h halfvec_l2_ops);
\echo :SQLSTATE
CREATE INDEX ON t USING hnsw (v vector_l2_ops) INCLUDE (id);
\echo :SQLSTATE
CREATE INDEX ON t USING hnsw (v vector_l2_ops DESC);
\echo :SQLSTATE
-- Failure::SampleSize
SELECT * FROM vector_index_recall('t_v', 0);
\echo :SQLSTATE
-- Failure::AnswerSize
SELECT * FROM vector_index_recall('t_v', 5, 1001);
\echo :SQLSTATE
-- Failure::Questions
SELECT * FROM vector_index_recall('t_v', questions => 'SELECT v FROM t; SELECT v FROM t');
\echo :SQLSTATE
-- Failure::Privileges
CREATE ROLE regress_stranger;
SET ROLE regress_stranger;
SELECT * FROM vector_index_info('t_v');
\echo :SQLSTATE
SELECT vector_index_prewarm('t_v');
\echo :SQLSTATE
SELECT * FROM vector_index_check('t_v');
\echo :SQLSTATE
RESET ROLE;
DROP ROLE regress_stranger;
-- ---------------------------------------------------------------- damaged files
-- A block of the file is written behind the server's back; in another tablespace the index is read anew.
CREATE FUNCTION damage(index regclass, command text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('COPY (SELECT) TO PROGRAM %L', format('cat >/dev/null; ' || command, pg_relation_filepath(index)));
END $$;
SET allow_in_place_tablespaces = on;
CREATE TABLESPACE regress_place LOCATION '';
SET enable_seqscan = off;
-- PageError::Corrupt
CHECKPOINT;
SELECT damage('t_v', 'dd if=/dev/zero of=%s bs=8192 seek=1 count=1 conv=notrunc 2>&1');
ALTER INDEX t_v SET TABLESPACE regress_place;
SELECT id FROM t ORDER BY v <-> '[1,2,3]' LIMIT 1;
\echo :SQLSTATE
INSERT INTO t (v) VALUES ('[1,2,3]');
\echo :SQLSTATE
REINDEX INDEX t_v;
SELECT id FROM t ORDER BY v <-> '[1,2,3]' LIMIT 1;
-- PageError::Missing
CHECKPOINT;
SELECT damage('t_v', 'truncate -s 8192 %s');
ALTER INDEX t_v SET TABLESPACE pg_default;
SELECT id FROM t ORDER BY v <-> '[1,2,3]' LIMIT 1;
\echo :SQLSTATE
REINDEX INDEX t_v;
RESET enable_seqscan;
DROP TABLESPACE regress_place;
DROP FUNCTION damage;
-- the session is the one of the beginning and works
SELECT pg_backend_pid() = :backend AS same_session, '[1,2]'::vector <-> '[1,3]' AS distance;
DROP FUNCTION receive;
DROP TABLE t;
-- ---------------------------------------------------------------- what takes another session
-- One remembers the operator classes that it has met.
-- Error::OtherSpace
CREATE OPERATOR FAMILY own_ops USING hnsw;
CREATE OPERATOR CLASS own_ops FOR TYPE vector USING hnsw FAMILY own_ops AS
    OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops;
ALTER OPERATOR FAMILY own_ops USING hnsw ADD FUNCTION 1 (vector, vector) vector_l2_squared_distance(vector, vector);
CREATE TABLE t (v vector(3));
INSERT INTO t VALUES ('[1,2,3]');
CREATE INDEX ON t USING hnsw (v own_ops);
ALTER OPERATOR FAMILY own_ops USING hnsw DROP FUNCTION 1 (vector, vector);
ALTER OPERATOR FAMILY own_ops USING hnsw ADD FUNCTION 1 (vector, vector) l1_distance(vector, vector);
\c
INSERT INTO t VALUES ('[1,2,3]');
\echo :SQLSTATE
DROP TABLE t;
DROP OPERATOR FAMILY own_ops USING hnsw;
-- a database holds one extension with these access methods
DROP EXTENSION vector_ext CASCADE;
CREATE FUNCTION hnswhandler(internal) RETURNS index_am_handler AS '$libdir/vector_ext' LANGUAGE C;
CREATE ACCESS METHOD hnsw TYPE INDEX HANDLER hnswhandler;
ALTER EXTENSION plpgsql ADD ACCESS METHOD hnsw;
CREATE EXTENSION vector_ext;
\echo :SQLSTATE
ALTER EXTENSION plpgsql DROP ACCESS METHOD hnsw;
DROP ACCESS METHOD hnsw;
DROP FUNCTION hnswhandler;
CREATE EXTENSION vector_ext;
