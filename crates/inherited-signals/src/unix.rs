//! Reads and sets dispositions with `libc`.
#![expect(
    unsafe_code,
    reason = "signals are set and linker sections are named by `unsafe` code only"
)]

use std::mem::MaybeUninit;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

use libc::{
    SIG_DFL, SIG_IGN, SIGALRM, SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGPIPE, SIGQUIT, SIGTERM,
    SIGTSTP, SIGUSR1, SIGUSR2, SIGWINCH, SIGXFSZ, c_int,
};

/// A signal, and whether this process was started with it ignored. A handler is never inherited, so the
/// only other disposition is the default.
struct InheritedSignal {
    number: c_int,
    was_ignored: AtomicBool,
}

impl InheritedSignal {
    const fn new(number: c_int) -> Self {
        Self { number, was_ignored: AtomicBool::new(false) }
    }
}

/// The signals that the runtime or the program ignores or handles.
static SIGNALS: [InheritedSignal; 13] = [
    InheritedSignal::new(SIGPIPE),
    InheritedSignal::new(SIGXFSZ),
    // Those that `exec` passes on as the first process of a container.
    InheritedSignal::new(SIGHUP),
    InheritedSignal::new(SIGINT),
    InheritedSignal::new(SIGQUIT),
    InheritedSignal::new(SIGTERM),
    InheritedSignal::new(SIGUSR1),
    InheritedSignal::new(SIGUSR2),
    InheritedSignal::new(SIGALRM),
    InheritedSignal::new(SIGWINCH),
    InheritedSignal::new(SIGCONT),
    InheritedSignal::new(SIGTSTP),
    InheritedSignal::new(SIGCHLD),
];

/// Called by the C runtime with arguments, of which the first few may be read and are not.
#[used]
#[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__mod_init_func"))]
#[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".init_array"))]
static READ_AT_START: extern "C" fn() = read;

/// Reads the dispositions. It runs before Rust's runtime is set up, so it must not allocate or panic.
extern "C" fn read() {
    for signal in &SIGNALS {
        let mut action = MaybeUninit::<libc::sigaction>::uninit();
        // SAFETY: without a new action the call only writes the current one to `action`, which is valid
        // for that.
        let result = unsafe { libc::sigaction(signal.number, ptr::null(), action.as_mut_ptr()) };
        // SAFETY: a call that succeeds has written `action`.
        let is_ignored = result == 0 && unsafe { action.assume_init() }.sa_sigaction == SIG_IGN;
        signal.was_ignored.store(is_ignored, Ordering::Relaxed);
    }
}

/// Sets the dispositions as they were read.
pub(crate) fn restore() {
    for signal in &SIGNALS {
        let is_ignored = signal.was_ignored.load(Ordering::Relaxed);
        // SAFETY: neither disposition runs code of this process.
        unsafe { libc::signal(signal.number, if is_ignored { SIG_IGN } else { SIG_DFL }) };
    }
}

/// Starts a child process with the dispositions that this process was started with.
pub fn restore_in(command: &mut Command) {
    let restore = || {
        restore();
        Ok(())
    };
    // SAFETY: it runs between `fork` and `execve`, where it calls `signal` only, which is safe there.
    unsafe { command.pre_exec(restore) };
}
