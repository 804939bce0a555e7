//! The good leaves, one for each kind of key.

use std::thread;

use rcgen::{
    CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ECDSA_P521_SHA512, PKCS_ML_DSA_44,
    PKCS_ML_DSA_65, PKCS_ML_DSA_87, PKCS_RSA_SHA256, RsaKeySize, SanType, SerialNumber,
};
use rsa::pkcs1::EncodeRsaPrivateKey as _;

use super::authority::{Authorities, params, serial};
use super::{Extent, Pki, PkiError};
use crate::os;

/// The RSA keys of a running emulator. They are slow to make, and no secrets.
const FIXED: [&str; 3] = [
    include_str!("rsa/rsa2048.key.pem"),
    include_str!("rsa/rsa3072.key.pem"),
    include_str!("rsa/rsa4096.key.pem"),
];

/// Issues all but RSA-8192.
pub(super) fn generate(
    authorities: &Authorities,
    pki: &mut Pki,
    extent: Extent,
) -> Result<(), PkiError> {
    let [rsa2048, rsa3072, rsa4096] = match extent {
        Extent::FixedRsa => fixed_rsa()?,
        Extent::Usual | Extent::WithRsa8192 => new_rsa()?,
    };
    issue(authorities, "rsa2048", &rsa2048, pki)?;
    pki.add_key("leaf/rsa2048.pkcs1.pem", pkcs1(&rsa2048)?);
    issue(authorities, "rsa3072", &rsa3072, pki)?;
    issue(authorities, "rsa4096", &rsa4096, pki)?;
    let p256 = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    issue(authorities, "p256", &p256, pki)?;
    pki.add_key("leaf/p256.sec1.pem", sec1(&p256)?);
    issue(authorities, "p384", &KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384)?, pki)?;
    issue(authorities, "p521", &KeyPair::generate_for(&PKCS_ECDSA_P521_SHA512)?, pki)?;
    for (name, algorithm) in
        [("mldsa44", &PKCS_ML_DSA_44), ("mldsa65", &PKCS_ML_DSA_65), ("mldsa87", &PKCS_ML_DSA_87)]
    {
        issue(authorities, name, &KeyPair::generate_for(algorithm)?, pki)?;
    }
    Ok(())
}

/// Returns the fixed keys of 2048, 3072 and 4096 bits.
fn fixed_rsa() -> Result<[KeyPair; 3], PkiError> {
    let key = |pem| KeyPair::from_pkcs8_pem_and_sign_algo(pem, &PKCS_RSA_SHA256);
    let [rsa2048, rsa3072, rsa4096] = FIXED;
    Ok([key(rsa2048)?, key(rsa3072)?, key(rsa4096)?])
}

/// Makes keys of 2048, 3072 and 4096 bits at the same time.
fn new_rsa() -> Result<[KeyPair; 3], PkiError> {
    let rsa4096 = thread::spawn(|| rsa(RsaKeySize::_4096));
    let rsa3072 = thread::spawn(|| rsa(RsaKeySize::_3072));
    let rsa2048 = rsa(RsaKeySize::_2048)?;
    let rsa3072 = rsa3072.join().map_err(|_| PkiError::Thread)??;
    Ok([rsa2048, rsa3072, rsa4096.join().map_err(|_| PkiError::Thread)??])
}

/// Issues `leaf/NAME.pem` with its key and its chain.
pub(super) fn issue(
    authorities: &Authorities,
    name: &str,
    key: &KeyPair,
    pki: &mut Pki,
) -> Result<(), PkiError> {
    let mut params = leaf_params(name, leaf_serial(name))?;
    if name.starts_with("rsa") {
        params.is_ca = IsCa::ExplicitNoCa;
    }
    let certificate = params.signed_by(key, &authorities.intermediate.issuer)?.pem();
    let chain = format!("{certificate}{}", authorities.intermediate.certificate.pem());
    pki.add(format!("leaf/{name}.pem"), certificate);
    pki.add(format!("leaf/{name}.chain.pem"), chain);
    pki.add_key(format!("leaf/{name}.key.pem"), key.serialize_pem());
    Ok(())
}

/// Returns what a leaf that may authenticate says.
pub(super) fn leaf_params(name: &str, serial: SerialNumber) -> Result<CertificateParams, PkiError> {
    let mut params = params(name, serial);
    params.subject_alt_names = vec![
        SanType::DnsName(format!("{name}.example.com").try_into()?),
        SanType::URI(format!("spiffe://example.com/{name}").try_into()?),
    ];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    Ok(params)
}

/// Returns a serial that shows what can go wrong with one: P-256 has an odd number of hex digits,
/// P-384 all twenty octets, RSA-4096 a high bit that DER puts a zero octet before.
fn leaf_serial(name: &str) -> SerialNumber {
    let mut octets = os::random::<20>();
    match name {
        "p256" => {
            octets[0] = 0x0a;
            SerialNumber::from_slice(&octets[..16])
        }
        "p384" => {
            octets[0] = 0x7f;
            SerialNumber::from_slice(&octets)
        }
        "rsa4096" => {
            octets[0] = 0xff;
            SerialNumber::from_slice(&octets[..16])
        }
        _ => serial(),
    }
}

fn rsa(size: RsaKeySize) -> Result<KeyPair, rcgen::Error> {
    KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, size)
}

fn pkcs1(key: &KeyPair) -> Result<String, PkiError> {
    let broken = || PkiError::KeyForm("leaf/rsa2048".to_owned());
    use rsa::pkcs8::DecodePrivateKey as _; // of another version than p256's
    let key = rsa::RsaPrivateKey::from_pkcs8_der(key.serialized_der()).map_err(|_| broken())?;
    let der = key.to_pkcs1_der().map_err(|_| broken())?;
    Ok(block("RSA PRIVATE KEY", der.as_bytes()))
}

fn sec1(key: &KeyPair) -> Result<String, PkiError> {
    use p256::pkcs8::DecodePrivateKey as _;
    let broken = || PkiError::KeyForm("leaf/p256".to_owned());
    let key = p256::SecretKey::from_pkcs8_der(key.serialized_der()).map_err(|_| broken())?;
    let der = key.to_sec1_der().map_err(|_| broken())?;
    Ok(block("EC PRIVATE KEY", &der))
}

fn block(label: &str, der: &[u8]) -> String {
    let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    pem::encode_config(&pem::Pem::new(label, der), config)
}
