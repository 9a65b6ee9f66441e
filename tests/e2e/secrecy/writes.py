"""Each Python process of an instance notes the files that it opens to write; on request there is no temporary folder."""

from __future__ import annotations

from pathlib import Path

NOWHERE = "/proc/there-is-no-such-folder"
_WATCH = """
import os, sys
_out = os.open(os.environ["WRITES_TO"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
def _hook(event, args):
    if event == "open" and isinstance(args[2], int) and args[2] & _WRITING and not isinstance(args[0], int):
        os.write(_out, os.path.abspath(os.fsdecode(args[0])).encode("utf-8", "surrogatepass") + b"\\n")
    elif event in ("tempfile.mkstemp", "tempfile.mkdtemp"):
        os.write(_out, os.fsdecode(args[0]).encode() + b"\\n")
sys.addaudithook(_hook)
"""
# Python falls back from an unusable TMPDIR to /tmp and then to the working folder; this leaves it no way out.
_NO_TEMPORARY_FOLDER = f"""
import tempfile
tempfile.tempdir = {NOWHERE!r}
"""


def watched(folder: Path, *, no_temporary_folder: bool = False) -> dict[str, str]:
    """The environment for it; the notes are in `folder`/writes.txt."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(_WATCH + (_NO_TEMPORARY_FOLDER if no_temporary_folder else ""))
    environment = {
        "PYTHONPATH": str(folder),
        "WRITES_TO": str(folder / "writes.txt"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    if no_temporary_folder:
        environment |= dict.fromkeys(("TMPDIR", "TEMP", "TMP", "SQLITE_TMPDIR"), NOWHERE)
    return environment
