//! Settings (GUCs) of all of the extension. Those of an access method are in its folder.

use pgrx::guc::{GucContext, GucFlags, GucRegistry, GucSetting, PostgresGucEnum};
use pgrx::pg_sys;

use crate::distance::{Kernels, Measured};

/// Which loops compute distances.
#[derive(Clone, Copy, PostgresGucEnum)]
pub enum KernelChoice {
    /// The fastest that the CPU can run.
    #[name = c"auto"]
    Auto,
    /// Plain loops, the same on every CPU: to tell whether an odd result comes from a kernel.
    #[name = c"plain"]
    Plain,
}

static KERNELS: GucSetting<KernelChoice> = GucSetting::<KernelChoice>::new(KernelChoice::Auto);

/// Registers them, and has their prefix reserved, so that a misspelt name is an error; called once, when the library is
/// loaded. `EXPLAIN (SETTINGS)` shows those that have been changed.
pub fn define() {
    GucRegistry::define_enum_guc(
        c"vector_ext.kernels",
        c"Sets which loops compute distances",
        c"auto takes the fastest that the CPU can run; plain is slow and the same everywhere.",
        &KERNELS,
        GucContext::Userset,
        GucFlags::EXPLAIN,
    );
    // SAFETY: a constant C string, at load time.
    unsafe { pg_sys::MarkGUCPrefixReserved(c"vector_ext".as_ptr()) }
}

/// The kernels for such elements that the settings ask for.
pub fn kernels<E: Measured>() -> &'static Kernels<E> {
    match KERNELS.get() {
        KernelChoice::Auto => E::fastest(),
        KernelChoice::Plain => E::plain(),
    }
}
