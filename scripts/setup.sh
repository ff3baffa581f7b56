#!/bin/bash
# Leaves .venv holding exactly what uv.lock says, on the python3 found; quick when it does already.
#
# Needs python3 (3.11 or newer). What else is missing is fetched: python3-venv and pip by apt, uv by pip into .tools/.
# Set PYTHON to choose the interpreter. uv never downloads a Python of its own.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/pythons.sh

readonly uv_version=0.13.8
readonly stamp=.venv/.as-locked

say() { echo "setup: $*" >&2; }
stop() { say "$@"; exit 1; }

# What .venv depends on: this place (its scripts hold absolute paths), the interpreter, the lock, the projects.
wanted() {
    echo "$PWD"
    { echo "${PYTHON:-}"; command -v python3 || true; cat uv.lock pyproject.toml compat/pyproject.toml; } | sha256sum
}

ready() {
    [[ -x .tools/bin/uv && -f $stamp && $(<"$stamp") == "$(wanted)" ]] && .venv/bin/python -c '' 2>/dev/null
}

choose_python() {
    local python
    if [[ -n ${PYTHON:-} ]]; then
        real_python "$PYTHON" || stop "PYTHON=$PYTHON does not start, or is no CPython from 3.11 on."
        return
    fi
    python=$(every_python | head -n 1)
    [[ -n $python ]] || stop "no Python from 3.11 on was found (looked for python3 and python3.N on PATH, and in pyenv)." \
        "Install one, or say PYTHON=/path/to/python3."
    echo "$python"
}

# Debian splits venv and ensurepip off python3.
ensure_venv() {
    local python=$1 packages root=()
    can_make_venvs "$python" && return
    packages=(python3-venv python3-pip)
    # A python3.N beside Debian's own python3 has a package of its own.
    [[ $python == /usr/bin/python3.* ]] && packages=("${python##*/}-venv" python3-pip)
    say "$python cannot make virtual environments; installing ${packages[*]}"
    command -v apt-get >/dev/null || stop "there is no apt-get: install the venv and ensurepip modules for $python."
    if [[ $(id -u) != 0 ]]; then
        command -v sudo >/dev/null || stop "run as root: apt-get install ${packages[*]}"
        root=(sudo)
    fi
    "${root[@]}" apt-get update -qq >&2
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${packages[@]}" >&2
    can_make_venvs "$python" || stop "$python still cannot make virtual environments."
}

# Not `python -m venv --help`: venv is there without ensurepip, and fails only later.
can_make_venvs() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }

ensure_uv() {
    local python=$1
    [[ $(.tools/bin/uv --version 2>/dev/null) == "uv $uv_version"* ]] && return
    ensure_venv "$python"
    say "getting uv $uv_version"
    "$python" -m venv --clear .tools
    .tools/bin/python -m pip install --quiet --disable-pip-version-check "uv==$uv_version" >&2
}

main() {
    local python
    if ready; then return; fi
    python=$(choose_python)
    ensure_uv "$python"
    say "making .venv on $python"
    if [[ -f $stamp && $(head -n 1 "$stamp") != "$PWD" ]]; then rm -rf .venv; fi
    rm -f "$stamp"
    UV_PROJECT_ENVIRONMENT=.venv .tools/bin/uv sync --quiet --frozen --python "$python" --no-python-downloads
    wanted > "$stamp"
}

main
