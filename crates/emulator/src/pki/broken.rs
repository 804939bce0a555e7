//! Leaves that are wrong in exactly one way each.

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SerialNumber,
    date_time_ymd,
};

use super::authority::{Authorities, revocation_list, serial};
use super::leaf::leaf_params;
use super::{Pki, PkiError, openssl};

/// Issues all of `broken/`, and the CRL that one of them is on.
pub(super) fn generate(authorities: &Authorities, pki: &mut Pki) -> Result<(), PkiError> {
    for (name, change) in CHANGES {
        issue(authorities, name, *change, pki)?;
    }
    other_ca(authorities, pki)?;
    revoked(authorities, pki)?;
    for (name, form) in [("sha1", openssl::Form::Sha1), ("v1", openssl::Form::Version1)] {
        let issuer = &authorities.intermediate;
        match openssl::issue(name, form, &issuer.certificate.pem(), issuer.issuer.key())? {
            Some(issued) => {
                pki.add(format!("broken/{name}.pem"), issued.certificate);
                pki.add_key(format!("broken/{name}.key.pem"), issued.key);
            }
            None => pki.skip(&format!("broken/{name}")),
        }
    }
    Ok(())
}

type Change = fn(&mut CertificateParams);

/// What is wrong with each.
const CHANGES: &[(&str, Change)] = &[
    ("expired", |params| {
        params.not_before = date_time_ymd(2024, 1, 1);
        params.not_after = date_time_ymd(2026, 1, 2);
    }),
    ("not-yet-valid", |params| params.not_before = date_time_ymd(2045, 12, 1)),
    ("no-digital-signature", |params| {
        params.key_usages = vec![KeyUsagePurpose::KeyEncipherment];
    }),
    ("no-key-usage", |params| params.key_usages.clear()),
    ("ca", |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)),
    ("server-auth-only", |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    }),
    ("no-subject", |params| params.distinguished_name = DistinguishedName::new()),
    ("critical-extension", |params| {
        let mut extension =
            CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99_999, 1], vec![5, 0]);
        extension.set_criticality(true);
        params.custom_extensions.push(extension);
    }),
];

fn issue(
    authorities: &Authorities,
    name: &str,
    change: Change,
    pki: &mut Pki,
) -> Result<(), PkiError> {
    let mut params = leaf_params(name, serial())?;
    change(&mut params);
    sign(&params, name, &authorities.intermediate.issuer, pki)
}

fn other_ca(authorities: &Authorities, pki: &mut Pki) -> Result<(), PkiError> {
    let stranger = &authorities.stranger;
    sign(&leaf_params("other-ca", serial())?, "other-ca", &stranger.issuer, pki)?;
    pki.add("broken/other-ca.root.pem", stranger.certificate.pem());
    Ok(())
}

fn revoked(authorities: &Authorities, pki: &mut Pki) -> Result<(), PkiError> {
    let number: SerialNumber = serial();
    let params = leaf_params("revoked", number.clone())?;
    sign(&params, "revoked", &authorities.intermediate.issuer, pki)?;
    pki.add("anchor/crl.pem", revocation_list(authorities, number)?);
    Ok(())
}

fn sign(
    params: &CertificateParams,
    name: &str,
    issuer: &rcgen::Issuer<'static, KeyPair>,
    pki: &mut Pki,
) -> Result<(), PkiError> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    pki.add(format!("broken/{name}.pem"), params.signed_by(&key, issuer)?.pem());
    pki.add_key(format!("broken/{name}.key.pem"), key.serialize_pem());
    Ok(())
}
