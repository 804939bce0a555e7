//! The secrets of the file.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Builder;
use super::policies::PolicyKeys;
use crate::arn::Arn;
use crate::config::file::{SecretFailure, SecretTable};
use crate::config::reader::{At, TableKey};
use crate::config::resource_arn::{ArnSource, Kind, Names};
use crate::kms::KeyFailure;
use crate::policy::PolicyKind;
use crate::secrets::rotation::{Deletion, Rotation, RotationRules};
use crate::secrets::store::{Secret, SecretId, Secrets};
use crate::secrets::versions::{MOST_BYTES, Material};
use crate::uuid;

/// Which of the four keys has the value.
#[derive(Debug, Clone, Copy)]
enum ValueKey {
    Value,
    ValueFile,
    Binary,
    BinaryFile,
}

impl Builder<'_> {
    pub(super) fn secrets(&self, tables: &[(TableKey, SecretTable)]) -> Secrets {
        let mut names = Names::new(Kind::Secret);
        let mut secrets = Secrets::default();
        for (key, table) in tables {
            let material = self.material(key, table);
            let resource_policy = self.optional_policy(&PolicyKeys {
                called: format!("the resource policy of secret {}", key.name.value),
                kind: PolicyKind::Resource,
                inline: ("resource-policy", table.resource_policy.as_ref()),
                file: ("resource-policy-file", table.resource_policy_file.as_ref()),
            });
            let arn =
                self.arn(&ArnSource { kind: Kind::Secret, key, keys: &table.common, path: "" });
            let arn = names.add(self.problems, key, arn).and_then(|arn| self.named(key, arn));
            let (Some((arn, name)), Some(material)) = (arn, material) else { continue };
            let location = arn.location();
            if secrets.find(SecretId { id: &name, location: &location }).is_ok() {
                let message =
                    format!("a secret `{name}` already exists in that account and Region");
                self.problems.add(&key.name.span, message);
            }
            let now = self.source.now;
            let mut secret = Secret::with_arn(arn, &name, now).with_value(material, now);
            secret.resource_policy = resource_policy;
            describe(&mut secret, table);
            let unfinished = table.rotation.as_ref().and_then(|table| table.unfinished.as_ref());
            if unfinished.is_some_and(|at| at.value) {
                secret.leave_rotation_unfinished(&uuid::random(), now);
            }
            match table.failure.as_ref().map(|at| at.value) {
                Some(SecretFailure::Deleted) => {
                    secret.deletion = Some(Deletion::after_days(30, now));
                }
                Some(SecretFailure::KmsDenied) => secret.failure = Some(KeyFailure::KmsDenied),
                Some(SecretFailure::BrokenKey) => secret.failure = Some(KeyFailure::BrokenKey),
                None => {}
            }
            secrets.insert(secret);
        }
        secrets
    }

    /// Returns the ARN with the name of its secret: an ARN ends in the name, a hyphen and six
    /// characters.
    fn named(&self, key: &TableKey, arn: Arn) -> Option<(Arn, String)> {
        let resource = arn.resource().strip_prefix("secret:").unwrap_or_default();
        let name = resource.rsplit_once('-').and_then(|(name, suffix)| {
            let is_suffix = suffix.len() == 6 && suffix.bytes().all(|b| b.is_ascii_alphanumeric());
            (is_suffix && !name.is_empty()).then(|| name.to_owned())
        });
        if name.is_none() {
            let message = format!(
                "invalid ARN `{arn}`: expected a hyphen and six letters or digits after the name"
            );
            self.problems.add(&key.name.span, message);
        }
        Some((arn, name?))
    }

    /// Returns the value. No message shows any of it.
    fn material(&self, key: &TableKey, table: &SecretTable) -> Option<Material> {
        let SecretTable { value, value_file, binary, binary_file, .. } = table;
        let given = [
            ("value", value, ValueKey::Value),
            ("value-file", value_file, ValueKey::ValueFile),
            ("binary", binary, ValueKey::Binary),
            ("binary-file", binary_file, ValueKey::BinaryFile),
        ];
        let given =
            given.map(|(name, at, which)| (name, at.as_ref().map(|at| (&at.span, (at, which)))));
        let (at, which) = self.one_of(Kind::Secret, key, given)?;
        let material = match which {
            ValueKey::Value => Material::Text(at.value.clone()),
            ValueKey::ValueFile => {
                let (file, bytes) = self.read(at)?;
                let text = String::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned());
                Material::Text(self.report(at, &file, text)?)
            }
            ValueKey::Binary => match STANDARD.decode(&at.value) {
                Ok(bytes) => Material::Binary(bytes),
                Err(_) => {
                    self.problems.add(&at.span, "`binary` is not base64");
                    return None;
                }
            },
            ValueKey::BinaryFile => Material::Binary(self.read(at)?.1),
        };
        let length = match &material {
            Material::Text(text) => text.len(),
            Material::Binary(bytes) => bytes.len(),
        };
        if length > MOST_BYTES {
            let message =
                format!("the value has {length} bytes; a secret has at most {MOST_BYTES}");
            self.problems.add(&at.span, message);
            return None;
        }
        Some(material)
    }
}

/// Sets what DescribeSecret shows.
fn describe(secret: &mut Secret, table: &SecretTable) {
    let text = |at: &Option<At<String>>| at.as_ref().map(|at| at.value.clone());
    secret.description = text(&table.common.description);
    secret.kms_key_id = text(&table.kms_key);
    secret.owning_service = text(&table.owning_service);
    secret.tags = table.tags.iter().map(|(k, v)| (k.value.clone(), v.value.clone())).collect();
    let replicas = table.replicas.iter();
    secret.replicas = replicas.map(|(region, at)| (region.value.clone(), at.value)).collect();
    secret.rotation = table.rotation.as_ref().map(|table| Rotation {
        enabled: table.enabled.as_ref().is_none_or(|at| at.value),
        lambda_arn: text(&table.lambda_arn),
        rules: RotationRules {
            automatically_after_days: table.automatically_after_days.as_ref().map(|at| at.value),
            duration: text(&table.duration),
            schedule_expression: text(&table.schedule_expression),
        },
        last_rotated: table.last_rotated.as_ref().map(|at| at.value),
        next: table.next_rotation.as_ref().map(|at| at.value),
    });
}
