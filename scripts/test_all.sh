#!/bin/bash
# Runs the tests on every Python from 3.11 on that is there, each in a .venvs/<version> of its own.
# Prints one closing line for each, and fails if one failed.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/pythons.sh

mkdir -p .venvs
summary=()
failed=0
while read -r version python <&3; do
    echo "=== Python $version"
    log=.venvs/$version.log
    if UV_PROJECT_ENVIRONMENT=.venvs/$version \
        .tools/bin/uv sync --quiet --frozen --python "$python" --no-python-downloads 2>&1 | tee "$log" &&
        ".venvs/$version/bin/python" -m pytest "$@" 2>&1 </dev/null | tee "$log"; then
        verdict=passed
    else
        verdict=FAILED
        failed=1
    fi
    summary+=("Python $version  $verdict  $(tail -n 1 "$log" | tr -d '=')")
done 3< <(every_version)

echo
printf '%s\n' "${summary[@]}"
exit "$failed"
