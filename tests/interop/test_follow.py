"""`render --watch` with the emulator: nginx, of Debian's package, gets rotated certificates."""

import contextlib
import json
import os
import shlex
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

from emulator import REPOSITORY, Emulator
from followers import Follower, of_role
from test_secrets_outages import until

# What scripts/test unpacks.
UNPACKED = Path(os.environ.get("ROLES_ANYWHERE_UNPACKED") or REPOSITORY / "target/unpacked")
NGINX = UNPACKED / "nginx/usr/sbin/nginx"
PAIR = ("tls.crt", "tls.key")


def render_pair(emulator: Emulator, directory: Path, secret: str, pid_file: Path) -> Follower:
    """Returns `render --watch` of a pair of files in `out` from the members `crt` and `key` of a secret."""
    templates = []
    for name in PAIR:
        template = directory / f"{name}.j2"
        member = name.removeprefix("tls.")
        template.write_text(f"{{{{ secret('{secret}').{member} }}}}\n")
        templates.append(str(template))
    words = [*templates, "--out-dir", str(directory / "out"), "--watch", "--on-change", f"signal:HUP:{pid_file}"]
    return Follower(directory, of_role(emulator, directory), "render", *words)


def put(emulator: Emulator, secret: str, crt: str, key: str) -> None:
    value = json.dumps({"crt": crt, "key": key})
    emulator.control("POST", "/secrets", {"name": secret, "value": value})


# nginx.


def certificate(directory: Path, name: str) -> tuple[str, str]:
    """Returns a certificate for a name that it signs itself, and its key."""
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
    files = ["-keyout", str(directory / "made.key"), "-out", str(directory / "made.crt")]
    subprocess.run(
        [*shlex.split(command), "-subj", f"/CN={name}", *files], check=True, capture_output=True, timeout=60
    )
    return (directory / "made.crt").read_text().strip(), (directory / "made.key").read_text().strip()


def connect(port: int) -> ssl.SSLSocket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=30))


def is_served(port: int, crt: str) -> bool | None:
    """Returns True if a new connection gets a certificate, else None."""
    with contextlib.suppress(OSError), connect(port) as connection:
        return connection.getpeercert(binary_form=True) == ssl.PEM_cert_to_DER_cert(crt) or None
    return None


@contextlib.contextmanager
def nginx(directory: Path, pair: Path) -> Iterator[int]:
    """Runs nginx in the foreground, and gives its port."""
    assert NGINX.is_file(), "scripts/test unpacks Debian's package `nginx`"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{kind}_temp_path {directory}/{kind};\n" for kind in kinds)
    user = "user root;\n" if os.geteuid() == 0 else ""
    config = directory / "nginx.conf"
    config.write_text(f"""{user}daemon off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/nginx.log;
events {{}}
http {{
{temporary}
access_log off;
server {{
listen 127.0.0.1:{port} ssl;
ssl_certificate {pair}/tls.crt;
ssl_certificate_key {pair}/tls.key;
location / {{ root {directory}/www; }}
}}
}}
""")
    (directory / "www").mkdir()
    # More than the buffers of the sockets hold, so that the answer takes until it is read.
    (directory / "www/large").touch()
    os.truncate(directory / "www/large", 64 << 20)
    command = [str(NGINX), "-p", str(directory), "-c", str(config), "-e", str(directory / "nginx.log")]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        yield port
    finally:
        process.terminate()
        process.wait(timeout=30)


def test_nginx_gets_a_rotated_certificate_and_drops_no_connection(emulator, tmp_path):
    secret = "prod/nginx-tls"
    first, second = (certificate(tmp_path, name) for name in ("first.example", "second.example"))
    put(emulator, secret, *first)
    out, watch = tmp_path / "out", render_pair(emulator, tmp_path, secret, tmp_path / "nginx.pid")
    watch.start()
    try:
        until(lambda: all((out / name).exists() for name in PAIR) or None, "the files")
        # There is no process yet.
        until(lambda: watch.events("action_failed") or None, "the first action")
        with nginx(tmp_path, out) as port:
            until(lambda: is_served(port, first[0]), "the first certificate")
            with connect(port) as slow:
                slow.sendall(b"GET /large HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                received = len(slow.recv(1024))
                put(emulator, secret, *second)
                until(lambda: is_served(port, second[0]), "the second certificate")
                while data := slow.recv(1 << 20):
                    received += len(data)
                assert received > 64 << 20, received
    finally:
        code = watch.stop()
    assert code == 0, watch.log()
    assert "PRIVATE KEY" not in watch.log()
