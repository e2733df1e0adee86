//! Rows that are inserted one by one, and lists that are tended meanwhile.

use std::time::{Duration, Instant};

use vector_ext::ivf::ListIndex;
use vector_ext::page::MemoryStore;

use crate::support::Result;
use crate::{Arguments, Set, value};

/// Inserts the rows that the build left out; prints what that took.
pub fn print(
    set: &Set,
    arguments: &Arguments,
    (store, index): (&MemoryStore, &ListIndex<'_, MemoryStore>),
) -> Result<()> {
    let built = set.base.rows().len() * arguments.built / 100;
    let (mut inserting, mut tending) = (Duration::ZERO, Duration::ZERO);
    let (mut log_of_tending, mut written) = (0, 0);
    let before = store.logged().bytes;
    let mut count = 0;
    for (tid, row) in set.rows().skip(built) {
        let start = Instant::now();
        index.insert(row, tid)?;
        inserting += start.elapsed();
        count += 1;
        if count % arguments.tended == 0 {
            let (start, logged) = (Instant::now(), store.logged().bytes);
            let mut values = |tid| Ok(value(set, tid));
            written += index.tend(u64::MAX, &mut values, &mut || Ok(()))?.written;
            index.vacuum(&mut |_| false, &mut || Ok(()))?;
            log_of_tending += store.logged().bytes - logged;
            tending += start.elapsed();
        }
    }
    let logged = store.logged().bytes - before - log_of_tending;
    let each = f64::from(u32::try_from(count)?);
    println!(
        "{count} rows inserted, {:.1} us and {:.0} bytes of log each; tended in {:.1} s, {:.0} bytes of log a row, \
         {written} rows written anew",
        inserting.as_secs_f64() * 1e6 / each,
        logged as f64 / each,
        tending.as_secs_f64(),
        log_of_tending as f64 / each
    );
    index.calibrate(&mut |tid| Ok(value(set, tid)), &mut || Ok(()))?;
    Ok(())
}
