"""Build hook: the JavaScript programs go into the wheel ready bundled, so that users need no npm."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = Path("validation/runtimes/js")
STAMP = FOLDER / "dist" / "sources.sha256"
"""Written by build.mjs: the hash of what the programs were bundled from."""


class BundleJavaScript(BuildHookInterface):
    """Bundles `validation/runtimes/js` before a wheel is packed, unless it is bundled as it is."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Builds `dist/`. An editable install, which `make setup` completes, is left alone.

        Raises:
            RuntimeError: npm is missing or fails.
        """
        root = Path(self.root)
        if version == "editable" or _is_current(root):
            return
        npm = shutil.which("npm")
        if npm is None:
            raise RuntimeError(
                f"{STAMP.parent} is not built from the sources here, and npm is not here to build it.\n"
                "  want: npm of Node 20 or newer on the PATH\n"
                "  fix:  install Node, or build the wheel where `make setup` has run"
            )
        for command in (["ci", "--ignore-scripts", "--no-audit", "--no-fund"], ["run", "build"]):
            answer = subprocess.run([npm, *command], cwd=root / FOLDER, check=False)
            if answer.returncode != 0:
                raise RuntimeError(f"npm {' '.join(command)} failed in {FOLDER}; its messages are above")


def _is_current(root: Path) -> bool:
    """Whether `dist/` is there and made from these sources; one of an sdist comes without them."""
    stamp = root / STAMP
    return stamp.is_file() and stamp.read_text(encoding="ascii").strip() == sources_sha256(root / FOLDER)


def sources_sha256(folder: Path) -> str:
    """Hash of all that the programs are made from, as build.mjs computes it."""
    files = [folder / name for name in ("build.mjs", "package-lock.json", "package.json")]
    files += [path for path in (folder / "src").iterdir() if path.is_file()]
    digest = hashlib.sha256()
    for path in sorted(files, key=lambda path: path.relative_to(folder).as_posix()):
        digest.update(f"{path.relative_to(folder).as_posix()}\n".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
