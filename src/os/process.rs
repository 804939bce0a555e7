//! This process as the system sees it.

/// Makes sure that no core dump of this process is written, and that no other process of the same
/// user may look into its memory: it will hold keys and credentials.
///
/// Both are asked for where the system has them; a system that refuses is not worth failing for.
pub fn keep_memory_private() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        let none = Rlimit { current: Some(0), maximum: Some(0) };
        let _ = setrlimit(Resource::Core, none);
    }
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}
