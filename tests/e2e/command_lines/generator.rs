//! Command lines by a fixed seed: of each number the same one, whichever others are made.
//!
//! No line reaches the network, waits, or depends on the clock, the user or the machine: an identity
//! that opens is given to commands only that print it or sign with it, `update` stops after its first
//! try, and `serve` is refused, or listens on an address that no machine has.

use super::additions::{Added, COMMANDS, OPTIONS};
use super::kind::Kind;
use super::line::CommandLine;
use super::options::{NOT_YET, Opt};
use super::random::Random;
use super::values::{
    CERTIFICATES, KEY, KEYS, PASSWORDS, SECRETS, SHELLS, STRANGE, UNKNOWN, VARIABLES,
};
use super::verb::{SHARES, Verb};

/// Returns the command line of a number.
pub(super) fn command_line(number: usize) -> CommandLine {
    let mut random = Random(u64::try_from(number).unwrap().wrapping_mul(0x2545_f491_4f6c_dd1d));
    let mut drawn = random.below(100);
    let of_share = SHARES.iter().find(|(share, _)| {
        let found = drawn < *share;
        drawn = drawn.saturating_sub(*share);
        found
    });
    let first = of_share.map_or(Verb::Mistyped, |(_, verb)| *verb);
    let mut new = COMMANDS.iter();
    let new = new.find(|new| Random::of(number, new.name).percent(new.share));
    let verb = new.map_or(first, |new| new.verb);
    let mut draft = Draft { number, random, verb, line: CommandLine::default() };
    draft.write();
    draft.line
}

/// A line that is being made.
struct Draft {
    number: usize,
    random: Random,
    verb: Verb,
    line: CommandLine,
}

/// References that are read, and some that are refused.
const REFERENCES: &[&str] = &[
    "sm://prod/db-credentials#username",
    "sm://prod/db-credentials#*",
    "sm://prod/plain?optional",
    "sm://prod/absent?default=none",
    "ssm:///prod/api-url?version=1",
    "{{resolve:secretsmanager:prod/db-credentials:SecretString:port}}",
    "{{resolve:ssm:/prod/api-url}}",
    "sm://prod/absent",
    "sm://prod/plain?role=ops",
    "prod/plain",
    "ssm://prod/api-url",
    "",
];

impl Draft {
    fn write(&mut self) {
        for word in self.verb.words(&mut self.random) {
            self.push(*word);
        }
        if self.verb == Verb::SecretGet && self.random.percent(93) {
            let value =
                if self.random.percent(60) { SECRETS[0] } else { self.random.pick(SECRETS) };
            self.push(value);
        }
        if self.verb == Verb::Resolve {
            for _ in 0..1 + usize::from(self.random.percent(40)) {
                let reference = *self.random.pick(REFERENCES);
                self.push(reference);
            }
        }
        if self.verb == Verb::Mask {
            let reference = *self.random.pick(REFERENCES);
            self.push("--secret");
            self.push(reference);
        }
        if self.verb == Verb::Completion {
            let shell = *self.random.pick(SHELLS);
            self.push(shell);
        }
        let plain = self.random.percent(88);
        for option in self.verb.required() {
            if self.random.percent(if plain { 99 } else { 70 }) {
                self.give(option, if plain { 98 } else { 60 });
            }
        }
        let options = self.verb.options();
        let most = match self.verb {
            Verb::Help | Verb::Mistyped | Verb::Version | Verb::Completion => 2,
            _ => 5,
        };
        for _ in 0..self.random.below(most) {
            let option = *self.random.pick(&options);
            self.give(option, 85);
        }
        if self.random.percent(7) {
            let option = *self.random.pick(NOT_YET);
            self.give(option, 80);
        }
        if self.verb.is_session() && self.random.percent(50) {
            self.push_one_of(&["--debug", "--debug=true", "--debug=1", "--debug=T"]);
        }
        for _ in 0..self.random.below(3) {
            let (name, values) = *self.random.pick(VARIABLES);
            let value = *self.random.pick(values);
            self.set(name, value.as_bytes().to_vec());
        }
        if self.random.percent(18) {
            self.mistake(&options);
        }
        self.add();
        self.guard();
    }

    /// Adds the options that are newer than the first lines.
    fn add(&mut self) {
        let verb = self.verb;
        for new in OPTIONS.iter().filter(|new| (new.verbs)(verb)) {
            let before = std::mem::replace(&mut self.random, Random::of(self.number, new.name));
            if self.random.percent(new.share) {
                match new.added {
                    Added::Option(option) => self.give(option, 80),
                    Added::Word(words) => self.push_one_of(words),
                }
            }
            self.random = before;
        }
    }

    fn push(&mut self, word: impl Into<Vec<u8>>) {
        self.line.arguments.push(word.into());
    }

    fn push_one_of(&mut self, words: &[&str]) {
        let word = *self.random.pick(words);
        self.push(word);
    }

    fn set(&mut self, name: &str, value: Vec<u8>) {
        self.line.variables.retain(|(own, _)| own != name);
        self.line.variables.push((name.to_owned(), value));
    }

    /// Returns a value, which of so many in a hundred times is one that is accepted.
    fn value(&mut self, kind: Kind, accepted: usize) -> Vec<u8> {
        let local = self.verb.is_local();
        let values = match kind {
            Kind::PrivateKey if local && self.random.percent(75) => KEYS,
            Kind::Certificate if local && self.random.percent(75) => CERTIFICATES,
            Kind::Password if local && self.random.percent(75) => PASSWORDS,
            Kind::PasswordFile if local && self.random.percent(50) => {
                &["pki/credentials/roles-anywhere-key-password"]
            }
            _ if self.random.percent(accepted) => kind.usual(),
            _ if self.random.percent(70) => kind.mistaken(),
            _ => return self.random.pick(STRANGE).to_vec(),
        };
        self.random.pick(values).as_bytes().to_vec()
    }

    /// Gives an option in one of its spellings.
    fn give(&mut self, (name, kind): Opt, accepted: usize) {
        let value = self.value(kind, accepted);
        if self.random.percent(30) {
            // A variable cannot hold a zero byte; no value has one.
            let name = format!("ROLES_ANYWHERE_{}", name.to_ascii_uppercase().replace('-', "_"));
            return self.set(&name, value);
        }
        let takes_equals = kind == Kind::Switch || kind == Kind::AllowRemote;
        match self.random.below(10) {
            0..6 if takes_equals => self.push(format!("--{name}")),
            0..4 if !takes_equals => {
                self.push(format!("--{name}"));
                self.push(value);
            }
            _ => self.push([format!("--{name}=").into_bytes(), value].concat()),
        }
    }

    /// Makes one mistake of those that command lines have.
    fn mistake(&mut self, options: &[Opt]) {
        let option @ (name, kind) = *self.random.pick(options);
        let value = self.value(kind, 80);
        match self.random.below(18) {
            0 => (0..3).for_each(|_| self.give(option, 60)),
            1 => self.push([format!("-{name}=").into_bytes(), value].concat()),
            2 => {
                self.push(format!("-{name}"));
                self.push(value);
            }
            3 => self.push("--"),
            4 => {
                let name = *self.random.pick(UNKNOWN);
                self.push(format!("--{name}"));
            }
            5 => {
                let name = *self.random.pick(UNKNOWN);
                self.push([format!("--{name}=").into_bytes(), value].concat());
            }
            6 => {
                let at = self.random.below(name.len());
                let missed = [&name[..at], &name[at + 1..]].concat();
                self.push(format!("--{missed}"));
            }
            7 => self.push(format!("--{}", &name[..name.len().div_ceil(2)])),
            8 => self.push(format!("--{}", name.to_ascii_uppercase())),
            9 => self.push(format!("--{}", name.replace('-', "_"))),
            10 => self.push(value),
            11 => {
                let word = self.random.pick(STRANGE).to_vec();
                self.push(word);
            }
            12 => {
                let help = *self.random.pick(&["--help", "-h", "--help=true", "help", "-hh"]);
                let at = self.random.below(self.line.arguments.len() + 1);
                self.line.arguments.insert(at, help.into());
            }
            // The value of an option is missing.
            13 => self.push(format!("--{name}")),
            14 => {
                self.push(format!("--{name}"));
                self.push_one_of(&["true", "false", "imds", "", "-1"]);
            }
            15 => self.line.arguments.insert(0, format!("--{name}").into()),
            16 => {
                let variable = self.random.pick(STRANGE).to_vec();
                let name = name.to_ascii_uppercase().replace('-', "_");
                self.set(&format!("ROLES_ANYWHERE_{name}"), variable);
            }
            _ => self.push([format!("--{name}=").into_bytes(), b"".to_vec()].concat()),
        }
    }

    /// Keeps a line from waiting, serving and asking. It comes last, so that it is what counts.
    fn guard(&mut self) {
        match self.verb {
            Verb::Update => {
                let stop = ["--once", "--once", "--once=1", "--fail-fast", "--fail-fast=t"];
                self.push_one_of(&stop);
            }
            Verb::Serve => self.guard_serve(),
            _ => {}
        }
        // What `env:NAME` and `--key-password-env` name.
        let variables = [
            ("CERTIFICATE", "-----BEGIN CERTIFICATE-----"),
            ("KEY", KEY),
            ("KEY_PASSWORD", "letmein-42"),
        ];
        for (name, value) in variables {
            if self.names(&format!("env:{name}")) || self.names(&format!("env={name}")) {
                self.set(name, value.into());
            }
        }
        if self.names("encrypted") {
            // Else the program would ask for the password, if there is a terminal.
            let directory = *self.random.pick(&["pki/credentials", "pki/wrong-credentials"]);
            let directory = if self.verb.is_local() { directory } else { "pki/wrong-credentials" };
            self.set("CREDENTIALS_DIRECTORY", directory.into());
        }
    }

    /// Returns whether any value holds `text`.
    fn names(&self, text: &str) -> bool {
        let variables = self.line.variables.iter().map(|(_, value)| value);
        let mut words = variables.chain(&self.line.arguments);
        words.any(|word| word.windows(text.len()).any(|part| part == text.as_bytes()))
    }

    /// Has `serve` listen where no machine can, or refuses its port.
    fn guard_serve(&mut self) {
        if self.line.arguments.iter().any(|word| word.starts_with(b"--secrets")) {
            // Secrets alone would be served on loopback only.
            self.push("--no-imds=false");
        }
        if self.random.percent(20) {
            self.line.variables.retain(|(name, _)| name != "ROLES_ANYWHERE_LISTEN");
            let refused = ["--port=65536", "--port=x", "--hop-limit=0", "--listen=nowhere"];
            return self.push_one_of(&refused);
        }
        // Addresses of these blocks are for documentation only. None is of IPv6, which may be missing.
        let address = *self.random.pick(&["203.0.113.7:9911", "198.51.100.9:80", "192.0.2.1:0"]);
        let first = [format!("--listen={address}")];
        let is_alone = !self.line.arguments.iter().any(|word| word.starts_with(b"--listen"));
        if self.random.percent(85) {
            let remote = *self.random.pick(&["--allow-remote", "--allow-remote=imds"]);
            self.push(remote);
        }
        if is_alone && self.random.percent(30) {
            return self.set("ROLES_ANYWHERE_LISTEN", address.into());
        }
        // Before the other addresses, so that no other is opened.
        let at =
            self.line.arguments.iter().position(|word| word == b"serve").map_or(0, |at| at + 1);
        self.line.arguments.splice(at..at, first.map(Into::into));
    }
}
