"""The guard at the door: what a file is by its first bytes, and a child process with limits that opens it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from estafeta.lists import trouble
from estafeta.lists.child import REFUSED
from estafeta.lists.limits import Limits
from estafeta.lists.pouring import Poured, PouredSheet
from estafeta.lists.trouble import EmptyFile, FileTooLarge, FileTrouble, UnreadableFile

_KINDS = (
    (b"%PDF", "a PDF document"),
    (b"\xff\xd8\xff", "a picture"),
    (b"\x89PNG", "a picture"),
    (b"Rar!", "an archive"),
    (b"7z\xbc\xaf", "an archive"),
    (b"\x1f\x8b", "an archive"),
    (b"{\\rtf", "a text document"),
)
_WEB_PAGE = re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*<(?:!doctype html|html|table|\?xml)", re.IGNORECASE)
_ABORT, _KILL, _XCPU = 6, 9, 24  # signals by their numbers on Linux: a failed allocation ends in the first
_CUT = "Delete the rows and columns behind the table (Ctrl+End shows where the sheet ends), or save it as CSV UTF-8."


def look_at(path: Path, limits: Limits) -> None:
    """Refuse what is no list by its size or its first bytes. Raises UnreadableFile, EmptyFile, FileTooLarge."""
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise UnreadableFile(path, "this is no file.", "Name the file itself.")
        if size > limits.bytes:
            problem = f"it has {size / 1024**2:,.0f} MiB; at most {limits.bytes // 1024**2} are read."
            raise FileTooLarge(path, problem, "Split it and import the parts; delete pictures and unused sheets.")
        with path.open("rb") as content:
            head = content.read(1024)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UnreadableFile(path, f"it cannot be opened ({reason}).", "Check the name and the rights.") from None
    if size <= len(head) and not head.strip(b'\0 \t\r\n;,|"\xef\xbb\xbf\xff\xfe'):
        raise EmptyFile(path, "it is empty.", "Ask for it again.")
    for magic, what in _KINDS:
        if head.startswith(magic):
            raise UnreadableFile(path, f"this is {what}, not a list.", "Save the list as XLSX or CSV (UTF-8).")
    if _WEB_PAGE.match(head):
        raise UnreadableFile(
            path,
            "this is a web page or XML under the name of a table, as some CRM systems export it.",
            "Open it in a spreadsheet program and save it as XLSX.",
        )


def pour_guarded(
    path: Path,
    into: BinaryIO,
    limits: Limits,
    *,
    sheet: str | None = None,
    headings: Mapping[str, str] | None = None,
    tell: Callable[[int], None] = lambda _rows: None,
) -> Poured:
    """`pouring.pour` done by a child process with limits of memory, time and disk; `into` is a file of the system.

    One stray cell in the last corner of a sheet makes any reader ask for more memory than there is, and that must
    not take this process along. Raises what `pour` does; a child that died is told as FileTooLarge.
    """
    request = {"path": str(path.resolve()), "limits": asdict(limits), "sheet": sheet, "headings": dict(headings or {})}
    with subprocess.Popen(
        [sys.executable, "-m", "estafeta.lists.child"],
        stdin=subprocess.PIPE,
        stdout=into,
        stderr=subprocess.PIPE,
        cwd=Path(__file__).resolve().parents[2],
    ) as child:
        late = threading.Event()

        def stop() -> None:
            late.set()
            child.kill()

        alarm = threading.Timer(limits.wall, stop)
        alarm.start()
        try:
            said, last_words = _talk(child, json.dumps(request).encode(), tell)
        finally:
            alarm.cancel()
            if child.poll() is None and sys.exc_info()[0]:
                child.kill()
        code = child.wait()
    if code == 0 and "poured" in said:
        return _poured(said["poured"])
    if code == REFUSED and "refused" in said:
        kind, problem, remedy = said["refused"]
        refused: FileTrouble = getattr(trouble, kind)(path, problem, remedy)
        raise refused
    raise _died(path, code, last_words, limits, late=late.is_set())


def _talk(child: subprocess.Popen[bytes], request: bytes, tell: Callable[[int], None]) -> tuple[dict[str, Any], str]:
    """Send the request and hear the child out: its last tidings, and the last words that were none."""
    assert child.stdin is not None and child.stderr is not None  # noqa: S101 - both are pipes
    try:
        with child.stdin as to_child:
            to_child.write(request)
    except BrokenPipeError:
        pass  # it died before it read: its exit code tells
    said: dict[str, Any] = {}
    others: deque[str] = deque(maxlen=5)
    for line in child.stderr:
        try:
            heard = json.loads(line)
            rows = heard.get("rows")
        except (ValueError, AttributeError):
            others.append(line.decode("utf-8", "replace").strip())
            continue
        if rows is None:
            said = heard
        else:
            tell(rows)
    return said, " ".join(filter(None, others))


def _poured(told: dict[str, Any]) -> Poured:
    sheets = tuple(
        PouredSheet(**{**one, "widths": {int(width): count for width, count in one["widths"].items()}})
        for one in told["sheets"]
    )
    return Poured(**{**told, "sheets": sheets})


def _died(path: Path, code: int, last_words: str, limits: Limits, *, late: bool) -> FileTrouble:
    why = last_words[-300:] or f"exit code {code}"
    if late:
        return FileTooLarge(path, f"reading it was stopped: it took longer than {limits.wall:g} s.", _CUT)
    if code == -_XCPU:
        return FileTooLarge(path, f"reading it was stopped: it took more than {limits.cpu} s of the processor.", _CUT)
    if code == -_KILL:
        return FileTooLarge(path, "the system stopped the reader, as it does when memory runs out.", _CUT)
    if code == -_ABORT or "memory" in why.lower():
        problem = (
            f"reading it was stopped: it needs more than {limits.memory // 1024**2:,} MiB of memory, "
            "as it does when a stray cell lies far off the table."
        )
        return FileTooLarge(path, problem, _CUT)
    problem = f"the reader fell over it ({why})."
    return UnreadableFile(path, problem, "Open it in a spreadsheet program and save it again as XLSX.")
