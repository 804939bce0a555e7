//! The texts of the help that are of no option, and how they are laid out.

use clap::builder::Styles;
use clap::builder::styling::AnsiColor;

/// The colours of the help, which are those of cargo.
pub(super) const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

pub(super) const ABOUT: &str =
    "Trade an X.509 certificate for temporary AWS credentials (IAM Roles Anywhere)";

pub(super) const FIRST_EXAMPLE: &str = "\
roles-anywhere credential-process \\
    --certificate /etc/pki/host.pem --private-key /etc/pki/host.key \\
    --trust-anchor-arn arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/a1b2c3d4-5678-90ab-cdef-111111111111 \\
    --profile-arn arn:aws:rolesanywhere:eu-central-1:123456789012:profile/a1b2c3d4-5678-90ab-cdef-222222222222 \\
    --role-arn arn:aws:iam::123456789012:role/Workload";

pub(super) const MORE: &str = "\
`help COMMAND` prints the help of a command.
Documentation: README.md and docs/ in the source repository";

/// What can be set in the environment.
pub const ENVIRONMENT: &str = "\
Most options can also be set by environment variables, which --help of a
command names: --role-arn by ROLES_ANYWHERE_ROLE_ARN. An option on the
command line takes precedence. An empty variable counts as not set.";

/// The exit codes.
pub const EXIT_CODES: &str = "  0  success
  1  render --check: a file would change
  2  usage: an option, an environment variable, or their combination
  3  identity: certificate or key missing, not valid, locked or expired
  4  refused by AWS, or a secret or parameter without the expected value
  5  unreachable: network, TLS, proxy, timeout, throttling, server errors
  6  local input or output: files, sockets, standard streams
 10  secret rotate: it did not start, as another rotation or two keys exist
 11  secret rotate: the new value could not be made or stored
 12  secret rotate: --set failed
 13  secret rotate: the new value does not work
 14  secret rotate: AWSCURRENT was not moved
 15  secret rotate: an old access key could not be deactivated or deleted
 16  secret rotate: --abort failed
 17  secret rotate: another run rotates the secret
 70  internal: a bug in this program
 75  exec: --on-rotate exit has ended the program
126  exec: the program cannot be executed
127  exec: the program does not exist
`exec` ends with the exit code of the program if that was started.";

/// Returns the section of examples, empty for none.
pub(super) fn examples(lines: &str) -> String {
    match lines {
        "" => String::new(),
        lines => section("Examples", lines),
    }
}

/// Returns where more is said, empty for nowhere. There is no site whose address could be given.
pub fn docs(files: &[&str]) -> String {
    match files {
        [] => String::new(),
        files => {
            let files: Vec<_> = files.iter().map(|file| format!("docs/{file}")).collect();
            format!("Documentation: {} in the source repository", files.join(", "))
        }
    }
}

/// Returns a section under a heading: indented lines, which clap keeps as they are.
pub(super) fn section(heading: &str, text: &str) -> String {
    let style = STYLES.get_header();
    let lines = text.lines().map(|line| format!("  {line}").replace(' ', NO_BREAK));
    let lines: Vec<_> = lines.collect();
    format!("{style}{heading}:{style:#}\n{}", lines.join("\n"))
}

/// Clap breaks lines at spaces only, so a line with this in their place is not broken.
const NO_BREAK: &str = "\u{a0}";

/// Returns a rendered page with spaces again in the lines that were kept together, and without those
/// that clap indents empty lines by.
pub(super) fn finished(page: &str) -> String {
    page.lines().map(|line| format!("{}\n", line.trim_end().replace(NO_BREAK, " "))).collect()
}
