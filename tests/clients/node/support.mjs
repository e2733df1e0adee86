// Rows, questions and the truth about them; databases on the cluster that PGHOST names.
import assert from 'node:assert/strict';
import pg from 'pg';

export const ROWS = 2000;
export const DIMS = 16;
export const K = 10;
export const OPTIONS = ['m=12', 'ef_construction=80'];

// Park and Miller's generator: the same numbers in every run.
let state = 7;
const random = () => (state = (state * 48271) % 2147483647) / 2147483647 - 0.5;

const spread = Array.from({ length: 4 }, () => Array.from({ length: DIMS }, random));

// A few random numbers a row, of about the same length in all, as embeddings are.
function row() {
  const few = spread.map(random);
  const wide = spread[0].map((_, i) => few.reduce((sum, x, j) => sum + x * spread[j][i], 0));
  const length = Math.hypot(...wide) / (1 + random() / 5);
  return wide.map((x) => Math.fround(x / length));
}

export const dense = Array.from({ length: ROWS }, row);
export const question = row();
export const toSparse = (values) => values.map((x) => (x > 0.1 ? x : 0));
export const toBits = (values) => values.map((x) => (x > 0 ? '1' : '0')).join('');
export const kindOf = (id) => id % 7;

const fold = (a, b, f) => a.reduce((sum, x, i) => sum + f(x, b[i]), 0);
const inner = (a, b) => fold(a, b, (x, y) => x * y);

export const distances = {
  '<->': (a, b) => Math.sqrt(fold(a, b, (x, y) => (x - y) ** 2)),
  '<#>': (a, b) => -inner(a, b),
  '<=>': (a, b) => 1 - inner(a, b) / Math.sqrt(inner(a, a) * inner(b, b)),
  '<+>': (a, b) => fold(a, b, (x, y) => Math.abs(x - y)),
  '<~>': (a, b) => fold([...a], [...b], (x, y) => (x === y ? 0 : 1)),
  '<%>': (a, b) => {
    const either = fold([...a], [...b], (x, y) => (x === '1' || y === '1' ? 1 : 0));
    return either ? distances['<~>'](a, b) / either : 1;
  },
};

export function assertClose(found, expected, tolerance = 1e-5) {
  assert.equal(found.length, expected.length);
  found.forEach((x, i) => assert.ok(Math.abs(x - expected[i]) <= tolerance, `${i}: ${x}, not ${expected[i]}`));
}

// The ids are those of the K nearest, in order; one of them may be a farther one, for an index is approximate.
export function assertNearest(ids, operator, rows, asked, chosen = () => true) {
  const truth = rows.map((values) => distances[operator](values, asked));
  const among = truth.filter((_, i) => chosen(i + 1)).sort((a, b) => a - b);
  assert.equal(new Set(ids).size, K);
  const given = ids.map((id) => truth[id - 1]);
  given.slice(1).forEach((x, i) => assert.ok(x >= given[i] - 1e-5, `out of order: ${given}`));
  assert.ok(given.filter((x) => x <= among[K - 1] + 1e-5).length >= K - 1, `too far: ${given}; ${among.slice(0, K)}`);
  assert.ok(ids.every((id) => chosen(id)));
}

export function assertMeans(mean, sum) {
  const rows = dense.filter((_, i) => kindOf(i + 1) === 2);
  const expected = rows[0].map((_, i) => rows.reduce((total, values) => total + values[i], 0));
  assertClose(sum, expected, 1e-3);
  assertClose(mean, expected.map((x) => x / rows.length));
}

export const nearestId = () => {
  const truth = dense.map((values) => distances['<=>'](values, question));
  return 1 + truth.indexOf(Math.min(...truth));
};

async function administer(statement) {
  const client = new pg.Client();
  await client.connect();
  await client.query(statement);
  await client.end();
}

// A database with vector_ext, and what drops it.
export async function createDatabase(name) {
  await administer(`CREATE DATABASE ${name}`);
  await administer(`ALTER DATABASE ${name} SET hnsw.ef_search = 100`);
  const client = new pg.Client({ database: name });
  await client.connect();
  await client.query('CREATE EXTENSION vector_ext');
  await client.end();
  return () => administer(`DROP DATABASE ${name} WITH (FORCE)`);
}

// An index's method, operator class and options.
export const INDEX_QUERY = `
  SELECT a.amname, o.opcname, c.reloptions
    FROM pg_class c JOIN pg_am a ON a.oid = c.relam JOIN pg_index i ON i.indexrelid = c.oid
    JOIN pg_opclass o ON o.oid = i.indclass[0]
   WHERE c.relname = $1`;

// The index that a plan of EXPLAIN (FORMAT JSON) reads.
export function indexOf(rows) {
  const walk = (node) => node['Index Name'] ?? (node.Plans ?? []).map(walk).find(Boolean);
  return walk(rows[0]['QUERY PLAN'][0].Plan);
}
