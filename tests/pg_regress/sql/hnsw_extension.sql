-- the access method: what vector_ext adds to pgvector, or answers otherwise
CREATE TABLE t (id int, v vector(3), loose vector);
INSERT INTO t SELECT i, ARRAY[i, i % 7, i % 5]::vector, ARRAY[i, 1]::vector FROM generate_series(1, 500) i;
-- how vectors are stored
CREATE INDEX t_v ON t USING hnsw (v vector_l2_ops) WITH (storage = x);
CREATE INDEX t_v ON t USING hnsw (v vector_l2_ops) WITH (storage = int8, m = 8);
SELECT pg_get_indexdef('t_v'::regclass);
SELECT rows, nodes, dims, storage, m, dead, free >= 0 AS free, format > 0 AS format, bytes = pg_relation_size('t_v') AS bytes
  FROM vector_index_info('t_v');
ALTER INDEX t_v SET (storage = f32);
ALTER INDEX t_v SET (storage = f64);
-- what is built stays as it is until it is built again
SELECT storage FROM vector_index_info('t_v');
REINDEX INDEX t_v;
SELECT storage FROM vector_index_info('t_v');
ALTER INDEX t_v RESET (storage);
-- more than 2,000 dimensions
CREATE TABLE wide (v vector(16000));
CREATE INDEX ON wide USING hnsw (v vector_l2_ops);
INSERT INTO wide SELECT array_fill(i, ARRAY[16000])::vector FROM generate_series(1, 3) i;
SET enable_seqscan = off;
SELECT vector_norm(v) < 200 AS nearest FROM wide ORDER BY v <-> array_fill(0, ARRAY[16000])::vector LIMIT 1;
RESET enable_seqscan;
DROP TABLE wide;
-- dimensions must be declared
CREATE INDEX ON t USING hnsw (loose vector_l2_ops);
CREATE INDEX t_loose ON t USING hnsw ((loose::vector(2)) vector_l2_ops);
SELECT dims, rows FROM vector_index_info('t_loose');
CREATE INDEX ON t USING hnsw ((loose::vector(3)) vector_l2_ops);
-- an operator class of one's own
CREATE OPERATOR CLASS own_ops FOR TYPE vector USING hnsw AS
    OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
    FUNCTION 1 vector_l2_squared_distance(vector, vector);
CREATE INDEX t_own ON t USING hnsw (v own_ops);
SELECT problem FROM vector_index_check('t_own');
DROP INDEX t_own;
CREATE FUNCTION distance(vector, vector) RETURNS float8 LANGUAGE sql AS 'SELECT 1::float8';
CREATE OPERATOR CLASS foreign_ops FOR TYPE vector USING hnsw AS
    OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
    FUNCTION 1 distance(vector, vector);
CREATE INDEX ON t USING hnsw (v foreign_ops);
-- scans go on by default
SHOW hnsw.iterative_scan;
SHOW hnsw.max_scan_tuples;
SET enable_seqscan = off;
SET enable_sort = off;
SELECT count(*) FROM (SELECT id FROM t ORDER BY v <-> '[1,2,3]' LIMIT 1000) s;
SET hnsw.iterative_scan = off;
SELECT count(*) BETWEEN 40 AND 200 FROM (SELECT id FROM t ORDER BY v <-> '[1,2,3]' LIMIT 1000) s;
RESET hnsw.iterative_scan;
SELECT index, scans, nodes >= 540 AS nodes, pages > 0 AS pages, restarts > 0 AS restarts, last_restarts
  FROM vector_index_scans WHERE index = 't_v'::regclass;
RESET enable_seqscan;
RESET enable_sort;
-- functions for people who run an index
\set SHOW_CONTEXT never
SELECT problem FROM vector_index_check('t_v');
SELECT vector_index_prewarm('t_v') = pg_relation_size('t_v') / 8192 AS all_pages;
SELECT effort, recall >= 0.9 AS good, milliseconds > 0 AS timed FROM vector_index_recall('t_v', 5, 3);
SELECT effort FROM vector_index_recall('t_v', 5, 100);
SELECT * FROM vector_index_recall('t_v', 0);
SELECT * FROM vector_index_recall(NULL);
SELECT * FROM vector_index_check('t');
SELECT * FROM vector_index_info('t');
SELECT * FROM vector_index_prewarm('t');
SELECT * FROM vector_index_recall('t');
CREATE INDEX t_btree ON t (v);
SELECT * FROM vector_index_check('t_btree');
SELECT * FROM vector_index_info('t_btree');
SELECT * FROM vector_index_prewarm('t_btree');
SELECT * FROM vector_index_recall('t_btree');
SELECT * FROM vector_index_check('pg_am');
SELECT * FROM vector_index_check(0);
-- an empty index
CREATE TABLE empty (v vector(4));
CREATE INDEX empty_v ON empty USING hnsw (v vector_cosine_ops);
SELECT rows, nodes, dims, storage FROM vector_index_info('empty_v');
SELECT problem FROM vector_index_check('empty_v');
SELECT effort, recall FROM vector_index_recall('empty_v');
DROP TABLE empty, t;
DROP OPERATOR FAMILY foreign_ops USING hnsw;
DROP OPERATOR FAMILY own_ops USING hnsw;
DROP FUNCTION distance;
