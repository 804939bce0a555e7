//! The script for bash: that of `clap_complete`, with what it lacks.

use clap::Command;
use clap_complete::Shell;

/// The line of the script behind which its words are known.
const PREVIOUS_WORD: &str = "    prev=\"$3\"\n";

/// Returns the script for a program of that name. Behind the options of `only_joined`, a value must
/// follow `=`.
pub(super) fn script(command: &mut Command, name: &str, only_joined: &[&str]) -> String {
    // With a hyphen in its name, the script finds no command: github.com/clap-rs/clap/issues/6421.
    let identifier = name.replace(['-', '.'], "_");
    let mut script = Vec::new();
    clap_complete::generate(Shell::Bash, command, &*identifier, &mut script);
    let script = String::from_utf8_lossy(&script);
    // Readline splits `--option=value` at `=`.
    let split = format!(
        r#"{PREVIOUS_WORD}    if [[ "${{cur}}" == "=" ]]; then
        cur=""
        prev="${{COMP_WORDS[COMP_CWORD-1]}}"
    elif [[ "${{prev}}" == "=" ]]; then
        prev="${{COMP_WORDS[COMP_CWORD-2]}}"
    elif [[ " {} " == *" ${{prev}} "* ]]; then
        prev=""
    fi
"#,
        only_joined.join(" ")
    );
    // Names of files are offered where files are meant only.
    let script = script.replacen(PREVIOUS_WORD, &split, 1);
    script.replace(&format!(" -o bashdefault -o default {identifier}\n"), &format!(" {name}\n"))
}
