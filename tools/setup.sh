# setup.sh: what a fresh machine lacks. Sourced by tests/run and capture-samples/demo.
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
preset=${WINSOCK_PRESET:-release} # tests/coverage builds by another
build=$here/build/$preset

say() { printf '%s\n' "$*" >&2; }

# install_missing package=command-or-file...: installs by apt what is not there, and says what.
install_missing() {
    local missing=() entry thing
    for entry in "$@"; do
        thing=${entry#*=}
        case $thing in
        /*) compgen -G "$thing" >/dev/null || missing+=("${entry%%=*}") ;;
        *) command -v "$thing" >/dev/null || missing+=("${entry%%=*}") ;;
        esac
    done
    [ ${#missing[@]} -eq 0 ] && return
    if ! command -v apt-get >/dev/null; then
        say "Missing here (by their Debian names): ${missing[*]}"
        say "Install them with your system's package manager and run this again."
        exit 1
    fi
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null; then
            say "Missing: ${missing[*]}"
            say "Install them as root (apt-get install ${missing[*]}) and run this again."
            exit 1
        fi
        as_root=(sudo)
    fi
    say "Installing: ${missing[*]}"
    { # one after another, where two scripts run at a time
        flock 8
        "${as_root[@]}" apt-get update -qq >&2
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
    } 8<"$here/tools/setup.sh"
}

# What building and reading take.
# shellcheck disable=SC2034
build_packages=(
    gcc=gcc libc6-dev=/usr/include/stdlib.h cmake=cmake ninja-build=ninja pkg-config=pkg-config
    tshark=tshark "libwireshark-dev=/usr/include/wireshark/epan/packet.h"
    "wireshark-dev=/usr/lib/*/*/*/WiresharkConfig.cmake"
    "libglib2.0-dev=/usr/include/glib-2.0/glib.h"
)

# What the fuzzers take besides.
# shellcheck disable=SC2034
fuzz_packages=(
    python3=python3 clang=clang
    "libclang-rt-dev=/usr/lib/llvm-*/lib/clang/*/lib/*/libclang_rt.fuzzer*.a"
)

# build_release cmake-option...: builds, quietly unless it fails.
build_release() {
    local log
    log=$(mktemp)
    if ! { cmake --preset "$preset" -S "$here" "$@" && cmake --build "$build"; } >"$log" 2>&1; then
        cat "$log" >&2
        rm -f "$log"
        exit 1
    fi
    rm -f "$log"
}

# Wireshark refuses plugins outside the system's folder to root: a copy that anyone may read, and
# an ordinary user, are what root runs it with. Sets reader (a command prefix) and public (a folder).
prepare_reader() {
    public=$(mktemp -d)
    chmod 755 "$public"
    cp -r "$build/plugins" "$public/plugins"
    chmod -R a+rX "$public"
    reader=(env "WIRESHARK_PLUGIN_DIR=$public/plugins" "HOME=$public/home")
    mkdir "$public/home"
    if [ "$(id -u)" -eq 0 ]; then
        chown 65534:65534 "$public/home"
        reader=(setpriv --reuid=65534 --regid=65534 --clear-groups "${reader[@]}")
    fi
}
