//! The completion scripts: what bash offers by them, and that the others are of all commands.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::environment::{TestEnvironment, copy_program, program};

/// A shell that has read the script for a name.
struct Bash {
    name: String,
    script: String,
    folder: TempDir,
}

impl Bash {
    /// Returns bash in a folder with files that it must not offer but where files are meant.
    fn with_script_of(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for file in ["host.pem", "host.key", "text", "json", "container", "a b"] {
            fs::write(folder.path().join(file), "").unwrap();
        }
        fs::create_dir(folder.path().join("pki")).unwrap();
        let called = folder.path().join("pki").join(name);
        copy_program(&program(), &called);
        let script = Command::new(called).args(["completion", "bash"]).output().unwrap();
        let script = String::from_utf8(script.stdout).unwrap();
        Self { name: name.to_owned(), script, folder }
    }

    /// Returns what is offered for the last of these words, which readline splits at `=`. The files
    /// that a script asks readline for are not among it.
    fn offers(&self, words: &[&str]) -> Vec<String> {
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
        let output = Command::new("bash")
            .args(["--norc", "-c", &format!("{}\n{ASK}", self.script), "bash", &self.name])
            .args(words)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{words:?}");
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }
}

#[test]
fn bash_offers_commands_options_and_values() {
    let bash = Bash::with_script_of("roles-anywhere");
    let rows: [(&[&str], &[&str]); 17] = [
        (&["cr"], &["credential-process"]),
        (&["secret", ""], &["-h", "--help", "get"]),
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
        (&["secret", "get", "name", "--output", ""], &["text", "json"]),
        (&["secret", "get", "name", "--output", "=", "j"], &["json"]),
        (&["read-certificate-data", "--output", ""], &["json", "text", "full"]),
        (&["sign-string", "--format", ""], &["json", "text", "bin"]),
        (&["sign-string", "--digest", "SHA3"], &["SHA384"]),
    ];
    for (words, expected) in rows {
        assert_eq!(bash.offers(words), expected, "{words:?}");
    }
}

#[test]
fn bash_offers_files_where_they_are_meant_only() {
    let bash = Bash::with_script_of("roles-anywhere");
    for option in ["--certificate", "--private-key", "--intermediates", "--ca-bundle"] {
        assert_eq!(bash.offers(&["serve", option, "host"]), ["host.key", "host.pem"], "{option}");
        assert_eq!(bash.offers(&["serve", option, "=", "host.p"]), ["host.pem"], "{option}");
        assert_eq!(bash.offers(&["serve", option, "a"]), ["a b"], "{option}");
    }
    assert_eq!(
        bash.offers(&["cache", "show", "--cache-dir", "p"]),
        ["# compopt -o plusdirs"],
        "readline adds the directories"
    );
    for words in [&["secret", "get", "ho"][..], &["serve", "--role-arn", "ho"], &["serve", "ho"]] {
        let offered = bash.offers(words);
        assert!(offered.iter().all(|word| !word.starts_with("host")), "{words:?}: {offered:?}");
    }
    // A switch takes no value, so the next word is an option.
    assert!(bash.offers(&["serve", "--debug", ""]).contains(&"--no-imds".to_owned()));
}

#[test]
fn what_does_not_work_is_not_offered() {
    let bash = Bash::with_script_of("roles-anywhere");
    let offered = bash.offers(&["credential-process", "--"]);
    assert!(offered.contains(&"--certificate".to_owned()), "{offered:?}");
    for hidden in ["--cert", "--cacert", "--duration", "--cert-selector", "--pkcs11-lib"] {
        assert!(!offered.contains(&hidden.to_owned()), "{hidden}");
    }
}

#[test]
fn the_script_is_for_the_name_that_the_program_is_called_by() {
    let bash = Bash::with_script_of("aws_signing_helper");
    assert_eq!(bash.offers(&["upd"]), ["update"]);
    assert!(!bash.script.contains("roles-anywhere"));
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
        if Path::new("/usr/bin").join(shell).exists() && ["fish", "zsh"].contains(&shell) {
            let path = env.write(shell, &script);
            let status = Command::new(shell).arg("-n").arg(path).status().unwrap();
            assert!(status.success(), "{shell}");
        }
    }
}
