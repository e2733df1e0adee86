//! LISTS: rows by the nearest of some centres, in blocks of codes; a search reads the lists whose centres are nearest.
//! `README.md` has pictures, lock order, and what a crash leaves; `MEASURED.md` has the figures.
//!
//! | file | what it holds |
//! |---|---|
//! | `shape.rs` | Shape: how many rows lie on a page, and where |
//! | `blocks.rs` | Blocks: 32 codes with the numbers that make distances of them |
//! | `meta.rs` | Meta page: what the index is, and where its lists are |
//! | `coder.rs` | Codes of rows around the centres of their lists |
//! | `directions.rs`, `learn.rs` | Directions in which codes are taken; how a build learns them |
//! | `long.rs` | Long codes: what rows are measured by before the table is asked |
//! | `value.rs` | Values: dense vectors, or bits |
//! | `options.rs` | Options: what a user says of an index when it is made |
//! | `index.rs` | Index: how it is opened, and how its pages are read |
//! | `directory.rs` | Directory: the lists, with the codes of their centres |
//! | `radii.rs` | Radii of a list: how near to its centre its rows are, and how far |
//! | `scan.rs` | Scan: rows by distance, from the lists whose centres are nearest |
//! | `gather.rs` | Gathering: a scan reads lists, scores their rows and keeps those that are near |
//! | `filter.rs` | Filter: which rows a scan may give, by where they are in the table |
//! | `probes.rs`, `calibrate.rs` | Probes: how many lists a scan reads; how many give which recall |
//! | `bounds.rs` | Bounds of the rows that a scan has scored |
//! | `listing.rs` | List of every row, in no order |
//! | `insert.rs` | Insert: a row goes behind the others of its list |
//! | `vacuum.rs` | Vacuum: takes rows out of their lists, and frees pages |
//! | `check.rs` | Check: what searches rely on, and what a crash has left |
//! | `census.rs` | Census: how many rows the lists have, and how far these are from their centres |
//! | `tend.rs` | Tending: lists that are too long are split, those that are too short are merged |
//! | `split.rs` | Splits: the centres of the lists that a list becomes |
//! | `border.rs` | Borders: which rows of neighbours are nearer to another centre |
//! | `regroup.rs` | Regrouping: one change puts lists in the place of others |
//! | `lanes.rs` | Lanes of the directory that are free, and how heads come together |
//! | `rewrite.rs` | Rewriting: the rows of a list go to new pages |
//! | `build.rs` | Build: many rows at once |
//! | `sort.rs`, `write.rs` | Which list each of them is in; the pages that a build writes |

mod blocks;
mod border;
mod bounds;
mod build;
mod calibrate;
mod census;
mod check;
mod coder;
mod directions;
mod directory;
mod filter;
mod gather;
mod index;
mod insert;
mod lanes;
mod learn;
mod listing;
mod long;
mod meta;
mod options;
mod probes;
mod radii;
mod regroup;
mod rewrite;
mod scan;
mod shape;
mod sort;
mod split;
mod tend;
mod vacuum;
mod value;
mod write;

pub use build::{ListsBuilder, build_into};
pub use census::ListsCensus;
pub use check::ListsReport;
pub use filter::TidSet;
pub use index::ListIndex;
pub use listing::ListsListing;
pub use long::LongForm;
pub use options::{ListsOptions, MAX_LISTS};
pub use probes::Probes;
pub use regroup::ReadValue;
pub use scan::{ListsRow, ListsScan, ScanCost};
pub use tend::Tended;
pub use value::ListValue;

pub use crate::quantize::Form;
pub use crate::values::Metric;
