//! Reads and sets dispositions with `libc`.
#![expect(
    unsafe_code,
    reason = "signals are set and linker sections are named by `unsafe` code only"
)]

use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};

use libc::{SIG_DFL, SIG_IGN, SIGCHLD, SIGPIPE, SIGXFSZ, c_int, sighandler_t};

/// The signals but those of real time, which no one starts a program with ignored.
const SIGNALS: std::ops::Range<c_int> = 1..32;

/// The signals that were ignored: bit N is for signal N. A handler is never inherited, so the only other
/// disposition is the default.
static IGNORED: AtomicU32 = AtomicU32::new(0);

/// Called by the C runtime with arguments, of which the first few may be read and are not.
#[used]
#[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__mod_init_func"))]
#[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".init_array"))]
static READ_AT_START: extern "C" fn() = read;

/// Reads the dispositions. It runs before Rust's runtime is set up, so it must not allocate or panic.
extern "C" fn read() {
    let mut ignored = 0;
    for signal in SIGNALS {
        if current(signal).is_some_and(|action| action.sa_sigaction == SIG_IGN) {
            ignored |= 1 << signal;
        }
    }
    IGNORED.store(ignored, Ordering::Relaxed);
}

pub(crate) fn was_ignored(signal: c_int) -> bool {
    SIGNALS.contains(&signal) && IGNORED.load(Ordering::Relaxed) & (1 << signal) != 0
}

/// The dispositions of this process, which are set again when this is dropped.
pub(crate) struct Replaced(Vec<(c_int, libc::sigaction)>);

impl Replaced {
    /// Replaces them by those that were read.
    pub(crate) fn by_inherited() -> Self {
        let replaced = SIGNALS.filter_map(|signal| {
            let own = current(signal)?;
            let inherited = disposition(signal)?;
            if own.sa_sigaction == inherited {
                return None;
            }
            // SAFETY: neither disposition runs code of this process.
            unsafe { libc::signal(signal, inherited) };
            Some((signal, own))
        });
        Self(replaced.collect())
    }
}

impl Drop for Replaced {
    fn drop(&mut self) {
        for (signal, own) in &self.0 {
            // SAFETY: `own` was the action of this signal before, with a handler that is still there.
            unsafe { libc::sigaction(*signal, own, ptr::null_mut()) };
        }
    }
}

/// Returns the disposition that another program gets, if it is to be set. A handler gets lost by itself.
fn disposition(signal: c_int) -> Option<sighandler_t> {
    match signal {
        SIGCHLD => None,
        _ if was_ignored(signal) => Some(SIG_IGN),
        SIGPIPE | SIGXFSZ => Some(SIG_DFL),
        _ => None,
    }
}

/// Returns the action of a signal, if there is such a signal.
fn current(signal: c_int) -> Option<libc::sigaction> {
    let mut action = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: without a new action the call only writes the current one to `action`, which is valid for
    // that.
    let result = unsafe { libc::sigaction(signal, ptr::null(), action.as_mut_ptr()) };
    // SAFETY: a call that succeeds has written `action`.
    (result == 0).then(|| unsafe { action.assume_init() })
}
