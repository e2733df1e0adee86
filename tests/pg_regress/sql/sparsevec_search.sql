-- exact search, and how it orders what is not a distance
SET max_parallel_workers_per_gather = 0;
CREATE TABLE t (id int, v sparsevec(3));
INSERT INTO t VALUES (1, '{}/3'), (2, '{1:1,2:2,3:3}/3'), (3, '{1:1,2:1,3:1}/3'), (4, NULL), (5, '{1:1,2:2,3:4}/3');
SELECT id, v FROM t ORDER BY v <-> '{1:3,2:3,3:3}/3';
SELECT id, v FROM t ORDER BY v <#> '{1:3,2:3,3:3}/3';
SELECT id, v FROM t ORDER BY v <+> '{1:3,2:3,3:3}/3';
-- a zero sparsevec is at no cosine distance: NaN sorts after all numbers, NULL after NaN
SELECT id, v, v <=> '{1:3,2:3,3:3}/3' = 'NaN' AS nan FROM t ORDER BY v <=> '{1:3,2:3,3:3}/3';
SELECT id FROM t ORDER BY v <-> NULL, id;
SELECT id FROM t ORDER BY v <-> '{1:3,2:3,3:3}/3' DESC, id;
SELECT id FROM t ORDER BY v <-> '{1:3,2:3,3:3}/3' NULLS FIRST, id LIMIT 2;
-- ties
INSERT INTO t VALUES (6, '{1:1,2:1,3:1}/3'), (7, '{1:1,2:1,3:1}/3');
SELECT id FROM t ORDER BY v <-> '{1:1,2:1,3:1}/3', id LIMIT 3;
SELECT id FROM t ORDER BY v <-> '{1:1,2:1,3:1}/3', id LIMIT 2 OFFSET 2;
SELECT id FROM t WHERE id > 2 AND v <-> '{1:1,2:1,3:1}/3' < 4 ORDER BY v <-> '{1:1,2:1,3:1}/3', id;
SELECT count(*) FROM t WHERE v <-> '{1:1,2:1,3:1}/3' = 0;
-- a wrong number of dimensions
SELECT id FROM t ORDER BY v <-> '{1:3,2:3}/2' LIMIT 1;
SELECT id FROM t ORDER BY v <=> '{1:3}/1' LIMIT 1;
-- joins and subqueries
SELECT a.id, (SELECT b.id FROM t b WHERE b.id <> a.id ORDER BY a.v <-> b.v, b.id LIMIT 1)
  FROM t a WHERE a.v IS NOT NULL ORDER BY a.id;
-- btree
CREATE INDEX t_v ON t (v);
SET enable_seqscan = off;
SELECT id FROM t WHERE v = '{1:1,2:2,3:3}/3';
SELECT id FROM t WHERE v > '{1:1,2:1,3:1}/3' ORDER BY v LIMIT 1;
SELECT DISTINCT v FROM t ORDER BY v;
SELECT v, count(*) FROM t GROUP BY v HAVING count(*) > 1;
CREATE UNIQUE INDEX ON t (v) WHERE id < 6;
INSERT INTO t VALUES (0, '{1:1,2:2,3:3}/3');
SELECT a.id, b.id FROM t a JOIN t b USING (v) WHERE a.id < b.id ORDER BY 1, 2;
DROP TABLE t;
