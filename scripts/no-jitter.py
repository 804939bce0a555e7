#!/usr/bin/env python3
"""Refuses a release binary that was built with aws-lc's CPU jitter entropy: `no-jitter.py BINARY`.

That entropy costs every start some 24 ms, and nothing else tells that it is in: the build succeeds
and the tests pass. A stripped binary has no symbols, and jitterentropy has no text of its own, but
it has tables: the cut-offs of its two health tests, which no other code has a use for.

A table that a newer jitterentropy no longer has would make this a check that always passes, so it
is looked for in the sources of the locked aws-lc-sys first.
"""

import json
import re
import struct
import subprocess
import sys
from pathlib import Path

# jent_apt_cutoff_lookup and jent_lag_global_cutoff_lookup of jitterentropy-health.c, as they begin.
TABLES = [(325, 422, 459, 477, 488, 494), (66443, 93504, 104761, 110875, 114707)]
SOURCE = "aws-lc/third_party/jitterentropy/jitterentropy-library/src/jitterentropy-health.c"


def aws_lc_sys() -> Path:
    """Returns the directory of the sources of aws-lc-sys."""
    command = ["cargo", "metadata", "--format-version", "1", "--locked"]
    metadata = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    [package] = [p for p in metadata["packages"] if p["name"] == "aws-lc-sys"]
    return Path(package["manifest_path"]).parent


def main() -> str | None:
    if len(sys.argv) != 2:
        return "usage: no-jitter.py BINARY"
    binary = Path(sys.argv[1]).read_bytes()
    source = re.sub(r"\s+", "", (aws_lc_sys() / SOURCE).read_text())
    for table in TABLES:
        if "{" + ",".join(map(str, table)) not in source:
            return f"jitterentropy has changed, and this check with it: no {table} in {SOURCE}"
        # Both architectures that are proven are little-endian.
        if struct.pack(f"<{len(table)}I", *table) in binary:
            return (
                f"{sys.argv[1]} was built with CPU jitter entropy: every start is some 24 ms slower; "
                "build it with AWS_LC_SYS_NO_JITTER_ENTROPY=1, as .cargo/config.toml has it"
            )
    print(f"{sys.argv[1]}: no jitter entropy in it")
    return None


if __name__ == "__main__":
    sys.exit(main())
