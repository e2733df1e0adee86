-- ivfflat of bits: what pgvector answers too
CREATE TABLE t (id int, v bit(5));
INSERT INTO t VALUES (1, B'00000'), (2, B'10000'), (3, B'11111'), (4, NULL);
-- an operator class must be named
CREATE INDEX ON t USING ivfflat (v) WITH (lists = 1);
CREATE INDEX t_hamming ON t USING ivfflat (v bit_hamming_ops) WITH (lists = 1);
INSERT INTO t VALUES (5, B'11000');
SET enable_seqscan = off;
SELECT v, v <~> B'11110' FROM t ORDER BY v <~> B'11110';
SELECT v FROM t ORDER BY v <~> B'11110' LIMIT 2;
SELECT count(*) FROM (SELECT v FROM t ORDER BY v <~> (SELECT NULL::bit(5)) LIMIT 9) s;
SELECT count(*) FROM t;
SELECT v FROM t ORDER BY v <~> B'111' LIMIT 1;
SELECT v FROM t WHERE id > 2 ORDER BY v <~> B'11110' LIMIT 2;
INSERT INTO t VALUES (6, B'111');
-- rows that come, go and change
UPDATE t SET v = B'01111' WHERE id = 1;
DELETE FROM t WHERE id = 2;
SELECT v FROM t ORDER BY v <~> B'01111' LIMIT 2;
VACUUM t;
SELECT v FROM t ORDER BY v <~> B'01111' LIMIT 2;
-- what it cannot do
CREATE INDEX ON t USING ivfflat (v bit_jaccard_ops) WITH (lists = 1);
CREATE INDEX ON t USING ivfflat ((v::varbit(5)) bit_hamming_ops) WITH (lists = 1);
CREATE INDEX ON t USING ivfflat ((v::bit(64001)) bit_hamming_ops) WITH (lists = 1);
DROP TABLE t;
-- many bits
CREATE TABLE t (id int, v bit(1024));
INSERT INTO t SELECT i, ('1'::bit(1024) >> (i - 1)) | ('1'::bit(1024) >> (i % 7)) FROM generate_series(1, 300) i;
CREATE INDEX ON t USING ivfflat (v bit_hamming_ops) WITH (lists = 1);
SELECT count(*), min(d), max(d) FROM (SELECT v <~> ('1'::bit(1024) >> 100) d FROM t ORDER BY v <~> ('1'::bit(1024) >> 100) LIMIT 5) s;
DROP TABLE t;
-- operator classes
SELECT c.opcname, c.opcdefault, o.oprname, a.amoppurpose FROM pg_opclass c
  JOIN pg_am m ON m.oid = c.opcmethod JOIN pg_amop a ON a.amopfamily = c.opcfamily
  JOIN pg_operator o ON o.oid = a.amopopr
 WHERE m.amname = 'ivfflat' AND c.opcintype = 'bit'::regtype ORDER BY 1;
