"""Gives up root's privileges for good, in the preloader, before anything of the application is imported (``--user``)."""

from __future__ import annotations

import os
from typing import Dict

from .osprocess import become_dumpable


def drop_privileges(uid: int, gid: int, user: str) -> None:
    """Becomes the user, with the user's supplementary groups; without a user name there are none. Raises OSError.

    The kernel clears the parent death signal here: set it afterwards.
    """
    if os.geteuid() == 0:
        # The order matters: each step needs a privilege that the next one takes away.
        if user:
            os.initgroups(user, gid)
        else:
            os.setgroups([gid])
        os.setgid(gid)
        os.setuid(uid)
    if {os.getuid(), os.geteuid()} != {uid} or {os.getgid(), os.getegid()} != {gid}:
        raise PermissionError("this process is user %d, group %d and may not change that" % (os.geteuid(), os.getegid()))
    # The kernel hides a process that was root's from its new user. The gateway, which is that user, opens /proc/<pid>/fd.
    become_dumpable()


def move_home(uid: int) -> None:
    """Sets HOME, USER and LOGNAME to the user's where they are root's: a library would write to files of root's."""
    roots = _home(0)
    for name, value in _home(uid).items():
        if os.environ.get(name) in (None, roots.get(name)):
            os.environ[name] = value


def _home(uid: int) -> Dict[str, str]:
    import pwd

    try:
        account = pwd.getpwuid(uid)
    except KeyError:
        return {}
    return {"HOME": account.pw_dir, "USER": account.pw_name, "LOGNAME": account.pw_name}
