// node-postgres with the pgvector package: text, parameters of unknown type.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import pg from 'pg';
import pgvector from 'pgvector/pg';
import { SparseVector } from 'pgvector';
import * as s from './support.mjs';

let client;
let drop;

before(async () => {
  drop = await s.createDatabase('node_pg');
  client = new pg.Client({ database: 'node_pg' });
  await client.connect();
  await pgvector.registerTypes(client);
  await client.query(
    `CREATE TABLE items (id bigserial PRIMARY KEY, kind int, dense vector(${s.DIMS}), half halfvec(${s.DIMS}),
      sparse sparsevec(${s.DIMS}), bits bit(${s.DIMS}))`,
  );
  // Many rows at once, as arrays of text.
  await client.query(
    `INSERT INTO items (kind, dense, half, sparse, bits)
     SELECT kind, dense::vector, dense::halfvec, sparse::sparsevec, bits::bit(${s.DIMS})
       FROM unnest($1::int[], $2::text[], $3::text[], $4::text[]) AS rows (kind, dense, sparse, bits)`,
    [
      s.dense.map((_, i) => s.kindOf(i + 1)),
      s.dense.map((values) => pgvector.toSql(values)),
      s.dense.map((values) => new SparseVector(s.toSparse(values)).toString()),
      s.dense.map(s.toBits),
    ],
  );
  await client.query('ANALYZE items');
});

after(async () => {
  await client.end();
  await drop();
});

const ask = async (text, values) => (await client.query({ text, values, rowMode: 'array' })).rows;
const ids = async (text, values) => (await ask(text, values)).map(([id]) => Number(id));

async function undone(work) {
  await client.query('BEGIN');
  try {
    await work();
  } finally {
    await client.query('ROLLBACK');
  }
}

test('values come back as they were sent', async () => {
  const rows = await ask('SELECT dense, half, sparse, bits FROM items ORDER BY id');
  rows.forEach(([dense, half, sparse, bits], i) => {
    assert.deepEqual(dense.map(Math.fround), s.dense[i]);
    s.assertClose(half, s.dense[i], 1e-3);
    assert.deepEqual(sparse.toArray().map(Math.fround), s.toSparse(s.dense[i]));
    assert.equal(bits, s.toBits(s.dense[i]));
  });
});

const columns = {
  dense: [s.dense, s.question, pgvector.toSql(s.question), 'vector'],
  sparse: [s.dense.map(s.toSparse), s.toSparse(s.question), new SparseVector(s.toSparse(s.question)), 'sparsevec'],
  bits: [s.dense.map(s.toBits), s.toBits(s.question), s.toBits(s.question), 'bit'],
};
const names = { '<->': 'l2', '<#>': 'ip', '<=>': 'cosine', '<+>': 'l1', '<~>': 'hamming', '<%>': 'jaccard' };

for (const [column, [rows, question, asked, type]] of Object.entries(columns)) {
  for (const operator of Object.keys(names).filter((name) => (column === 'bits') === '<~><%>'.includes(name))) {
    test(`${column} ${operator}: distances, index, nearest`, () =>
      undone(async () => {
        const found = await ask(`SELECT ${column} ${operator} $1 FROM items ORDER BY id`, [asked]);
        s.assertClose(
          found.map(([distance]) => distance),
          rows.map((values) => s.distances[operator](values, question)),
        );
        const operatorClass = `${type}_${names[operator]}_ops`;
        await client.query(
          `CREATE INDEX items_index ON items USING hnsw (${column} ${operatorClass})
           WITH (m = 12, ef_construction = 80)`,
        );
        assert.deepEqual(await ask(s.INDEX_QUERY, ['items_index']), [['hnsw', operatorClass, s.OPTIONS]]);
        const nearest = `SELECT id FROM items ORDER BY ${column} ${operator} $1 LIMIT ${s.K}`;
        const plan = await client.query(`EXPLAIN (FORMAT JSON) ${nearest}`, [asked]);
        assert.equal(s.indexOf(plan.rows), 'items_index');
        s.assertNearest(await ids(nearest, [asked]), operator, rows, question);
      }));
  }
}

test('a filter keeps its kind and fills the limit, by a named statement too', () =>
  undone(async () => {
    await client.query('CREATE INDEX ON items USING hnsw (dense vector_l2_ops)');
    const text = 'SELECT id FROM items WHERE kind = $1 ORDER BY dense <-> $2 LIMIT 10';
    // Past the fifth execution its plan may be a generic one.
    for (let i = 0; i < 7; i += 1) {
      const { rows } = await client.query({ name: 'filtered', text, values: [3, pgvector.toSql(s.question)] });
      const found = rows.map(({ id }) => Number(id));
      s.assertNearest(found, '<->', s.dense, s.question, (id) => s.kindOf(id) === 3);
    }
  }));

test('aggregates', async () => {
  const [[mean, sum]] = await ask('SELECT avg(dense), sum(dense) FROM items WHERE kind = 2');
  s.assertMeans(mean, sum);
});

test('changed rows change the answer, until they are rolled back', async () => {
  const nearest = 'SELECT id FROM items ORDER BY dense <=> $1 LIMIT 1';
  const asked = [pgvector.toSql(s.question)];
  const [first] = await ids(nearest, asked);
  assert.equal(first, s.nearestId());
  await undone(async () => {
    await client.query('CREATE INDEX ON items USING hnsw (dense vector_cosine_ops)');
    const moved = (first % s.ROWS) + 1;
    await client.query('UPDATE items SET dense = $1 WHERE id = $2', [asked[0], moved]);
    assert.deepEqual(await ids(nearest, asked), [moved]);
    await client.query('DELETE FROM items WHERE id = $1', [moved]);
    assert.deepEqual(await ids(nearest, asked), [first]);
    const [added] = await ids('INSERT INTO items (dense) VALUES ($1) RETURNING id', asked);
    assert.deepEqual(await ids(nearest, asked), [added]);
  });
  assert.deepEqual(await ids(nearest, asked), [first]);
});

test('an error has its state, and the session goes on', async () => {
  await assert.rejects(client.query('INSERT INTO items (dense) VALUES ($1)', ['[1,2]']), {
    code: '22000',
    message: `expected ${s.DIMS} dimensions, not 2`,
  });
  assert.deepEqual(await ids('SELECT count(*) FROM items'), [s.ROWS]);
});
