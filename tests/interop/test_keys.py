"""Every form of key that openssl writes, with certificates that openssl issues: each vends."""

import json

import pytest
from keys import issue, new_key, openssl

RSA = [(f"rsa{bits}", form) for bits in (2048, 3072, 4096, 8192) for form in ("pkcs1", "pkcs8")]
EC = [
    (curve, form)
    for curve in ("p256", "p384", "p521")
    for form in ("sec1-parameters", "sec1", "pkcs8")
]
HEADINGS = {
    "pkcs1": ["RSA PRIVATE KEY"],
    "pkcs8": ["PRIVATE KEY"],
    "sec1": ["EC PRIVATE KEY"],
    "sec1-parameters": ["EC PARAMETERS", "EC PRIVATE KEY"],
}


def headings(text: str) -> list[str]:
    begin = "-----BEGIN "
    return [line[len(begin) : -5] for line in text.splitlines() if line.startswith(begin)]


def assert_vends(done) -> None:
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["AccessKeyId"].startswith("ASIA")


@pytest.mark.parametrize(("kind", "form"), RSA + EC)
def test_vends(emulator, tool, tmp_path, kind, form):
    key = new_key(tmp_path, kind, form)
    assert headings(key.read_text()) == HEADINGS[form]
    assert_vends(tool("credential-process", *issue(emulator, key).flags()))
    assert emulator.requests()[-1]["verdict"] == "accepted"


@pytest.mark.parametrize("order", ["leaf first", "leaf last"])
def test_vends_with_leaf_and_chain_in_one_file(emulator, monkeypatch, tool, tmp_path, order):
    identity = issue(emulator, new_key(tmp_path, "p256"))
    leaf = identity.certificate.read_text()
    # The root and a stranger belong to no chain that is sent.
    others = [
        (emulator.directory / name).read_text()
        for name in ("anchor/root.pem", "broken/other-ca.root.pem", "anchor/intermediate.pem")
    ]
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("".join([leaf, *others] if order == "leaf first" else [*others, leaf]))
    monkeypatch.delenv("ROLES_ANYWHERE_INTERMEDIATES")
    flags = ["--certificate", str(bundle), "--private-key", str(identity.key)]
    assert_vends(tool("credential-process", *flags))
    headers = emulator.requests()[-1]["headers"]
    assert headers["x-amz-x509-chain"].count(",") == 0


def test_reads_a_file_as_openssl_prints_it(emulator, tool, tmp_path):
    # With the text that `x509 -text` puts before the block, and CRLF.
    identity = issue(emulator, new_key(tmp_path, "p256"))
    text = openssl("x509", "-in", identity.certificate, "-text")
    identity.certificate.write_bytes(text.replace("\n", "\r\n").encode())
    assert_vends(tool("credential-process", *identity.flags()))
