//! Several processes that write one credentials file, and processes that are killed.

use std::fs;
use std::mem::MaybeUninit;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

use super::{KEYS, UpdateFixture, once, read, settle, shape, succeeds};
use crate::client::SetOnDrop;
use crate::environment::{CommandOutput, Program};
use crate::machine;

/// What takes longer will never end: a lock is broken.
const DEADLINE: Duration = Duration::from_secs(300);
/// How often the file is checked for the moment to kill at: it is written in some milliseconds.
const POLL: Duration = Duration::from_micros(100);

#[test]
fn waits_for_another_process() {
    let fixture = UpdateFixture::with("");
    let file = fs::File::create(fixture.temporary()).unwrap();
    file.lock().unwrap();
    let tries = inotify::init(CreateFlags::NONBLOCK).unwrap();
    inotify::add_watch(&tries, fixture.temporary(), WatchFlags::OPEN).unwrap();
    let mut child = fixture.tool().spawn(&["update", "--once", "--profile", "a"]);
    let mut buffer = [MaybeUninit::uninit(); 4_096];
    let mut tries = inotify::Reader::new(&tries, &mut buffer);
    // It comes, finds the file of the other locked, and goes, again and again.
    for _ in 0..3 {
        while tries.next().is_err() {
            assert!(child.try_wait().unwrap().is_none(), "{}", CommandOutput::of(child));
            thread::yield_now();
        }
    }
    assert_eq!(fixture.text(), "");
    drop(file);
    succeeds(&CommandOutput::of(child));
    assert!(read(&fixture.text()).contains_key("a"));
}

#[test]
fn does_not_wait_for_a_lock_on_the_file_itself() {
    let fixture = UpdateFixture::with("");
    let file = fs::File::open(&fixture.file).unwrap();
    file.lock().unwrap();
    succeeds(&once(&fixture.tool(), "a"));
    assert!(read(&fixture.text()).contains_key("a"));
}

/// Twenty profiles, each with settings and comments of its own.
fn twenty_profiles() -> String {
    let profile = |n: usize| {
        format!(
            "# the {n}th\n[p{n}]\nregion = r{n}\naws_access_key_id = old\n\
             aws_secret_access_key = old\naws_session_token = old\n; end\n\n"
        )
    };
    (0..20).map(profile).collect()
}

/// Three files, or thirty, each with ten pairs one after another.
#[test]
fn pairs_at_once_lose_nothing() {
    let _busy = machine::busy();
    let files = machine::rounds(3, 30);
    let fixture = UpdateFixture::new();
    thread::scope(|scope| {
        for number in 0..files {
            let file = fixture.folder.path().join(number.to_string());
            let tool = fixture.tool().set("AWS_SHARED_CREDENTIALS_FILE", &file);
            scope.spawn(move || {
                // Not all at once: so many starting processes would mostly wait for a core.
                thread::sleep(Duration::from_millis(70 * number as u64));
                ten_pairs(&tool, &file, number);
            });
        }
    });
    let vended = fixture.vended();
    let mut names = fixture.names();
    names.sort_by_key(|name| name.parse::<usize>().unwrap());
    let expected = (0..files).map(|number| number.to_string()).collect();
    assert_eq!((vended.len(), names), (20 * files, expected));
    for number in 0..files {
        let text = fs::read_to_string(fixture.folder.path().join(number.to_string())).unwrap();
        let keys = read(&text);
        let of = |name: &String| vended.contains(&keys[name]["aws_access_key_id"]);
        assert_eq!(keys.keys().filter(|name| of(name)).count(), 20, "{text}");
    }
}

fn ten_pairs(tool: &Program, file: &Path, number: usize) {
    fs::write(file, twenty_profiles()).unwrap();
    settle(file);
    let text = || fs::read_to_string(file).unwrap();
    let wanted = shape(&text());
    let over = AtomicBool::new(false);
    let deadline = Instant::now() + DEADLINE;
    let mut last = read(&text());
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reads = 0;
            while !over.load(Ordering::Relaxed) && Instant::now() < deadline {
                assert_eq!(shape(&text()), wanted);
                reads += 1;
                thread::sleep(Duration::from_millis(5));
            }
            reads
        });
        // If a pair fails, too: the reader would go on until the deadline.
        let end = SetOnDrop(&over);
        for turn in 0..10 {
            assert!(Instant::now() < deadline, "turn {turn}");
            let pair = [turn * 2, (turn * 2 + 1 + number * 2) % 20].map(|n| format!("p{n}"));
            let runs = pair
                .each_ref()
                .map(|name| tool.spawn(&["update", "--once", "--profile", name.as_str()]));
            runs.into_iter().for_each(|run| succeeds(&CommandOutput::of(run)));
            let now = read(&text());
            for (name, settings) in &now {
                let is_new = settings["aws_access_key_id"] != last[name]["aws_access_key_id"];
                assert_eq!(is_new, pair.contains(name), "turn {turn}, {name}");
            }
            last = now;
            if reader.is_finished() {
                break;
            }
        }
        drop(end);
        assert!(reader.join().unwrap() > 100);
    });
}

#[test]
fn a_kill_at_any_moment_leaves_the_old_file_or_the_new() {
    let _busy = machine::busy();
    // Large, so that it takes a while to write.
    let fixture = UpdateFixture::with(&(twenty_profiles() + &"# ballast\n".repeat(10_000)));
    let (wanted, tool) = (shape(&fixture.text()), fixture.tool());
    let temporary = fixture.temporary();
    let stamp =
        || temporary.metadata().ok().map(|left| (left.len(), left.mtime(), left.mtime_nsec()));
    let started = Instant::now();
    let mut run = tool.spawn(&["update", "--once", "--profile", "p0"]);
    while !temporary.exists() {
        thread::sleep(POLL);
    }
    let exchange = started.elapsed();
    // It then watches the file for a second.
    while temporary.exists() {
        thread::sleep(POLL);
    }
    let (whole, writing) = (started.elapsed(), started.elapsed() - exchange);
    assert!(run.wait().unwrap().success());
    let (mut before, mut left, mut written) = (fixture.text(), 0, 0);
    for turn in 0..u32::try_from(machine::rounds(20, 200)).unwrap() {
        let name = format!("p{}", turn % 20);
        fixture.settle();
        let (moment, found) = (whole * (turn * 37 % 100) / 100, stamp());
        let inode = || fixture.file.metadata().unwrap().ino();
        let replaced = inode();
        // Half while it starts and talks to AWS, or as soon as the new file is there; half while it writes.
        let mut run = tool.spawn(&["update", "--once", "--profile", &name]);
        let started = Instant::now();
        let is_time = || match turn % 4 {
            0 => started.elapsed() >= moment,
            2 => inode() != replaced,
            _ => stamp() != found || inode() != replaced,
        };
        while !is_time() && run.try_wait().unwrap().is_none() {
            thread::sleep(POLL);
        }
        if turn % 2 == 1 {
            thread::sleep(writing * (turn * 61 % 100) / 100);
        }
        // What has ended by itself cannot be killed.
        let _ = run.kill();
        run.wait().unwrap();
        left += u32::from(stamp() != found && temporary.exists());

        let after = fixture.text();
        assert_eq!(shape(&after), wanted, "turn {turn}");
        written += u32::from(after != before);
        let (old, new) = (read(&before), read(&after));
        for (profile, settings) in &new {
            let changed = KEYS.iter().filter(|key| settings[**key] != old[profile][**key]).count();
            let may = if *profile == name { [0, 3] } else { [0, 0] };
            assert!(may.contains(&changed), "turn {turn}, {profile}: {changed} keys are new");
        }
        before = after;
        if turn % 20 == 19 {
            succeeds(&once(&tool, &name));
            assert_eq!(fixture.names(), ["credentials"], "turn {turn}");
            before = fixture.text();
        }
    }
    // Else the kills would have come too early or too late to prove anything.
    assert!(
        left > 0 && written > 0,
        "{left} temporary files were left, {written} runs came to write"
    );
}
