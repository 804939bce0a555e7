//! Where things are: URLs of endpoints and proxies, `NO_PROXY`, sources, and dates in headers.
//!
//! Three lines: a URL, a proxy, the exceptions of the proxy.

#![no_main]

use libfuzzer_sys::fuzz_target;
use roles_anywhere::options::table::Origin;
use roles_anywhere::options::table::session::ENDPOINT;
use roles_anywhere::options::table::transport::PROXY;
use roles_anywhere::output::usage::UsageError;
use roles_anywhere_client::credentials::RoleSessionName;
use roles_anywhere_client::http::Endpoint;
use roles_anywhere_client::http::proxy::{Proxy, host_and_port, is_exempt};
use roles_anywhere_client::input_source::InputSource;
use roles_anywhere_client::time::Timestamp;
use roles_anywhere_fuzz::{check_error, check_line};

fuzz_target!(|text: &str| {
    let mut lines = text.splitn(3, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let (place, proxy, exceptions) = (line(), line(), line());
    match Endpoint::parse(place) {
        Ok(endpoint) => {
            check_line(&endpoint.to_string());
            assert_eq!(Endpoint::parse(&endpoint.to_string()), Ok(endpoint.clone()));
            assert!(endpoint.to_string().ends_with(&endpoint.authority()));
            assert_ne!(endpoint.host(), "");
            let url = endpoint.url("/sessions", "a=b");
            assert_eq!((url.path(), url.query()), ("/sessions", Some("a=b")));
            let _ = is_exempt(exceptions, &url);
            if let Ok(proxy) = Proxy::parse(proxy, "--proxy", exceptions) {
                assert!(!endpoint.is_loopback() || !proxy.serves(&endpoint));
                check_line(&proxy.to_string());
            }
        }
        Err(source) => {
            check_error(UsageError::Endpoint { origin: Origin::Flag(&ENDPOINT), source });
        }
    }
    if let Err(source) = Proxy::parse(proxy, "--proxy", exceptions) {
        check_error(UsageError::Proxy { origin: Origin::Flag(&PROXY), source });
    }
    if let Ok(url) = url::Url::parse(place) {
        let _ = (is_exempt(exceptions, &url), host_and_port(&url));
    }
    let _ = (InputSource::parse(place).name(false).to_string(), RoleSessionName::parse(place));
    for moment in [Timestamp::from_rfc3339(place), Timestamp::from_http_date(place)] {
        if let Some(moment) = moment {
            // Once read, it is written and read again as it was.
            assert_eq!(Timestamp::from_rfc3339(&moment.to_string()), Some(moment));
            let _ = (moment.date(), moment.amz_date(), moment.system_time());
        }
    }
});
