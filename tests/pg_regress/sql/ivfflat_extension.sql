-- the access method ivfflat: what vector_ext adds to pgvector, or answers otherwise
CREATE TABLE t (id int, v vector(3), i int8vec(3));
INSERT INTO t SELECT i, ARRAY[i, i % 7, i % 5]::vector, ARRAY[i % 100, i % 7, i % 5]::int8vec FROM generate_series(1, 5000) i;
-- as many lists as suit the rows, where nobody says how many
CREATE INDEX t_v ON t USING ivfflat (v);
SELECT lists BETWEEN 100 AND 200 AS chosen FROM vector_index_info('t_v');
DROP INDEX t_v;
CREATE INDEX t_v ON t USING ivfflat (v) WITH (lists = 0);
SELECT lists BETWEEN 100 AND 200 AS chosen FROM vector_index_info('t_v');
DROP INDEX t_v;
CREATE INDEX t_v ON t USING ivfflat (v) WITH (lists = 20);
SELECT rows, lists, dims, dead, bytes = pg_relation_size('t_v') AS bytes FROM vector_index_info('t_v');
CREATE INDEX ON t USING ivfflat (v) WITH (lists = 32769);
CREATE INDEX ON t USING ivfflat (v) WITH (lists = -1);
-- int8vec
CREATE INDEX t_l2 ON t USING ivfflat (i int8vec_l2_ops);
CREATE INDEX t_ip ON t USING ivfflat (i int8vec_ip_ops);
CREATE INDEX t_cosine ON t USING ivfflat (i int8vec_cosine_ops);
SELECT index::regclass, rows, dims, (SELECT count(*) FROM vector_index_check(index)) AS problems
  FROM unnest(ARRAY['t_l2', 't_ip', 't_cosine']::regclass[]) AS index, vector_index_info(index);
SET enable_seqscan = off;
SET ivfflat.probes = 32768;
SELECT id, i <-> '[50,3,2]' FROM t WHERE id < 100 ORDER BY i <-> '[50,3,2]', id LIMIT 2;
SELECT i <#> '[1,0,0]' FROM t ORDER BY i <#> '[1,0,0]' LIMIT 1;
SELECT i <=> '[1,1,1]' FROM t ORDER BY i <=> '[1,1,1]' LIMIT 1;
DROP INDEX t_l2, t_ip, t_cosine;
RESET ivfflat.probes;
-- bits of the long code
CREATE INDEX t_bits ON t USING ivfflat (v) WITH (bits = 0);
CREATE INDEX t_bits ON t USING ivfflat (v) WITH (bits = 9);
-- directions of the code
CREATE INDEX t_directions ON t USING ivfflat (v) WITH (directions = -1);
CREATE INDEX t_directions ON t USING ivfflat (v) WITH (directions = 16001);
CREATE TABLE directed AS
  SELECT i AS id, ARRAY(SELECT sin(i * d) / d FROM generate_series(1, 40) d)::vector(40) AS v,
         ARRAY(SELECT sin(i * d) / d FROM generate_series(1, 40) d)::halfvec(40) AS h,
         ARRAY(SELECT (100 * sin(i * d))::int FROM generate_series(1, 40) d)::int8vec(40) AS w
    FROM generate_series(1, 2000) i;
CREATE INDEX directed_v ON directed USING ivfflat (v) WITH (directions = 10, bits = 1, lists = 20);
CREATE INDEX directed_h ON directed USING ivfflat (h halfvec_cosine_ops) WITH (directions = 16, lists = 20);
CREATE INDEX directed_w ON directed USING ivfflat (w int8vec_ip_ops) WITH (directions = 32, bits = 5, lists = 20);
SET ivfflat.probes = 32768;
SELECT id FROM directed ORDER BY v <-> (SELECT v FROM directed WHERE id = 77) LIMIT 1;
SELECT id FROM directed ORDER BY h <=> (SELECT h FROM directed WHERE id = 78) LIMIT 1;
SELECT count(*) FROM (SELECT id FROM directed ORDER BY w <#> (SELECT w FROM directed WHERE id = 79)) s;
INSERT INTO directed SELECT id + 2000, v, h, w FROM directed;
DELETE FROM directed WHERE id % 3 = 0;
VACUUM directed;
SELECT id FROM directed ORDER BY v <-> (SELECT v FROM directed WHERE id = 77), id LIMIT 2;
SELECT problem FROM unnest(ARRAY['directed_v', 'directed_h', 'directed_w']::regclass[]) AS index,
  vector_index_check(index);
RESET ivfflat.probes;
DROP TABLE directed;
-- probes are chosen by default, and scans go on
SHOW ivfflat.probes;
SHOW ivfflat.target_recall;
SHOW ivfflat.iterative_scan;
SET ivfflat.probes = 0;
SET ivfflat.probes = 32769;
SET ivfflat.probes = -1;
SET ivfflat.target_recall = 0.4;
SET ivfflat.target_recall = 1.1;
SET ivfflat.iterative_scan = on;
SET ivfflat.iterative_scan = strict_order;
SET enable_sort = off;
SELECT count(*) FROM (SELECT id FROM t ORDER BY v <-> '[1,2,3]' LIMIT 10000) s;
SET ivfflat.iterative_scan = off;
SET ivfflat.probes = 1;
SELECT count(*) BETWEEN 1 AND 1000 AS some FROM (SELECT id FROM t ORDER BY v <-> '[1,2,3]' LIMIT 10000) s;
SET ivfflat.iterative_scan = strict_order;
SET ivfflat.max_probes = 3;
SELECT count(*) BETWEEN 3 AND 3000 AS some FROM (SELECT id FROM t ORDER BY v <-> '[1,2,3]' LIMIT 10000) s;
RESET ivfflat.iterative_scan;
RESET ivfflat.probes;
RESET ivfflat.max_probes;
-- an index made on an empty table gets lists by VACUUM, or when it is asked to
CREATE TABLE grown (v vector(3));
CREATE INDEX grown_v ON grown USING ivfflat (v);
INSERT INTO grown SELECT ARRAY[i, i % 7, i % 5]::vector FROM generate_series(1, 5000) i;
SELECT lists FROM vector_index_info('grown_v');
SELECT split > 0 AS split FROM vector_index_tend('grown_v');
SELECT lists > 10 AS lists FROM vector_index_info('grown_v');
SELECT problem FROM vector_index_check('grown_v');
SELECT v FROM grown ORDER BY v <-> '[4000,0,0]' LIMIT 3;
SELECT * FROM vector_index_tend('pg_class_oid_index');
DROP TABLE grown;
-- functions for people who run an index
\set SHOW_CONTEXT never
SELECT effort, recall >= CASE effort WHEN 32768 THEN 0.95 ELSE 0 END AS good FROM vector_index_recall('t_v', 5, 100);
SELECT vector_index_prewarm('t_v') = pg_relation_size('t_v') / 8192 AS all_pages;
DROP TABLE t;
