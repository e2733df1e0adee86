-- sparsevec: what pgvector answers too
CREATE TABLE t (id int, v sparsevec(3));
INSERT INTO t VALUES (1, '{}/3'), (2, '{1:1,2:2,3:3}/3'), (3, '{1:1,2:1,3:1}/3'), (4, NULL);
-- an operator class must be named
CREATE INDEX ON t USING hnsw (v);
CREATE INDEX t_l2 ON t USING hnsw (v sparsevec_l2_ops);
INSERT INTO t VALUES (5, '{1:1,2:2,3:4}/3');
SET enable_seqscan = off;
SELECT v FROM t ORDER BY v <-> '{1:3,2:3,3:3}/3';
SELECT v FROM t ORDER BY v <-> '{1:3,2:3,3:3}/3' LIMIT 2;
SELECT count(*) FROM (SELECT v FROM t ORDER BY v <-> '{}/3' LIMIT 9) s;
SELECT count(*) FROM (SELECT v FROM t ORDER BY v <-> (SELECT NULL::sparsevec) LIMIT 9) s;
SELECT count(*) FROM t;
SELECT v FROM t ORDER BY v <-> '{1:1,2:2}/2' LIMIT 1;
SELECT v FROM t WHERE id > 2 ORDER BY v <-> '{1:3,2:3,3:3}/3' LIMIT 2;
DROP INDEX t_l2;
CREATE INDEX t_ip ON t USING hnsw (v sparsevec_ip_ops);
SELECT v FROM t ORDER BY v <#> '{1:3,2:3,3:3}/3' LIMIT 3;
DROP INDEX t_ip;
-- a zero vector is at no cosine distance, and not in the index
CREATE INDEX t_cosine ON t USING hnsw (v sparsevec_cosine_ops);
INSERT INTO t VALUES (6, '{}/3'), (7, '{1:-1,2:-1,3:-1}/3');
SELECT v FROM t ORDER BY v <=> '{1:3,2:3,3:3}/3' LIMIT 9;
SELECT count(*) FROM (SELECT v FROM t ORDER BY v <=> '{}/3' LIMIT 9) s;
DROP INDEX t_cosine;
CREATE INDEX t_l1 ON t USING hnsw (v sparsevec_l1_ops);
SELECT v FROM t ORDER BY v <+> '{1:3,2:3,3:3}/3' LIMIT 3;
DROP INDEX t_l1;
-- rows that come, go and change
CREATE INDEX t_l2 ON t USING hnsw (v sparsevec_l2_ops);
UPDATE t SET v = '{1:9,2:9,3:9}/3' WHERE id = 1;
DELETE FROM t WHERE id = 2;
SELECT v FROM t ORDER BY v <-> '{1:8,2:8,3:8}/3' LIMIT 2;
VACUUM t;
SELECT v FROM t ORDER BY v <-> '{1:8,2:8,3:8}/3' LIMIT 2;
TRUNCATE t;
SELECT v FROM t ORDER BY v <-> '{1:8,2:8,3:8}/3' LIMIT 2;
DROP INDEX t_l2;
-- what it cannot do
CREATE INDEX ON t USING hnsw (v sparsevec_l2_ops, v sparsevec_l2_ops);
CREATE INDEX ON t USING hnsw (v sparsevec_l2_ops) WITH (m = 1);
DROP TABLE t;
-- operator classes
SELECT c.opcname, c.opcdefault, o.oprname, a.amoppurpose FROM pg_opclass c
  JOIN pg_am m ON m.oid = c.opcmethod JOIN pg_amop a ON a.amopfamily = c.opcfamily
  JOIN pg_operator o ON o.oid = a.amopopr
 WHERE m.amname = 'hnsw' AND c.opcintype = 'sparsevec'::regtype ORDER BY 1;
-- two distances: one leads
CREATE TABLE t (id int, v sparsevec(2));
INSERT INTO t VALUES (1, '{1:1,2:1}/2'), (2, '{1:2,2:2}/2'), (3, '{1:3,2:3}/2');
CREATE INDEX ON t USING hnsw (v sparsevec_l2_ops);
SELECT id FROM t ORDER BY v <-> '{}/2', v <-> '{1:3,2:3}/2', id;
DROP TABLE t;
