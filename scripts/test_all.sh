#!/bin/bash
# Runs the tests on every Python from 3.11 on that is there, each in a .venvs/<version> of its own, two at a time.
# Prints what each said when it has ended, then one closing line for each, and fails if one failed.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/pythons.sh

at_once=2
mkdir -p .venvs
versions=()

test_on() { # VERSION PYTHON [ARGUMENTS]: its log ends with the verdict
    local version=$1 python=$2
    local log=.venvs/$version.log
    shift 2
    if UV_PROJECT_ENVIRONMENT=.venvs/$version \
        .tools/bin/uv sync --quiet --frozen --python "$python" --no-python-downloads >"$log" 2>&1 </dev/null &&
        ".venvs/$version/bin/python" -m pytest "$@" >"$log" 2>&1 </dev/null; then
        echo passed >".venvs/$version.verdict"
    else
        echo FAILED >".venvs/$version.verdict"
    fi
    printf '=== Python %s\n' "$version"
    cat "$log"
}

while read -r version python <&3; do
    versions+=("$version")
    rm -f ".venvs/$version.verdict"
    while (($(jobs -rp | wc -l) >= at_once)); do wait -n || true; done
    test_on "$version" "$python" "$@" 3<&- &
done 3< <(every_version)
wait

failed=0
echo
for version in "${versions[@]}"; do
    verdict=$(cat ".venvs/$version.verdict" 2>/dev/null || echo FAILED)
    [[ $verdict == passed ]] || failed=1
    echo "Python $version  $verdict  $(tail -n 1 ".venvs/$version.log" | tr -d '=')"
done
exit "$failed"
