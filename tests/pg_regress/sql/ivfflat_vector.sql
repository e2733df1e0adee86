-- the access method ivfflat: what pgvector answers too
CREATE TABLE t (id int, v vector(3));
INSERT INTO t VALUES (1, '[0,0,0]'), (2, '[1,2,3]'), (3, '[1,1,1]'), (4, NULL);
-- an operator class need not be named
CREATE INDEX t_default ON t USING ivfflat (v) WITH (lists = 1);
DROP INDEX t_default;
CREATE INDEX t_l2 ON t USING ivfflat (v vector_l2_ops) WITH (lists = 1);
INSERT INTO t VALUES (5, '[1,2,4]');
SET enable_seqscan = off;
SELECT v FROM t ORDER BY v <-> '[3,3,3]';
SELECT v FROM t ORDER BY v <-> '[3,3,3]' LIMIT 2;
SELECT count(*) FROM (SELECT v FROM t ORDER BY v <-> '[0,0,0]' LIMIT 9) s;
SELECT count(*) FROM (SELECT v FROM t ORDER BY v <-> (SELECT NULL::vector) LIMIT 9) s;
SELECT count(*) FROM t;
SELECT v FROM t ORDER BY v <-> '[1,2]' LIMIT 1;
SELECT v FROM t WHERE id > 2 ORDER BY v <-> '[3,3,3]' LIMIT 2;
DROP INDEX t_l2;
CREATE INDEX t_ip ON t USING ivfflat (v vector_ip_ops) WITH (lists = 1);
SELECT v FROM t ORDER BY v <#> '[3,3,3]' LIMIT 3;
DROP INDEX t_ip;
-- a zero vector is at no cosine distance, and not in the index
CREATE INDEX t_cosine ON t USING ivfflat (v vector_cosine_ops) WITH (lists = 1);
INSERT INTO t VALUES (6, '[0,0,0]'), (7, '[-1,-1,-1]');
SELECT v FROM t ORDER BY v <=> '[3,3,3]' LIMIT 9;
SELECT count(*) FROM (SELECT v FROM t ORDER BY v <=> '[0,0,0]' LIMIT 9) s;
DROP INDEX t_cosine;
-- rows that come, go and change
CREATE INDEX t_l2 ON t USING ivfflat (v vector_l2_ops) WITH (lists = 1);
UPDATE t SET v = '[9,9,9]' WHERE id = 1;
DELETE FROM t WHERE id = 2;
SELECT v FROM t ORDER BY v <-> '[8,8,8]' LIMIT 2;
VACUUM t;
SELECT v FROM t ORDER BY v <-> '[8,8,8]' LIMIT 2;
TRUNCATE t;
SELECT v FROM t ORDER BY v <-> '[8,8,8]' LIMIT 2;
DROP INDEX t_l2;
-- options
CREATE INDEX t_o ON t USING ivfflat (v vector_l2_ops) WITH (lists = 100);
SELECT reloptions FROM pg_class WHERE relname = 't_o';
DROP INDEX t_o;
CREATE INDEX ON t USING ivfflat (v vector_l2_ops) WITH (lists = 'many');
CREATE INDEX ON t USING ivfflat (v vector_l2_ops) WITH (m = 16);
CREATE INDEX ON t USING ivfflat (v vector_l2_ops) WITH (fillfactor = 90);
-- what it cannot do
CREATE INDEX ON t USING ivfflat (v vector_l2_ops, v vector_l2_ops) WITH (lists = 1);
CREATE INDEX ON t USING ivfflat (v vector_l1_ops) WITH (lists = 1);
CREATE UNIQUE INDEX ON t USING ivfflat (v vector_l2_ops);
CREATE INDEX ON t USING ivfflat (v vector_l2_ops) INCLUDE (id) WITH (lists = 1);
CREATE INDEX ON t USING ivfflat (v vector_l2_ops DESC) WITH (lists = 1);
CREATE INDEX ON t USING ivfflat (v vector_l2_ops NULLS FIRST) WITH (lists = 1);
CREATE INDEX ON t USING ivfflat (id vector_l2_ops) WITH (lists = 1);
CREATE INDEX ON t USING ivfflat (v vector_ops) WITH (lists = 1);
CREATE INDEX t_l2 ON t USING ivfflat (v vector_l2_ops) WITH (lists = 1);
CLUSTER t USING t_l2;
ALTER INDEX t_l2 SET (lists = 2);
REINDEX INDEX t_l2;
DROP TABLE t;
-- settings
SET ivfflat.probes = 32768;
SET ivfflat.max_probes = 0;
SHOW ivfflat.max_probes;
SET ivfflat.max_probes = 32769;
SET ivfflat.iterative_scan = relaxed_order;
SHOW ivfflat.iterative_scan;
SET ivfflat.iterative_scan = off;
SET ivfflat.probe = 10;
RESET ALL;
-- operator classes
SELECT c.opcname, c.opcdefault, o.oprname, a.amoppurpose FROM pg_opclass c
  JOIN pg_am m ON m.oid = c.opcmethod JOIN pg_amop a ON a.amopfamily = c.opcfamily
  JOIN pg_operator o ON o.oid = a.amopopr
 WHERE m.amname = 'ivfflat' AND c.opcintype = 'vector'::regtype ORDER BY 1;
SELECT amname, amtype, obj_description(oid, 'pg_am') FROM pg_am WHERE amname = 'ivfflat';
SELECT name, pg_indexam_has_property(oid, name) FROM pg_am,
  unnest(ARRAY['can_order', 'can_unique', 'can_multi_col', 'can_exclude', 'can_include']) name
 WHERE amname = 'ivfflat';
-- two distances: one leads
CREATE TABLE t (id int, v vector(2));
INSERT INTO t VALUES (1, '[1,1]'), (2, '[2,2]'), (3, '[3,3]');
CREATE INDEX ON t USING ivfflat (v vector_l2_ops) WITH (lists = 1);
SELECT id FROM t ORDER BY v <-> '[0,0]', v <-> '[3,3]', id;
DROP TABLE t;
