//! What was typed about the cache.

use clap::{Args, Subcommand};

/// The commands about the cache.
#[derive(Debug, Subcommand)]
pub enum CacheCommandArgs {
    /// List the cached sessions: role, name, access key id, time left; no secret
    #[command(args_override_self = true)]
    Show(CacheDirArgs),
    /// Remove the cached sessions
    #[command(args_override_self = true)]
    Clear(CacheDirArgs),
}

/// Where the cache is.
#[derive(Args, Clone, Debug, Default)]
pub struct CacheDirArgs {
    /// The cache's directory [default: in $RUNTIME_DIRECTORY or $XDG_RUNTIME_DIR]
    #[arg(long, value_name = "DIR", allow_hyphen_values = true)]
    pub cache_dir: Option<String>,
}

/// Whether sessions are cached, and where.
#[derive(Args, Clone, Debug, Default)]
pub struct CacheArgs {
    /// Make a session each time, and keep none
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub no_cache: Option<String>,
    /// Where the cache is.
    #[command(flatten)]
    pub place: CacheDirArgs,
}
