//! The access method `ivfflat` on real servers, beside what every method must do (`tests/server/methods`).
//!
//! | file | what it holds |
//! |---|---|
//! | `answers.rs` | every operator class in few and many dimensions beside exact search; equal rows |
//! | `concurrent.rs` | writers, vacuums, `vector_index_tend` and searches at once; cursors over pages that go |
//! | `ends.rs` | kill -9 and cancels in the middle of `vector_index_tend` and of vacuums that split lists |
//! | `growth.rs` | an index that was made on an empty table |
//! | `memory.rs` | what builds take |
//! | `probes.rs` | how many lists a search reads, and what it does when their rows are used up |
//! | `rights.rs` | who may tend an index, and where |
//! | `standby.rs` | a scan on a standby that stays open while its primary gives pages away |

mod answers;
mod concurrent;
mod ends;
mod growth;
mod memory;
mod probes;
mod rights;
mod standby;
