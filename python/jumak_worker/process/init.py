"""Process 1 of a container that has no init: runs the program as its child, forwards signals to it, collects whatever
ends. ``bin/jumak`` starts it where it finds itself to be process 1: ``python3 -I -S init.py COMMAND [ARG ...]``.

Every orphan of a container becomes a child of process 1: workers whose preloader was killed, daemons of the application.
Node collects only what it has started itself, so as process 1 the master would let them pile up as zombies. Looked at:

- ``process.execve`` from the master into this file, which starts the master again: loses every descriptor from 3 on, and
  so ``--bind fd://3``; starts Node twice (0.1 s); not in every Node.
- the shell of ``bin/jumak`` as the init, with traps: 5 MB less, but Ctrl-C of a terminal reaches the master twice (from the
  terminal and from the trap), which means "now", and shells differ in what ``wait`` does at a signal.
- this: before Node is started, so nothing is lost or started twice; a process group of its own for the program.

Standard library only, without site; Python 3.6 and later, since it may be another one than the application's.
"""

import os
import signal
import sys

FORWARDED = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGHUP,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGTTIN,
    signal.SIGTTOU,
)


def main(command):
    waited_for = set(FORWARDED) | {signal.SIGCHLD}
    # Blocked, they wait for us, also those that process 1 would never be sent otherwise.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, waited_for)
    child = os.fork()
    if child == 0:
        become(command, before)
    give_terminal(child)
    while True:
        number = signal.sigwait(waited_for)
        if number == signal.SIGCHLD:
            status = reap(child)
            if status is not None:
                return status
        else:
            try:
                os.kill(child, number)
            except ProcessLookupError:
                pass  # it has ended, and SIGCHLD follows


def become(command, mask):
    try:
        # A group of its own: what a terminal sends goes to the foreground, which is the program, and not through us again.
        os.setpgid(0, 0)
        # Python ignores these two; the program should have them as we were given them.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        os.execvp(command[0], command)
    except OSError as error:
        os.write(2, ("jumak: %s: %s\n" % (command[0], error)).encode("utf-8", "replace"))
    finally:
        os._exit(127)


def give_terminal(child):
    """The program is in the foreground of the terminal, if there is one (``docker run -it``)."""
    try:
        os.setpgid(child, child)  # whoever is first of the two
    except OSError:
        pass
    try:
        if os.isatty(0):
            os.tcsetpgrp(0, child)
    except OSError:
        pass  # not our terminal


def reap(child):
    """Collects all that has ended; the exit code once the child is among them."""
    code = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return code
        if pid == 0:
            return code
        if pid == child:
            code = 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
