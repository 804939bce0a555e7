//! The trust anchors of the file.

use std::path::Path;

use super::certificates;
use super::{Builder, description};
use crate::account::TrustAnchor;
use crate::config::file::{BuiltInCa, TrustAnchorTable};
use crate::config::reader::{At, TableKey};
use crate::config::resource_arn::{ArnSource, Kind, Names};
use crate::trust::is_crl_of;

impl Builder<'_> {
    pub(super) fn trust_anchors(
        &self,
        tables: &[(TableKey, TrustAnchorTable)],
    ) -> (Vec<TrustAnchor>, Names) {
        let mut names = Names::new(Kind::TrustAnchor);
        let mut anchors = Vec::new();
        for (key, table) in tables {
            let certificates = self.anchor_certificates(key, table);
            if let Some(extra) = table.crls.get(certificates::MOST) {
                let message = format!("a trust anchor has at most {} CRLs", certificates::MOST);
                self.problems.add(&extra.span, message);
            }
            let issuers = certificates.as_ref().map(|(certificates, _)| certificates.as_slice());
            let crls = table.crls.iter().filter_map(|path| self.crl(path, issuers));
            let own =
                table.built_in_ca.as_ref().and_then(|_| self.source.pki.der("anchor/crl.pem").ok());
            let crls = crls.chain(own).collect();
            let arn = names.add(
                self.problems,
                key,
                self.arn(&ArnSource {
                    kind: Kind::TrustAnchor,
                    key,
                    keys: &table.common,
                    path: "",
                }),
            );
            if let (Some(arn), Some((certificates, is_built_in))) = (arn, certificates) {
                anchors.push(TrustAnchor {
                    arn,
                    description: description(Kind::TrustAnchor, key, &table.common),
                    enabled: table.enabled.as_ref().is_none_or(|enabled| enabled.value),
                    certificates,
                    crls,
                    is_built_in,
                });
            }
        }
        (anchors, names)
    }

    /// Returns a CRL in DER. What AWS does with one of another CA is not documented.
    fn crl(&self, path: &At<String>, issuers: Option<&[Vec<u8>]>) -> Option<Vec<u8>> {
        let (file, bytes) = self.read(path)?;
        let crl = self.report(path, &file, certificates::crl(&bytes))?;
        if issuers.is_some_and(|issuers| !issuers.iter().any(|ca| is_crl_of(&crl, ca))) {
            let message = format!(
                "`{}` is not signed by this trust anchor: it can only revoke what an \
                 intermediate CA has issued",
                file.display()
            );
            self.problems.warn(None, Some(self.problems.position(path.span.start)), message);
        }
        Some(crl)
    }

    /// Returns the certificates in DER, and whether they are the emulator's own.
    fn anchor_certificates(
        &self,
        key: &TableKey,
        table: &TrustAnchorTable,
    ) -> Option<(Vec<Vec<u8>>, bool)> {
        let certificate = table.certificate.as_ref().map(|path| (&path.span, Some(path)));
        let built_in = table.built_in_ca.as_ref().map(|ca| (&ca.span, None));
        let given = [("certificate", certificate), ("built-in-ca", built_in)];
        let Some(path) = self.one_of(Kind::TrustAnchor, key, given)? else {
            let path = match table.built_in_ca.as_ref()?.value {
                BuiltInCa::Root => "anchor/root.pem",
                BuiltInCa::Intermediate => "anchor/intermediate.pem",
            };
            let der = self.source.pki.der(path);
            return self
                .report(&key.name, Path::new(path), der.map_err(|error| error.to_string()))
                .map(|der| (vec![der], true));
        };
        let (file, pem) = self.read(path)?;
        let read = certificates::anchor(&pem, self.source.now);
        let read = self.report(path, &file, read)?;
        for warning in read.warnings {
            let position = self.problems.position(path.span.start);
            self.problems.warn(None, Some(position), format!("`{}`: {warning}", file.display()));
        }
        Some((read.certificates, false))
    }
}
