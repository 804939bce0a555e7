//! What options take: values that are accepted, and those that people give by mistake.

use Kind::*;

/// What an option takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Switch,
    Certificate,
    PrivateKey,
    Intermediates,
    PasswordFile,
    VariableName,
    Descriptor,
    Password,
    TrustAnchor,
    Profile,
    Role,
    SessionName,
    Duration,
    Region,
    Url,
    CaBundle,
    Proxy,
    Seconds,
    Directory,
    ProfileName,
    NewFile,
    LogFormat,
    Port,
    Listen,
    AllowRemote,
    Host,
    Hops,
    Text,
    SecretFormat,
    TableFormat,
    Version,
    ExportFormat,
    TemplateSyntax,
    FileMode,
    Owner,
    SignatureFormat,
    Digest,
    CertificateFormat,
    Format,
    ErrorFormat,
}

const ANCHOR: &str = "arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/11111111-2222-4333-8444-555555555555";
const PROFILE: &str =
    "arn:aws:rolesanywhere:us-east-1:123456789012:profile/66666666-7777-4888-8999-000000000000";
const ROLE: &str = "arn:aws:iam::123456789012:role/Workload";

impl Kind {
    /// Returns values that are accepted.
    pub(super) fn usual(self) -> &'static [&'static str] {
        self.values(USUAL)
    }

    /// Returns values that people give by mistake.
    pub(super) fn mistaken(self) -> &'static [&'static str] {
        self.values(MISTAKEN)
    }

    fn values(self, table: &'static [(Self, &'static [&'static str])]) -> &'static [&'static str] {
        table.iter().find(|(kind, _)| *kind == self).unwrap().1
    }
}

/// Values that are accepted; an identity that opens is in none of them.
const USUAL: &[(Kind, &[&str])] = &[
    (Switch, &["true", "false", "1", "0", "t", "F", "TRUE", "False"]),
    (
        Certificate,
        &["missing.pem", "missing.pem", "pki/p521.pem", "./none/cert.pem", "env:CERTIFICATE"],
    ),
    (PrivateKey, &["missing.key", "pki/rsa2048.key.pem", "pki/p384.key.pem", "env:KEY"]),
    (Intermediates, &["pki/intermediate.pem", "missing-ca.pem", "pki/chain.p7b"]),
    (PasswordFile, &["pki/wrong-password", "missing-password"]),
    (VariableName, &["KEY_PASSWORD", "UNSET_VARIABLE"]),
    (Descriptor, &["999", "0"]),
    (Password, &["letmein-42", "swordfish swordfish"]),
    (TrustAnchor, &[ANCHOR]),
    (Profile, &[PROFILE]),
    (Role, &[ROLE, "arn:aws:iam::123456789012:role/path/to/Role"]),
    (SessionName, &["plant-7", "me@host"]),
    (Duration, &["900", "3600", "43200", "profile"]),
    (Region, &["us-east-1", "fips-us-east-1"]),
    (
        Url,
        &[
            "https://ra.example",
            "https://[2001:db8::1]:8443",
            "http://localhost:1",
            "https://ra.example/",
        ],
    ),
    (CaBundle, &["pki/tls-ca.pem", "missing-ca.pem"]),
    (Proxy, &["none", "http://proxy.example:3128", "socks5://proxy.example:1080", "socks5h://p:1"]),
    (Seconds, &["1", "20", "600"]),
    (Directory, &["cache", "./none/cache", "/proc/none/cache"]),
    (ProfileName, &["plant", "default", "team/a"]),
    (NewFile, &["new-file", "./none/file", "-"]),
    (LogFormat, &["text", "json"]),
    (Port, &["0", "9911", "65535"]),
    (
        Listen,
        &["203.0.113.7:9911", "[2001:db8::7]:9911", "127.0.0.1:0", "[::1]:9911", "0.0.0.0:80"],
    ),
    (AllowRemote, &["container", "imds", "true", "false", "0"]),
    (Host, &["serve", "10.96.0.7:9911", "serve.example"]),
    (Hops, &["1", "64", "255"]),
    (Text, &["password", "AWSCURRENT", "x"]),
    (SecretFormat, &["text", "json"]),
    (TableFormat, &["table", "json"]),
    (Version, &["1", "3"]),
    (ExportFormat, &["sh", "fish", "powershell", "cmd", "dotenv", "docker", "systemd", "json"]),
    (TemplateSyntax, &["cloudformation", "jinja"]),
    (FileMode, &["0400", "440", "0600"]),
    (Owner, &["root", "0:0", "nobody"]),
    (SignatureFormat, &["json", "text", "bin"]),
    (Digest, &["SHA256", "SHA384", "SHA512", "sha256"]),
    (CertificateFormat, &["json", "text", "full"]),
    (Format, &["json", "text"]),
    (ErrorFormat, &["json", "json", "text"]),
];

/// Values that people give by mistake.
const MISTAKEN: &[(Kind, &[&str])] = &[
    (Switch, &["yes", "on", "2", "TrUe", "", "true ", "letmein-42"]),
    (
        Certificate,
        &[
            "pki",
            "pki/empty.pem",
            "pki/garbage.pem",
            "pki/rsa2048.key.pem",
            "-",
            "fd:999",
            "env:UNSET_VARIABLE",
            "env:",
            "pkcs11:token=a;pin-value=1234",
            "handle:0x81000001",
            "pki/encrypted.p12",
            "fd:x",
        ],
    ),
    (
        PrivateKey,
        &[
            "pki",
            "pki/p521.pem",
            "pki/open.key.pem",
            "pki/encrypted.key.pem",
            "-",
            "fd:999",
            "env:UNSET_VARIABLE",
            "env:CERTIFICATE",
            "pkcs11:object=key",
            "handle:1",
            "pki/encrypted-costly.key.pem",
        ],
    ),
    (Intermediates, &["pki/garbage.pem", "pki", "env:", "pki/rsa2048.key.pem", "pkcs11:x"]),
    (PasswordFile, &["pki", "letmein-42", "~/password", "env:KEY_PASSWORD"]),
    (VariableName, &["$KEY_PASSWORD", "letmein-42", "A=B", "env:KEY_PASSWORD"]),
    (Descriptor, &["-1", "three", "fd:999", "99999999999", "letmein-42"]),
    (Password, &["env:KEY_PASSWORD", "-", "pki/wrong-password", "--debug"]),
    (
        TrustAnchor,
        &[
            PROFILE,
            ROLE,
            "trust-anchor/1",
            "arn:aws:rolesanywhere:eu-west-1:123456789012:trust-anchor/a-b",
            "arn:aws-cn:rolesanywhere:cn-north-1:123456789012:trust-anchor/a-b",
            "arn:aws:rolesanywhere::123456789012:trust-anchor/a",
            "arn:aws:rolesanywhere:us-east-1:12345:trust-anchor/a",
            "arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor",
        ],
    ),
    (
        Profile,
        &[
            ANCHOR,
            ROLE,
            "plant",
            "arn:aws:rolesanywhere:eu-west-1:123456789012:profile/a-b",
            "arn:azure:rolesanywhere:us-east-1:123456789012:profile/a",
        ],
    ),
    (
        Role,
        &[
            ANCHOR,
            PROFILE,
            "Workload",
            "arn:aws:iam::123456789012:user/U",
            "arn:aws-us-gov:iam::123456789012:role/R",
            "arn:aws:iam::1234:role/R",
            "arn:aws:sts::123456789012:assumed-role/R/s",
            "arn:",
        ],
    ),
    (
        SessionName,
        &[
            "a",
            "with blank",
            "näme",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ],
    ),
    (Duration, &["899", "43201", "1h", "-1", "3600.0", "Profile", "99999999999999999999"]),
    (Region, &["eu-west-1", "Frankfurt", "us_east_1", "us-east-1a", "aws-global"]),
    (
        Url,
        &[
            "http://ra.example",
            "ra.example",
            "https://",
            "https://u:letmein-42@ra.example",
            "ftp://ra.example",
            "https://ra.example/path",
            "https://ra.example?q=1",
            "https://ra example",
        ],
    ),
    (CaBundle, &["pki", "~/ca.pem", "pki/rsa2048.key.pem"]),
    (
        Proxy,
        &[
            "None",
            "proxy.example",
            "http://me:letmein-42@proxy.example:3128",
            "ftp://p",
            "http://",
            "socks4://p:1",
        ],
    ),
    (Seconds, &["0", "601", "1.5", "20s", "-5", "forever"]),
    (Directory, &["~/cache", "$XDG_RUNTIME_DIR/x", "${HOME}", "pki/garbage.pem", ".", "cache/"]),
    (ProfileName, &["[plant]", "a b", "a]b", "\u{1f600}", "profile plant"]),
    (NewFile, &["~/file", "$HOME/file", "dir/", "pki", "letmein-42", "none/."]),
    (LogFormat, &["JSON", "xml", "plain", "letmein-42"]),
    (Port, &["65536", "-1", "http", "9911/tcp", "127.0.0.1:9911", ""]),
    (Listen, &["9911", "localhost:9911", "203.0.113.7", "::1:9911", "[::1]", "127.0.0.1:99999"]),
    (AllowRemote, &["all", "Container", "yes", "", "letmein-42"]),
    (Host, &["http://serve", "a/b", "serve:http", "*", "a b"]),
    (Hops, &["0", "256", "-1", "one"]),
    (Text, &["a b", "näme", "{}", "letmein-42"]),
    (TableFormat, &["text", "TABLE", ""]),
    (Version, &["0", "-1", "latest", ""]),
    (SecretFormat, &["yaml", "Text", "bin"]),
    (ExportFormat, &["bash", "github", "env", "JSON", "text"]),
    (TemplateSyntax, &["jinja2", "aws", "Jinja"]),
    (FileMode, &["u=r", "4755", "9", "0x400"]),
    (Owner, &["a b", ":group", "-1"]),
    (SignatureFormat, &["hex", "JSON", "base64"]),
    (Digest, &["SHA1", "MD5", "SHA-256", "none"]),
    (CertificateFormat, &["yaml", "Text", "pem"]),
    (Format, &["yaml", "JSON", "bin", ""]),
    (ErrorFormat, &["xml", "JSON", "plain", "", "letmein-42"]),
];
