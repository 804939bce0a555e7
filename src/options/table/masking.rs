//! The options of commands that mask secrets.
#![expect(missing_docs, reason = "the help of a row says what it is")]

use super::{Heading, OptionSpec};

pub static MASK: OptionSpec = OptionSpec::switch("--mask")
    .without_variable()
    .under(Heading::Program)
    .help("Mask secrets in what the program prints")
    .details(
        "Replace the secrets and parameters that the program gets by `***NAME***` in what it writes to \
         standard output and standard error, also in base64, URLs and JSON. `exec` stays the parent of the \
         program then. On a terminal the program gets a terminal of its own.",
    );

pub static MASK_SHORT: OptionSpec = OptionSpec::switch("--mask-short")
    .without_variable()
    .under(Heading::Output)
    .help("Mask values of fewer than 8 characters too")
    .details("Mask values of fewer than 8 characters too, which may be in any text by chance.");
