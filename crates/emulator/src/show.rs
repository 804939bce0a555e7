//! `show`: every resource with its description, as text or JSON, and never the value of a secret.

mod built_in_pki;
mod stores;
mod users;

use std::fmt;

use serde::Serialize;

use crate::account::{Profile, Resources, Role, TrustAnchor};
use crate::arn::Arn;
use crate::date::format_iso;
use crate::environment::EXPORTED_CERTIFICATE;
use crate::x509::Certificate;
use built_in_pki::{PKI, PkiEntry};
use stores::{ShownParameter, ShownSecret, parameter, secret, write_parameters, write_secrets};
use users::{ShownUser, user, write_users};

/// Everything that AWS holds, as `show` prints it.
#[derive(Debug, Serialize)]
pub(crate) struct Overview {
    account: String,
    region: String,
    regions: Vec<String>,
    exports: ShownExports,
    trust_anchors: Vec<ShownTrustAnchor>,
    profiles: Vec<ShownProfile>,
    roles: Vec<ShownRole>,
    users: Vec<ShownUser>,
    secrets: Vec<ShownSecret>,
    parameters: Vec<ShownParameter>,
    /// The files of the emulator's own PKI, if a trust anchor is above it.
    certificates: &'static [PkiEntry],
}

/// The ARNs and the certificate that `run` and `serve` export.
#[derive(Debug, Serialize)]
struct ShownExports {
    trust_anchor: Option<String>,
    profile: Option<String>,
    role: Option<String>,
    /// Of the emulator's own PKI; none if the user's has issued it.
    certificate: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct ShownTrustAnchor {
    arn: String,
    description: Option<String>,
    enabled: bool,
    certificates: Vec<ShownCertificate>,
    crls: usize,
    built_in: bool,
}

#[derive(Debug, Serialize)]
struct ShownCertificate {
    subject: String,
    expires: String,
}

#[derive(Debug, Serialize)]
struct ShownProfile {
    arn: String,
    description: Option<String>,
    enabled: bool,
    role_arns: Vec<String>,
    duration_seconds: u32,
    accept_role_session_name: bool,
    session_policies: Vec<String>,
}

#[derive(Debug, Serialize)]
struct ShownRole {
    arn: String,
    description: Option<String>,
    max_session_seconds: u32,
    trust_policy: String,
    permissions: Vec<String>,
}

impl Overview {
    /// Returns what there is to show of the resources.
    pub(crate) fn new(resources: &Resources) -> Self {
        let exports = &resources.exports;
        let own = resources.trust_anchors.iter().any(|anchor| anchor.is_built_in);
        let text = |arn: &Option<Arn>| arn.as_ref().map(Arn::to_string);
        Self {
            account: resources.home.account.clone(),
            region: resources.home.region.clone(),
            regions: resources.regions.iter().cloned().collect(),
            exports: ShownExports {
                trust_anchor: text(&exports.trust_anchor),
                profile: text(&exports.profile),
                role: text(&exports.role),
                certificate: resources
                    .exports_built_in_certificate()
                    .then_some(EXPORTED_CERTIFICATE),
            },
            trust_anchors: resources.trust_anchors.iter().map(trust_anchor).collect(),
            profiles: resources.profiles.iter().map(profile).collect(),
            roles: resources.roles.iter().map(role).collect(),
            users: resources.users.iter().map(user).collect(),
            secrets: resources.secrets.iter().map(secret).collect(),
            parameters: resources.parameters.iter().filter_map(parameter).collect(),
            certificates: if own { PKI } else { &[] },
        }
    }

    /// Returns it in JSON.
    pub(crate) fn to_json(&self) -> String {
        let value = serde_json::to_value(self).unwrap_or_default();
        format!("{value:#}\n")
    }
}

fn trust_anchor(anchor: &TrustAnchor) -> ShownTrustAnchor {
    let certificates = anchor.certificates.iter().filter_map(|der| Certificate::parse(der).ok());
    ShownTrustAnchor {
        arn: anchor.arn.to_string(),
        description: anchor.description.clone(),
        enabled: anchor.enabled,
        certificates: certificates
            .map(|certificate| ShownCertificate {
                subject: certificate.subject.to_string(),
                expires: format_iso(certificate.not_after),
            })
            .collect(),
        crls: anchor.crls.len(),
        built_in: anchor.is_built_in,
    }
}

fn profile(profile: &Profile) -> ShownProfile {
    let session_policies = profile.session_policies.iter();
    ShownProfile {
        arn: profile.arn.to_string(),
        description: profile.description.clone(),
        enabled: profile.enabled,
        role_arns: profile.role_arns.iter().map(Arn::to_string).collect(),
        duration_seconds: profile.duration_seconds,
        accept_role_session_name: profile.accept_role_session_name,
        session_policies: session_policies.map(|policy| policy.name.clone()).collect(),
    }
}

fn role(role: &Role) -> ShownRole {
    ShownRole {
        arn: role.arn.to_string(),
        description: role.description.clone(),
        max_session_seconds: role.max_session_seconds,
        trust_policy: role.trust_policy.name.clone(),
        permissions: role.permissions.iter().map(|policy| policy.name.clone()).collect(),
    }
}

impl fmt::Display for Overview {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "Account {}, Region {}", self.account, self.region)?;
        if self.regions.len() > 1 {
            writeln!(formatter, "Regions: {}", self.regions.join(", "))?;
        }
        self.trust_anchors(formatter)?;
        self.profiles(formatter)?;
        self.roles(formatter)?;
        write_users(&self.users, formatter)?;
        write_secrets(&self.secrets, formatter)?;
        write_parameters(&self.parameters, formatter)?;
        if !self.certificates.is_empty() {
            writeln!(
                formatter,
                "\nCertificates, in EMULATOR_DIR (each with its key, NAME.key.pem):"
            )?;
            for PkiEntry { file, description } in self.certificates {
                let exported = self.exports.certificate == Some(*file);
                let note = if exported { " (exported)" } else { "" };
                writeln!(formatter, "  {file:<32} {description}{note}")?;
            }
        }
        Ok(())
    }
}

impl Overview {
    fn trust_anchors(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "\nTrust anchors:")?;
        for anchor in &self.trust_anchors {
            let exported = self.exports.trust_anchor.as_ref() == Some(&anchor.arn);
            let notes = [exported.then_some("exported"), (!anchor.enabled).then_some("disabled")];
            heading(formatter, &anchor.arn, anchor.description.as_deref(), &notes)?;
            for certificate in &anchor.certificates {
                let ShownCertificate { subject, expires } = certificate;
                writeln!(formatter, "    {subject} (expires {expires})")?;
            }
            if anchor.crls > 0 {
                writeln!(formatter, "    CRLs: {}", anchor.crls)?;
            }
        }
        Ok(())
    }

    fn profiles(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "\nProfiles:")?;
        for profile in &self.profiles {
            let exported = self.exports.profile.as_ref() == Some(&profile.arn);
            let notes = [exported.then_some("exported"), (!profile.enabled).then_some("disabled")];
            heading(formatter, &profile.arn, profile.description.as_deref(), &notes)?;
            let name = |arn: &String| arn.rsplit('/').next().unwrap_or_default().to_owned();
            let roles: Vec<_> = profile.role_arns.iter().map(name).collect();
            writeln!(formatter, "    roles: {}", roles.join(", "))?;
            writeln!(formatter, "    session duration: {} s", profile.duration_seconds)?;
            list(formatter, "session policies", &profile.session_policies)?;
        }
        Ok(())
    }

    fn roles(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "\nRoles:")?;
        for role in &self.roles {
            let exported = self.exports.role.as_ref() == Some(&role.arn);
            let notes = [exported.then_some("exported")];
            heading(formatter, &role.arn, role.description.as_deref(), &notes)?;
            writeln!(formatter, "    trust policy: {}", role.trust_policy)?;
            list(formatter, "permissions", &role.permissions)?;
            writeln!(formatter, "    max session duration: {} s", role.max_session_seconds)?;
        }
        Ok(())
    }
}

/// The name of a resource, what is special about it, and below that what it is for.
fn heading(
    formatter: &mut fmt::Formatter<'_>,
    name: &str,
    description: Option<&str>,
    notes: &[Option<&str>],
) -> fmt::Result {
    let notes: Vec<_> = notes.iter().copied().flatten().collect();
    match &notes[..] {
        [] => writeln!(formatter, "  {name}")?,
        notes => writeln!(formatter, "  {name} ({})", notes.join(", "))?,
    }
    description.map_or(Ok(()), |description| writeln!(formatter, "    {description}"))
}

fn list(formatter: &mut fmt::Formatter<'_>, name: &str, entries: &[String]) -> fmt::Result {
    match entries {
        [] => Ok(()),
        entries => writeln!(formatter, "    {name}: {}", entries.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use crate::pki::Pki;

    #[test]
    fn everything_is_shown_except_values_of_secrets() {
        let pki = Pki::authorities().unwrap();
        let resources = config::built_in(&pki, crate::os::now()).unwrap();
        let overview = Overview::new(&resources);
        let (text, json) = (overview.to_string(), overview.to_json());
        for part in [
            "Account 123456789012, Region us-east-1\n",
            "/11111111-2222-4333-8444-555555555555 (exported)\n",
            "CN=Emulator Root CA (expires 2046-01-01T00:00:00Z)\n",
            "    roles: Workload, Deep, NoTrust, ShortLived, NoSecrets\n",
            "  arn:aws:iam::123456789012:role/path/Deep\n    As Workload, with a path\n",
            "  arn:aws:iam::123456789012:user/legacy-app\n",
            "    access key: AKIAIOSFODNN7EXAMPLE (Active, created 2026-01-01T00:00:00Z)\n",
            "  prod/deleted (deleted)\n    Scheduled for deletion\n",
            "  broken/expired.pem ",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        for secret in ["s3cr3t", "correct horse", "unreadable", "wJalrXUtnFEMI"] {
            assert!(!text.contains(secret) && !json.contains(secret), "{secret}");
        }
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["roles"][1]["arn"], "arn:aws:iam::123456789012:role/path/Deep");
        assert_eq!(json["trust_anchors"][0]["built_in"], true);
    }

    #[test]
    fn certificate_is_exported_with_its_trust_anchor() {
        let pki = Pki::authorities().unwrap();
        let mut resources = config::built_in(&pki, crate::os::now()).unwrap();
        let leaf = |resources: &Resources| {
            let text = Overview::new(resources).to_string();
            text.lines().find(|line| line.contains("leaf/p256.pem")).map(str::to_owned).unwrap()
        };
        assert!(leaf(&resources).ends_with(" ECDSA P-256 (exported)"), "{}", leaf(&resources));
        // Another trust anchor is the user's, and the exported one.
        let exported = resources.exports.trust_anchor.clone().unwrap();
        let anchors = &mut resources.trust_anchors;
        anchors.iter_mut().find(|anchor| anchor.arn == exported).unwrap().is_built_in = false;
        assert!(leaf(&resources).ends_with(" ECDSA P-256"), "{}", leaf(&resources));
    }
}
