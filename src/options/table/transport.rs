//! The options of the network: trust, proxy, timeouts, kinds of endpoints.
#![expect(missing_docs, reason = "the help of a row says what it is")]

use super::{OptionSpec, ValueType};
use roles_anywhere_client::text::disclosure::Sensitivity;

/// The options of the network.
pub static TRANSPORT: &[&OptionSpec] =
    &[&NO_VERIFY_SSL, &WITH_PROXY, &DEBUG, &CA_BUNDLE, &PROXY, &TIMEOUT, &FIPS, &DUAL_STACK];

pub static NO_VERIFY_SSL: OptionSpec =
    OptionSpec::switch("--no-verify-ssl").help("Believe any TLS certificate: for tests alone");

pub static WITH_PROXY: OptionSpec = OptionSpec::switch("--with-proxy")
    .help("Use the proxy of the environment; that is so without this flag too");

pub static DEBUG: OptionSpec = OptionSpec::switch("--debug")
    .help("Show on stderr what is signed, sent and answered; never a secret");

pub static CA_BUNDLE: OptionSpec = OptionSpec::new("--ca-bundle", "FILE", ValueType::File)
    .also(&["AWS_CA_BUNDLE", "SSL_CERT_FILE"])
    .help("CA certificates to believe instead of the system's, PEM");

pub static PROXY: OptionSpec = OptionSpec::new("--proxy", "URL", ValueType::Url)
    .sensitivity(Sensitivity::Sensitive)
    .described_default("HTTPS_PROXY, NO_PROXY")
    .help("An HTTP or SOCKS5 proxy, or `none`");

pub static TIMEOUT: OptionSpec = OptionSpec::new("--timeout", "SECONDS", ValueType::Text)
    .default_value("20")
    .help("How long the whole may take, in seconds, 1 to 600");

pub static FIPS: OptionSpec =
    OptionSpec::switch("--fips").also(&["AWS_USE_FIPS_ENDPOINT"]).help("Use FIPS endpoints");

pub static DUAL_STACK: OptionSpec = OptionSpec::switch("--dual-stack")
    .also(&["AWS_USE_DUALSTACK_ENDPOINT"])
    .help("Use endpoints of IPv4 and IPv6");

/// The proxy of other programs, for HTTPS.
pub static HTTPS_PROXY: OptionSpec =
    OptionSpec::of_variables(&["HTTPS_PROXY", "https_proxy"], ValueType::Url)
        .sensitivity(Sensitivity::Sensitive);

/// The proxy of other programs, for any protocol.
pub static ALL_PROXY: OptionSpec =
    OptionSpec::of_variables(&["ALL_PROXY", "all_proxy"], ValueType::Url)
        .sensitivity(Sensitivity::Sensitive);

/// The hosts that other programs use no proxy for.
pub static NO_PROXY: OptionSpec =
    OptionSpec::of_variables(&["NO_PROXY", "no_proxy"], ValueType::Text);
