//! `export` warns if standard output is a terminal.

use crate::environment::TestEnvironment;
use crate::terminal::open_terminal;

/// With standard output on the terminal.
const STDOUT: &[&str] = &["sh", "-c", r#"exec "$@" >&0 </dev/null"#, "sh"];

#[test]
fn export_warns_that_a_terminal_shows_secrets() {
    let (_terminal, theirs) = open_terminal();
    let env = TestEnvironment::new();
    let tool = env.program().clone().stdin_open(&theirs).launched_by(STDOUT);
    let warning = |format: &str| {
        let output = tool.run(&["export", "--format", format]);
        assert_eq!((output.code, output.stdout.len()), (0, 0), "{output}");
        output.stderr
    };
    let use_of = |words: &str| format!("warning: the terminal shows secrets: {words}\n");
    assert_eq!(warning("sh"), use_of("use `eval \"$(roles-anywhere export …)\"`"));
    assert_eq!(warning("fish"), use_of("use `roles-anywhere export … | source`"));
    assert_eq!(warning("docker"), use_of("redirect standard output to a file"));
    assert_eq!(tool.run(&["export", "--unset"]).stderr, "");
}
