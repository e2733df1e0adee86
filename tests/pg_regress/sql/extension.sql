-- what vector_ext adds
LOAD 'vector_ext';
SHOW vector_ext.kernels;
SET vector_ext.kernels = plain;
SHOW vector_ext.kernels;
SELECT '[1,2,3,4,5,6,7,8,9]'::vector <-> '[9,8,7,6,5,4,3,2,1]';
SET vector_ext.kernels = fast;
SET vector_ext.kernel = auto;
RESET vector_ext.kernels;
SELECT '[1,2,3,4,5,6,7,8,9]'::vector <-> '[9,8,7,6,5,4,3,2,1]';
-- dimensions and norm of every type
SELECT vector_dims('[1,2]'::vector), vector_dims('[1,2]'::halfvec), vector_dims('{}/1000000000'::sparsevec);
SELECT l2_norm('[3,4]'::vector), l2_norm('[3,4]'::halfvec), l2_norm('{1:3,9:4}/9'::sparsevec);
-- a zero vector has no direction: its cosine distance is no number, it stays zero, and an index leaves it out
SELECT '[0,0]'::vector <=> '[1,2]', '[0,0]'::halfvec <=> '[1,2]', '{}/2'::sparsevec <=> '{1:1}/2';
SELECT l2_normalize('[0,0]'::vector), l2_normalize('[0,0]'::halfvec), l2_normalize('{}/2'::sparsevec);
CREATE TABLE t (v vector(2), h halfvec(2), s sparsevec(2));
INSERT INTO t VALUES ('[0,0]', '[0,0]', '{}/2'), ('[1,0]', '[1,0]', '{1:1}/2'), ('[0,-1]', '[0,-1]', '{2:-1}/2');
CREATE INDEX t_v ON t USING hnsw (v vector_cosine_ops);
CREATE INDEX t_h ON t USING hnsw (h halfvec_cosine_ops);
CREATE INDEX t_s ON t USING hnsw (s sparsevec_cosine_ops);
INSERT INTO t VALUES ('[0,0]', '[0,0]', '{}/2');
SELECT index::regclass, rows, nodes, dims, storage, (SELECT count(*) FROM vector_index_check(index)) AS problems
  FROM unnest(ARRAY['t_v', 't_h', 't_s']::regclass[]) AS index, vector_index_info(index);
SET enable_seqscan = off;
SELECT v FROM t ORDER BY v <=> '[1,1]';
SELECT h FROM t ORDER BY h <=> '[1,1]';
SELECT s FROM t ORDER BY s <=> '{1:1,2:1}/2';
SELECT count(*) FROM (SELECT s FROM t ORDER BY s <=> '{}/2' LIMIT 9) q;
RESET enable_seqscan;
DROP TABLE t;
-- the extension can live in any schema, and be moved
DROP EXTENSION vector_ext;
CREATE SCHEMA elsewhere;
CREATE EXTENSION vector_ext SCHEMA elsewhere;
SELECT '[1,2]'::elsewhere.vector OPERATOR(elsewhere.<->) '[1,3]';
ALTER EXTENSION vector_ext SET SCHEMA public;
SELECT '[1,2]'::vector <-> '[1,3]';
DROP SCHEMA elsewhere;
-- a value whose header lies is found out
CREATE FUNCTION raw_send(bytea) RETURNS bytea AS '$libdir/vector_ext', 'vector_send' LANGUAGE C STRICT;
SELECT raw_send('\x0000');
SELECT raw_send('\x0500000001020304');
DROP FUNCTION raw_send;
CREATE FUNCTION raw_send(bytea) RETURNS bytea AS '$libdir/vector_ext', 'halfvec_send' LANGUAGE C STRICT;
SELECT raw_send('\x0500000001020304');
DROP FUNCTION raw_send;
CREATE FUNCTION raw_send(bytea) RETURNS bytea AS '$libdir/vector_ext', 'sparsevec_send' LANGUAGE C STRICT;
SELECT raw_send('\x00');
SELECT raw_send('\x050000000100000000000000');
SELECT raw_send('\x05000000ffffffff00000000');
DROP FUNCTION raw_send;
CREATE FUNCTION raw_distance(bytea, bytea) RETURNS float8 AS '$libdir/vector_ext', 'hamming_distance' LANGUAGE C STRICT;
SELECT raw_distance('\x09000000ff', '\x09000000ff');
DROP FUNCTION raw_distance;
