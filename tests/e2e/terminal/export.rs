//! `export` warns if standard output is a terminal.

use crate::environment::TestEnvironment;
use crate::terminal::open_terminal;

/// With standard output on the terminal.
const STDOUT: &[&str] = &["sh", "-c", r#"exec "$@" >&0 </dev/null"#, "sh"];

#[test]
fn export_warns_that_a_terminal_shows_secrets() {
    let (_terminal, theirs) = open_terminal();
    let env = TestEnvironment::new();
    let file = env.write("github-env", "");
    let tool = env.program().clone().stdin_open(&theirs).launched_by(STDOUT);
    let tool = tool.set("GITHUB_ENV", file);
    let warning = |format: &str| {
        let output = tool.run(&["export", "--format", format]);
        assert_eq!((output.code, output.stdout.len()), (0, 0), "{output}");
        output.stderr
    };
    let use_of = |words: &str| format!("warning: the terminal shows secrets: {words}\n");
    assert_eq!(warning("sh"), use_of("use `eval \"$(roles-anywhere export …)\"`"));
    assert_eq!(warning("fish"), use_of("use `roles-anywhere export … | source`"));
    let powershell = "use `roles-anywhere export … | Out-String | Invoke-Expression`";
    assert_eq!(warning("powershell"), use_of(powershell));
    for format in ["cmd", "dotenv", "docker", "systemd", "json"] {
        assert_eq!(warning(format), use_of("redirect standard output to a file"), "{format}");
    }
    assert_eq!(warning("github"), use_of("use this format in a step of GitHub Actions only"));
    assert_eq!(tool.run(&["export", "--unset"]).stderr, "");
}
