//! `pg_regress`: SQL and its expected output, in `tests/pg_regress`.

use std::fs;

use crate::support::cluster::{Cluster, succeed};
use crate::support::{Result, project};

#[test]
fn pg_regress() -> Result<()> {
    let cluster = Cluster::start()?;
    let input = project("tests/pg_regress");
    let mut names = Vec::new();
    for entry in fs::read_dir(input.join("sql"))? {
        let path = entry?.path();
        names.extend(
            path.file_stem()
                .map(|name| name.to_string_lossy().into_owned()),
        );
    }
    names.sort();
    assert!(!names.is_empty());

    // The files are copied where the server's user may read and write, wherever the project lies.
    let place = cluster.socket().join("regress");
    succeed(cluster.command("/bin/mkdir").arg(&place))?;
    for folder in ["sql", "expected"] {
        fs::create_dir(place.join(folder))?;
        for entry in fs::read_dir(input.join(folder))? {
            let entry = entry?;
            fs::copy(entry.path(), place.join(folder).join(entry.file_name()))?;
        }
    }
    let program = cluster.installation().pg_regress().display().to_string();
    let mut driver = cluster.command(&program);
    let option = |name: &str, path: &std::path::Path| format!("--{name}={}", path.display());
    driver
        .args([
            "--user=postgres",
            "--dbname=regress",
            "--load-extension=vector_ext",
        ])
        .arg(format!("--host={}", cluster.socket().display()))
        .arg(option("bindir", cluster.installation().bin()))
        .arg(option("inputdir", &place))
        .arg(option("outputdir", &place))
        .args(&names);
    let result = succeed(&mut driver);
    if result.is_err() {
        let results = place.join("results");
        if let (Ok(to), Ok(from)) = (std::env::var("REGRESS_RESULTS"), fs::read_dir(results)) {
            for entry in from.flatten() {
                fs::copy(
                    entry.path(),
                    std::path::Path::new(&to).join(entry.file_name()),
                )?;
            }
        }
        let differences = fs::read_to_string(place.join("regression.diffs"));
        return Err(format!("{result:?}\n{}", differences.unwrap_or_default()).into());
    }
    Ok(())
}
