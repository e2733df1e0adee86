// Drizzle ORM, which has the type itself; its kit writes the schema.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createRequire } from 'node:module';
import { asc, avg, cosineDistance, eq, hammingDistance, innerProduct, jaccardDistance } from 'drizzle-orm';
import { l1Distance, l2Distance, sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { bigserial, bit, halfvec, index, integer, pgTable, sparsevec, vector } from 'drizzle-orm/pg-core';
import pg from 'pg';
import { SparseVector } from 'pgvector';
import * as s from './support.mjs';

const { generateDrizzleJson, generateMigration } = createRequire(import.meta.url)('drizzle-kit/api');
const options = { m: 12, ef_construction: 80 };
const items = pgTable(
  'items',
  {
    id: bigserial('id', { mode: 'number' }).primaryKey(),
    kind: integer('kind'),
    dense: vector('dense', { dimensions: s.DIMS }),
    half: halfvec('half', { dimensions: s.DIMS }),
    sparse: sparsevec('sparse', { dimensions: s.DIMS }),
    bits: bit('bits', { dimensions: s.DIMS }),
  },
  (table) => [
    index('items_l2').using('hnsw', table.dense.op('vector_l2_ops')).with(options),
    index('items_ip').using('hnsw', table.dense.op('vector_ip_ops')).with(options),
    index('items_cosine').using('hnsw', table.dense.op('vector_cosine_ops')).with(options),
    index('items_l1').using('hnsw', table.half.op('halfvec_l1_ops')).with(options),
    index('items_hamming').using('hnsw', table.bits.op('bit_hamming_ops')).with(options),
  ],
);
let pool;
let db;
let drop;

before(async () => {
  drop = await s.createDatabase('node_drizzle');
  pool = new pg.Pool({ database: 'node_drizzle', max: 2 });
  db = drizzle(pool);
  for (const statement of await generateMigration(generateDrizzleJson({}), generateDrizzleJson({ items }))) {
    await db.execute(sql.raw(statement));
  }
  const rows = s.dense.map((dense, i) => ({
    kind: s.kindOf(i + 1),
    dense,
    half: dense,
    sparse: new SparseVector(s.toSparse(dense)).toString(),
    bits: s.toBits(dense),
  }));
  for (let i = 0; i < rows.length; i += 500) {
    await db.insert(items).values(rows.slice(i, i + 500));
  }
  await db.execute(sql`ANALYZE items`);
});

after(async () => {
  await pool.end();
  await drop();
});

test('the indexes are as declared', async () => {
  const classes = { l2: 'vector', ip: 'vector', cosine: 'vector', l1: 'halfvec', hamming: 'bit' };
  for (const [name, type] of Object.entries(classes)) {
    const { rows } = await pool.query({ text: s.INDEX_QUERY, values: [`items_${name}`], rowMode: 'array' });
    assert.deepEqual(rows, [['hnsw', `${type}_${name}_ops`, s.OPTIONS]]);
  }
});

test('values come back as they were sent', async () => {
  const rows = await db.select().from(items).orderBy(asc(items.id));
  rows.forEach((row, i) => {
    assert.deepEqual(row.dense.map(Math.fround), s.dense[i]);
    s.assertClose(row.half, s.dense[i], 1e-3);
    assert.deepEqual(new SparseVector(row.sparse).toArray().map(Math.fround), s.toSparse(s.dense[i]));
    assert.equal(row.bits, s.toBits(s.dense[i]));
  });
});

const bits = s.dense.map(s.toBits);
const searches = {
  '<->': ['items_l2', l2Distance(items.dense, s.question), s.dense, s.question],
  '<#>': ['items_ip', innerProduct(items.dense, s.question), s.dense, s.question],
  '<=>': ['items_cosine', cosineDistance(items.dense, s.question), s.dense, s.question],
  '<+>': ['items_l1', l1Distance(items.half, s.question), s.dense, s.question],
  '<~>': ['items_hamming', hammingDistance(items.bits, s.toBits(s.question)), bits, s.toBits(s.question)],
  '<%>': [undefined, jaccardDistance(items.bits, s.toBits(s.question)), bits, s.toBits(s.question)],
};

for (const [operator, [name, distance, rows, question]] of Object.entries(searches)) {
  test(`${operator}: distances, plan, nearest`, async () => {
    const all = await db.select({ distance }).from(items).orderBy(asc(items.id));
    s.assertClose(
      all.map((row) => row.distance),
      rows.map((values) => s.distances[operator](values, question)),
      // Of the half-precision column.
      operator === '<+>' ? 5e-3 : 1e-5,
    );
    const nearest = db.select({ id: items.id }).from(items).orderBy(distance).limit(s.K);
    const { sql: text, params } = nearest.toSQL();
    const plan = await pool.query(`EXPLAIN (FORMAT JSON) ${text}`, params);
    assert.equal(s.indexOf(plan.rows), name);
    const ids = (await nearest).map(({ id }) => id);
    if (operator === '<+>') {
      const exact = s.dense.map((_, i) => i + 1).sort((a, b) => all[a - 1].distance - all[b - 1].distance);
      assert.ok(ids.filter((id) => exact.slice(0, s.K).includes(id)).length >= s.K - 1);
    } else {
      s.assertNearest(ids, operator, rows, question);
    }
  });
}

test('a filter', async () => {
  const distance = l2Distance(items.dense, s.question);
  const found = await db.select({ id: items.id }).from(items).where(eq(items.kind, 3)).orderBy(distance).limit(s.K);
  const ids = found.map(({ id }) => id);
  s.assertNearest(ids, '<->', s.dense, s.question, (id) => s.kindOf(id) === 3);
});

test('aggregates', async () => {
  const total = sql`sum(${items.dense})`.mapWith(items.dense);
  const [{ mean, sum }] = await db
    .select({ mean: avg(items.dense).mapWith(items.dense), sum: total })
    .from(items)
    .where(eq(items.kind, 2));
  s.assertMeans(mean, sum);
});

test('changed rows change the answer, until they are rolled back', async () => {
  const nearest = async (session) => {
    const distance = cosineDistance(items.dense, s.question);
    return (await session.select({ id: items.id }).from(items).orderBy(distance).limit(1))[0].id;
  };
  const first = s.nearestId();
  const moved = (first % s.ROWS) + 1;
  const undone = db.transaction(async (session) => {
    await session.update(items).set({ dense: s.question }).where(eq(items.id, moved));
    assert.equal(await nearest(session), moved);
    await session.delete(items).where(eq(items.id, moved));
    assert.equal(await nearest(session), first);
    const [added] = await session.insert(items).values({ dense: s.question }).returning({ id: items.id });
    assert.equal(await nearest(session), added.id);
    session.rollback();
  });
  await assert.rejects(undone, { message: 'Rollback' });
  assert.equal(await nearest(db), first);
});
