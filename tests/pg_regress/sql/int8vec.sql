-- text form: whole numbers, however they are written
SELECT '[1,2,3]'::int8vec;
SELECT ' [ -1,  +2 ,    3.0, 1e2, -0 ] '::int8vec;
SELECT '[127,-128]'::int8vec;
SELECT '[128]'::int8vec;
SELECT '[1,-129,2]'::int8vec;
SELECT '[4e38]'::int8vec;
SELECT '[1,1.5]'::int8vec;
SELECT '[NaN]'::int8vec;
SELECT '[-inf]'::int8vec;
SELECT '[1,2'::int8vec;
SELECT '1,2'::int8vec;
SELECT '[]'::int8vec;
\set VERBOSITY sqlstate
SELECT '[300]'::vector::int8vec;
SELECT '[1.5]'::int8vec;
\set VERBOSITY default

-- type modifier and limits
SELECT '[1,2,3]'::int8vec(3);
SELECT '[1,2,3]'::int8vec(2);
SELECT '[1,2,3]'::int8vec(0);
SELECT '[1,2,3]'::int8vec(16000);
SELECT '[1,2,3]'::int8vec(16001);
SELECT vector_dims(array_fill(1, ARRAY[16000])::int8vec);
SELECT array_fill(1, ARRAY[16001])::int8vec;
SELECT pg_column_size(array_fill(1, ARRAY[768])::int8vec);
SELECT unnest('{"[1,2,3]","[4,5,6]"}'::int8vec[]);

-- binary form
SELECT int8vec_send('[1,-2,127,-128]');

-- order
SELECT '[1,2,3]'::int8vec < '[1,2]', '[1,2,3]'::int8vec <= '[1,2,3]', '[-1]'::int8vec = '[-1]', '[1]'::int8vec <> '[1]';
SELECT '[-1]'::int8vec > '[1]', '[-128]'::int8vec >= '[-127]', int8vec_cmp('[1,2]', '[2,3,4]');

-- distances are exact
SELECT '[0,0]'::int8vec <-> '[3,4]', l2_distance('[0,0]'::int8vec, '[0,1]'), int8vec_l2_squared_distance('[-128]', '[127]');
SELECT '[1,2]'::int8vec <#> '[3,4]', inner_product('[-128,-128]'::int8vec, '[-128,-128]');
SELECT '[1,2]'::int8vec <=> '[2,4]', cosine_distance('[1,1]'::int8vec, '[-1,-1]'), '[1,0]'::int8vec <=> '[0,2]';
SELECT '[0,0]'::int8vec <=> '[1,2]', '[0,0]'::int8vec <=> '[0,0]';
SELECT '[0,0]'::int8vec <+> '[3,4]', l1_distance('[-128]'::int8vec, '[127]');
SELECT inner_product(v, v), v <-> w, v <+> w, v <=> v
  FROM (SELECT array_fill(-128, ARRAY[16000])::int8vec, array_fill(127, ARRAY[16000])::int8vec) t (v, w);
SELECT '[1,2]'::int8vec <-> '[3]';
SELECT '[1,2]'::int8vec <=> '[3]';
SET vector_ext.kernels = plain;
SELECT v <-> w, v <#> w, v <=> w, v <+> w
  FROM (SELECT array_agg(i * 7 % 256 - 128)::int8vec, array_agg(i * 11 % 256 - 128)::int8vec FROM generate_series(1, 777) i) t (v, w);
RESET vector_ext.kernels;
SELECT v <-> w, v <#> w, v <=> w, v <+> w
  FROM (SELECT array_agg(i * 7 % 256 - 128)::int8vec, array_agg(i * 11 % 256 - 128)::int8vec FROM generate_series(1, 777) i) t (v, w);

-- dimensions, norm, parts, bits
SELECT vector_dims('[1,2,3]'::int8vec), l2_norm('[3,4]'::int8vec), l2_norm('[0]'::int8vec);
SELECT l2_norm(array_fill(-128, ARRAY[16000])::int8vec) = 128 * sqrt(16000::float8);
SELECT subvector('[1,2,3,4,5]'::int8vec, 3, 2), subvector('[1,2,3,4,5]'::int8vec, -1, 3);
SELECT subvector('[1,2,3,4,5]'::int8vec, 3, 0);
SELECT binary_quantize('[1,0,-1,127,-128]'::int8vec);
SELECT '[1,2,3]'::int8vec || '[4,5]';
SELECT array_fill(0, ARRAY[16000])::int8vec || '[1]';
-- arithmetic and l2_normalize leave int8: they are those of vector
SELECT '[100]'::int8vec + '[100]';
SELECT '[100]'::int8vec::vector + '[100]', l2_normalize('[3,4]'::int8vec::vector);

-- aggregates give vectors
SELECT avg(v), sum(v), pg_typeof(avg(v)), pg_typeof(sum(v)) FROM unnest(ARRAY['[1,127]'::int8vec, '[2,127]', NULL]) v;
SELECT avg(v), sum(v) FROM unnest(ARRAY[]::int8vec[]) v;
SELECT avg(v) FROM unnest(ARRAY['[1,2]'::int8vec, '[3]']) v;
SELECT sum(v) FROM (SELECT '[-128,127]'::int8vec v FROM generate_series(1, 1000)) s;
SELECT int8vec_sum('{}');
SELECT int8vec_accum('{}', '[1]');

-- casts round to the nearest, halves to even, as those of real to integer
SELECT '[0.5,1.5,-2.5,0.49,127.4,-128.5]'::vector::int8vec;
SELECT '[0.5,1.5,-2.5]'::halfvec::int8vec;
SELECT ARRAY[0.5,1.5,-2.5,2.51]::real[]::int8vec;
SELECT ARRAY[0.5,1.5,-2.5]::float8[]::int8vec, ARRAY[0.5,1.5,-2.5]::numeric[]::int8vec;
SELECT ARRAY[1,-2,127]::smallint[]::int8vec, ARRAY[1,-2,-128]::int8vec;
SELECT '[127.5]'::vector::int8vec;
SELECT '[1,300]'::halfvec::int8vec;
SELECT ARRAY[1,128]::smallint[]::int8vec;
SELECT ARRAY[1,-129]::int8vec;
SELECT ARRAY[1e10]::float8[]::int8vec;
SELECT '{NaN}'::real[]::int8vec;
SELECT '{Infinity}'::float8[]::int8vec;
SELECT '{NULL}'::smallint[]::int8vec;
SELECT '{{1}}'::int[]::int8vec;
SELECT '{}'::int[]::int8vec;
SELECT array_remove(ARRAY[1,NULL,3]::smallint[], NULL)::int8vec;
SELECT ARRAY[1,2,3]::int8vec(2);
SELECT '[1,2,3]'::vector::int8vec(2);
SELECT '[1,2,3]'::int8vec::vector(2);
SELECT '[1,-2,127]'::int8vec::vector, '[1,-2,127]'::int8vec::halfvec, '[1,-2,-128]'::int8vec::real[];
SELECT '[1,-2,-128]'::int8vec::smallint[], '[1,-2,-128]'::int8vec::integer[], ('[1,-2,3]'::int8vec::integer[])[2];
-- by assignment, never by themselves
SELECT '[1,2]'::int8vec <-> '[1,2]'::vector;
CREATE TABLE t (v vector(2), h halfvec(2), i int8vec(2));
INSERT INTO t VALUES ('[0.6,2]', '[0.6,2]', '[0.6,2]'::vector);
INSERT INTO t SELECT i, i, h FROM t;
INSERT INTO t (i) VALUES (ARRAY[1,2]), (ARRAY[1.5,2]::real[]);
INSERT INTO t (i) VALUES ('[1,2,3]');
SELECT * FROM t;
ALTER TABLE t ALTER i TYPE vector(2), ALTER v TYPE int8vec(2);
SELECT v, i FROM t;
DROP TABLE t;

-- exact search and btree
CREATE TABLE t (id int, v int8vec(3));
INSERT INTO t VALUES (1, '[0,0,0]'), (2, '[1,2,3]'), (3, '[1,1,1]'), (4, NULL), (5, '[1,2,4]');
SELECT id, v FROM t ORDER BY v <-> '[3,3,3]';
SELECT id, v FROM t ORDER BY v <=> '[3,3,3]';
CREATE UNIQUE INDEX t_v ON t (v);
SET enable_seqscan = off;
SELECT id FROM t WHERE v = '[1,2,3]';
SELECT v FROM t WHERE v > '[1,1,1]' ORDER BY v;
INSERT INTO t VALUES (6, '[1,1,1]');
RESET enable_seqscan;
DROP TABLE t;

-- the index has the numbers as they are, and its recall is told beside that of another type in one session
CREATE TABLE t (v vector(3), i int8vec(3));
INSERT INTO t SELECT ARRAY[n, n % 7, n % 5], ARRAY[n, n % 7, n % 5] FROM generate_series(1, 60) n;
CREATE INDEX t_v ON t USING hnsw (v vector_l2_ops);
CREATE INDEX t_i ON t USING hnsw (i int8vec_cosine_ops);
INSERT INTO t VALUES ('[0,0,0]', '[0,0,0]'), ('[-1,-2,-128]', '[-1,-2,-128]');
SELECT index::regclass, rows, storage, (SELECT count(*) FROM vector_index_check(index)) AS problems
  FROM unnest(ARRAY['t_v', 't_i']::regclass[]) AS index, vector_index_info(index);
SELECT min(recall) >= 0.9 FROM vector_index_recall('t_v', 5, 3);
SELECT min(recall) >= 0.9 FROM vector_index_recall('t_i', 5, 3);
SET enable_seqscan = off;
SELECT i, i <=> '[-1,0,-100]' < 0.001 FROM t ORDER BY i <=> '[-1,0,-100]' LIMIT 1;
RESET enable_seqscan;
DROP TABLE t;

-- a value whose header lies is found out
CREATE FUNCTION raw_send(bytea) RETURNS bytea AS '$libdir/vector_ext', 'int8vec_send' LANGUAGE C STRICT;
SELECT raw_send('\x0500000001020304');
DROP FUNCTION raw_send;
