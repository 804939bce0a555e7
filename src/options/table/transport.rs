//! The options of the network: trust, proxy, timeouts, kinds of endpoints.
#![expect(missing_docs, reason = "the help of a row says what it is")]

use super::{Heading, OptionSpec, ValueType};
use roles_anywhere_client::text::disclosure::Sensitivity;

/// The options of the network, and `--debug`, which shows what is sent.
pub static TRANSPORT: &[&OptionSpec] =
    &[&PROXY, &CA_BUNDLE, &TIMEOUT, &FIPS, &DUAL_STACK, &WITH_PROXY, &NO_VERIFY_SSL, &DEBUG];

/// The options of the network alone.
pub static NETWORK: &[&OptionSpec] =
    &[&PROXY, &CA_BUNDLE, &TIMEOUT, &FIPS, &DUAL_STACK, &WITH_PROXY, &NO_VERIFY_SSL];

pub static PROXY: OptionSpec = OptionSpec::new("--proxy", "URL", ValueType::Url)
    .sensitivity(Sensitivity::Sensitive)
    .described_default("the proxy of HTTPS_PROXY or ALL_PROXY, except for hosts in NO_PROXY")
    .under(Heading::Network)
    .help("HTTP or SOCKS5 proxy, or `none`")
    .details(
        "Proxy for calls to AWS: `http://HOST:PORT`, `socks5://HOST:PORT` (host names are resolved \
         here), `socks5h://HOST:PORT` (by the proxy), or `none`.",
    );

pub static CA_BUNDLE: OptionSpec = OptionSpec::new("--ca-bundle", "FILE", ValueType::File)
    .also(&["AWS_CA_BUNDLE", "SSL_CERT_FILE"])
    .described_default("the CA certificates of the system")
    .aliases(&["cacert"])
    .under(Heading::Network)
    .help("CA certificates for TLS, in PEM")
    .details("PEM file with the CA certificates to trust for TLS, instead of those of the system.");

pub static TIMEOUT: OptionSpec = OptionSpec::new("--timeout", "SECONDS", ValueType::Text)
    .default_value("20")
    .under(Heading::Network)
    .help("Time limit for all calls to AWS")
    .details("Time limit in seconds for all calls to AWS, with their retries: 1 to 600.");

pub static FIPS: OptionSpec = OptionSpec::switch("--fips")
    .also(&["AWS_USE_FIPS_ENDPOINT"])
    .under(Heading::Network)
    .help("Use FIPS endpoints");

pub static DUAL_STACK: OptionSpec = OptionSpec::switch("--dual-stack")
    .also(&["AWS_USE_DUALSTACK_ENDPOINT"])
    .under(Heading::Network)
    .help("Use dual-stack endpoints (IPv4 and IPv6)");

pub static WITH_PROXY: OptionSpec = OptionSpec::switch("--with-proxy")
    .under(Heading::Network)
    .help("Use the proxy of the environment (the default)")
    .details(
        "Use the proxy that the environment names, as without this option. `--with-proxy=false` \
         ignores it.",
    );

pub static NO_VERIFY_SSL: OptionSpec = OptionSpec::switch("--no-verify-ssl")
    .under(Heading::Network)
    .help("Do not verify TLS certificates (for testing only)")
    .details(
        "Do not verify TLS certificates. For testing only: anyone on the network path can then \
         read the credentials.",
    );

pub static DEBUG: OptionSpec = OptionSpec::switch("--debug")
    .short('v')
    .under(Heading::Output)
    .help("Print each step to standard error")
    .details(
        "Print to standard error what is read, signed, sent and received, with timings. Secrets \
         are not printed.",
    );

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
