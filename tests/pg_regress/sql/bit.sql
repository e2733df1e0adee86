-- distances of bits
SELECT hamming_distance('111', '111');
SELECT hamming_distance('111', '110');
SELECT hamming_distance('111', '100');
SELECT hamming_distance('111', '000');
SELECT hamming_distance('', '');
SELECT hamming_distance('10101010101010101010', '01010101010101010101');
SELECT hamming_distance('101010101010101010101', '010101010101010101010');
SELECT hamming_distance('111', '00');
SELECT '111'::bit(3) <~> '010';
SELECT jaccard_distance('1111', '1111');
SELECT jaccard_distance('1111', '1110');
SELECT jaccard_distance('1111', '1100');
SELECT jaccard_distance('1111', '1000');
SELECT jaccard_distance('1111', '0000');
SELECT jaccard_distance('1100', '1000');
SELECT jaccard_distance('', '');
SELECT jaccard_distance('0000', '0000');
SELECT jaccard_distance('1111', '000');
SELECT jaccard_distance(repeat('1110101', 31)::varbit, repeat('1011100', 31)::varbit);
SELECT jaccard_distance(repeat('1110101', 999)::varbit, repeat('1011100', 999)::varbit);
SELECT hamming_distance(repeat('1110101', 20000)::varbit, repeat('1011100', 20000)::varbit);
SELECT '1101'::bit(4) <%> '0111';
SELECT binary_quantize('[1,-2,3,0]'::vector) <~> binary_quantize('[1,2,-3,4]'::halfvec);
-- the index
CREATE TABLE t (id int, v bit(3));
INSERT INTO t VALUES (1, B'000'), (2, B'100'), (3, B'111'), (4, NULL);
CREATE INDEX ON t USING hnsw (v);
CREATE INDEX t_v ON t USING hnsw (v bit_hamming_ops);
INSERT INTO t VALUES (5, B'110');
SET enable_seqscan = off;
SELECT v FROM t ORDER BY v <~> B'111';
SELECT v FROM t ORDER BY v <~> B'111' LIMIT 1;
SELECT count(*) FROM (SELECT v FROM t ORDER BY v <~> (SELECT NULL::bit) LIMIT 9) s;
SELECT v FROM t ORDER BY v <~> B'11';
SELECT v FROM t ORDER BY v <~> B'111000';
DROP INDEX t_v;
CREATE INDEX t_v ON t USING hnsw (v bit_jaccard_ops);
SELECT v FROM t ORDER BY v <%> B'111';
SELECT count(*) FROM (SELECT v FROM t ORDER BY v <%> (SELECT NULL::bit) LIMIT 9) s;
DELETE FROM t WHERE id = 3;
VACUUM t;
SELECT v FROM t ORDER BY v <%> B'111' LIMIT 2;
TRUNCATE t;
SELECT v FROM t ORDER BY v <%> B'111';
DROP TABLE t;
-- what it cannot hold
CREATE TABLE t (v varbit, w varbit(3), b bit(64001));
CREATE INDEX ON t USING hnsw (v bit_hamming_ops);
CREATE INDEX ON t USING hnsw (w bit_hamming_ops);
CREATE INDEX ON t USING hnsw (b bit_hamming_ops);
CREATE INDEX ON t USING hnsw ((v::bit(3)) bit_hamming_ops);
INSERT INTO t VALUES (B'1', B'101', NULL), (B'111', NULL, NULL);
SELECT v FROM t ORDER BY v::bit(3) <~> B'100';
DROP TABLE t;
-- bits of a vector, searched first, and the vectors among them
CREATE TABLE t (id int, v vector(8));
INSERT INTO t SELECT i, ARRAY[i % 3 - 1, i % 5 - 2, i % 7 - 3, i % 2 - 0.5, i - 30, 20 - i, i % 11 - 5, 1]::vector FROM generate_series(1, 60) i;
CREATE INDEX ON t USING hnsw ((binary_quantize(v)::bit(8)) bit_hamming_ops);
SELECT id FROM (SELECT id, v FROM t ORDER BY binary_quantize(v)::bit(8) <~> binary_quantize('[1,2,3,0.5,10,-20,5,1]'::vector)::bit(8) LIMIT 60) s
 ORDER BY v <-> '[1,2,3,0.5,10,-20,5,1]', id LIMIT 3;
DROP TABLE t;
SELECT c.opcname, c.opcdefault, o.oprname, a.amoppurpose FROM pg_opclass c
  JOIN pg_am m ON m.oid = c.opcmethod JOIN pg_amop a ON a.amopfamily = c.opcfamily
  JOIN pg_operator o ON o.oid = a.amopopr
 WHERE m.amname = 'hnsw' AND c.opcintype = 'bit'::regtype ORDER BY 1;
