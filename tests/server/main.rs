//! Tests against a real server, each on a private cluster of its own. Run through `make test`,
//! which says by `PG_CONFIG` and `VECTOR_EXT_LIBRARY` what to test.

mod catalogue;
mod dump;
mod durability;
mod exact;
mod filtered;
mod hnsw;
mod input;
mod int8vec;
mod ivfflat;
mod malformed;
mod methods;
mod moving;
mod parity;
mod readme;
mod regress;
mod rights;
mod settings;
mod shim;
mod soft;
mod support;
mod text;
mod upgrade;
mod visibility;
