# Finds the Pythons of this machine. To be sourced.

# Print where the interpreter that $1 starts really is, if it is a CPython from 3.11 on; fail otherwise.
# (A pyenv shim starts another file, or none at all.)
real_python() {
    "$1" -I -c '
import sys
if sys.version_info < (3, 11) or sys.implementation.name != "cpython" or sys.version_info.releaselevel != "final":
    sys.exit(1)
print(getattr(sys, "_base_executable", sys.executable))' 2>/dev/null
}

# Print every fit interpreter, the plain python3 first; one that several names lead to may stand there again.
every_python() {
    local name
    for name in python3 python3.{11..20} "${PYENV_ROOT:-$HOME/.pyenv}"/versions/*/bin/python3; do
        command -v "$name" >/dev/null && real_python "$name" || true
    done
    # A shim or another PATH entry may hide the system's own.
    [[ -x /usr/bin/python3 ]] && real_python /usr/bin/python3 || true
}

# Print "version path" of every fit interpreter, each version once.
every_version() {
    local python
    every_python | while read -r python; do
        echo "$("$python" -I -c 'import platform; print(platform.python_version())') $python"
    done | sort --version-sort --unique --key=1,1
}
