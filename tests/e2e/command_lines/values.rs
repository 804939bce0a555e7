//! Values that do not belong to one kind of option.

/// A secret of this shape is in no output.
pub(super) const KEY: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgevZzL1gdAFr88hb2";

/// Values that any option may be given by mistake or by malice.
pub(super) const STRANGE: &[&[u8]] = &[
    b"",
    b" ",
    b"-",
    b"--",
    b"-1",
    b"--debug",
    b"--certificate=x",
    b"-x",
    b"true",
    b"letmein-42",
    b"correct horse",
    b"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    b"/etc/hostname.none",
    b"./-",
    b"~",
    b"${UNSET}",
    b"a\nb",
    b"a\x1b[31mb",
    b"\xff\xfe",
    b"caf\xe9",
    "\u{202e}tac".as_bytes(),
    "\u{e0ff}".as_bytes(),
    "\u{65e5}\u{672c}".as_bytes(),
    b"a=b",
    b"'quoted'",
    b"env:CERTIFICATE",
    KEY.as_bytes(),
    b"-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgevZzL1gdAFr88hb2\n-----END PRIVATE KEY-----\n",
    b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
    b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
];

/// Keys and certificates that open, for the commands that reach no network.
pub(super) const KEYS: &[&str] = &[
    "pki/rsa2048.key.pem",
    "pki/rsa2048.pkcs1.pem",
    "pki/rsa2048.pkcs1.der",
    "pki/p256.key.pem",
    "pki/p384.key.pem",
    "pki/encrypted.key.pem",
    "pki/encrypted.p12",
    "pki/open.key.pem",
    "env:KEY",
];
pub(super) const CERTIFICATES: &[&str] = &[
    "pki/p521.pem",
    "pki/rsa2048.chain.pem",
    "pki/p256.der",
    "pki/combined.pem",
    "pki/no-key-usage.pem",
    "pki/no-subject.pem",
    "pki/ca.pem",
    "pki/sha1.pem",
    "pki/v1.pem",
    "pki/encrypted.p12",
    "pki/chain.p7b",
    "env:CERTIFICATE",
];
pub(super) const PASSWORDS: &[&str] = &["hunter2", "letmein-42"];

pub(super) const SECRETS: &[&str] = &[
    "prod/db",
    "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/db-AbCdEf",
    "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-AbCdEf",
    "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:a-AbCdEf",
    "arn:aws:iam::123456789012:role/R",
    "arn:aws",
    "",
    "a b",
];

pub(super) const SHELLS: &[&str] =
    &["bash", "zsh", "fish", "elvish", "powershell", "basch", "", "Bash"];

/// Flags of other programs, and of the official helper's commands that have others here.
pub(super) const UNKNOWN: &[&str] = &[
    "verbose",
    "config",
    "ttl",
    "version",
    "output-file",
    "aws-region",
    "cert",
    "key-file",
    "profile-name",
    "role",
    "trust-anchor",
    "password",
    "serial",
    "foo",
    "1",
    "",
];

/// Variables that are not those of an option, with values that a system may have.
pub(super) const VARIABLES: &[(&str, &[&str])] = &[
    ("AWS_CA_BUNDLE", &["missing-ca.pem", "pki/tls-ca.pem", ""]),
    ("SSL_CERT_FILE", &["/etc/ssl/cert.pem", ""]),
    (
        "HTTPS_PROXY",
        &[
            "http://proxy.example:3128",
            "http://me:letmein-42@proxy.example:3128",
            "proxy",
            "socks5://p:1080",
            "ftp://p",
            "",
        ],
    ),
    ("https_proxy", &["http://lower.example:3128", "http://", ""]),
    (
        "ALL_PROXY",
        &["socks://all.example:1080", "http://all.example:8080", "SOCKS5://all.example:1"],
    ),
    ("HTTP_PROXY", &["http://plain.example:3128"]),
    ("NO_PROXY", &["*", ".amazonaws.com", "localhost,127.0.0.1", ""]),
    ("no_proxy", &["amazonaws.com", "10.0.0.0/8"]),
    (
        "AWS_ENDPOINT_URL",
        &[
            "https://aws.example",
            "http://aws.example",
            "aws.example",
            "https://aws.example/path",
            "",
        ],
    ),
    ("AWS_ENDPOINT_URL_ROLESANYWHERE", &["https://ra.example:8443", "http://127.0.0.1:1", ""]),
    ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &["https://sm.example", "sm"]),
    ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", &["true", "TRUE", "false", "1"]),
    ("AWS_USE_FIPS_ENDPOINT", &["true", "false", "yes", ""]),
    ("AWS_USE_DUALSTACK_ENDPOINT", &["true", "0", "maybe"]),
    ("AWS_REGION", &["eu-west-1", "Frankfurt"]),
    ("AWS_DEFAULT_REGION", &["eu-west-1"]),
    ("AWS_PROFILE", &["plant", "default", "", "a b"]),
    ("AWS_SHARED_CREDENTIALS_FILE", &["credentials", "~/credentials", "$HOME/c", "dir/", ""]),
    ("AWS_ACCESS_KEY_ID", &["AKIAIOSFODNN7EXAMPLE"]),
    ("HOME", &["/proc/none", "home", "~", ""]),
    ("XDG_RUNTIME_DIR", &["/proc/none", "relative", ""]),
    ("RUNTIME_DIRECTORY", &["/proc/none/a:/proc/none/b", "relative", ""]),
    ("CREDENTIALS_DIRECTORY", &["pki/credentials", "/proc/none", ""]),
    ("ROLES_ANYWHERE_SERVICE_HOST", &["10.96.0.7"]),
    ("ROLES_ANYWHERE_PORT_9911_TCP", &["tcp://10.96.0.7:9911"]),
    ("ROLES_ANYWHERE_PORT", &["tcp://10.96.0.7:9911"]),
    ("ROLES_ANYWHERE_UNKNOWN", &["1"]),
    ("ROLES_ANYWHERE", &["1"]),
];
