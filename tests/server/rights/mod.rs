//! Who may do what, and as whom code of others runs.
//!
//! | file | what it holds |
//! |---|---|
//! | `capture.rs` | SQL of the extension calls nothing of anybody else |
//! | `hostile.sql` | what anybody could make for it to call |
//! | `owner.rs` | code of a table's owner runs as the owner |
//! | `shown.rs` | what everybody may see, and what nobody |

mod capture;
mod owner;
mod shown;
