//! Reads the tables of the file.

use super::{
    AttributeMappingsTable, BuiltInCa, CommonKeys, ConfigFile, ExportsTable, KeyPropagationTable,
    ManagedPolicyTable, ParameterTable, ProfileTable, RoleTable, SecretTable, TrustAnchorTable,
    UserTable,
};
use crate::config::reader::TableReader;
use crate::policy::PolicyKind;

impl ConfigFile {
    /// Reads the file.
    pub(in crate::config) fn read(table: &mut TableReader<'_, '_>) -> Self {
        Self {
            account: table.text("account"),
            region: table.text("region"),
            regions: table.texts("regions"),
            exports: table.table("exports").map(|mut exports| {
                let read = ExportsTable::read(&mut exports);
                exports.finish();
                read
            }),
            trust_anchor: table.entries("trust-anchor", TrustAnchorTable::read),
            profile: table.entries("profile", ProfileTable::read),
            role: table.entries("role", RoleTable::read),
            user: table.entries("user", UserTable::read),
            key_propagation: table.table("key-propagation").map(|mut propagation| {
                let read = KeyPropagationTable::read(&mut propagation);
                propagation.finish();
                read
            }),
            managed_policy: table.entries("managed-policy", ManagedPolicyTable::read),
            secret: table.entries("secret", SecretTable::read),
            parameter: table.entries("parameter", ParameterTable::read),
        }
    }
}

impl ExportsTable {
    pub(in crate::config) fn read(table: &mut TableReader<'_, '_>) -> Self {
        Self {
            trust_anchor: table.text("trust-anchor"),
            profile: table.text("profile"),
            role: table.text("role"),
        }
    }
}

impl TrustAnchorTable {
    pub(in crate::config) fn read(table: &mut TableReader<'_, '_>) -> Self {
        Self {
            common: CommonKeys::read(table),
            certificate: table.text("certificate"),
            built_in_ca: table.choice(
                "built-in-ca",
                &[("root", BuiltInCa::Root), ("intermediate", BuiltInCa::Intermediate)],
            ),
            crls: table.texts("crls"),
            enabled: table.flag("enabled"),
        }
    }
}

impl ProfileTable {
    pub(in crate::config) fn read(table: &mut TableReader<'_, '_>) -> Self {
        Self {
            common: CommonKeys::read(table),
            roles: table.texts("roles"),
            accept_role_session_name: table.flag("accept-role-session-name"),
            session_duration: table.seconds("session-duration", 900..=43_200),
            session_policy: table.policy("session-policy", PolicyKind::Identity),
            session_policy_file: table.text("session-policy-file"),
            managed_policies: table.texts("managed-policies"),
            attribute_mappings: table.table("attribute-mappings").map(|mut mappings| {
                let read = AttributeMappingsTable::read(&mut mappings);
                mappings.finish();
                read
            }),
            enabled: table.flag("enabled"),
        }
    }
}

impl AttributeMappingsTable {
    pub(in crate::config) fn read(table: &mut TableReader<'_, '_>) -> Self {
        Self {
            subject: table.optional_texts("x509Subject"),
            issuer: table.optional_texts("x509Issuer"),
            alternative_name: table.optional_texts("x509SAN"),
        }
    }
}

impl RoleTable {
    pub(in crate::config) fn read(table: &mut TableReader<'_, '_>) -> Self {
        Self {
            common: CommonKeys::read(table),
            path: table.text("path"),
            trust_policy: table.policy("trust-policy", PolicyKind::Trust),
            trust_policy_file: table.text("trust-policy-file"),
            permissions: table.policy("permissions", PolicyKind::Identity),
            permissions_files: table.texts("permissions-files"),
            managed_policies: table.texts("managed-policies"),
            max_session_duration: table.seconds("max-session-duration", 3600..=43_200),
        }
    }
}

impl ManagedPolicyTable {
    pub(in crate::config) fn read(table: &mut TableReader<'_, '_>) -> Self {
        Self {
            policy: table.policy("policy", PolicyKind::Identity),
            policy_file: table.text("policy-file"),
        }
    }
}

impl CommonKeys {
    pub(in crate::config) fn read(table: &mut TableReader<'_, '_>) -> Self {
        Self {
            description: table.text("description"),
            arn: table.text("arn"),
            account: table.text("account"),
            region: table.text("region"),
        }
    }
}
