#!/bin/sh
# Makes the Python environment of one engine: `scripts/runtime.sh NAME [OPTIONS OF PIP]`, from the locked
# packages of scripts/runtimes/NAME.txt, in ~/.cache/edgeproof/runtimes/NAME. Without a network:
# `--no-index --find-links WHEELS`. The lock is made anew by the command in its second line.
set -eu
name="${1:-}"
locks="$(dirname "$0")/runtimes"
folder="$HOME/.cache/edgeproof/runtimes/$name"

if [ -z "$name" ] || [ ! -f "$locks/$name.txt" ]; then
    printf '%s\n  got:  %s\n  want: %s\n  fix:  %s\n' "No such engine" "${name:-nothing}" \
        "one of $(cd "$locks" && ls ./*.txt | sed 's,\./,,;s,\.txt,,' | tr '\n' ' ')" "name one of these" >&2
    exit 2
fi
shift
echo "Installing $name of $locks/$name.txt into $folder."
# What is half installed must not be found.
trap 'rm -rf "$folder"; echo "Nothing was installed." >&2' EXIT
rm -rf "$folder"
"${PYTHON:-python3}" -m venv "$folder"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$locks/$name.txt" "$@"
trap - EXIT
