//! Iterative scan: the setting that every method has under its own name.

use pgrx::guc::PostgresGucEnum;

use crate::index::Continue;

/// Whether a scan goes on until it has as many rows as are asked for.
#[derive(Clone, Copy, PostgresGucEnum)]
pub enum IterativeScan {
    /// It ends after as much as another setting says.
    #[name = c"off"]
    Off,
    /// It goes on; rows that it finds late come at once, so their order may differ slightly.
    #[name = c"relaxed_order"]
    Relaxed,
    /// It goes on, and rows come in exact order, except that rows that it finds late come last.
    #[name = c"strict_order"]
    Strict,
}

impl From<IterativeScan> for Continue {
    fn from(setting: IterativeScan) -> Self {
        match setting {
            IterativeScan::Off => Self::Never,
            IterativeScan::Relaxed => Self::Relaxed,
            IterativeScan::Strict => Self::Strict,
        }
    }
}
