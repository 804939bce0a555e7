//! The completion scripts: what bash offers by them, and that the others are of all commands.

use std::fs;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::environment::{TestEnvironment, copy_program, program};

/// A script for a shell and for a name of the program, in a folder with files.
struct CompletionScript {
    name: String,
    script: String,
    folder: TempDir,
}

impl CompletionScript {
    /// Returns the script in a folder with files that it must not offer but where files are meant.
    fn of(shell: &str, name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for file in ["host.pem", "host.key", "text", "json", "container", "a b"] {
            fs::write(folder.path().join(file), "").unwrap();
        }
        fs::create_dir(folder.path().join("pki")).unwrap();
        let called = folder.path().join("pki").join(name);
        copy_program(&program(), &called);
        let script = Command::new(called).args(["completion", shell]).output().unwrap();
        let script = String::from_utf8(script.stdout).unwrap();
        Self { name: name.to_owned(), script, folder }
    }

    /// Returns what bash offers for the last of these words, which readline splits at `=`. The files
    /// that a script asks readline for are not among it.
    fn in_bash(&self, words: &[&str]) -> Vec<String> {
        const ASK: &str = r##"
            compopt() { [[ $* != *plusdirs ]] || echo "# compopt $*"; }
            registered=$(complete -p "$1") || exit
            function=$(sed 's/.*-F \([^ ]*\) .*/\1/' <<<"$registered")
            COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
            cur=${COMP_WORDS[COMP_CWORD]}
            "$function" "$1" "$cur" "${COMP_WORDS[COMP_CWORD - 1]}"
            for word in "${COMPREPLY[@]}"; do printf '%s\n' "$word"; done
            [[ $registered == *"-o default"* || $registered == *"-o bashdefault"* ]] && compgen -f
            true
        "##;
        // As one argument it would be longer than Linux allows.
        fs::write(self.folder.path().join("pki/script.bash"), &self.script).unwrap();
        let output = Command::new("bash")
            .args(["--norc", "-c", &format!("source pki/script.bash\n{ASK}"), "bash", &self.name])
            .args(words)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{words:?}");
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }

    /// Returns what fish offers for the last word of a line behind the name of the program, without
    /// the descriptions.
    fn in_fish(&self, line: &str) -> Vec<String> {
        let complete = "source (printf '%s\\n' $argv[1] | psub); complete --do-complete $argv[2]";
        let line = format!("{} {line}", self.name);
        self.ask(Command::new("fish").args(["--no-config", "-c", complete, &self.script, &line]))
    }

    /// As [`Self::in_fish`], in zsh, which completes on a terminal only: one shell runs another one on
    /// a pseudo-terminal, types the line and a tab, and reads what would be added to the list.
    fn in_zsh(&self, line: &str) -> Vec<String> {
        let line = format!("{} {line}", self.name);
        let program = include_str!("completions/capture.zsh");
        fs::write(self.folder.path().join(".script.zsh"), &self.script).unwrap();
        self.ask(Command::new("zsh").args(["-f", "-c", program, "zsh", &line]))
    }

    /// Runs a shell that prints what it offers, and returns the words in order.
    fn ask(&self, shell: &mut Command) -> Vec<String> {
        let shell = shell.current_dir(self.folder.path()).env("HOME", self.folder.path());
        let output = shell.stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let words = text.lines().map(|line| line.split('\t').next().unwrap_or_default());
        let mut words: Vec<String> = words.map(|word| word.trim().to_owned()).collect();
        words.sort();
        words
    }
}

#[test]
fn bash_offers_commands_options_and_values() {
    let bash = CompletionScript::of("bash", "roles-anywhere");
    let rows: [(&[&str], &[&str]); 17] = [
        (&["cr"], &["credential-process"]),
        (&["secret", ""], &["-h", "--help", "get", "list", "describe", "rotate"]),
        (&["completion", "z"], &["zsh"]),
        (&["help", "up"], &["update"]),
        (&["serve", "--pri"], &["--private-key", "--print-env"]),
        (&["serve", "--cert"], &["--certificate"]),
        (&["serve", "--port", ""], &[""]),
        (&["serve", "--log-format", ""], &["text", "json"]),
        (&["serve", "--allow-remote", "=", ""], &["container", "imds"]),
        (&["serve", "--allow-remote", "="], &["container", "imds"]),
        (&["serve", "--allow-remote", "=", "i"], &["imds"]),
        // Its value follows `=`.
        (&["serve", "--allow-remote", "--no-i"], &["--no-imds"]),
        (&["secret", "get", "name", "--output", ""], &["text", "json", "dotenv"]),
        (&["secret", "get", "name", "--output", "=", "j"], &["json"]),
        (&["read-certificate-data", "--output", ""], &["json", "text", "full"]),
        (&["sign-string", "--format", ""], &["json", "text", "bin"]),
        (&["sign-string", "--digest", "SHA3"], &["SHA384"]),
    ];
    for (words, expected) in rows {
        assert_eq!(bash.in_bash(words), expected, "{words:?}");
    }
}

#[test]
fn bash_offers_files_where_they_are_meant_only() {
    let bash = CompletionScript::of("bash", "roles-anywhere");
    for option in ["--certificate", "--private-key", "--intermediates", "--ca-bundle"] {
        assert_eq!(bash.in_bash(&["serve", option, "host"]), ["host.key", "host.pem"], "{option}");
        assert_eq!(bash.in_bash(&["serve", option, "=", "host.p"]), ["host.pem"], "{option}");
        assert_eq!(bash.in_bash(&["serve", option, "a"]), ["a b"], "{option}");
    }
    assert_eq!(
        bash.in_bash(&["cache", "show", "--cache-dir", "p"]),
        ["# compopt -o plusdirs"],
        "readline adds the directories"
    );
    for words in [&["secret", "get", "ho"][..], &["serve", "--role-arn", "ho"], &["serve", "ho"]] {
        let offered = bash.in_bash(words);
        assert!(offered.iter().all(|word| !word.starts_with("host")), "{words:?}: {offered:?}");
    }
    // A switch takes no value, so the next word is an option.
    assert!(bash.in_bash(&["serve", "--debug", ""]).contains(&"--no-imds".to_owned()));
}

#[test]
fn what_does_not_work_is_not_offered() {
    let bash = CompletionScript::of("bash", "roles-anywhere");
    let offered = bash.in_bash(&["credential-process", "--"]);
    assert!(offered.contains(&"--certificate".to_owned()), "{offered:?}");
    for hidden in ["--cert", "--cacert", "--duration", "--cert-selector", "--pkcs11-lib"] {
        assert!(!offered.contains(&hidden.to_owned()), "{hidden}");
    }
}

#[test]
fn the_script_is_for_the_name_that_the_program_is_called_by() {
    let bash = CompletionScript::of("bash", "aws_signing_helper");
    assert_eq!(bash.in_bash(&["upd"]), ["update"]);
    assert!(!bash.script.contains("roles-anywhere"));
}

/// A line, and what is offered for its last word.
const ROWS: [(&str, &[&str]); 5] = [
    ("cr", &["credential-process"]),
    ("serve --log-format ", &["json", "text"]),
    ("secret get name --output j", &["json"]),
    ("serve --print", &["--print-env"]),
    ("serve --certificate host", &["host.key", "host.pem"]),
];

#[test]
fn fish_offers_commands_options_values_and_files() {
    let fish = CompletionScript::of("fish", "roles-anywhere");
    for (line, expected) in ROWS {
        assert_eq!(fish.in_fish(line), expected, "{line}");
    }
    assert_eq!(fish.in_fish("serve --cert-sel"), [""; 0]);
}

#[test]
fn zsh_offers_commands_options_values_and_files() {
    let zsh = CompletionScript::of("zsh", "roles-anywhere");
    for (line, expected) in ROWS {
        assert_eq!(zsh.in_zsh(line), expected, "{line}");
    }
    assert_eq!(zsh.in_zsh("serve --cert-sel"), [""; 0]);
    // clap_complete writes no values of positional arguments for fish.
    assert_eq!(zsh.in_zsh("completion z"), ["zsh"]);
}

#[test]
fn every_shell_has_a_script_of_all_commands() {
    let env = TestEnvironment::offline();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = env.run_args(&["completion", shell]).text();
        for word in ["credential-process", "read-certificate-data", "allow-remote", "imds"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
        assert!(!script.contains("cert-selector"), "{shell}");
    }
}
