//! Variables that look like ours and are not: named beside an error, in a log and under `--debug`.

use crate::daemon::{Daemon, DaemonFixture};
use crate::environment::TestEnvironment;

const MISSPELLED: (&str, &str) = ("ROLES_ANYWHERE_ROLE_ANR", "a-value-of-mine");
const HINT: &str = "hint: `ROLES_ANYWHERE_ROLE_ANR` is set, but no option has that variable: did you mean `ROLES_ANYWHERE_ROLE_ARN`?";

#[test]
fn misspelled_variable_is_named_beside_an_error() {
    let (name, value) = MISSPELLED;
    let env = TestEnvironment::offline()
        .var(name, value)
        .var("ROLES_ANYWHERE_SERVICE_HOST", "10.96.0.7")
        .var("ROLES_ANYWHERE_UNKNOWN", value)
        .without("ROLES_ANYWHERE_ROLE_ARN");
    for line in ["credential-process", "credential-process --foo", "sign-string --digest MD5"] {
        let output = env.program().run(&line.split(' ').collect::<Vec<_>>());
        assert_eq!(output.code, 2, "{output}");
        let hints = output.stderr.matches("did you mean").count();
        assert!(output.stderr.contains(HINT) && hints == 1, "{output}");
        assert!(!output.stderr.contains(value), "{output}");
    }
}

#[test]
fn misspelled_variable_is_not_named_on_success() {
    let env = TestEnvironment::new().var(MISSPELLED.0, MISSPELLED.1);
    let output = env.program().run(&["credential-process"]);
    assert_eq!((output.code, &*output.stderr), (0, ""), "{output}");
    let output = env.program().run(&["credential-process", "--debug"]);
    let line = "unknown variable: ROLES_ANYWHERE_ROLE_ANR; did you mean ROLES_ANYWHERE_ROLE_ARN?";
    assert!(output.stderr.contains(line) && output.code == 0, "{output}");
    assert!(!output.stderr.contains(MISSPELLED.1), "{output}");
}

#[test]
fn unknown_variables_are_in_the_log() {
    let fixture = DaemonFixture::new();
    let program = fixture
        .tool()
        .set(MISSPELLED.0, MISSPELLED.1)
        .set("ROLES_ANYWHERE_UNKNOWN", "1")
        // Of the tests.
        .set("ROLES_ANYWHERE_TOOL", "1");
    let daemon = Daemon::start(&program, &["update"]);
    daemon.wait_for("session_received");
    let event = daemon.wait_for("unknown_variable");
    assert_eq!(event["name"], MISSPELLED.0);
    assert_eq!(event["nearest"], "ROLES_ANYWHERE_ROLE_ARN");
    let event = daemon.wait_for_nth("unknown_variable", 2);
    assert_eq!(event["name"], "ROLES_ANYWHERE_UNKNOWN");
    assert!(event.get("nearest").is_none());
    assert_eq!(daemon.count("unknown_variable"), 2);
    assert_eq!(daemon.stop(), Some(0));
}
