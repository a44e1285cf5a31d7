"""Imports the user's own code: only what is named, and never in place of ours or an installed package.

The directories of one recipe or command stand at the end of the search path, so that a `keras.py` or a
`converters` beside the user's model shadows nothing. Where the name asked for is taken by another
package, the user's file is loaded all the same, under a private name.

One set of directories is in force at a time: two recipes may both have a `train.py`.
"""

from __future__ import annotations

import difflib
import hashlib
import importlib
import importlib.util
import re
import sys
import traceback
from collections.abc import Sequence
from functools import reduce
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

from converters.errors import EdgeproofError
from converters.exceptions import summary

_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")

_in_force: list[str] = []


def load_object(reference: str, code_directories: Sequence[Path] = ()) -> object:
    """The object that `module:name` refers to.

    Args:
        reference: `module:name`; both may have dots.
        code_directories: where the module is looked for first; then come installed packages.

    Raises:
        EdgeproofError: the text has another form, a directory, module or name does not exist, or the
            module raises while it is imported.
    """
    if not _NAME.fullmatch(reference):
        raise EdgeproofError(
            f"{reference}: not a reference to Python code",
            got=repr(reference),
            want="module:name, like layers:Swish",
            fix="write the module's import name, a colon, and the name of the object in it",
        )
    module_name, _, name = reference.partition(":")
    directories = [_existing(directory, reference) for directory in code_directories]
    module = _import(module_name, directories, reference)
    try:
        return reduce(getattr, name.split("."), module)
    except AttributeError as error:
        public = [n for n in vars(module) if not n.startswith("_")]
        close = difflib.get_close_matches(name, public, n=3)
        raise EdgeproofError(
            f"{reference}: the module has no such name",
            got=f"{module_name} ({getattr(module, '__file__', 'no file')}) with "
            + (", ".join(public) or "no public names"),
            want=f"{name} in it",
            fix=f"did you mean {' or '.join(close)}?" if close else "name one of these, or define it there",
        ) from error


def blame_line(error: BaseException, code_directories: Sequence[Path]) -> str:
    """The exception with the user's own line it came through: `ValueError: no data (train.py:12: load())`.

    Args:
        error: as caught.
        code_directories: whose files count as the user's own; without a line there, the exception alone.
    """
    text = summary(error)
    if isinstance(error, SyntaxError) and error.filename:
        place = f"{error.filename}:{error.lineno}: {(error.text or '').strip()}"
        return f"{type(error).__name__}: {error.msg} ({place})"
    roots = [str(Path(directory).resolve()) for directory in code_directories]
    frames = [
        f for f in traceback.extract_tb(error.__traceback__) if any(_below(f.filename, r) for r in roots)
    ]
    return f"{text} ({frames[-1].filename}:{frames[-1].lineno}: {frames[-1].line})" if frames else text


def _existing(directory: Path, reference: str) -> str:
    if not Path(directory).is_dir():
        raise EdgeproofError(
            f"{directory}: no such code directory",
            got=f"{reference} to be imported from {directory}",
            want="a directory with Python files",
            fix="correct the path",
        )
    return str(Path(directory).resolve())


def _import(name: str, directories: list[str], reference: str) -> ModuleType:
    _put_in_force(directories)
    try:
        spec = PathFinder.find_spec(name.partition(".")[0], directories) if directories else None
        if spec is not None and _is_taken(spec, directories):
            return _import_privately(name, spec)
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        missing = isinstance(error, ModuleNotFoundError) and f"{name}.".startswith(f"{error.name}.")
        if missing:
            raise EdgeproofError(
                f"{reference}: no module of that name",
                got=str(error),
                want=f"{name.replace('.', '/')}.py in " + (", ".join(directories) or "an installed package"),
                fix="correct the name, or give the directory that holds the module",
            ) from error
        raise EdgeproofError(
            f"{reference}: the module raises while it is imported",
            got=blame_line(error, [Path(directory) for directory in directories]),
            want="a module that can be imported",
            fix="correct that line, or install what it needs",
        ) from error


def _put_in_force(directories: list[str]) -> None:
    """Ends the search path with these directories, and forgets modules that came from earlier ones."""
    left = [directory for directory in _in_force if directory not in directories]
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and any(_below(file, directory) for directory in left) and not _is_ours(file):
            del sys.modules[name]
    sys.path[:] = [entry for entry in sys.path if entry not in _in_force]
    _in_force[:] = [directory for directory in directories if directory not in sys.path]
    sys.path.extend(_in_force)
    importlib.invalidate_caches()


def _is_taken(spec: ModuleSpec, directories: list[str]) -> bool:
    """Whether an import by this name would find, or has found, something else than the user's file."""
    if spec.name in sys.stdlib_module_names:
        return True
    loaded = sys.modules.get(spec.name)
    if loaded is not None and loaded.__spec__ is not None and loaded.__spec__.origin != spec.origin:
        return True
    elsewhere = PathFinder.find_spec(spec.name, [entry for entry in sys.path if entry not in directories])
    return elsewhere is not None and elsewhere.origin != spec.origin


def _import_privately(name: str, spec: ModuleSpec) -> ModuleType:
    """The user's module under a name that nobody else has; relative imports inside it still work."""
    where = spec.origin or str(list(spec.submodule_search_locations or ()))
    top, dot, rest = name.partition(".")
    private = f"user_{hashlib.sha256(where.encode()).hexdigest()[:12]}_{top}"
    if private not in sys.modules:
        own = ModuleSpec(private, spec.loader, origin=spec.origin, is_package=False)
        if spec.origin is not None:
            found = importlib.util.spec_from_file_location(
                private, spec.origin, submodule_search_locations=spec.submodule_search_locations
            )
            assert found is not None
            own = found
        else:
            own.submodule_search_locations = list(spec.submodule_search_locations or ())
        module = importlib.util.module_from_spec(own)
        sys.modules[private] = module
        try:
            if own.loader is not None:
                own.loader.exec_module(module)
        except BaseException:
            del sys.modules[private]
            raise
    return importlib.import_module(private + dot + rest)


def _is_ours(file: str) -> bool:
    root = Path(__file__).resolve().parent.parent
    return any(
        _below(file, str(root / package)) for package in ("converters", "validation", "pipeline", "samples")
    )


def _below(file: str, directory: str) -> bool:
    return file.startswith(directory.rstrip("/") + "/")
