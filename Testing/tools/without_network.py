"""``python Testing/tools/without_network.py COMMAND...``: runs it where only the computer's own address can be reached (Linux).

The kernel keeps everything the command starts in a network name space of its own, whatever it is written in. It needs the right
to make one: the superuser's, or name spaces for everybody.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import sys

NEW_USER, NEW_NETWORK = 0x10000000, 0x40000000
GET_FLAGS, SET_FLAGS, UP = 0x8913, 0x8914, 1


def main(command: list[str]) -> None:
    """Leave every network, bring up the loopback device, become the command."""
    library = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()
    if library.unshare(NEW_NETWORK) and library.unshare(NEW_USER | NEW_NETWORK):
        sys.exit(f"No network name space can be made: {os.strerror(ctypes.get_errno())}.")
    if user:
        _keep_names(user, group)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(one, GET_FLAGS, request))[1]
        fcntl.ioctl(one, SET_FLAGS, struct.pack("16sH14x", b"lo", flags | UP))
    os.execvp(command[0], command)


def _keep_names(user: int, group: int) -> None:
    """In a name space of users everybody is nobody, until it is said who is who."""
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:  # noqa: PTH123
            file.write(text)


if __name__ == "__main__":
    main(sys.argv[1:])
