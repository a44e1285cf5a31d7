"""Looks into zip archives and HDF5 files for members that don't belong there, without unpacking them."""

from __future__ import annotations

import io
import posixpath
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from converters.sources.findings import Finding

MAX_EXPANSION = 100
"""Largest believable ratio of unpacked to packed bytes; Keras stores weights unpacked, ratio 1."""

EXPANSION_FLOOR_BYTES = 64 << 20
"""Smaller members are harmless however well they are packed."""

_PICKLE_NAMES = (".pkl", ".pickle", ".joblib", ".pt", ".pth", ".dill")
_PICKLE_MAGIC = tuple(bytes([0x80, protocol]) for protocol in range(2, 6))
_NPY_MAGIC = b"\x93NUMPY"
_HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"


def scan_zip(archive: zipfile.ZipFile) -> Iterator[Finding]:
    """Members that lead out of the archive, unpack without end, or hold pickles."""
    for info in archive.infolist():
        where = f"member '{info.filename}'"
        if _leads_out(info.filename) or stat.S_ISLNK(info.external_attr >> 16):
            yield Finding("a path that leads out of the archive", where, trustable=False)
            continue
        if _is_bomb(info.file_size, info.compress_size):
            size = f"{info.file_size:,} bytes out of {info.compress_size:,}"
            yield Finding(size, where, trustable=False)
            continue
        with archive.open(info) as stream:
            yield from _scan_stream(info.filename, stream, where)


def scan_hdf5(file: Any) -> Iterator[Finding]:
    """Links and data that lead out of an `h5py.File`, sets that unpack without end, and pickles."""
    import h5py

    for name, link in _links(file):
        where = f"HDF5 member '{name}'"
        if isinstance(link, h5py.ExternalLink):
            yield Finding(f"a link to the file {link.filename!r}", where)
            continue
        if isinstance(link, h5py.SoftLink):
            continue
        item = file[name]
        if isinstance(item, h5py.Dataset):
            yield from _scan_dataset(item, where)
        yield from (
            Finding("a pickle", f"attribute '{key}' of {where}")
            for key, value in item.attrs.items()
            if _is_pickle(bytes(value) if hasattr(value, "tobytes") and value.dtype.kind == "V" else value)
        )


def _links(group: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every link below a group; soft and external ones are not followed."""
    import h5py

    for key in group:
        link = group.get(key, getlink=True)
        yield f"{prefix}{key}", link
        if isinstance(link, h5py.HardLink) and isinstance(group[key], h5py.Group):
            yield from _links(group[key], f"{prefix}{key}/")


def _scan_dataset(data: Any, where: str) -> Iterator[Finding]:
    stored = data.id.get_storage_size()
    if data.external:
        names = ", ".join(repr(name) for name, *_ in data.external)
        yield Finding(f"data kept in the file {names}", where)
    elif data.is_virtual:
        yield Finding("data put together from other files", where)
    elif data.nbytes > EXPANSION_FLOOR_BYTES and data.nbytes > MAX_EXPANSION * stored:
        yield Finding(f"{data.nbytes:,} bytes out of {stored:,}", where, trustable=False)
    elif data.dtype.kind == "V" and data.dtype.names is None and data.size and data.nbytes < 1 << 20:
        first = data[()] if data.shape == () else data[(0,) * data.ndim]
        if _is_pickle(bytes(first)):
            yield Finding("a pickle", where)


def _scan_stream(name: str, stream: IO[bytes], where: str) -> Iterator[Finding]:
    head = stream.read(8)
    if _is_pickle(head) or name.lower().endswith(_PICKLE_NAMES):
        yield Finding("a pickle", where)
    elif head.startswith(_NPY_MAGIC):
        yield from _scan_npy(head, stream, where)
    elif name.endswith(".npz"):
        with zipfile.ZipFile(io.BytesIO(head + stream.read())) as inner:
            yield from _inside(where, scan_zip(inner))
    elif head == _HDF5_MAGIC:
        yield from _inside(where, _scan_hdf5_member(head + stream.read()))


def _inside(where: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    for finding in findings:
        yield Finding(finding.what, f"{where}, {finding.where}", finding.trustable)


def _scan_hdf5_member(content: bytes) -> Iterator[Finding]:
    import h5py

    try:
        file = h5py.File(io.BytesIO(content), "r")
    except OSError:  # not HDF5 after all, or damaged: Keras says so when it comes to read it
        return
    with file:
        yield from scan_hdf5(file)


def _scan_npy(head: bytes, stream: IO[bytes], where: str) -> Iterator[Finding]:
    """NumPy keeps an array of objects as a pickle."""
    size = head[6:8] + stream.read(4)
    length = int.from_bytes(size[2:4] if size[0] == 1 else size[2:6], "little")
    header = stream.read(min(length, 1 << 16))
    if b"'|O'" in header or b'"|O"' in header or b"'O'" in header:
        yield Finding("a pickle (array of Python objects)", where)


def _is_pickle(value: object) -> bool:
    """Protocols 2 to 5 begin with 0x80 and their number."""
    return isinstance(value, bytes) and value.startswith(_PICKLE_MAGIC)


def _is_bomb(unpacked: int, packed: int) -> bool:
    return unpacked > EXPANSION_FLOOR_BYTES and unpacked > MAX_EXPANSION * packed


def _leads_out(name: str) -> bool:
    clean = posixpath.normpath(name.replace("\\", "/"))
    return clean.startswith(("/", "../")) or clean == ".." or Path(name).is_absolute() or ":" in clean[:2]
