//! The bundled passages, and loading them by `COPY ... (FORMAT BINARY)`.

use pgvector::Vector;
use postgres::Client;
use postgres::binary_copy::BinaryCopyInWriter;
use postgres::types::{ToSql, Type};

use super::npy::{Matrix, read_floats, read_integers};
use super::{Result, project};

/// The table that holds them.
pub const TABLE: &str = "CREATE TABLE passages (
    id        bigint PRIMARY KEY,
    corpus    text NOT NULL,
    category  text NOT NULL,
    size      integer NOT NULL,
    title     text NOT NULL,
    body      text NOT NULL,
    embedding vector(384) NOT NULL
)";

/// A passage without its embedding.
struct Passage {
    id: i64,
    corpus: String,
    category: String,
    size: i32,
    title: String,
    body: String,
}

/// A question with its embedding and the ids of its ten nearest passages.
pub struct Question {
    /// What is asked.
    pub text: String,
    /// The embedding.
    pub embedding: Vector,
    /// The ids of the nearest passages by exact search, nearest first.
    pub truth: Vec<i64>,
}

fn passages() -> Result<Vec<Passage>> {
    let mut reader = csv::Reader::from_path(project("demo/passages.csv"))?;
    let mut passages = Vec::new();
    for record in reader.records() {
        let record = record?;
        let field = |i: usize| record.get(i).unwrap_or_default();
        passages.push(Passage {
            id: field(0).parse()?,
            corpus: field(1).into(),
            category: field(2).into(),
            size: field(3).parse()?,
            title: field(4).into(),
            body: field(5).into(),
        });
    }
    Ok(passages)
}

fn embeddings(path: &str) -> Result<Matrix<f32>> {
    read_floats(&project(path))
}

/// The oid of the type `vector`, which binary COPY wants to know.
pub fn vector_type(client: &mut Client) -> Result<Type> {
    Ok(client.prepare("SELECT NULL::vector")?.columns()[0]
        .type_()
        .clone())
}

/// Makes the table and fills it; `progress` hears of the rows loaded and of all.
pub fn load(client: &mut Client, mut progress: impl FnMut(u64, u64)) -> Result<u64> {
    client.batch_execute(TABLE)?;
    let (passages, embeddings) = (passages()?, embeddings("demo/embeddings.f16.npy")?);
    let total = passages.len() as u64;
    let vector = vector_type(client)?;
    let types = [
        Type::INT8,
        Type::TEXT,
        Type::TEXT,
        Type::INT4,
        Type::TEXT,
        Type::TEXT,
        vector,
    ];
    let sink = client.copy_in("COPY passages FROM STDIN (FORMAT BINARY)")?;
    let mut writer = BinaryCopyInWriter::new(sink, &types);
    for (done, (passage, embedding)) in passages.iter().zip(embeddings.rows()).enumerate() {
        let embedding = Vector::from(embedding.to_vec());
        let row: [&(dyn ToSql + Sync); 7] = [
            &passage.id,
            &passage.corpus,
            &passage.category,
            &passage.size,
            &passage.title,
            &passage.body,
            &embedding,
        ];
        writer.write(&row)?;
        progress(done as u64 + 1, total);
    }
    let loaded = writer.finish()?;
    client.batch_execute("VACUUM ANALYZE passages")?;
    Ok(loaded)
}

/// The bundled questions.
pub fn questions() -> Result<Vec<Question>> {
    let texts = std::fs::read_to_string(project("demo/questions.txt"))?;
    let (embeddings, truth) = (
        embeddings("demo/questions.f16.npy")?,
        read_integers(&project("demo/truth.i32.npy"))?,
    );
    let questions = texts.lines().zip(embeddings.rows()).zip(truth.rows());
    Ok(questions
        .map(|((text, embedding), truth)| Question {
            text: text.to_owned(),
            embedding: Vector::from(embedding.to_vec()),
            truth: truth.iter().map(|id| i64::from(*id)).collect(),
        })
        .collect())
}
