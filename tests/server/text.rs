//! Numbers are printed digit for digit as Postgres prints `real`, and read as it reads them.

use pgvector::Vector;

use crate::support::Result;
use crate::support::cluster::Cluster;

/// Finite floats: every power of two and of ten with its neighbours, then bit patterns at random.
fn numbers() -> Vec<f32> {
    let mut numbers = Vec::new();
    let powers = (-149..128)
        .map(|e| 2_f64.powi(e))
        .chain((-45..39).map(|e| 10_f64.powi(e)));
    for power in powers {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the nearest float is as good"
        )]
        let float = power as f32;
        numbers.extend([float.next_down(), float, float.next_up(), -float]);
    }
    let mut state = 1_u64;
    for i in 0_u32..400_000 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let bits = u32::try_from(state >> 32).unwrap_or(0);
        // Half of them where a decimal can lie on the border between two floats.
        let bits = if i % 2 == 0 {
            bits
        } else {
            0x4a80_0000 | bits & 0x03ff_ffff
        };
        numbers.push(f32::from_bits(bits));
    }
    numbers.retain(|number| number.is_finite());
    numbers
}

#[test]
fn numbers_are_printed_and_read_as_postgres_does() -> Result<()> {
    let cluster = Cluster::start()?;
    let mut client = cluster.client()?;
    client.batch_execute("CREATE TABLE items (v vector)")?;
    let numbers = numbers();
    let insert = client.prepare("INSERT INTO items VALUES ($1)")?;
    for chunk in numbers.chunks(1_000) {
        client.execute(&insert, &[&Vector::from(chunk.to_vec())])?;
    }
    let row = client.query_one(
        "SELECT sum(vector_dims(v)),
                count(*) FILTER (WHERE v::text <> '[' || array_to_string(v::real[], ',') || ']'),
                count(*) FILTER (WHERE vector_send(v::text::vector) <> vector_send(v)),
                count(*) FILTER (WHERE vector_send(v::real[]::vector) <> vector_send(v))
           FROM items",
        &[],
    )?;
    assert_eq!(usize::try_from(row.get::<_, i64>(0))?, numbers.len());
    assert_eq!([1, 2, 3].map(|column| row.get::<_, i64>(column)), [0, 0, 0]);
    Ok(())
}
