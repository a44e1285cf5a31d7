"""Build hook: the JavaScript programs go into the wheel ready bundled, so that users need no npm."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = Path("validation/runtimes/js")
PROGRAM = FOLDER / "dist" / "page.html"


class BundleJavaScript(BuildHookInterface):
    """Bundles `validation/runtimes/js` before a wheel or sdist is packed, unless that is done already."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Builds `dist/`. An editable install, which `make setup` completes, is left alone.

        Raises:
            RuntimeError: npm is missing or fails.
        """
        root = Path(self.root)
        if version == "editable" or (root / PROGRAM).exists():
            return
        npm = shutil.which("npm")
        if npm is None:
            raise RuntimeError(
                f"{PROGRAM} is not built and npm is not here to build it.\n"
                "  want: npm of Node 20 or newer on the PATH\n"
                "  fix:  install Node, or build the wheel where `make setup` has run"
            )
        for command in (["ci", "--ignore-scripts", "--no-audit", "--no-fund"], ["run", "build"]):
            answer = subprocess.run([npm, *command], cwd=root / FOLDER, check=False)
            if answer.returncode != 0:
                raise RuntimeError(f"npm {' '.join(command)} failed in {FOLDER}; its messages are above")
