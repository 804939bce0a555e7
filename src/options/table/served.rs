//! The options of commands that can read secrets and parameters through a running `serve`.

use super::{Heading, OptionSpec, ValueType};
use roles_anywhere_client::text::disclosure::Sensitivity;

/// Those of a command that can.
pub static SERVED: &[&OptionSpec] = &[&SECRETS_URL, &SECRETS_TOKEN_FILE];

/// Where `serve` listens. It has no variable: one would change where another command line reads.
pub static SECRETS_URL: OptionSpec = OptionSpec::new("--secrets-url", "URL", ValueType::Url)
    .without_variable()
    .sensitivity(Sensitivity::Sensitive)
    .refuse_empty(SECRETS_URL_EXPECTED)
    .under(Heading::Secret)
    .help("Read through a running `serve`")
    .details(
        "Read secrets and parameters through a `serve --secrets` on this machine, which needs no certificate \
         and no role here: `http://127.0.0.1:2773`.",
    );

/// What `--secrets-url` takes.
pub const SECRETS_URL_EXPECTED: &str =
    "the URL of a `serve` on this machine, such as `http://127.0.0.1:2773`";

/// The file of the token of `serve`. The option of `serve` with this name says where it writes one.
pub static SECRETS_TOKEN_FILE: OptionSpec =
    OptionSpec::new("--secrets-token-file", "FILE", ValueType::File)
        .without_variable()
        .refuse_empty("the path of a file")
        .described_default("the token in `AWS_TOKEN`, or in the file that it names by `file://`")
        .if_missing(
            "pass the file with the token of `serve`, or set `AWS_TOKEN` to what `serve --print-env` prints",
        )
        .under(Heading::Secret)
        .help("File with the token for `--secrets-url`")
        .details("File with the token for `--secrets-url`, which is read for each request.");
