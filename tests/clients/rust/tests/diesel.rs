//! Diesel on libpq: a table it knows, distances as its expressions.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{Array, Nullable, Text};
use pgvector::{Bit, HalfVector, SparseVector, Vector, VectorExpressionMethods};
use vector_ext_clients::{DIMS, Data, Database, INDEX_QUERY, K, OPTIONS, ROWS, assert_close};

diesel::table! {
    items (id) {
        id -> BigInt,
        kind -> Nullable<Integer>,
        dense -> Nullable<pgvector::sql_types::Vector>,
        half -> Nullable<pgvector::sql_types::HalfVector>,
        sparse -> Nullable<pgvector::sql_types::SparseVector>,
        bits -> Nullable<pgvector::sql_types::Bit>,
    }
}

#[derive(Insertable)]
#[diesel(table_name = items)]
struct New {
    kind: i32,
    dense: Vector,
    half: HalfVector,
    sparse: SparseVector,
    bits: Bit,
}

type Row = (
    i64,
    Option<i32>,
    Option<Vector>,
    Option<HalfVector>,
    Option<SparseVector>,
    Option<Bit>,
);

/// EXPLAIN of another query.
#[derive(QueryId)]
struct Explain<Q>(Q);

impl<Q: QueryFragment<diesel::pg::Pg>> QueryFragment<diesel::pg::Pg> for Explain<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, diesel::pg::Pg>) -> QueryResult<()> {
        out.push_sql("EXPLAIN ");
        self.0.walk_ast(out.reborrow())
    }
}

impl<Q> diesel::query_builder::Query for Explain<Q> {
    type SqlType = Text;
}

impl<Q> RunQueryDsl<PgConnection> for Explain<Q> {}

diesel::define_sql_function! {
    #[aggregate]
    fn avg(x: Nullable<pgvector::sql_types::Vector>) -> Nullable<pgvector::sql_types::Vector>;
}
diesel::define_sql_function! {
    #[aggregate]
    fn sum(x: Nullable<pgvector::sql_types::Vector>) -> Nullable<pgvector::sql_types::Vector>;
}

#[derive(QueryableByName)]
struct Index {
    #[diesel(sql_type = Text)]
    opcname: String,
    #[diesel(sql_type = Array<Text>)]
    reloptions: Vec<String>,
}

#[test]
fn everything_by_diesel() {
    let database = Database::new("rust_diesel");
    let mut connection = PgConnection::establish(&database.url()).unwrap();
    let data = Data::default();
    load(&mut connection, &data);
    values_come_back(&mut connection, &data);
    operators_and_indexes(&mut connection, &data);
    filters_and_aggregates(&mut connection, &data);
    changes_and_rollback(&mut connection, &data);
}

fn run(connection: &mut PgConnection, statement: &str) {
    diesel::sql_query(statement).execute(connection).unwrap();
}

fn load(connection: &mut PgConnection, data: &Data) {
    run(
        connection,
        &format!(
            "CREATE TABLE items (id bigserial PRIMARY KEY, kind int, dense vector({DIMS}), half halfvec({DIMS}),
             sparse sparsevec({DIMS}), bits bit({DIMS}))"
        ),
    );
    let rows: Vec<New> = (1..)
        .zip(&data.rows)
        .map(|(id, row)| New {
            kind: Data::kind(id),
            dense: Vector::from(row.clone()),
            half: HalfVector::from_f32_slice(row),
            sparse: SparseVector::from_dense(&Data::sparse(row)),
            bits: Bit::new(&Data::bits(row)),
        })
        .collect();
    for some in rows.chunks(500) {
        diesel::insert_into(items::table)
            .values(some)
            .execute(connection)
            .unwrap();
    }
    run(connection, "ANALYZE items");
}

fn values_come_back(connection: &mut PgConnection, data: &Data) {
    let rows = items::table
        .order(items::id)
        .load::<Row>(connection)
        .unwrap();
    assert_eq!(rows.len(), ROWS);
    for ((_, _, dense, half, sparse, bits), sent) in rows.into_iter().zip(&data.rows) {
        assert_eq!(dense, Some(Vector::from(sent.clone())));
        assert_eq!(half, Some(HalfVector::from_f32_slice(sent)));
        assert_eq!(sparse, Some(SparseVector::from_dense(&Data::sparse(sent))));
        assert_eq!(bits, Some(Bit::new(&Data::bits(sent))));
    }
}

macro_rules! operator {
    ($connection:expr, $data:expr, $operator:literal, $class:literal, $column:ident . $method:ident, $question:expr) => {{
        let distance = || items::$column.$method($question);
        let all: Vec<Option<f64>> =
            items::table.select(distance()).order(items::id).load($connection).unwrap();
        assert_close(all.into_iter().flatten(), &$data.distances($operator), 1e-5);
        let column = stringify!($column);
        run(
            $connection,
            &format!(
                "CREATE INDEX items_index ON items USING hnsw ({column} {}) WITH (m = 12, ef_construction = 80)",
                $class
            ),
        );
        let index: Index = diesel::sql_query(INDEX_QUERY.replace("o.opcname::text", "o.opcname::text AS opcname"))
            .get_result($connection)
            .unwrap();
        assert_eq!(index.opcname, $class);
        assert_eq!(index.reloptions, OPTIONS);
        let nearest = || items::table.select(items::id).order(distance()).limit(K as i64);
        let plan: Vec<String> = Explain(nearest()).load($connection).unwrap();
        assert!(plan.iter().any(|line| line.contains("Index Scan using items_index")), "{plan:?}");
        let ids: Vec<i64> = nearest().load($connection).unwrap();
        $data.assert_nearest(&ids, $operator, |_| true);
        run($connection, "DROP INDEX items_index");
    }};
}

fn operators_and_indexes(connection: &mut PgConnection, data: &Data) {
    let question = || Vector::from(data.question.clone());
    let bits = || Bit::new(&Data::bits(&data.question));
    operator!(
        connection,
        data,
        "<->",
        "vector_l2_ops",
        dense.l2_distance,
        question()
    );
    operator!(
        connection,
        data,
        "<#>",
        "vector_ip_ops",
        dense.max_inner_product,
        question()
    );
    operator!(
        connection,
        data,
        "<=>",
        "vector_cosine_ops",
        dense.cosine_distance,
        question()
    );
    operator!(
        connection,
        data,
        "<+>",
        "vector_l1_ops",
        dense.l1_distance,
        question()
    );
    operator!(
        connection,
        data,
        "<~>",
        "bit_hamming_ops",
        bits.hamming_distance,
        bits()
    );
    operator!(
        connection,
        data,
        "<%>",
        "bit_jaccard_ops",
        bits.jaccard_distance,
        bits()
    );
}

fn filters_and_aggregates(connection: &mut PgConnection, data: &Data) {
    run(
        connection,
        "CREATE INDEX items_index ON items USING hnsw (dense vector_cosine_ops)",
    );
    let ids: Vec<i64> = items::table
        .select(items::id)
        .filter(items::kind.eq(3))
        .order(items::dense.cosine_distance(Vector::from(data.question.clone())))
        .limit(K as i64)
        .load(connection)
        .unwrap();
    data.assert_nearest(&ids, "<=>", |id| Data::kind(id) == 3);
    let (mean, total): (Option<Vector>, Option<Vector>) = items::table
        .filter(items::kind.eq(2))
        .select((avg(items::dense), sum(items::dense)))
        .first(connection)
        .unwrap();
    data.assert_means(mean.unwrap().as_slice(), total.unwrap().as_slice());
}

fn nearest(connection: &mut PgConnection, data: &Data) -> i64 {
    items::table
        .select(items::id)
        .order(items::dense.cosine_distance(Vector::from(data.question.clone())))
        .first(connection)
        .unwrap()
}

fn changes_and_rollback(connection: &mut PgConnection, data: &Data) {
    let first = data.nearest("<=>");
    let moved = first % ROWS as i64 + 1;
    let undone: QueryResult<()> = connection.transaction(|connection| {
        diesel::update(items::table.find(moved))
            .set(items::dense.eq(Vector::from(data.question.clone())))
            .execute(connection)?;
        assert_eq!(nearest(connection, data), moved);
        diesel::delete(items::table.find(moved)).execute(connection)?;
        assert_eq!(nearest(connection, data), first);
        Err(diesel::result::Error::RollbackTransaction)
    });
    assert_eq!(undone, Err(diesel::result::Error::RollbackTransaction));
    assert_eq!(nearest(connection, data), first);
}
