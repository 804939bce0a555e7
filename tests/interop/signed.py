"""CreateSession requests that a foreign signer made, to be sent as they are or tampered with.

The signer is awslabs' `iam-rolesanywhere-session`, whose canonical request is botocore's. `Forger`
lets one part of what it signs be replaced at a time; `Request` lets what was signed be changed
afterwards. They are sent by http.client, which leaves every header as it is.
"""

import base64
import http.client
import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from botocore.awsrequest import AWSRequest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from emulator import REGION, Emulator, Identity
from iam_rolesanywhere_session import IAMRolesAnywhereSigner


@dataclass
class Answer:
    """What came back, as far as a refusal is concerned."""

    status: int
    code: str | None
    message: str | None


@dataclass
class Request:
    """A signed request; headers by their lower-case names."""

    emulator: Emulator
    target: str
    headers: dict[str, str]
    body: bytes

    def replace(self, header: str, old: str, new: str) -> None:
        """Replaces text that has to be there in a header."""
        assert old in self.headers[header], f"{old!r} not in {self.headers[header]!r}"
        self.headers[header] = self.headers[header].replace(old, new, 1)

    @property
    def authorization(self) -> dict[str, str]:
        """The parts of `Authorization`."""
        parts = self.headers["authorization"].split(" ", 1)[1].split(", ")
        return dict(part.split("=", 1) for part in parts)

    def put(self, part: str, value: str) -> None:
        """Sets one part of `Authorization`."""
        self.replace("authorization", f"{part}={self.authorization[part]}", f"{part}={value}")

    def send(self) -> Answer:
        """Sends it, and reads the answer."""
        address = urlsplit(self.emulator.endpoint)
        trust = ssl.create_default_context(cafile=self.emulator.environment["AWS_CA_BUNDLE"])
        connection = http.client.HTTPSConnection(
            address.hostname, address.port, context=trust, timeout=30
        )
        connection.putrequest("POST", self.target, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            connection.putheader(name, value)
        connection.putheader("content-length", str(len(self.body)))
        connection.endheaders(self.body)
        answer = connection.getresponse()
        body = json.loads(answer.read())
        connection.close()
        return Answer(answer.status, answer.getheader("x-amzn-errortype"), body.get("message"))


@dataclass
class Forgery:
    """What a holder of the key may sign that is wrong."""

    region: str = REGION
    service: str = "rolesanywhere"
    terminator: str = "aws4_request"
    date_offset: timedelta = timedelta()
    algorithm: str | None = None
    headers: dict[str, str | None] = field(default_factory=dict)
    duration_seconds: int = 3600
    signature: Callable[[object, bytes], bytes] | None = None


class Forger(IAMRolesAnywhereSigner):
    """The package's signer with one part replaced."""

    def __init__(self, identity: Identity, forgery: Forgery):
        super().__init__(
            certificate=str(identity.certificate),
            private_key=str(identity.key),
            certificate_chain=str(identity.intermediates),
            region=forgery.region,
            service_name=forgery.service,
        )
        self.forgery = forgery

    @property
    def algorithm(self) -> str:
        return self.forgery.algorithm or super().algorithm

    def scope(self, request: AWSRequest) -> str:
        return super().scope(request).replace("aws4_request", self.forgery.terminator)

    # Of the string to sign; `scope` is that of `Credential=`.
    credential_scope = scope

    def _modify_request_before_signing(self, request: AWSRequest) -> None:
        moment = datetime.now(UTC) + self.forgery.date_offset
        request.context["timestamp"] = moment.strftime("%Y%m%dT%H%M%SZ")
        super()._modify_request_before_signing(request)
        for name, value in self.forgery.headers.items():
            del request.headers[name]
            if value is not None:
                request.headers[name] = value

    def signature(self, string_to_sign: str, _=None) -> str:
        if self.forgery.signature is None:
            return super().signature(string_to_sign)
        return self.forgery.signature(self.private_key, string_to_sign.encode()).hex()


def sign(emulator: Emulator, identity: Identity, forgery: Forgery | None = None) -> Request:
    """Returns a CreateSession request, signed."""
    forgery = forgery or Forgery()
    body = {"durationSeconds": forgery.duration_seconds, **emulator.arns()}
    unsigned = AWSRequest("POST", f"{emulator.endpoint}/sessions", data=json.dumps(body))
    Forger(identity, forgery).add_auth(unsigned)
    headers = {name.lower(): value for name, value in unsigned.headers.items()}
    return Request(emulator, "/sessions", headers, unsigned.data.encode())


def assert_refused(request: Request, message: str, reason: str) -> None:
    """Sends a request, which has to be refused in the service's words and for that reason."""
    answer = request.send()
    assert answer == Answer(403, "AccessDeniedException", message)
    logged = request.emulator.requests()[-1]
    assert (logged["status"], logged["verdict"]) == (403, "refused")
    assert logged["reason"] == reason and logged["session"] is None


def encoded(path: Path) -> str:
    """Returns the first certificate of a PEM file as `X-Amz-X509` has it."""
    certificate = x509.load_pem_x509_certificates(path.read_bytes())[0]
    return base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()
