//! What bash offers by the completion script. The tool's tests ask bash in the same way.

use std::process::{Command, Stdio};

use crate::program::program;

/// Calls the function that the script registers, and prints what it offers for the last word.
const ASK: &str = r##"
    compopt() { echo "# compopt $*"; }
    registered=$(complete -p "${1##*/}") || exit
    function=$(sed 's/.*-F \([^ ]*\) .*/\1/' <<<"$registered")
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
    "$function" "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
    for word in "${COMPREPLY[@]}"; do printf '%s\n' "$word"; done
"##;

#[test]
fn bash_offers_commands_options_and_values() {
    let script = program(&["completion", "bash"]).output().unwrap();
    let script = String::from_utf8(script.stdout).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for file in ["a b.toml", "a.json"] {
        std::fs::write(folder.path().join(file), "").unwrap();
    }
    let files = &["# compopt -o filenames", "a b.toml", "a.json"][..];
    for name in ["roles-anywhere-emulator", "./pki/roles-anywhere-emulator"] {
        let rows: [(&[&str], &[&str]); 12] = [
            (&["s"], &["serve", "show", "schema"]),
            // `exec` is for internal use.
            (&["e"], &[]),
            (&["help", "e"], &[]),
            (&["help", "p"], &["pki"]),
            (&["--v"], &["--version"]),
            (&["completion", "z"], &["zsh"]),
            (&["pki", "--"], &["--force", "--no-rsa8192", "--help"]),
            (&["run", "--control"], &["--control-listen", "--control-port"]),
            (&["show", "--output", "j"], &["json"]),
            (&["show", "--config", "a"], files),
            (&["serve", "--trust-anchor", "a"], files),
            (&["serve", "--dir", ""], &["# compopt -o plusdirs"]),
        ];
        for (words, expected) in rows {
            let output = Command::new("bash")
                .args(["--norc", "-c", &format!("{script}\n{ASK}"), "bash", name])
                .args(words)
                .current_dir(folder.path())
                .stdin(Stdio::null())
                .output()
                .unwrap();
            assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{name} {words:?}");
            let offered = String::from_utf8(output.stdout).unwrap();
            let mut offered: Vec<_> = offered.lines().collect();
            offered.sort_unstable();
            let mut expected = expected.to_vec();
            expected.sort_unstable();
            assert_eq!(offered, expected, "{name} {words:?}");
        }
    }
}
