//! The prompts of a daemon that serves several roles.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Instant;
use std::{fs, iter};

use roles_anywhere_emulator::{PROFILE_ARN, ROLE_ARN, TRUST_ANCHOR_ARN};
use rustix::process::{Pid, Signal, kill_process};

use crate::identity_files::{IdentityFiles, PASSWORD, Part};
use crate::terminal::{LEADER, PROMPT, Session, TIMEOUT};

/// `serve` on a terminal, with the roles of a file: `a` and `b` of one encrypted key, `c` of another.
struct ServedRoles {
    session: Session,
}

impl ServedRoles {
    fn start() -> Self {
        let files = IdentityFiles::encrypted().only(&[]).command(&["serve", "--port", "0"]);
        let own = |name: &String| name.starts_with("ROLES_ANYWHERE_");
        let variables = files.env.emulator().environment();
        let names: Vec<String> = variables.into_iter().map(|(name, _)| name).collect();
        let files = names
            .iter()
            .filter(|name| own(name))
            .fold(files, |files, name| files.map(|program| program.unset(name)));
        fs::copy(files.path(Part::PrivateKey), files.folder.path().join("other.pem")).unwrap();
        configure(&files, 3_600);
        let [config, token] = ["config.toml", "token"].map(|name| files.folder.path().join(name));
        let [config, token] = [&config, &token].map(|path| path.to_str().unwrap().to_owned());
        let options = ["--config", &config, "--token-file", &token];
        Self { session: Session::start(files, LEADER, &options) }
    }

    #[track_caller]
    fn wait_until(&mut self, is_so: impl Fn(&Session) -> bool) {
        let start = Instant::now();
        while !is_so(&self.session) {
            assert!(start.elapsed() < TIMEOUT, "{:?}", self.session.shown());
            self.session.read(std::time::Duration::from_millis(10));
        }
    }

    #[track_caller]
    fn wait_for_requests(&mut self, count: usize) {
        self.wait_until(|session| session.files.env.emulator().requests().len() == count);
    }

    /// Waits for so many prompts, and answers the last one.
    #[track_caller]
    fn answer(&mut self, prompts: usize) {
        self.wait_until(|session| prompts_of(&session.shown()) == prompts);
        self.session.wait_for_prompt();
        self.session.type_in(&format!("{PASSWORD}\n"));
    }
}

fn prompts_of(shown: &str) -> usize {
    shown.matches(PROMPT).count()
}

/// Writes the file, with the duration of the sessions of `b`.
fn configure(files: &IdentityFiles, duration: u32) {
    let identity = |name: &str, key: &str| {
        format!(
            "[identity.{name}]\ncertificate = \"Certificate.pem\"\nprivate-key = \"{key}\"\n\
             intermediates = \"Intermediates.pem\"\n"
        )
    };
    let role = |(name, identity, duration): (&str, &str, u32)| {
        format!(
            "[role.{name}]\nidentity = \"{identity}\"\nrole-arn = \"{ROLE_ARN}\"\n\
             session-duration = {duration}\n"
        )
    };
    let defaults = format!(
        "default-role = \"a\"\n[defaults]\ntrust-anchor-arn = \"{TRUST_ANCHOR_ARN}\"\n\
         profile-arn = \"{PROFILE_ARN}\"\n"
    );
    let identities = [identity("host", "PrivateKey.pem"), identity("other", "other.pem")];
    let roles = [("a", "host", 3_600), ("b", "host", duration), ("c", "other", 3_600)].map(role);
    let text: String = iter::once(defaults).chain(identities).chain(roles).collect();
    let new = files.folder.path().join("new");
    fs::write(&new, text).unwrap();
    fs::set_permissions(&new, fs::Permissions::from_mode(0o600)).unwrap();
    fs::rename(new, files.folder.path().join("config.toml")).unwrap();
}

#[test]
fn each_key_of_several_roles_is_asked_for_once() {
    let mut roles = ServedRoles::start();
    roles.answer(1);
    roles.answer(2);
    roles.wait_for_requests(3);
    // A role that changed has the same key.
    configure(&roles.session.files, 1_800);
    kill_process(Pid::from_child(&roles.session.child), Signal::HUP).unwrap();
    roles.wait_for_requests(4);
    kill_process(Pid::from_child(&roles.session.child), Signal::TERM).unwrap();
    let ended = roles.session.end();
    assert_eq!(prompts_of(&ended.shown), 2, "{:?}", ended.shown);
    assert!(!ended.shown.contains(PASSWORD) && ended.echoes, "{:?}", ended.shown);
}
