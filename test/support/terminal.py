"""Runs a program in a terminal of its own, for tests: what comes on our standard input is typed, what it shows goes to our standard output.

Leaves with the program's exit code; the last line says whether the terminal shows again what is typed.
"""

import os
import pty
import select
import signal
import sys
import termios

pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
reads = [0, terminal]
while terminal in reads:
    for fd in select.select(reads, [], [])[0]:
        try:
            data = os.read(fd, 65536)
        except OSError:
            data = b""  # the last process has closed it
        if not data:
            reads.remove(fd)
            if fd == 0:
                os.kill(pid, signal.SIGTERM)  # the test has ended, in whatever way
        else:
            os.write(terminal if fd == 0 else 1, data)
flags = termios.tcgetattr(terminal)[3]
print("terminal: echo %s" % ("on" if flags & termios.ECHO and flags & termios.ICANON else "off"), flush=True)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
