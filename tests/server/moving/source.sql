-- A database as users of pgvector have it: every type, operator class and kind of object that names them.
-- EXTENSIONS stands for the schema of the extension.

CREATE SCHEMA app;
CREATE DOMAIN app.unit AS EXTENSIONS.vector(3) CHECK (EXTENSIONS.vector_norm(VALUE) < 1.001);
CREATE TYPE app.pair AS (a EXTENSIONS.vector(2), b EXTENSIONS.halfvec(2));

CREATE TABLE app.items (
    id int PRIMARY KEY,
    kind text NOT NULL DEFAULT 'even',
    v EXTENSIONS.vector(3) DEFAULT '[0,0,0]',
    h EXTENSIONS.halfvec(3),
    s EXTENSIONS.sparsevec(1000),
    b bit(24),
    free EXTENSIONS.vector,
    many EXTENSIONS.vector(2)[],
    unit app.unit,
    pair app.pair,
    short EXTENSIONS.halfvec(3) GENERATED ALWAYS AS (v::EXTENSIONS.halfvec(3)) STORED,
    CONSTRAINT near_enough CHECK (v OPERATOR(EXTENSIONS.<->) '[0,0,0]' < 1000),
    CONSTRAINT measured CHECK (EXTENSIONS.vector_dims(h) = 3)
);
ALTER TABLE app.items ALTER COLUMN v SET STORAGE PLAIN, ALTER COLUMN free SET STORAGE EXTENDED,
    ALTER COLUMN v SET STATISTICS 50;
COMMENT ON COLUMN app.items.v IS 'a vector';

SET search_path = EXTENSIONS, app, pg_catalog;

INSERT INTO items (id, kind, v, h, s, b, free, many, unit, pair)
SELECT i, CASE WHEN i % 2 = 0 THEN 'even' ELSE 'odd' END,
       ARRAY[i, sin(i), cos(i * 7)]::vector, ARRAY[sin(i), cos(i), i / 100.0]::halfvec,
       format('{%s:%s,%s:%s}/1000', i, 1 + i % 5, 400 + i, -i)::sparsevec,
       (i * 7919)::bit(24),
       (SELECT array_agg(sin(i * 1000 + d)) FROM generate_series(1, 1 + i * i / 100) d)::vector,
       ARRAY[ARRAY[i, 1]::vector, ARRAY[i, 2]::vector],
       l2_normalize(ARRAY[i, 1, 2]::vector), ROW(ARRAY[i, i]::vector, '[1,2]'::halfvec)::pair
  FROM generate_series(1, 300) i;
INSERT INTO items (id, v) VALUES (1001, NULL), (1002, '[1e-45,-0,1.17549435e-38]');

CREATE TABLE log (at date, v vector(3), PRIMARY KEY (at)) PARTITION BY RANGE (at);
CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE log_2 PARTITION OF log FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
INSERT INTO log SELECT date '2026-01-01' + i, ARRAY[i, 1, 2]::vector FROM generate_series(0, 50) i;
CREATE INDEX log_v ON log USING hnsw (v vector_l2_ops) WITH (m = 8, ef_construction = 32);

CREATE INDEX items_v_l2 ON items USING hnsw (v vector_l2_ops) WITH (m = 8, ef_construction = 40);
CREATE INDEX items_v_ip ON items USING hnsw (v vector_ip_ops);
CREATE INDEX items_v_cosine ON items USING hnsw (v vector_cosine_ops) WITH (m = 24);
CREATE INDEX items_v_l1 ON items USING hnsw (v vector_l1_ops) WITH (ef_construction = 100);
CREATE INDEX items_h_l2 ON items USING hnsw (h halfvec_l2_ops);
CREATE INDEX items_h_ip ON items USING hnsw (h halfvec_ip_ops);
CREATE INDEX items_h_cosine ON items USING hnsw (h halfvec_cosine_ops) WITH (m = 12, ef_construction = 48);
CREATE INDEX items_h_l1 ON items USING hnsw (h halfvec_l1_ops);
CREATE INDEX items_s_l2 ON items USING hnsw (s sparsevec_l2_ops);
CREATE INDEX items_s_ip ON items USING hnsw (s sparsevec_ip_ops);
CREATE INDEX items_s_cosine ON items USING hnsw (s sparsevec_cosine_ops);
CREATE INDEX items_s_l1 ON items USING hnsw (s sparsevec_l1_ops) WITH (m = 20);
CREATE INDEX items_b_hamming ON items USING hnsw (b bit_hamming_ops);
CREATE INDEX items_b_jaccard ON items USING hnsw (b bit_jaccard_ops);
CREATE INDEX items_as_half ON items USING hnsw ((v::halfvec(3)) halfvec_l2_ops) WITH (m = 10);
CREATE INDEX items_bits ON items USING hnsw ((binary_quantize(v)::bit(3)) bit_hamming_ops);
CREATE INDEX items_odd ON items USING hnsw (v vector_l2_ops) WHERE kind = 'odd';
CREATE INDEX items_part ON items USING hnsw ((subvector(v, 1, 2)::vector(2)) vector_l2_ops);
CREATE INDEX items_order ON items (v);
CREATE UNIQUE INDEX items_norm ON items ((l2_norm(s)), id);

CREATE VIEW close AS SELECT id, v <=> '[1,1,1]' AS distance FROM items WHERE v <-> '[1,1,1]' < 50;
CREATE MATERIALIZED VIEW middle AS SELECT kind, avg(v) AS mean, avg(h) AS half_mean FROM items GROUP BY kind;
CREATE FUNCTION nearest(vector) RETURNS int LANGUAGE sql STABLE SET search_path = EXTENSIONS, app
    SET hnsw.ef_search = 100 AS 'SELECT id FROM items ORDER BY v <-> $1, id LIMIT 1';
CREATE FUNCTION far(halfvec, halfvec = '[1,2,3]') RETURNS boolean LANGUAGE sql IMMUTABLE
    RETURN ($1 OPERATOR(EXTENSIONS.<+>) $2) > 10;
