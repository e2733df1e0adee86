//! The `postgres` crate: binary parameters and results, binary COPY, prepared statements.

use pgvector::{Bit, HalfVector, SparseVector, Vector};
use postgres::binary_copy::BinaryCopyInWriter;
use postgres::types::{ToSql, Type};
use postgres::{Client, NoTls};
use vector_ext_clients::{
    DIMS, Data, Database, INDEX_QUERY, K, OPTIONS, ROWS, assert_close, distance,
};

fn load(client: &mut Client, data: &Data) {
    client
        .batch_execute(&format!(
            "CREATE TABLE items (id bigserial PRIMARY KEY, kind int, dense vector({DIMS}), half halfvec({DIMS}),
             sparse sparsevec({DIMS}), bits bit({DIMS}))"
        ))
        .unwrap();
    let columns = client
        .prepare("SELECT kind, dense, half, sparse, bits FROM items")
        .unwrap();
    let types: Vec<Type> = columns
        .columns()
        .iter()
        .map(|column| column.type_().clone())
        .collect();
    let copied = "COPY items (kind, dense, half, sparse, bits) FROM STDIN (FORMAT BINARY)";
    let mut writer = BinaryCopyInWriter::new(client.copy_in(copied).unwrap(), &types);
    for (id, row) in (1..).zip(&data.rows) {
        let half = HalfVector::from_f32_slice(row);
        let sparse = SparseVector::from_dense(&Data::sparse(row));
        let bits = Bit::new(&Data::bits(row));
        writer
            .write(&[
                &Data::kind(id),
                &Vector::from(row.clone()),
                &half,
                &sparse,
                &bits,
            ])
            .unwrap();
    }
    assert_eq!(writer.finish().unwrap(), ROWS as u64);
    client.batch_execute("ANALYZE items").unwrap();
}

fn ids(client: &mut Client, statement: &str, values: &[&(dyn ToSql + Sync)]) -> Vec<i64> {
    client
        .query(statement, values)
        .unwrap()
        .iter()
        .map(|row| row.get(0))
        .collect()
}

fn index_is_used(client: &mut Client, statement: &str, value: &(dyn ToSql + Sync)) -> bool {
    let plan = client
        .query(&format!("EXPLAIN {statement}"), &[value])
        .unwrap();
    plan.iter().any(|row| {
        row.get::<_, String>(0)
            .contains("Index Scan using items_index")
    })
}

#[test]
fn everything_by_the_postgres_crate() {
    let database = Database::new("rust_postgres");
    let mut client = Client::connect(&database.url(), NoTls).unwrap();
    let data = Data::default();
    load(&mut client, &data);
    values_come_back(&mut client, &data);
    operators_and_indexes(&mut client, &data);
    filters_and_aggregates(&mut client, &data);
    changes_and_rollback(&mut client, &data);
    errors(&mut client);
}

fn values_come_back(client: &mut Client, data: &Data) {
    let rows = client
        .query(
            "SELECT dense, half, sparse, bits FROM items ORDER BY id",
            &[],
        )
        .unwrap();
    for (row, sent) in rows.iter().zip(&data.rows) {
        assert_eq!(row.get::<_, Vector>(0).to_vec(), *sent);
        assert_eq!(
            row.get::<_, HalfVector>(1),
            HalfVector::from_f32_slice(sent)
        );
        assert_eq!(row.get::<_, SparseVector>(2).to_vec(), Data::sparse(sent));
        assert_eq!(row.get::<_, Bit>(3), Bit::new(&Data::bits(sent)));
    }
}

fn operators_and_indexes(client: &mut Client, data: &Data) {
    let (dense, bits) = (
        Vector::from(data.question.clone()),
        Bit::new(&Data::bits(&data.question)),
    );
    let searches: [(&str, &str, &str, &(dyn ToSql + Sync)); 6] = [
        ("dense", "<->", "vector_l2_ops", &dense),
        ("dense", "<#>", "vector_ip_ops", &dense),
        ("dense", "<=>", "vector_cosine_ops", &dense),
        ("dense", "<+>", "vector_l1_ops", &dense),
        ("bits", "<~>", "bit_hamming_ops", &bits),
        ("bits", "<%>", "bit_jaccard_ops", &bits),
    ];
    for (column, operator, class, question) in searches {
        let all = client
            .query(
                &format!("SELECT {column} {operator} $1 FROM items ORDER BY id"),
                &[question],
            )
            .unwrap();
        assert_close(
            all.iter().map(|row| row.get(0)),
            &data.distances(operator),
            1e-5,
        );
        client
            .batch_execute(&format!(
                "CREATE INDEX items_index ON items USING hnsw ({column} {class}) WITH (m = 12, ef_construction = 80)"
            ))
            .unwrap();
        let index = client.query_one(INDEX_QUERY, &[]).unwrap();
        assert_eq!(index.get::<_, &str>(1), class);
        assert_eq!(index.get::<_, Vec<&str>>(2), OPTIONS);
        let nearest = format!("SELECT id FROM items ORDER BY {column} {operator} $1 LIMIT {K}");
        assert!(index_is_used(client, &nearest, question), "{operator}");
        data.assert_nearest(&ids(client, &nearest, &[question]), operator, |_| true);
        client.batch_execute("DROP INDEX items_index").unwrap();
    }
}

fn filters_and_aggregates(client: &mut Client, data: &Data) {
    client
        .batch_execute("CREATE INDEX items_index ON items USING hnsw (dense vector_cosine_ops)")
        .unwrap();
    let question = Vector::from(data.question.clone());
    let filtered = "SELECT id FROM items WHERE kind = $1 ORDER BY dense <=> $2 LIMIT 10";
    let statement = client.prepare(filtered).unwrap();
    // Past the fifth execution the plan may be a generic one.
    for _ in 0..7 {
        let rows = client.query(&statement, &[&3, &question]).unwrap();
        let found: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
        data.assert_nearest(&found, "<=>", |id| Data::kind(id) == 3);
    }
    let row = client
        .query_one(
            "SELECT avg(dense), sum(dense) FROM items WHERE kind = 2",
            &[],
        )
        .unwrap();
    data.assert_means(
        row.get::<_, Vector>(0).as_slice(),
        row.get::<_, Vector>(1).as_slice(),
    );
    let sparse = SparseVector::from_dense(&Data::sparse(&data.question));
    let found = client
        .query("SELECT sparse <-> $1 FROM items ORDER BY id", &[&sparse])
        .unwrap();
    let truth = data
        .rows
        .iter()
        .map(|row| distance("<->", &Data::sparse(row), &Data::sparse(&data.question)));
    assert_close(
        found.iter().map(|row| row.get(0)),
        &truth.collect::<Vec<f64>>(),
        1e-5,
    );
}

fn changes_and_rollback(client: &mut Client, data: &Data) {
    let question = Vector::from(data.question.clone());
    let nearest = "SELECT id FROM items ORDER BY dense <=> $1 LIMIT 1";
    let first = data.nearest("<=>");
    let moved = first % ROWS as i64 + 1;
    let mut transaction = client.transaction().unwrap();
    let mut found = |statement: &str, changes: &[&(dyn ToSql + Sync)]| -> i64 {
        transaction.execute(statement, changes).unwrap();
        transaction.query_one(nearest, &[&question]).unwrap().get(0)
    };
    assert_eq!(
        found(
            "UPDATE items SET dense = $1 WHERE id = $2",
            &[&question, &moved]
        ),
        moved
    );
    assert_eq!(found("DELETE FROM items WHERE id = $1", &[&moved]), first);
    assert_eq!(
        found(
            "INSERT INTO items (id, dense) VALUES (9999, $1)",
            &[&question]
        ),
        9999
    );
    transaction.rollback().unwrap();
    assert_eq!(ids(client, nearest, &[&question]), [first]);
}

fn errors(client: &mut Client) {
    let short = Vector::from(vec![1.0, 2.0]);
    let error = client
        .execute("INSERT INTO items (dense) VALUES ($1)", &[&short])
        .unwrap_err();
    let error = error.as_db_error().unwrap();
    assert_eq!(error.code().code(), "22000");
    assert_eq!(
        error.message(),
        format!("expected {DIMS} dimensions, not 2")
    );
    assert_eq!(
        client
            .query_one("SELECT count(*) FROM items", &[])
            .unwrap()
            .get::<_, i64>(0),
        ROWS as i64
    );
}
