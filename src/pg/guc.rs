//! Settings. Their prefix is reserved, so that a misspelt name is an error.

use pgrx::guc::{GucContext, GucFlags, GucRegistry, GucSetting, PostgresGucEnum};
use pgrx::pg_sys;

use crate::distance::{Kernels, plain, simd};

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

/// Registers all settings; called once, when the library is loaded.
pub fn define() {
    GucRegistry::define_enum_guc(
        c"vector_ext.kernels",
        c"Sets which loops compute distances",
        c"auto takes the fastest that the CPU can run; plain is slow and the same everywhere.",
        &KERNELS,
        GucContext::Userset,
        GucFlags::default(),
    );
    // SAFETY: a constant C string, at load time.
    unsafe { pg_sys::MarkGUCPrefixReserved(c"vector_ext".as_ptr()) };
}

/// The kernels that the settings ask for.
pub fn kernels() -> &'static Kernels {
    match KERNELS.get() {
        KernelChoice::Auto => simd::kernels(),
        KernelChoice::Plain => &plain::KERNELS,
    }
}
