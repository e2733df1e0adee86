//! `sqlx`: types looked up by name, every statement prepared.

use std::error::Error;

use pgvector::{Bit, HalfVector, SparseVector, Vector};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};
use vector_ext_clients::{DIMS, Data, Database, INDEX_QUERY, K, OPTIONS, ROWS, assert_close};

type Done = Result<(), Box<dyn Error>>;

#[test]
fn everything_by_sqlx() -> Done {
    let _database = Database::new("rust_sqlx");
    let data = Data::default();
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(async {
            // Host and user are those of the environment.
            let options = PgConnectOptions::new().database("rust_sqlx");
            let mut session = PgConnection::connect_with(&options).await?;
            load(&mut session, &data).await?;
            values_come_back(&mut session, &data).await?;
            operators_and_indexes(&mut session, &data).await?;
            filters_and_aggregates(&mut session, &data).await?;
            changes_and_rollback(&mut session, &data).await
        })
}

/// Rows inserted many at a time, as arrays.
async fn load(session: &mut PgConnection, data: &Data) -> Done {
    let table = format!(
        "CREATE TABLE items (id bigserial PRIMARY KEY, kind int, dense vector({DIMS}), half halfvec({DIMS}),
         sparse sparsevec({DIMS}), bits bit({DIMS}))"
    );
    session.execute(AssertSqlSafe(table)).await?;
    let vectors: Vec<Vector> = data
        .rows
        .iter()
        .map(|row| Vector::from(row.clone()))
        .collect();
    let halves: Vec<HalfVector> = data
        .rows
        .iter()
        .map(|row| HalfVector::from_f32_slice(row))
        .collect();
    let sparse: Vec<SparseVector> = data
        .rows
        .iter()
        .map(|row| SparseVector::from_dense(&Data::sparse(row)))
        .collect();
    let bits: Vec<Bit> = data
        .rows
        .iter()
        .map(|row| Bit::new(&Data::bits(row)))
        .collect();
    let kinds: Vec<i32> = (1..=ROWS as i64).map(Data::kind).collect();
    let inserted = sqlx::query(
        "INSERT INTO items (kind, dense, half, sparse, bits)
         SELECT kind, dense, half, sparse, bits::bit(16)
           FROM unnest($1::int[], $2::vector[], $3::halfvec[], $4::sparsevec[], $5::text[])
             AS sent (kind, dense, half, sparse, bits)",
    )
    .bind(kinds)
    .bind(vectors)
    .bind(halves)
    .bind(sparse)
    .bind(bits)
    .execute(&mut *session)
    .await?;
    assert_eq!(inserted.rows_affected(), ROWS as u64);
    session.execute("ANALYZE items").await?;
    Ok(())
}

async fn values_come_back(session: &mut PgConnection, data: &Data) -> Done {
    let rows = sqlx::query("SELECT dense, half, sparse, bits FROM items ORDER BY id")
        .fetch_all(session)
        .await?;
    for (row, sent) in rows.iter().zip(&data.rows) {
        assert_eq!(row.try_get::<Vector, _>(0)?.to_vec(), *sent);
        assert_eq!(
            row.try_get::<HalfVector, _>(1)?,
            HalfVector::from_f32_slice(sent)
        );
        assert_eq!(
            row.try_get::<SparseVector, _>(2)?.to_vec(),
            Data::sparse(sent)
        );
        assert_eq!(row.try_get::<Bit, _>(3)?, Bit::new(&Data::bits(sent)));
    }
    Ok(())
}

async fn operators_and_indexes(session: &mut PgConnection, data: &Data) -> Done {
    for (operator, class) in [
        ("<->", "vector_l2_ops"),
        ("<#>", "vector_ip_ops"),
        ("<=>", "vector_cosine_ops"),
        ("<+>", "vector_l1_ops"),
    ] {
        let question = || Vector::from(data.question.clone());
        let all: Vec<f64> = sqlx::query_scalar(AssertSqlSafe(format!(
            "SELECT dense {operator} $1 FROM items ORDER BY id"
        )))
        .bind(question())
        .fetch_all(&mut *session)
        .await?;
        assert_close(all, &data.distances(operator), 1e-5);
        let create = format!(
            "CREATE INDEX items_index ON items USING hnsw (dense {class}) WITH (m = 12, ef_construction = 80)"
        );
        session.execute(AssertSqlSafe(create)).await?;
        let index = sqlx::query(INDEX_QUERY).fetch_one(&mut *session).await?;
        assert_eq!(index.try_get::<String, _>(1)?, class);
        assert_eq!(index.try_get::<Vec<String>, _>(2)?, OPTIONS);
        let nearest = format!("SELECT id FROM items ORDER BY dense {operator} $1 LIMIT {K}");
        let plan: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!("EXPLAIN {nearest}")))
            .bind(question())
            .fetch_all(&mut *session)
            .await?;
        assert!(
            plan.iter()
                .any(|line| line.contains("Index Scan using items_index")),
            "{plan:?}"
        );
        let ids: Vec<i64> = sqlx::query_scalar(AssertSqlSafe(nearest))
            .bind(question())
            .fetch_all(&mut *session)
            .await?;
        data.assert_nearest(&ids, operator, |_| true);
        session.execute("DROP INDEX items_index").await?;
    }
    Ok(())
}

async fn filters_and_aggregates(session: &mut PgConnection, data: &Data) -> Done {
    session
        .execute("CREATE INDEX items_index ON items USING hnsw (dense vector_cosine_ops)")
        .await?;
    let ids: Vec<i64> =
        sqlx::query_scalar("SELECT id FROM items WHERE kind = $1 ORDER BY dense <=> $2 LIMIT 10")
            .bind(3)
            .bind(Vector::from(data.question.clone()))
            .fetch_all(&mut *session)
            .await?;
    data.assert_nearest(&ids, "<=>", |id| Data::kind(id) == 3);
    let means = sqlx::query("SELECT avg(dense), sum(dense) FROM items WHERE kind = 2")
        .fetch_one(session)
        .await?;
    data.assert_means(
        means.try_get::<Vector, _>(0)?.as_slice(),
        means.try_get::<Vector, _>(1)?.as_slice(),
    );
    Ok(())
}

async fn changes_and_rollback(session: &mut PgConnection, data: &Data) -> Done {
    let question = Vector::from(data.question.clone());
    let first = data.nearest("<=>");
    let moved = first % ROWS as i64 + 1;
    let mut transaction = session.begin().await?;
    sqlx::query("UPDATE items SET dense = $1 WHERE id = $2")
        .bind(question.clone())
        .bind(moved)
        .execute(&mut *transaction)
        .await?;
    assert_eq!(nearest(&mut transaction, &question).await?, moved);
    sqlx::query("DELETE FROM items WHERE id = $1")
        .bind(moved)
        .execute(&mut *transaction)
        .await?;
    assert_eq!(nearest(&mut transaction, &question).await?, first);
    transaction.rollback().await?;
    assert_eq!(nearest(session, &question).await?, first);
    Ok(())
}

async fn nearest(session: &mut PgConnection, question: &Vector) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT id FROM items ORDER BY dense <=> $1 LIMIT 1")
        .bind(question.clone())
        .fetch_one(session)
        .await
}
