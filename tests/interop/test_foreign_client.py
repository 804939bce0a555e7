"""The emulator judged by a client that nobody here wrote: awslabs' `iam-rolesanywhere-session`."""

from urllib.parse import urlsplit

import pytest
from emulator import ACCOUNT
from iam_rolesanywhere_session import CredentialsRetrievalError, IAMRolesAnywhereSession


def foreign(emulator, name: str, **options) -> IAMRolesAnywhereSession:
    identity = emulator.identity(name)
    arns = emulator.arns()
    return IAMRolesAnywhereSession(
        profile_arn=arns["profileArn"],
        role_arn=arns["roleArn"],
        trust_anchor_arn=arns["trustAnchorArn"],
        certificate=str(identity.certificate),
        private_key=str(identity.key),
        certificate_chain=str(identity.intermediates),
        endpoint=urlsplit(emulator.endpoint).netloc,
        verify=emulator.environment["AWS_CA_BUNDLE"],
        **options,
    )


@pytest.mark.parametrize("name", ["rsa2048", "rsa3072", "rsa4096", "p256", "p384", "p521"])
def test_is_accepted_with_every_kind_of_key(emulator, name):
    session = foreign(emulator, f"leaf/{name}", session_duration=900).get_session()
    assert session.client("sts").get_caller_identity()["Account"] == ACCOUNT
    secret = session.client("secretsmanager").get_secret_value(SecretId="prod/plain")
    assert secret["SecretString"] == "s3cr3t"
    vended = emulator.requests("CreateSession")[0]
    assert (vended["status"], vended["verdict"], vended["reason"]) == (201, "accepted", None)
    assert vended["session"]["duration_seconds"] == 900
    assert vended["session"]["source_identity"].startswith("CN=")
    assert vended["session"]["tags"]["x509Subject/C"] == "US"


def test_may_name_its_session(emulator):
    session = foreign(emulator, "leaf/p256", role_session_name="night-shift").get_session()
    arn = session.client("sts").get_caller_identity()["Arn"]
    assert arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/Workload/night-shift"


@pytest.mark.parametrize(
    ("name", "message", "reason"),
    [
        ("expired", "Untrusted certificate. Certificate has expired", "expired"),
        ("not-yet-valid", "Untrusted certificate. Certificate is not yet valid", "not-yet-valid"),
        ("no-digital-signature", "Untrusted certificate. Insufficient certificate", "key-usage"),
        ("no-key-usage", "Untrusted certificate. Insufficient certificate", "key-usage"),
        ("ca", "Untrusted certificate. Insufficient certificate", "ca"),
        (
            "server-auth-only",
            "Untrusted certificate. Insufficient certificate",
            "extended-key-usage",
        ),
        (
            "critical-extension",
            "Untrusted certificate. Insufficient certificate",
            "certificate",
        ),
        ("no-subject", "Untrusted certificate. Insufficient certificate", "subject"),
        ("other-ca", "Untrusted signing certificate", "untrusted"),
        ("revoked", "Certificate revoked", "revoked"),
    ],
)
def test_is_refused_with_a_certificate_that_is_wrong(emulator, name, message, reason):
    with pytest.raises(CredentialsRetrievalError) as refused:
        session = foreign(emulator, f"broken/{name}").get_session()
        session.get_credentials().get_frozen_credentials()
    assert (refused.value.status_code, refused.value.message) == (403, message)
    assert emulator.requests()[-1]["reason"] == reason
