#!/usr/bin/env python3
"""Makes the first inputs of the fuzz targets out of what is committed: certs/, tests/vectors/pki, and
what a target failed by once, under fuzz/found/TARGET/.

    fuzz/seeds.py FOLDER        from the root of the repository

PEM is taken apart, since what stands in base64 is hard to vary; texts are written here.
"""
import base64
import pathlib
import re
import sys

BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----\r?\n(.*?)-----END ", re.S)
KINDS = {"PRIVATE KEY": b"8", "RSA PRIVATE KEY": b"1", "EC PRIVATE KEY": b"s", "ENCRYPTED PRIVATE KEY": b"e"}
P256 = bytes.fromhex("06082a8648ce3d030107")

ARNS = [
    "arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/a-b",
    "arn:aws-us-gov:rolesanywhere:us-gov-west-1:123456789012:profile/a-b",
    "arn:aws-cn:iam::123456789012:role/a/b/c",
    "arn:aws:secretsmanager:us-east-1:123456789012:secret:a/b-AbCdEf",
    "fips-us-east-1",
    "us-gov-west-1-fips",
]
REFERENCES = [
    "sm://prod/db#password?stage=AWSPREVIOUS&region=eu-west-1&role=ops", "sm://db#*?optional", "sm://a#b.c%20d%2A?default=x%26%23",
    f"sm://{ARNS[3]}#k?version=EXAMPLE1-90ab-cdef-fedc-ba987EXAMPLE", "ssm:///prod/url?version=3", "ssm://name?label=blue",
    "ssm://arn:aws:ssm:us-east-1:123456789012:parameter/prod/url#k", f"{ARNS[3]}:password:AWSCURRENT:", f"{ARNS[3]}:::v",
    "a{{resolve:secretsmanager:db:SecretString:password:AWSPREVIOUS}}b{{resolve:ssm:/a:2}}", "{{resolve:ssm-secure:a}}",
    f"{{{{resolve:secretsmanager:{ARNS[3]}:SecretString:password::v}}}}", "{{resolve:secretsmanager:db::::}}", "/prod/url",
]
PLACES = [
    "https://a.example\nproxy:3128\nb.test, *.example",
    "http://[::1]:8443\nhttp://me:hunter2@proxy:3128\n10.0.0.0/8,::1,fd00::/8",
    "https://10.1.2.3:8443/\nhttps://proxy\n*",
    "env:KEY\nsocks5://p:1080\na.example:443 .example.",
    "2015-08-30T14:36:00.750+02:00",
    "Sun, 30 Aug 2015 12:36:00 GMT",
]
SESSION = (
    '200\nDate: Sun, 30 Aug 2015 12:36:00 GMT\n\n{"credentialSet":[{"credentials":{"accessKeyId":"ASIAEXAMPLEEXAMPLE00",'
    '"secretAccessKey":"secret","sessionToken":"token","expiration":"2027-08-30T12:36:00Z"},'
    '"roleArn":"arn:aws:iam::123456789012:role/r"}],"subjectArn":"arn"}'
)
ANSWERS = [
    "200\ncontent-type: text/xml\n\n<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/r/n</Arn></AssumedRoleUser><Credentials><AccessKeyId>ASIAEXAMPLEEXAMPLE00</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2040-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>",
    "200\n\n<CreateAccessKeyResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><CreateAccessKeyResult><AccessKey><UserName>u</UserName><AccessKeyId>AKIAIOSFODNN7EXAMPLE</AccessKeyId><Status>Active</Status><SecretAccessKey>s</SecretAccessKey><CreateDate>2015-08-30T12:36:00Z</CreateDate></AccessKey></CreateAccessKeyResult></CreateAccessKeyResponse>",
    "200\n\n<ListAccessKeysResponse><ListAccessKeysResult><AccessKeyMetadata><member><AccessKeyId>AKIAIOSFODNN7EXAMPLE</AccessKeyId><Status>Active</Status><CreateDate>2015-08-30T12:36:00Z</CreateDate></member><member/></AccessKeyMetadata><IsTruncated>true</IsTruncated><Marker>m</Marker></ListAccessKeysResult></ListAccessKeysResponse>",
    "200\n\n<GetAccessKeyLastUsedResponse><GetAccessKeyLastUsedResult><UserName>u</UserName><AccessKeyLastUsed><LastUsedDate>2015-08-30T12:36:00Z</LastUsedDate></AccessKeyLastUsed></GetAccessKeyLastUsedResult></GetAccessKeyLastUsedResponse>",
    "200\n\n<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/u</Arn><UserId>i</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>\0" "200\n\n<DeleteAccessKeyResponse/>",
    '200\n\n{"ARN":"arn:a","Name":"n","VersionId":"v","VersionStages":["AWSPENDING"],"RandomPassword":"p"}',
    "403\n\n<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no &amp; no</Message></Error><RequestId>r</RequestId></ErrorResponse>",
    SESSION,
    SESSION + '\0200\n\n{"ARN":"arn:a","Name":"name","VersionId":"v","VersionStages":["AWSCURRENT"],'
    '"CreatedDate":1.5E9,"SecretString":"{\\"password\\":\\"hunter2\\",\\"n\\":[1.0e3,null]}"}',
    SESSION + '\0200\n\n{"ARN":"arn:a","Name":"name","SecretBinary":"AAEC/w=="}',
    SESSION + '\0400\nx-amzn-RequestId: r\n\n{"__type":"com.amazon#ResourceNotFoundException:http://a","message":"no"}',
    '403\nx-amzn-ErrorType: AccessDeniedException:\nx-amzn-RequestId: r\n\n{"message":"Untrusted certificate. Insufficient certificate"}',
    "503\nRetry-After: 1\n\n<html>\0" "429\nRetry-After: Sun, 30 Aug 2026 12:36:00 GMT\n\n{}\0" + SESSION,
]
ENTRY = (
    '{"version":1,"access_key_id":"ASIAEXAMPLE","secret_access_key":"secret","session_token":"token",'
    '"expiration":1800003600,"received":1800000000,"life":3600,"clock_offset":-7,'
    f'"trust_anchor_arn":"{ARNS[0]}","profile_arn":"{ARNS[0].replace("trust-anchor", "profile")}",'
    '"role_arn":"arn:aws:iam::123456789012:role/r","role_session_name":"me@host"}'
)
PROFILES = [
    "a\n# mine\n[a]\naws_access_key_id = old\naws_secret_access_key=old\naws_session_token : old\nregion = r\n",
    "a\n\ufeff[a] # c\r\nAWS_Access_Key_Id = old\r\n\r\n[ b ];c\r\ns3 =\r\n  aws_session_token = n\r\n    x = 1",
    "b\n[b]\n  x = 1\n  aws_session_token =\n    old\n\n    old\n[b]\n[a]\naws_session_token\n",
    "team/a\nregion = r\n[profile team/a]\n;aws_session_token = c\n[team/a",
    "a\r\n[a]\rx=1\r  [b]\r",
]
CONFIGS = [
    "default-role = 'a'\n[identity.host]\ncertificate = '~/a.pem'\nkey-password-fd = 3\n[defaults]\ntimeout = 5\n"
    f"[role.a]\nrole-arn = '{ARNS[2]}'\nfips = true\nsession-duration = 900\nca-bundle = '${{CA}}/ca.pem'\n",
    "[role.a]\nassume = [{ role-arn = 'a', tags = { T = 'v' }, transitive-tags = ['T'] }]\nfallback = [{}]\n",
    "[[role.a.assume]]\nrole-arn = \"a\"\npolicy = \'\'\'{}\'\'\'\n[role.\"b.c\"]\nidentity = 'x'\nprivate-key = 1\n[identity.y]\n",
    "[profile a]\ncredential_process = roles-anywhere credential-process --certificate=a.pem\n  --private-key \"a b\" --pkcs8-password 'x'\n"
    "[default]\ncredential_process = /a/aws_signing_helper credential-process --session-duration 900 --fips --proxy http://a:b@c\n",
    "[role.a]\n[secrets]\nttl = 60\nallow = ['prod/*', 'ssm:///a/?']\nallowed-roles = ['a', 'arn:a']\ntoken-headers = ['X-A']\n"
    "prefetch = [{ tag = 'T', tag-value = 'v', role = 'a' }, { path = '/a/' }]\n[secrets.token.web]\nfile = '~/t'\n[secrets.token.b]\nenv = 'B'\n",
    "http_port = '2774'\nttl_seconds = 0x3c\nssrf_headers = ['X-A']\nregion = 'us-east-1'\nignore_transient_errors = false\n"
    f"[prefetch]\nfilter_tags = [{{ key = 'T' }}]\n[[prefetch.secrets]]\nsecret_id = 'a'\nrole_arn = '{ARNS[2]}'\n",
    "[logging]\nlog_level = 'info'\n[capabilities.secrets_manager]\nenabled = true\nmax_conn = 10\n"
    "[capabilities.secrets_manager.cache]\ncache_size = 5\n[capabilities.secrets_manager.security]\nssrf_env_variables = ['A']\n",
]
ENV_FILES = [
    "\ufeffA=1\n# B=2\n\n  D=a b # c \r\nE=\nF==\nG\nH=$A ${B} `id` \\n\nI=it's \"x\"\nJ= ' '",
    "A='a b'\nexport B=\"x\"  # comment\nC=\"1\n2\\n3\\t\\\"\\\\\\$\\`\\q\" \nD='\\n\\'\\\\'\nexport=1\nA.b-c=x",
    "A = 1\n1B=x\nC='x\nD=\"a\"b\nE=\"a\"#b\nhunter2 hunter2\nF\tG=1\n=x\nA=2\n",
    "DB=postgres://u:{{resolve:secretsmanager:db:SecretString:password}}@h\nK=sm://prod/db#password?optional\nS=ssm:///a\n",
]
CONTAINER = (
    '{"name":"web","environment":[{"name":"A","value":"sm://a"}],"environmentFiles":[{"value":"arn:aws:s3:::b/a.env"}],'
    f'"secrets":[{{"name":"B","valueFrom":"/b"}},{{"name":"C","valueFrom":"{ARNS[3]}:password::"}}]}}'
)
TASKS = [
    CONTAINER, f"web\n[{CONTAINER},{{\"name\":\"side\"}}]", f'{{"family":"f","containerDefinitions":[{CONTAINER}]}}',
    f'side\n{{"taskDefinition":{{"containerDefinitions":[{CONTAINER}]}},"tags":[]}}',
    '{"name":"a","environment":{"A":"x"},"secrets":[{"name":1,"valueFrom":null},{}]}', '[{"name":"a"},{"name":"b"}]',
]
TEMPLATES = [
    "\0a: {{resolve:ssm:/a}}{{resolve:ssm:/a}}\r\n{ {{ x }} {{resolve:secretsmanager:b::k}}", "\0{{resolve:ssm:a b}}\n{{resolve:ssm:x\n",
    "\x01h={{ secret('prod/db').host }}\n{% if secret(\"prod/db\")['a.b'] is defined %}{{ parameter('/a') | default('x') | json }}{% endif %}\n",
    "\x01{% set db = secret('db?stage=AWSPREVIOUS') %}{{ db.password | urlencode }}{{ db.user | b64 ~ 'x' }}{# c #}{% raw %}{{ a }}{% endraw %}",
    "\x01{{ secret(name) }}{{ secret('a b') | upper }}{% if x is odd %}{{ env('A') }}{% endif %}{{ parameter('a', 'b') }}{{ secret('a#*') }}",
    "\x01{% for c in secret('a').b %}{{ c | shquote | replace('a', 'b') }}{% else %}{{ loop.index }}{%- endfor -%}",
]
SESSION_WORDS = [
    "--certificate", "a.pem", "--private-key=fd:3", "--trust-anchor-arn", ARNS[0],
    "--profile-arn", ARNS[0].replace("trust-anchor", "profile"), "--role-arn", "arn:aws:iam::123456789012:role/r",
]
LINES = [
    ["credential-process", *SESSION_WORDS, "--assume-role-arn", "arn:aws:iam::210987654321:role/s", "--external-id", "x:y", "AWS_ENDPOINT_URL_STS=https://s"],
    ["credential-process", *SESSION_WORDS, "--from-secret", "prod/db", "--refresh-after", "2h", "--secrets-endpoint=https://s"],
    ["exec", *SESSION_WORDS, f"--from-secret={ARNS[3]}", "--static", "--", "true"], ["update", *SESSION_WORDS, "--from-secret", "a"],
    ["credential-process", *SESSION_WORDS, "--session-duration", "900", "--debug", "--timeout=5", "--error-format", "json"],
    ["credential-process", *SESSION_WORDS, "HTTPS_PROXY=http://p:1", "NO_PROXY=.a", "ROLES_ANYWHERE_REGION=eu-west-1"],
    ["credential-process", *SESSION_WORDS, "--endpoint", "https://a.example", "--no-verify-ssl=true", "--with-proxy"],
    ["secret", "get", ARNS[3], "--region", "us-east-1", "--key", "password", *SESSION_WORDS, "AWS_USE_FIPS_ENDPOINT=true"],
    ["secret", "get", "a/b", "--output", "json", "--out", "f", "--secrets-endpoint", "https://b", *SESSION_WORDS],
    ["secret", "get", "a", "b", "--output=dotenv", *SESSION_WORDS], ["secret", "list", "--prefix", "a", *SESSION_WORDS], ["secret", "describe", "a", *SESSION_WORDS],
    ["secret", "rotate", "a", "--strategy=iam-access-key", "--iam-with=role", "--keep-old=2h", "--if-older-than=30d", *SESSION_WORDS],
    ["secret", "rotate", "a", "--strategy=command", "--key=k", "--set=a", "--test=b", "--password-length=8", *SESSION_WORDS],
    ["parameter", "get", "/a:3", "--no-decrypt", *SESSION_WORDS, "AWS_ENDPOINT_URL_SSM=https://m"], ["parameter", "get", "a", "--label", "b", "--key", "c", *SESSION_WORDS],
    ["parameter", "list", "--path", "/a", "--recursive", "--values", "--output", "json", "--parameters-endpoint", "https://m", *SESSION_WORDS],
    ["exec", "--static", *SESSION_WORDS, "--", "sh", "-c", "true"], ["exec", "--nested", "a", "--help", "ROLES_ANYWHERE_EXEC=x"],
    ["render", "a.tmpl", "b.j2", "--syntax", "jinja", "--out-dir", "d", "--mode", "0440", "--owner", "a:b", "--check", *SESSION_WORDS],
    ["render", "--format", "properties", "--env=A=sm://a#b", "--env-file", "a.env", "--from=sm://a", "--prefix=A_", "--out", "f", *SESSION_WORDS],
    ["render", "a.tmpl", "--out=f", "--watch", "--on-change=signal:HUP:a.pid", "--quiet-period=2s", "--splay=0s", "--secrets-ttl=1m", "--secrets-max-stale=1h", *SESSION_WORDS],
    ["watch", "sm://a#b?default=c", "ssm:///a", "--exec=cat", "--on-start", "--quiet-period=1m", "--log-format=json", *SESSION_WORDS],
    ["exec", "--env", "A=sm://a#b", "--env-file=a.env", "--from", "sm://a", "--prefix", "A_", "--file=B=sm://b", "--", "true"],
    ["exec", "--on-rotate=signal:HUP", "--grace=1m", "--quiet-period=2s", "--splay=0s", "--secrets-ttl=1m", "--secrets-max-stale=1h", "--file=B=sm://b", "--", "true"],
    ["exec", "--secrets-url=http://127.0.0.1:2773", "--secrets-token-file=t", "--env=A=sm://a", "--", "true"], ["watch", "sm://a", "--secrets-url", "http://[::1]:1", "AWS_TOKEN=file:///t"],
    ["exec", "--app", "web", "--ecs", "task.json", "--container", "web", "--resolve-env", "--allow-args", "--credentials", "a", "sm://c"],
    ["export", "--format", "fish", *SESSION_WORDS, "SHELL=/bin/fish"], ["export", "--unset", "--format=github", "GITHUB_ENV=f"],
    ["mask", "--secret", REFERENCES[0], "--secret=sm://a#b", "--app", "web", "--mask-short", *SESSION_WORDS],
    ["exec", "--mask", "--mask-short=true", "--env=A=sm://a#b", *SESSION_WORDS, "--", "cmd"],
    ["resolve", "--explain", REFERENCES[0], REFERENCES[4], "--output", "json", *SESSION_WORDS], ["resolve", "sm://", "a", *SESSION_WORDS],
    ["credential-process", "--pkcs8-password", "x", "ROLES_ANYWHERE_CERTIFICATE=env:A", "AWS_CA_BUNDLE=f"],
    ["sign-string", "--private-key", "-", "--digest", "SHA384", "--format", "bin", "--key-password-fd", "3"],
    ["read-certificate-data", "--certificate", "a", "--output", "full", "--cert-selector", "x"],
    ["cache", "show", "--cache-dir", "d", "--output=json"], ["cache", "clear", "RUNTIME_DIRECTORY=/run/a:/run/b"],
    ["credential-process", "--role", "backup", "--config", "c.toml", "ROLES_ANYWHERE_ROLE=a"],
    ["serve", "--port", "1", "--role=a", "--role", "b"], ["completion", "bash"], ["config", "import", "--from", "agent", "--file", "a"],
    ["serve", "--secrets", "--secrets-port=0", "--no-imds", "--no-container", "--secrets-token-file", "t", "--print-env"], ["config", "schema"], ["config", "check", "--config", "c"],
    ["roles", "--stanza", "--config", "c"],
    ["config", "show", "--role", "a", "--timeout=1", "--output", "json"],
    ["config", "import", "--from", "aws"], ["version", "--output", "json"],
]


def offline_copies():
    """Returns a secret and a parameter as an offline copy holds them: fields with their lengths."""
    absent = b"\xff" * 4

    def fields(*values: "str | int | None") -> bytes:
        raw = [v.to_bytes(8, "big", signed=True) if isinstance(v, int) else v and v.encode() for v in values]
        return b"".join(absent if v is None else len(v).to_bytes(4, "big") + v for v in raw)

    place = (1_800_000_000, "arn:aws:iam::123456789012:role/r", "us-east-1", "123456789012")
    yield fields(*place, "secret", "a/b", None, None, ARNS[3], "a/b", "v", 1, "AWSCURRENT", 1_500_000, "hunter2", None)
    yield fields(*place, "parameter", "/a", None, "3", "/a", "String", "v", 3, ":3", None, None, None, "text")


def blocks(data):
    for label, body in BLOCK.findall(data):
        body = re.split(rb"\r?\n\r?\n", body)[-1]
        yield label.decode(), base64.b64decode(body)


def key_kind(name, der):
    if "pkcs1" in name:
        return b"1"
    if "sec1" in name:
        return b"s"
    return b"e" if "pbes" in name else b"8"


def seeds():
    yield from ((path.parent.name, path.read_bytes()) for path in sorted(pathlib.Path("fuzz/found").glob("*/*")))
    files = [p for top in ("certs", "tests/vectors/pki") for p in pathlib.Path(top).rglob("*") if p.is_file()]
    for path in sorted(files):
        data, name = path.read_bytes(), path.name
        if name.endswith(".md"):
            continue
        yield "bundle", data
        if b"-----BEGIN " not in data:
            if name.endswith(".p12"):
                yield "pkcs12", data
            elif name.endswith(".p7b"):
                yield "pkcs7", data
            elif ".key." in name or ".sec1." in name or ".pkcs1." in name:
                yield "key", key_kind(name, data) + data
            else:
                yield "certificate", data
            continue
        yield "pem", data
        found = list(blocks(data))
        certificates = [der for label, der in found if label == "CERTIFICATE"]
        if certificates:
            yield "certificate", b"".join(certificates)
        for label, der in found:
            if label == "PKCS7":
                yield "pkcs7", der
            if label == "PKCS12":
                yield "pkcs12", der
            if label in KINDS:
                yield "key", KINDS[label] + der
            if label == "EC PRIVATE KEY":
                yield "key", b"p" + P256 + der
    yield from (("arn", text.encode()) for text in ARNS)
    yield from (("reference", text.encode()) for text in REFERENCES)
    yield from (("source", text.encode()) for text in PLACES)
    yield from (("response", text.encode()) for text in ANSWERS)
    yield "cache_entry", ENTRY.encode()
    yield from (("offline_copy", record) for record in offline_copies())
    yield from (("profile", text.encode()) for text in PROFILES)
    yield from (("config_file", b"\0\x20" + text.encode()) for text in CONFIGS)
    yield from (("env_file", b"\0\x20" + text.encode()) for text in ENV_FILES)
    yield from (("task_definition", text.encode()) for text in TASKS)
    yield from (("template", text.encode()) for text in TEMPLATES)
    yield from (("config_copy", text.encode()) for text in CONFIGS + PROFILES)
    # Each file by itself, and once with each edit in its middle.
    yield from (("leak", bytes([file])) for file in range(14))
    yield from (("leak", bytes([edit % 6, edit, 0, 90 + 8 * edit, 40 + edit])) for edit in range(16))
    yield from (("command_line", "\0".join(words).encode()) for words in LINES)


def main():
    folder = pathlib.Path(sys.argv[1])
    for number, (target, data) in enumerate(seeds()):
        (folder / target).mkdir(parents=True, exist_ok=True)
        (folder / target / f"{number:03}").write_bytes(data)


main()
