//! Every operator class in few and many dimensions, beside exact search.

use pgvector::Vector;
use postgres::Client;

use crate::support::Result;
use crate::support::cluster::Cluster;
use crate::support::vectors::{
    BY_INDEX, Clusters, EXACT, assert_sound, by_index, literal, make_table, plan, recall,
};

/// Columns of one value each, their types, and the operators that each has an operator class for.
const COLUMNS: [(&str, &str); 3] = [("v", "vector"), ("h", "halfvec"), ("w", "int8vec")];
const OPERATORS: [(&str, &str); 3] = [("<->", "l2"), ("<#>", "ip"), ("<=>", "cosine")];

/// A table whose rows have a value in each column; besides, rows that no index has, and some rows twice.
fn prepare(client: &mut Client, dims: usize, rows: &[Vector]) -> Result<()> {
    make_table(client, "", dims, rows)?;
    client.batch_execute(&format!(
        "ALTER TABLE items ADD h halfvec({dims}), ADD w int8vec({dims});
         UPDATE items SET h = v, w = v::int8vec;
         INSERT INTO items SELECT 20000 + n, NULL, NULL, NULL FROM generate_series(1, 3) n;
         INSERT INTO items SELECT 30000 + n, z::vector, z::halfvec, z::int8vec
           FROM (SELECT n, array_fill(0, ARRAY[{dims}]) z FROM generate_series(1, 3) n) s"
    ))?;
    Ok(())
}

/// Cosine distances of one dimension are 0 or 2, but for rounding: more rows than are measured at a time look equal.
const NOISE: f64 = 1e-6;

/// Ids and distances of all rows that an index may have, as the session plans it.
fn all(client: &mut Client, order: &str) -> Result<Vec<(i32, f64)>> {
    // An aggregate or a window would ask for exact order, and leave out what comes late.
    let sql = format!("SELECT id, {order} FROM items ORDER BY {order} LIMIT 100000");
    let rows = client.query(&sql, &[])?;
    let rows = rows
        .iter()
        .map(|row| (row.get(0), row.get::<_, Option<f64>>(1)));
    Ok(rows
        .filter_map(|(id, d)| Some((id, d?)))
        .filter(|(_, d)| !d.is_nan())
        .collect())
}

/// Rows come once each, all of them, in order but for a few that are found late, and the nearest first.
fn assert_as_exact(client: &mut Client, order: &str, name: &str) -> Result<()> {
    client.batch_execute(EXACT)?;
    let wanted = all(client, order)?;
    client.batch_execute(&format!(
        "RESET ALL; {BY_INDEX}; SET ivfflat.probes = 32768"
    ))?;
    let near = plan(
        client,
        &format!("SELECT id FROM items ORDER BY {order} LIMIT 10"),
        &[],
    )?;
    assert!(near.contains("Index Scan using items_x"), "{name}: {near}");
    let found = all(client, order)?;
    let sorted = |rows: &[(i32, f64)]| {
        let mut rows = rows.to_vec();
        rows.sort_by_key(|(id, _)| *id);
        rows
    };
    assert_eq!(sorted(&found), sorted(&wanted), "{name}");
    let late = found
        .windows(2)
        .filter(|two| two[1].1 < two[0].1 - NOISE)
        .count();
    assert!(
        late * 50 <= found.len(),
        "{name}: {late} of {}",
        found.len()
    );
    client.batch_execute("SET ivfflat.iterative_scan = relaxed_order")?;
    let found = all(client, order)?;
    assert_eq!(sorted(&found), sorted(&wanted), "{name}");
    let near = 20.min(wanted.len());
    let share = recall(&found[..near], &wanted[..near]);
    assert!(share >= 0.95, "{name}: {share} of the nearest");
    client.batch_execute("RESET ALL")?;
    Ok(())
}

/// Half of the rows are there when an index is built, the others come after.
fn every_class(dims: usize, count: usize) -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = cluster.client()?;
    let mut clusters = Clusters::new(200 + dims as u64, dims, 5);
    let mut rows = clusters.vectors(count);
    for vector in &mut rows {
        // Within what int8 holds.
        let of = |x: &f32| (x * 8.0).clamp(-100.0, 100.0);
        *vector = Vector::from(vector.as_slice().iter().map(of).collect::<Vec<_>>());
    }
    rows.extend_from_within(..3);
    prepare(&mut client, dims, &rows)?;
    client.batch_execute(
        "CREATE TABLE rest AS SELECT * FROM items WHERE id % 2 = 0; ALTER TABLE items RENAME TO kept",
    )?;
    let lists = (count / 50).max(2);
    for (column, kind) in COLUMNS {
        for (operator, class) in OPERATORS {
            client.batch_execute(&format!(
                "DROP TABLE IF EXISTS items; CREATE TABLE items AS SELECT * FROM kept WHERE id % 2 = 1;
                 ALTER TABLE items ALTER {column} TYPE {kind}({dims});
                 CREATE INDEX items_x ON items USING ivfflat ({column} {kind}_{class}_ops) WITH (lists = {lists});
                 INSERT INTO items SELECT * FROM rest"
            ))?;
            assert_sound(&mut client, "items_x")?;
            let query = literal(&rows[count / 2]);
            let order = format!("{column} {operator} {query}::{kind}");
            assert_as_exact(&mut client, &order, &format!("{kind}_{class}_ops, {dims}"))?;
        }
    }
    Ok(())
}

#[test]
fn few_dimensions_are_answered_as_by_exact_search() -> Result<()> {
    for (dims, rows) in [(1, 300), (2, 700), (3, 700), (33, 700)] {
        every_class(dims, rows)?;
    }
    Ok(())
}

#[test]
fn many_dimensions_are_answered_as_by_exact_search() -> Result<()> {
    for (dims, rows) in [(384, 250), (2_000, 100), (8_200, 40), (16_000, 24)] {
        every_class(dims, rows)?;
    }
    Ok(())
}

/// A list of equal rows cannot be split.
#[test]
fn one_point_five_thousand_times_is_found_as_often_and_beside_others() -> Result<()> {
    let cluster = Cluster::quick()?;
    let mut client = cluster.client()?;
    make_table(&mut client, "", 8, &Clusters::new(211, 8, 4).vectors(500))?;
    let same = "INSERT INTO items SELECT 10000 + n + 2500 * part, array_fill(1, ARRAY[8])::vector
                  FROM generate_series(1, 2500) n";
    client.batch_execute(&same.replace("part", "0"))?;
    client.batch_execute("CREATE INDEX items_v ON items USING ivfflat (v vector_l2_ops)")?;
    client.batch_execute(&same.replace("part", "1"))?;
    for _ in 0..2 {
        client.batch_execute("VACUUM items")?;
        assert_sound(&mut client, "items_v")?;
        let query = Vector::from(vec![1.0; 8]);
        let found = by_index(&mut client, "<->", &query, 6_000)?;
        assert_eq!(found.len(), 5_500);
        assert!(found[..5_000].iter().all(|(_, distance)| *distance == 0.0));
        let far = Clusters::new(211, 8, 4).vector();
        let found = by_index(&mut client, "<->", &far, 1)?;
        assert_eq!(found[0].0, 1);
        client.batch_execute("DELETE FROM items WHERE id = 10001; INSERT INTO items SELECT 10001, v FROM items WHERE id = 10002")?;
    }
    Ok(())
}
