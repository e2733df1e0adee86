SET enable_seqscan = off;
SET enable_sort = off;
CREATE TABLE t (id int, a int, v vector(3));
INSERT INTO t SELECT i, i % 100, ARRAY[i, i % 7, i % 3]::vector FROM generate_series(1, 1000) i;
CREATE INDEX t_v ON t USING hnsw (v vector_l2_ops);
SHOW hnsw.filtered_scan;
-- a filter is evaluated while the index searches
EXPLAIN (COSTS OFF) SELECT id FROM t WHERE a < 10 ORDER BY v <-> '[500,0,0]' LIMIT 5;
SELECT id FROM t WHERE a < 10 ORDER BY v <-> '[502.4,5,1]' LIMIT 5;
EXPLAIN (VERBOSE, COSTS OFF)
  SELECT id + 1, v <-> '[500,0,0]' FROM t WHERE a < 10 AND id > 3 ORDER BY v <-> '[500,0,0]' LIMIT 5;
SELECT id, round((v <-> '[502.4,5,1]')::numeric, 3) FROM t WHERE a = 7 ORDER BY v <-> '[502.4,5,1]' LIMIT 3;
PREPARE near (vector, int) AS SELECT id FROM t WHERE a < $2 ORDER BY v <-> $1 LIMIT 3;
SET plan_cache_mode = force_generic_plan;
EXPLAIN (COSTS OFF) EXECUTE near ('[500,0,0]', 10);
EXECUTE near ('[200.4,4,2]', 2);
EXECUTE near ('[800.4,2,2]', 1);
EXECUTE near ('[800.4,2,2]', 0);
DEALLOCATE near;
RESET plan_cache_mode;
-- nothing to filter by, or nothing that may be evaluated on any row
EXPLAIN (COSTS OFF) SELECT id FROM t ORDER BY v <-> '[500,0,0]' LIMIT 5;
EXPLAIN (COSTS OFF) SELECT id FROM t WHERE random() < 2 ORDER BY v <-> '[500,0,0]' LIMIT 5;
-- an error of the filter
SELECT id FROM t WHERE 1 / a = 7 ORDER BY v <-> '[500,0,0]' LIMIT 5;
SELECT id FROM t WHERE a < 10 ORDER BY v <-> '[1,2]' LIMIT 5;
-- as before
SET hnsw.filtered_scan = off;
EXPLAIN (COSTS OFF) SELECT id FROM t WHERE a < 10 ORDER BY v <-> '[500,0,0]' LIMIT 5;
SELECT id FROM t WHERE a < 10 ORDER BY v <-> '[502.4,5,1]' LIMIT 5;
SET hnsw.filtered_scan = perhaps;
SHOW hnsw.outline_mem;
-- versions word the bounds differently
\set VERBOSITY sqlstate
SET hnsw.outline_mem = -1;
DROP TABLE t;
