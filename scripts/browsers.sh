#!/bin/sh
# Installs the browsers that edgeproof proves web exports in: `scripts/browsers.sh`.
# Debian's packages as root, else the Chromium that npm ships, into ~/.cache/edgeproof/browsers.
set -eu
sparticuz=147.0.0
folder="$HOME/.cache/edgeproof/browsers/chromium"

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    packages="chromium firefox-esr libwebkit2gtk-4.1-0 libgl1-mesa-dri xvfb libvulkan1"
    for package in $packages; do
        dpkg -s "$package" >/dev/null 2>&1 || missing="${missing:-} $package"
    done
    [ -n "${missing:-}" ] || exit 0
    echo "Installing$missing with apt-get."
    apt-get update -qq
    # shellcheck disable=SC2086 # several words
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing >/dev/null
    exit 0
fi

[ ! -x "$folder/chromium" ] || exit 0
if [ "$(uname -s)" != Linux ] || [ "$(uname -m)" != x86_64 ]; then
    printf '%s\n  got:  %s\n  want: %s\n  fix:  %s\n' "No browser can be installed here without root" \
        "$(uname -sm)" "Linux on x86_64, or root on Debian" \
        "install Chrome, Chromium, Edge or Firefox; edgeproof finds it on the PATH or by --browser-path" >&2
    exit 2
fi
echo "Installing Chromium $sparticuz of npm into $folder (200 MB); it needs the system's NSS (libnss3)."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$work" && npm pack --silent "@sparticuz/chromium@$sparticuz" >/dev/null && tar -xf ./*.tgz)
unpack() { node -e "process.stdin.pipe(require('zlib').createBrotliDecompress()).pipe(process.stdout)" <"$1"; }
mkdir -p "$work/new"
unpack "$work/package/bin/chromium.br" >"$work/new/chromium"
unpack "$work/package/bin/swiftshader.tar.br" | tar -x -C "$work/new"
chmod +x "$work/new/chromium"
mkdir -p "$(dirname "$folder")"
mv "$work/new" "$folder"
