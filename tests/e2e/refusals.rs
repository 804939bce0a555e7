//! Requests that AWS refuses: what is wrong with the certificate, the configuration or the signature.

use insta::assert_snapshot;
use roles_anywhere_emulator::{
    self as aws, NO_TRUST_ROLE_ARN, SHORT_LIVED_ROLE_ARN, SHORT_PROFILE_ARN,
};
use serde_json::{Value, json};

use crate::environment::TestEnvironment;

#[test]
fn names_the_missing_intermediates() {
    let env = TestEnvironment::new().without("ROLES_ANYWHERE_INTERMEDIATES");
    assert_snapshot!(env.fails("credential-process"), @"
    $ env -u ROLES_ANYWHERE_INTERMEDIATES roles-anywhere credential-process
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: AWS refused CreateSession: 403 AccessDeniedException
      caused by: Untrusted signing certificate (request id UUID)
      hint: the certificate was sent without intermediates, and the chain ends at the issuer `C=US, O=Example, CN=Emulator Intermediate CA`: that CA must be the certificate of arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/11111111-2222-4333-8444-555555555555; if not, pass the CAs up to the trust anchor with `--intermediates`
    ");
}

#[test]
fn names_the_missing_digital_signature() {
    let env = TestEnvironment::new().identity("broken/no-digital-signature");
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_CERTIFICATE=DIR/broken/no-digital-signature.pem ROLES_ANYWHERE_PRIVATE_KEY=DIR/broken/no-digital-signature.key.pem roles-anywhere credential-process
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: AWS refused CreateSession: 403 AccessDeniedException
      caused by: Untrusted certificate. Insufficient certificate (request id UUID)
      hint: the certificate lacks digitalSignature in its keyUsage: issue a new one without that problem
    ");
}

#[test]
fn names_the_missing_key_usage() {
    let env = TestEnvironment::new().identity("broken/no-key-usage");
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_CERTIFICATE=DIR/broken/no-key-usage.pem ROLES_ANYWHERE_PRIVATE_KEY=DIR/broken/no-key-usage.key.pem roles-anywhere credential-process
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: AWS refused CreateSession: 403 AccessDeniedException
      caused by: Untrusted certificate. Insufficient certificate (request id UUID)
      hint: the certificate has no keyUsage with digitalSignature: issue a new one without that problem
    ");
}

#[test]
fn names_the_extended_key_usage() {
    let env = TestEnvironment::new().identity("broken/server-auth-only");
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_CERTIFICATE=DIR/broken/server-auth-only.pem ROLES_ANYWHERE_PRIVATE_KEY=DIR/broken/server-auth-only.key.pem roles-anywhere credential-process
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: AWS refused CreateSession: 403 AccessDeniedException
      caused by: Untrusted certificate. Insufficient certificate (request id UUID)
      hint: the certificate lacks clientAuth in its extendedKeyUsage, which the service may require: issue a new one without that problem
    ");
}

#[test]
fn names_a_ca_certificate() {
    let env = TestEnvironment::new().identity("broken/ca");
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_CERTIFICATE=DIR/broken/ca.pem ROLES_ANYWHERE_PRIVATE_KEY=DIR/broken/ca.key.pem roles-anywhere credential-process
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: AWS refused CreateSession: 403 AccessDeniedException
      caused by: Untrusted certificate. Insufficient certificate (request id UUID)
      hint: the certificate is a CA (basicConstraints CA:TRUE): issue a new one without that problem
    ");
}

#[test]
fn names_an_unknown_issuer() {
    let env = TestEnvironment::new().identity("broken/other-ca");
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_CERTIFICATE=DIR/broken/other-ca.pem ROLES_ANYWHERE_PRIVATE_KEY=DIR/broken/other-ca.key.pem roles-anywhere credential-process
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: AWS refused CreateSession: 403 AccessDeniedException
      caused by: Untrusted signing certificate (request id UUID)
      hint: the certificate's issuer `C=US, O=Example, CN=Stranger Root CA` is not among the given certificates: that CA must be the certificate of arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/11111111-2222-4333-8444-555555555555; if it is not, pass its certificate and the CAs up to the trust anchor with `--intermediates`
      hint: certificates sent with it: `C=US, O=Example, CN=Emulator Intermediate CA`
    ");
}

#[test]
fn names_a_revoked_certificate() {
    let env = TestEnvironment::new().identity("broken/revoked");
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_CERTIFICATE=DIR/broken/revoked.pem ROLES_ANYWHERE_PRIVATE_KEY=DIR/broken/revoked.key.pem roles-anywhere credential-process
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: AWS refused CreateSession: 403 AccessDeniedException
      caused by: Certificate revoked (request id UUID)
      hint: the certificate with serial SERIAL has been revoked by a CRL imported for arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/11111111-2222-4333-8444-555555555555: issue a new one
    ");
}

#[test]
fn names_a_signature_over_sha1() {
    let Some(env) = made_by_openssl("broken/sha1") else { return };
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_CERTIFICATE=DIR/broken/sha1.pem ROLES_ANYWHERE_PRIVATE_KEY=DIR/broken/sha1.key.pem roles-anywhere credential-process
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: AWS refused CreateSession: 403 AccessDeniedException
      caused by: Untrusted certificate. Insufficient certificate (request id UUID)
      hint: the certificate is signed with SHA-1 or MD5 (SHA-256 or better is required): issue a new one without that problem
    ");
}

#[test]
fn names_a_certificate_of_version_1() {
    let Some(env) = made_by_openssl("broken/v1") else { return };
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_CERTIFICATE=DIR/broken/v1.pem ROLES_ANYWHERE_PRIVATE_KEY=DIR/broken/v1.key.pem roles-anywhere credential-process
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: AWS refused CreateSession: 403 AccessDeniedException
      caused by: Untrusted certificate. Insufficient certificate (request id UUID)
      hint: the certificate is not an X.509 version 3 certificate, and it has no keyUsage with digitalSignature: issue a new one without that problem
    ");
}

#[test]
fn names_a_missing_subject() {
    let Some(env) = made_by_openssl("broken/no-subject") else { return };
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_CERTIFICATE=DIR/broken/no-subject.pem ROLES_ANYWHERE_PRIVATE_KEY=DIR/broken/no-subject.key.pem roles-anywhere credential-process
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: AWS refused CreateSession: 403 AccessDeniedException
      caused by: Untrusted certificate. Insufficient certificate (request id UUID)
      hint: the certificate has an empty subject: issue a new one without that problem
    ");
}

/// Returns an environment with an identity that the emulator has only if OpenSSL is installed.
fn made_by_openssl(name: &str) -> Option<TestEnvironment> {
    let env = TestEnvironment::new().identity(name);
    env.path(format!("{name}.pem")).exists().then_some(env)
}

#[test]
fn names_an_unknown_trust_anchor() {
    let other = aws::TRUST_ANCHOR_ARN.replace("1111", "2222");
    let env = TestEnvironment::new();
    assert_snapshot!(env.fails(&format!("credential-process --trust-anchor-arn {other}")), @"
    $ roles-anywhere credential-process --trust-anchor-arn arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/22222222-2222-4333-8444-555555555555
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: AWS refused CreateSession: 403 AccessDeniedException
      caused by: Specified Trust Anchor wasn't found. (request id UUID)
      hint: check `--trust-anchor-arn`: there is no arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/22222222-2222-4333-8444-555555555555 in us-east-1
    ");
}

#[test]
fn names_an_unknown_profile() {
    let other = aws::PROFILE_ARN.replace("6666", "5555");
    let env = TestEnvironment::new();
    assert_snapshot!(env.fails(&format!("credential-process --profile-arn {other}")), @"
    $ roles-anywhere credential-process --profile-arn arn:aws:rolesanywhere:us-east-1:123456789012:profile/55555555-7777-4888-8999-000000000000
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: AWS refused CreateSession: 403 AccessDeniedException
      caused by: Invalid or empty profile provided. (request id UUID)
      hint: check `--profile-arn`: there is no arn:aws:rolesanywhere:us-east-1:123456789012:profile/55555555-7777-4888-8999-000000000000 in us-east-1
    ");
}

#[test]
fn names_a_role_that_the_profile_lacks() {
    let env = TestEnvironment::new();
    assert_snapshot!(env.fails("credential-process --role-arn arn:aws:iam::123456789012:role/Unlisted"), @"
    $ roles-anywhere credential-process --role-arn arn:aws:iam::123456789012:role/Unlisted
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: AWS refused CreateSession: 403 AccessDeniedException
      caused by: Requested Role isn't one of those listed in the Profile. (request id UUID)
      hint: add the role to the profile: `aws rolesanywhere update-profile --region us-east-1 --profile-id 66666666-7777-4888-8999-000000000000 --role-arns arn:aws:iam::123456789012:role/Unlisted OTHER-ROLE-ARNS`; this replaces its list of roles, so name all of them (`aws rolesanywhere get-profile --region us-east-1 --profile-id 66666666-7777-4888-8999-000000000000` shows them)
    ");
}

#[test]
fn names_a_role_without_trust() {
    let env = TestEnvironment::new();
    assert_snapshot!(env.fails(&format!("credential-process --role-arn {NO_TRUST_ROLE_ARN}")), @"
    $ roles-anywhere credential-process --role-arn arn:aws:iam::123456789012:role/NoTrust
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: AWS refused CreateSession: 403 AccessDeniedException
      caused by: Unable to assume role for arn:aws:iam::123456789012:role/NoTrust. (request id UUID)
      hint: the trust policy of arn:aws:iam::123456789012:role/NoTrust must allow the actions sts:AssumeRole, sts:TagSession and sts:SetSourceIdentity for the principal rolesanywhere.amazonaws.com, and its conditions must match: aws:PrincipalTag/x509Subject/CN is `p256`, aws:SourceArn is arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/11111111-2222-4333-8444-555555555555, and `roles-anywhere read-certificate-data --output text` shows all attributes of the certificate
    ");
}

#[test]
fn names_a_session_that_is_too_long() {
    let env = TestEnvironment::new();
    assert_snapshot!(env.fails(&format!("credential-process --role-arn {SHORT_LIVED_ROLE_ARN} --session-duration 43200")), @"
    $ roles-anywhere credential-process --role-arn arn:aws:iam::123456789012:role/ShortLived --session-duration 43200
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: AWS refused CreateSession: 403 AccessDeniedException
      caused by: Unable to assume role for arn:aws:iam::123456789012:role/ShortLived. The requested DurationSeconds exceeds the MaxSessionDuration set for this role. (request id UUID)
      hint: 43200 seconds is longer than arn:aws:iam::123456789012:role/ShortLived allows: pass a shorter `--session-duration`, or raise the role's MaxSessionDuration
    ");
}

#[test]
fn names_a_session_name_that_is_not_accepted() {
    let env = TestEnvironment::new();
    assert_snapshot!(env.fails(&format!("credential-process --profile-arn {SHORT_PROFILE_ARN} --role-session-name me")), @"
    $ roles-anywhere credential-process --profile-arn arn:aws:rolesanywhere:us-east-1:123456789012:profile/77777777-7777-4888-8999-000000000000 --role-session-name me
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: AWS refused CreateSession: 403 AccessDeniedException
      caused by: Not authorized to set roleSessionName. (request id UUID)
      hint: remove `--role-session-name`, or let the profile accept it: `aws rolesanywhere update-profile --region us-east-1 --profile-id 77777777-7777-4888-8999-000000000000 --accept-role-session-name`
    ");
}

#[test]
fn names_a_disabled_profile() {
    let env = TestEnvironment::new();
    env.emulator().enable_profile(aws::PROFILE_ARN, false);
    assert_snapshot!(env.fails("credential-process"), @"
    $ roles-anywhere credential-process
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: AWS refused CreateSession: 403 AccessDeniedException
      caused by: Profile is disabled (request id UUID)
      hint: enable the profile: `aws rolesanywhere enable-profile --region us-east-1 --profile-id 66666666-7777-4888-8999-000000000000`
    ");
}

#[test]
fn names_a_disabled_trust_anchor() {
    let env = TestEnvironment::new();
    env.emulator().enable_trust_anchor(aws::TRUST_ANCHOR_ARN, false);
    assert_snapshot!(env.fails("credential-process"), @"
    $ roles-anywhere credential-process
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: AWS refused CreateSession: 403 AccessDeniedException
      caused by: Trust anchor is disabled (request id UUID)
      hint: enable the trust anchor: `aws rolesanywhere enable-trust-anchor --region us-east-1 --trust-anchor-id 11111111-2222-4333-8444-555555555555`
    ");
}

/// Returns the refusal of a signature, so many times: if the clocks differ, the request is signed once
/// more by AWS's clock.
fn invalid_signature(times: u32) -> Value {
    json!({
        "status": 403,
        "code": "AccessDeniedException",
        "message": "Invalid signature",
        "times": times,
    })
}

#[test]
fn names_what_a_signature_depends_on() {
    let env = TestEnvironment::new().fault(invalid_signature(1));
    assert_snapshot!(env.fails("credential-process"), @"
    $ roles-anywhere credential-process
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: AWS refused CreateSession: 403 AccessDeniedException
      caused by: Invalid signature (request id UUID)
      hint: this machine's clock is within a minute of AWS's; check for a proxy or gateway that changes the request's headers or body, and for an endpoint of another Region than us-east-1
    ");
}

#[test]
fn names_a_clock_that_is_behind() {
    let env = TestEnvironment::new().fault(invalid_signature(2));
    env.emulator().advance(31 * 60);
    assert_snapshot!(env.fails("credential-process"), @"
    $ roles-anywhere credential-process
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: AWS refused CreateSession: 403 AccessDeniedException
      caused by: Invalid signature (request id UUID)
      hint: this machine's clock is SPAN behind AWS's (NOW here, NOW at AWS): set the clock, and keep it correct with NTP
    ");
}

#[test]
fn names_a_clock_that_is_ahead() {
    let env = TestEnvironment::new().fault(invalid_signature(2));
    env.emulator().advance(-31 * 60);
    assert_snapshot!(env.fails("credential-process"), @"
    $ roles-anywhere credential-process
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: AWS refused CreateSession: 403 AccessDeniedException
      caused by: Invalid signature (request id UUID)
      hint: this machine's clock is SPAN ahead of AWS's (NOW here, NOW at AWS): set the clock, and keep it correct with NTP
    ");
}

/// Returns an environment whose AWS refuses in these words.
fn refused(status: u16, code: &str, message: &str) -> TestEnvironment {
    let fault = json!({"status": status, "code": code, "message": message});
    TestEnvironment::new().fault(fault)
}

#[test]
fn quotes_a_validation_error() {
    let message = "1 validation error detected: Value '43200' at 'durationSeconds' failed to satisfy \
 constraint: Member must have value less than or equal to 3600";
    let env = refused(400, "ValidationException", message);
    assert_snapshot!(env.fails("credential-process"), @"
    $ roles-anywhere credential-process
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: AWS refused CreateSession: 400 ValidationException
      caused by: 1 validation error detected: Value '43200' at 'durationSeconds' failed to satisfy constraint: Member must have value less than or equal to 3600 (request id UUID)
      hint: correct the value that AWS's message above names: the request breaks a rule of the service
    ");
}

#[test]
fn quotes_what_was_not_found() {
    let message = "not found";
    let env = refused(404, "ResourceNotFoundException", message);
    assert_snapshot!(env.fails("credential-process"), @"
    $ roles-anywhere credential-process
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: AWS refused CreateSession: 404 ResourceNotFoundException
      caused by: not found (request id UUID)
      hint: check that `--trust-anchor-arn`, `--profile-arn` and `--role-arn` exist in us-east-1 and in these accounts
    ");
}

#[test]
fn quotes_tags_that_were_not_mapped() {
    let message = "Unable to assume role for arn:aws:iam::123456789012:role/Workload. Some attributes \
 failed to be mapped into session tags. Issuer: [  ]; Subject: [  ]; SAN: [ DNS/2 ]";
    let env = refused(403, "AccessDeniedException", message);
    assert_snapshot!(env.fails("credential-process"), @"
    $ roles-anywhere credential-process
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: AWS refused CreateSession: 403 AccessDeniedException
      caused by: Unable to assume role for arn:aws:iam::123456789012:role/Workload. Some attributes failed to be mapped into session tags. Issuer: [  ]; Subject: [  ]; SAN: [ DNS/2 ] (request id UUID)
      hint: the trust policy of arn:aws:iam::123456789012:role/Workload must allow the actions sts:AssumeRole, sts:TagSession and sts:SetSourceIdentity for the principal rolesanywhere.amazonaws.com, and its conditions must match: aws:PrincipalTag/x509Subject/CN is `p256`, aws:SourceArn is arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/11111111-2222-4333-8444-555555555555, and `roles-anywhere read-certificate-data --output text` shows all attributes of the certificate
      hint: change the certificate or the profile's attribute mapping: the attributes named above contain characters that a session tag cannot have, so conditions on them never match
    ");
}

#[test]
fn quotes_unknown_words() {
    let message = "Something new";
    let env = refused(403, "AccessDeniedException", message);
    assert_snapshot!(env.fails("credential-process"), @"
    $ roles-anywhere credential-process
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: AWS refused CreateSession: 403 AccessDeniedException
      caused by: Something new (request id UUID)
      hint: run the command again with `--debug`, and compare the request with the trust anchor, the profile and the role
    ");
}

#[test]
fn escapes_control_characters() {
    let message = "a\u{1b}[2Jb\u{202e}c\u{200b}\u{2028}d";
    let env = refused(403, "AccessDeniedException", message);
    assert_snapshot!(env.fails("credential-process"), @r"
    $ roles-anywhere credential-process
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: AWS refused CreateSession: 403 AccessDeniedException
      caused by: a\u{1b}[2Jb\u{202e}c\u{200b}\u{2028}d (request id UUID)
      hint: run the command again with `--debug`, and compare the request with the trust anchor, the profile and the role
    ");
}
