//! The environment variables of a program that is run with credentials: those of the caller, without other
//! credentials. Pure.

use std::ffi::{OsStr, OsString};
use std::fmt;

use crate::options::table::PREFIX;
use crate::options::table::program::EXEC_ROLE_VARIABLE;
use roles_anywhere_client::credentials::AccessKey;
use roles_anywhere_client::region::Region;
use roles_anywhere_client::secret::{Secret, SecretBytes};
use roles_anywhere_client::time::Timestamp;

/// The variables by which an SDK or another program finds other credentials. They are removed and not
/// emptied: botocore only checks whether some are set.
pub(super) const CREDENTIALS: &[&str] = &[
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    // botocore prefers it to AWS_SESSION_TOKEN.
    "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_SESSION_EXPIRATION",
    "AWS_ACCOUNT_ID",
    "AWS_PROFILE",
    // botocore prefers it to AWS_PROFILE.
    "AWS_DEFAULT_PROFILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    // The file of the old EC2 tools, and that of boto 2.
    "AWS_CREDENTIAL_FILE",
    "BOTO_CONFIG",
    // Other names of keys: Go and Java, then Ruby.
    "AWS_ACCESS_KEY",
    "AWS_SECRET_KEY",
    "AMAZON_ACCESS_KEY_ID",
    "AMAZON_SECRET_ACCESS_KEY",
    "AMAZON_SESSION_TOKEN",
    // Those of the old EC2 tools, which Ansible reads.
    "EC2_ACCESS_KEY",
    "EC2_SECRET_KEY",
    "EC2_SECURITY_TOKEN",
    // An API key of Amazon Bedrock, which SDKs prefer to credentials.
    "AWS_BEARER_TOKEN_BEDROCK",
];

/// The environment variables of a program, in order. The values may be secret, so `Debug` shows none.
#[derive(Clone)]
pub struct ProgramVariables(Vec<(OsString, OsString)>);

impl ProgramVariables {
    /// Returns the variables of the caller without credentials, and without ours.
    pub fn without_credentials(caller: Vec<(OsString, OsString)>) -> Self {
        let mut kept = Self::of_caller(caller);
        kept.0.retain(|(name, _)| !CREDENTIALS.iter().any(|it| name == *it));
        kept
    }

    /// Returns the variables of the caller without ours: its own credentials stay.
    pub fn of_caller(caller: Vec<(OsString, OsString)>) -> Self {
        let mut kept = caller;
        kept.retain(|(name, _)| !is_ours(name));
        Self(kept)
    }

    /// Returns a value; `None` if the variable is not set or empty.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        let found = self.0.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_os_str());
        found.filter(|value| !value.is_empty())
    }

    /// Sets a variable where it stands, or at the end. If the caller has it twice, the second one is
    /// removed: which of them counts depends on who reads it.
    pub fn set(&mut self, name: &str, value: impl Into<OsString>) {
        let value = value.into();
        match self.0.iter().position(|(it, _)| it == name) {
            Some(at) => {
                let rest = self.0.split_off(at + 1);
                self.0[at].1 = value;
                self.0.extend(rest.into_iter().filter(|(it, _)| it != name));
            }
            None => self.0.push((name.into(), value)),
        }
    }

    /// Removes a variable.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(it, _)| it != name);
    }

    /// Sets a variable as `other` has it, or removes it.
    pub fn put_back(&mut self, name: &str, other: &Self) {
        match other.0.iter().find(|(it, _)| it == name) {
            Some((_, value)) => self.set(name, value),
            None => self.remove(name),
        }
    }

    /// Sets the name of the role that the credentials are of.
    pub fn set_exec_role(&mut self, role: &str) {
        self.set(EXEC_ROLE_VARIABLE, role);
    }

    /// Sets both variables of the Region: the caller's if it has one, as not every SDK reads both.
    pub fn set_region(&mut self, own: &Region) {
        let [region, default] = ["AWS_REGION", "AWS_DEFAULT_REGION"];
        let given = |name| self.get(name).map(OsStr::to_owned);
        let (first, second) = (given(region), given(default));
        let own = || OsString::from(own.as_str());
        let other = first.clone().or_else(|| second.clone());
        self.set(region, first.or_else(|| other.clone()).unwrap_or_else(own));
        self.set(default, second.or(other).unwrap_or_else(own));
    }

    /// Sets an access key that is not renewed, and when it expires if that is known.
    pub fn set_access_key(&mut self, key: &AccessKey, expiration: Option<Timestamp>) {
        self.set("AWS_ACCESS_KEY_ID", &key.id);
        self.set("AWS_SECRET_ACCESS_KEY", key.secret.expose());
        if let Some(token) = &key.session_token {
            self.set("AWS_SESSION_TOKEN", token.expose());
        }
        if let Some(expiration) = expiration {
            self.set("AWS_CREDENTIAL_EXPIRATION", expiration.to_string());
        }
    }

    /// Sets the endpoint that gives credentials and renews them.
    pub fn set_endpoint(&mut self, url: &str, token: &Secret) {
        self.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", url);
        self.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", token.expose());
    }

    /// Returns the variables as the system takes them.
    pub fn into_vec(self) -> Vec<(OsString, OsString)> {
        self.0
    }
}

impl fmt::Debug for ProgramVariables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} variables>", self.0.len())
    }
}

fn is_ours(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(PREFIX.as_bytes())
}

/// Returns a value as the system takes it.
pub(super) fn os_string(value: &SecretBytes) -> OsString {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStringExt as _;
        OsString::from_vec(value.expose().to_vec())
    }
    #[cfg(not(unix))]
    String::from_utf8_lossy(value.expose()).into_owned().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(variables: &[(&str, &str)]) -> ProgramVariables {
        let owned = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        ProgramVariables::without_credentials(owned.collect())
    }

    fn shown(variables: ProgramVariables) -> Vec<String> {
        let lines = variables.into_vec().into_iter();
        lines.map(|(name, value)| format!("{}={}", name.display(), value.display())).collect()
    }

    #[test]
    fn other_variables_keep_their_order() {
        let mut variables = caller(&[
            ("Z", "1"),
            ("AWS_PROFILE", "plant"),
            ("A", ""),
            ("A", "twice"),
            ("AWS_SECURITY_TOKEN", ""),
            ("ROLES_ANYWHERE_PRIVATE_KEY_PASSWORD", "hunter2"),
            ("AWS_CA_BUNDLE", "/etc/ca.pem"),
            ("ROLES_ANYWHERE_EXEC", "outer"),
        ]);
        variables.set_exec_role("inner");
        variables.set("A", "2");
        assert_eq!(
            shown(variables),
            ["Z=1", "A=2", "AWS_CA_BUNDLE=/etc/ca.pem", "ROLES_ANYWHERE_EXEC=inner"]
        );
    }

    #[test]
    fn the_caller_keeps_its_credentials_if_the_program_gets_none() {
        let variables = [("AWS_PROFILE", "plant"), ("ROLES_ANYWHERE_CONFIG", "c"), ("A", "1")];
        let owned = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        let mut variables = ProgramVariables::of_caller(owned.collect());
        variables.remove("A");
        assert_eq!(shown(variables), ["AWS_PROFILE=plant"]);
    }

    #[test]
    fn every_source_of_credentials_is_removed() {
        const NAMES: [&str; 27] = [
            "AMAZON_ACCESS_KEY_ID",
            "AMAZON_SECRET_ACCESS_KEY",
            "AMAZON_SESSION_TOKEN",
            "AWS_ACCESS_KEY",
            "AWS_ACCESS_KEY_ID",
            "AWS_ACCOUNT_ID",
            "AWS_BEARER_TOKEN_BEDROCK",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "AWS_CREDENTIAL_EXPIRATION",
            "AWS_CREDENTIAL_FILE",
            "AWS_DEFAULT_PROFILE",
            "AWS_PROFILE",
            "AWS_ROLE_ARN",
            "AWS_ROLE_SESSION_NAME",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SECRET_KEY",
            "AWS_SECURITY_TOKEN",
            "AWS_SESSION_EXPIRATION",
            "AWS_SESSION_TOKEN",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            "BOTO_CONFIG",
            "EC2_ACCESS_KEY",
            "EC2_SECRET_KEY",
            "EC2_SECURITY_TOKEN",
        ];
        let docs = include_str!("../../../docs/exec.md");
        let (_, docs) = docs.split_once("- Variables that give or name other").unwrap();
        let (docs, _) = docs.split_once("## ").unwrap();
        for name in NAMES {
            assert_eq!(shown(caller(&[(name, "other")])), [""; 0], "{name}");
            assert!(docs.contains(&format!("`{name}`")), "{name}");
        }
        assert_eq!(CREDENTIALS.len(), NAMES.len(), "a name that is not in this test");
    }

    #[test]
    fn a_given_region_counts_for_both_variables() {
        let region = Region::parse("eu-central-1").unwrap();
        for (given, expected) in [
            (&[][..], ["eu-central-1", "eu-central-1"]),
            (&[("AWS_REGION", "us-east-1")], ["us-east-1", "us-east-1"]),
            (&[("AWS_DEFAULT_REGION", "us-east-1")], ["us-east-1", "us-east-1"]),
            (&[("AWS_REGION", ""), ("AWS_DEFAULT_REGION", "")], ["eu-central-1", "eu-central-1"]),
            (
                &[("AWS_REGION", "us-east-1"), ("AWS_DEFAULT_REGION", "us-west-2")],
                ["us-east-1", "us-west-2"],
            ),
        ] {
            let mut variables = caller(given);
            variables.set_region(&region);
            let found = ["AWS_REGION", "AWS_DEFAULT_REGION"].map(|name| variables.get(name));
            assert_eq!(found, expected.map(|value| Some(OsStr::new(value))), "{given:?}");
        }
    }

    #[test]
    fn credentials_are_set_in_either_form() {
        let key = AccessKey {
            id: "ASIA".to_owned(),
            secret: Secret::new("secret".to_owned()),
            session_token: Some(Secret::new("token".to_owned())),
        };
        let mut variables = caller(&[("AWS_ACCESS_KEY_ID", "AKIA")]);
        variables.set_access_key(&key, Some(Timestamp::from_unix(1_800_000_000)));
        assert_eq!(
            shown(variables),
            [
                "AWS_ACCESS_KEY_ID=ASIA",
                "AWS_SECRET_ACCESS_KEY=secret",
                "AWS_SESSION_TOKEN=token",
                "AWS_CREDENTIAL_EXPIRATION=2027-01-15T08:00:00Z",
            ]
        );
        let mut variables = caller(&[("AWS_SESSION_TOKEN", "other")]);
        variables.set_access_key(&AccessKey { session_token: None, ..key }, None);
        assert_eq!(shown(variables), ["AWS_ACCESS_KEY_ID=ASIA", "AWS_SECRET_ACCESS_KEY=secret"]);
        let mut variables = caller(&[]);
        variables.set_endpoint("http://127.0.0.1:1/credentials", &Secret::new("t".to_owned()));
        assert_eq!(
            shown(variables),
            [
                "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:1/credentials",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN=t",
            ]
        );
    }

    #[cfg(unix)]
    #[test]
    fn what_is_not_utf_8_is_kept() {
        use std::os::unix::ffi::OsStringExt as _;
        let odd = || OsString::from_vec(b"\xff\xfe".to_vec());
        let kept = ProgramVariables::without_credentials(vec![(odd(), odd())]).into_vec();
        assert_eq!(kept, [(odd(), odd())]);
    }
}
