"""Becomes the command it is given, after making sure that the command dies with its parent and does not run as root.

Run as a script, `python -I -S leash.py SIGNAL PARENT WHO COMMAND…`, so that nothing happens between fork and exec in a
process with threads. WHO is `same`, `mapped` (a user namespace in which root is an ordinary user) or `UID:GID`.
"""

import ctypes
import os
import sys
from pathlib import Path

_CLONE_NEWUSER = 0x10000000
_PR_SET_PDEATHSIG = 1
_MAPPED = 1000


def _libc_call(name: str, *arguments: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")


def _become(who: str) -> None:
    if who == "mapped":
        uid, gid = os.geteuid(), os.getegid()
        _libc_call("unshare", _CLONE_NEWUSER)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{_MAPPED} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{_MAPPED} {gid} 1")
    elif who != "same":
        uid, gid = (int(part) for part in who.split(":"))
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)


def main() -> None:
    """Change the user, tie the life to the parent's, become the command."""
    signal, parent, who, *command = sys.argv[1:]
    _become(who)
    if sys.platform == "linux":
        # After the change of user, which would clear it. On other systems a killed house leaves its children behind,
        # and the next start finds them by their pid files.
        _libc_call("prctl", _PR_SET_PDEATHSIG, int(signal))
        if os.getppid() != int(parent):
            raise SystemExit("the house died before its child began")
    os.execvp(command[0], command)  # noqa: S606  # becoming the command is the point


if __name__ == "__main__":
    main()
