//! Signs CreateSession by hand: not the tool's code, and not the emulator's.

use std::fmt::Write as _;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P521_SHA256_ASN1_SIGNING, EcdsaKeyPair,
    ML_DSA_44_SIGNING, ML_DSA_65_SIGNING, ML_DSA_87_SIGNING, PqdsaKeyPair, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p384::ecdsa::signature::hazmat::PrehashSigner as _;
use p384::pkcs8::DecodePrivateKey as _;
use roles_anywhere_emulator::{PROFILE_ARN, ROLE_ARN, TRUST_ANCHOR_ARN};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::client::{Answer, Call, Place, der, host, send};

/// What a test may want to be wrong.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Such as `leaf/p256`.
    pub(crate) identity: String,
    pub(crate) chain: Vec<String>,
    pub(crate) body: Value,
    pub(crate) query: String,
    pub(crate) algorithm: Option<String>,
    pub(crate) serial: Option<String>,
    /// Behind the date.
    pub(crate) scope: String,
    pub(crate) scope_date: Option<String>,
    pub(crate) skew_seconds: i64,
    /// Headers that are sent and not signed.
    pub(crate) unsigned: Vec<&'static str>,
    /// In front of the date, and of the date in the scope.
    pub(crate) date_sign: &'static str,
    /// Headers beyond those of every request.
    pub(crate) more: Vec<(&'static str, &'static str)>,
    /// The whole value, where it is not the chain's.
    pub(crate) chain_header: Option<String>,
}

impl Request {
    /// Returns a request that is right in everything.
    pub(crate) fn new(identity: &str) -> Self {
        Self {
            identity: identity.to_owned(),
            chain: vec!["anchor/intermediate.pem".to_owned()],
            body: json!({
                "durationSeconds": 3600,
                "profileArn": PROFILE_ARN,
                "roleArn": ROLE_ARN,
                "trustAnchorArn": TRUST_ANCHOR_ARN,
            }),
            query: String::new(),
            algorithm: None,
            serial: None,
            scope: "us-east-1/rolesanywhere/aws4_request".to_owned(),
            scope_date: None,
            skew_seconds: 0,
            unsigned: Vec::new(),
            date_sign: "",
            more: Vec::new(),
            chain_header: None,
        }
    }

    pub(crate) fn with(mut self, member: &str, value: Value) -> Self {
        self.body[member] = value;
        self
    }

    /// Signs and sends.
    pub(crate) fn send(&self, emulator: &impl Place) -> Answer {
        send(emulator, &self.sign(emulator)).expect("an answer")
    }

    /// Signs.
    pub(crate) fn sign(&self, emulator: &impl Place) -> Call {
        let file = |path: &str| der(&emulator.directory().join(path));
        let leaf = file(&format!("{}.pem", self.identity));
        let date = format!("{}{}", self.date_sign, amz_date(self.skew_seconds));
        let mut call = Call {
            path: "/sessions".to_owned(),
            query: self.query.clone(),
            headers: Vec::new(),
            body: self.body.to_string(),
        };
        call.header("content-type", "application/json");
        call.header("host", host(emulator));
        call.header("x-amz-date", &*date);
        for (name, value) in &self.more {
            call.header(name, *value);
        }
        call.header("x-amz-x509", STANDARD.encode(&leaf));
        let chain: Vec<_> = self.chain.iter().map(|path| STANDARD.encode(file(path))).collect();
        match &self.chain_header {
            Some(value) => call.header("x-amz-x509-chain", value),
            None if chain.is_empty() => {}
            None => call.header("x-amz-x509-chain", chain.join(",")),
        }
        let serial = X509Certificate::from_der(&leaf).unwrap().1.serial.to_string();
        let serial = self.serial.as_ref().unwrap_or(&serial);
        let scope_date =
            self.scope_date.as_deref().or_else(|| date.split('T').next()).unwrap_or_default();
        let scope = format!("{scope_date}/{}", self.scope);
        let key = file(&format!("{}.key.pem", self.identity));
        let (algorithm, sign) = signer(&self.identity, &key);
        let algorithm = self.algorithm.clone().unwrap_or_else(|| algorithm.to_owned());
        let (canonical, signed) = self.canonical(&call);
        let text = format!("{algorithm}\n{date}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
        let signature = hex(&sign(text.as_bytes()));
        call.header(
            "authorization",
            format!(
                "{algorithm} Credential={serial}/{scope}, SignedHeaders={signed}, \
                 Signature={signature}"
            ),
        );
        call
    }

    fn canonical(&self, call: &Call) -> (String, String) {
        let mut canonical = format!("POST\n/sessions\n{}\n", call.query);
        let mut headers: Vec<_> = call
            .headers
            .iter()
            .filter(|(name, _)| !self.unsigned.contains(&name.as_str()))
            .collect();
        headers.sort();
        for (name, value) in &headers {
            let _ = writeln!(canonical, "{name}:{value}");
        }
        let names: Vec<_> = headers.iter().map(|(name, _)| name.as_str()).collect();
        let signed = names.join(";");
        let _ = write!(canonical, "\n{signed}\n{}", hex(&Sha256::digest(&call.body)));
        (canonical, signed)
    }
}

type Sign = Box<dyn Fn(&[u8]) -> Vec<u8>>;

fn signer(identity: &str, key: &[u8]) -> (&'static str, Sign) {
    const RSA: &str = "AWS4-X509-RSA-SHA256";
    const ECDSA: &str = "AWS4-X509-ECDSA-SHA256";
    let random = SystemRandom::new();
    if identity.contains("rsa") {
        let pair = RsaKeyPair::from_pkcs8(key).unwrap();
        let sign = move |text: &[u8]| {
            let mut signature = vec![0; pair.public_modulus_len()];
            pair.sign(&RSA_PKCS1_SHA256, &random, text, &mut signature).unwrap();
            signature
        };
        return (RSA, Box::new(sign));
    }
    if identity.contains("mldsa") {
        let algorithm = match identity.rsplit("mldsa").next() {
            Some("44") => &ML_DSA_44_SIGNING,
            Some("65") => &ML_DSA_65_SIGNING,
            _ => &ML_DSA_87_SIGNING,
        };
        let pair = PqdsaKeyPair::from_pkcs8(algorithm, key).unwrap();
        let sign = move |text: &[u8]| {
            let mut signature = vec![0; algorithm.signature_len()];
            pair.sign(text, &mut signature).unwrap();
            signature
        };
        return ("AWS4-X509-MLDSA", Box::new(sign));
    }
    if identity.contains("p384") {
        let key = p384::ecdsa::SigningKey::from_pkcs8_der(key).unwrap();
        let sign = move |text: &[u8]| {
            let signature: p384::ecdsa::DerSignature =
                key.sign_prehash(&Sha256::digest(text)).unwrap();
            signature.as_bytes().to_vec()
        };
        return (ECDSA, Box::new(sign));
    }
    let algorithm = if identity.contains("p521") {
        &ECDSA_P521_SHA256_ASN1_SIGNING
    } else {
        &ECDSA_P256_SHA256_ASN1_SIGNING
    };
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, key).unwrap();
    (ECDSA, Box::new(move |text| pair.sign(&random, text).unwrap().as_ref().to_vec()))
}

fn amz_date(skew_seconds: i64) -> String {
    let format = time::macros::format_description!("[year][month][day]T[hour][minute][second]Z");
    (OffsetDateTime::now_utc() + time::Duration::seconds(skew_seconds)).format(format).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
