#!/bin/sh
# Repeats a validation on an NVIDIA GPU: `scripts/validate_on_gpu.sh RECIPE|DIR [OPTIONS OF edgeproof validate]`.
# DIR is what `edgeproof carry` filled on another machine; this one then needs no TensorFlow. A folder WHEELS
# in the environment, or wheels beside scripts, takes the place of the network. See docs/gpu.md.
set -eu
root="$(cd "$(dirname "$0")/.." && pwd)"
python="$HOME/.cache/edgeproof/runtimes/cuda/bin/python"
wheels="${WHEELS:-$root/wheels}"

fail() { # status, what, got, want, fix
    printf '%s\n  got:  %s\n  want: %s\n  fix:  %s\n' "$2" "$3" "$4" "$5" >&2
    exit "$1"
}

what="${1:-}"
[ -n "$what" ] && [ -e "$what" ] || fail 2 "Nothing to validate" "${what:-no argument}" \
    "a recipe, or a directory that edgeproof carry filled" \
    "scripts/validate_on_gpu.sh samples/digits/recipe.toml"
shift

[ -z "${WHEELS:-}" ] || [ -d "$WHEELS" ] || fail 2 "WHEELS names no directory" "$WHEELS" \
    "the directory that pip download filled" "correct it, or leave it out to install from the network"

# Before 5 GB are installed for nothing.
# `ls` of both would fail where one of them is missing, which is everywhere: Linux has the first, WSL the second.
if ! ls /dev/nvidia[0-9]* >/dev/null 2>&1 && [ ! -e /dev/dxg ]; then
    fail 4 "There is no NVIDIA GPU here" "neither /dev/nvidia* nor /dev/dxg" "a GPU with its driver" \
        "run this where nvidia-smi lists one; in a container, start it with --gpus all"
fi
if [ ! -x "$python" ]; then
    if [ -d "$wheels" ]; then
        "$root/scripts/runtime.sh" cuda --no-index --find-links "$wheels"
    else
        "$root/scripts/runtime.sh" cuda
    fi
fi

if [ -f "$what/carried/record.json" ]; then
    set -- "$python" -m pipeline.cli validate "$what" --runtime gpu "$@"
    export PYTHONPATH="$root"
elif [ -x "$root/.venv/bin/edgeproof" ]; then
    # The CPU as well: exports in formats that CUDA has nothing for must be tried somewhere.
    set -- "$root/.venv/bin/edgeproof" validate "$what" --runtime cpu gpu "$@"
else
    fail 2 "edgeproof is not installed" "no $root/.venv" "TensorFlow and the converters, for a recipe" \
        "make setup; or carry the exports here, which need neither: docs/gpu.md"
fi
# Both are required: a run on the CPU must not look like one on the GPU.
exec "$@" --require onnxruntime-cuda keras-gpu
