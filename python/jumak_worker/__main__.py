"""Entry of the preloader, and after a fork of each worker: ``python3 /path/to/jumak_worker``, control socket on fd 3, or, with the word
``control-on-stdin``, on standard input. With the word ``cgi`` it is the spawner of CGI programs, which has nothing to do with those.

Python has put this directory into ``sys.path``. It is taken out first, and our modules are imported as a package by their path, so
the application finds nothing of ours in its import path.
"""

import sys


def _import_package() -> None:
    import importlib.util
    import os

    directory = os.path.dirname(os.path.abspath(__file__))
    if sys.path and os.path.realpath(sys.path[0]) == os.path.realpath(directory):
        sys.path_importer_cache.pop(sys.path.pop(0), None)
    spec = importlib.util.spec_from_file_location(
        "jumak_worker", os.path.join(directory, "__init__.py"), submodule_search_locations=[directory]
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["jumak_worker"] = module
    spec.loader.exec_module(module)


def _take_input() -> int:
    """The control socket. The application's standard input is empty, as ever."""
    import os

    del sys.argv[1:]
    control = os.dup(0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    return control


def main() -> int:
    _import_package()
    if sys.argv[1:] == ["cgi"]:
        if sys.version_info < (3, 9):
            sys.exit("CGI programs are started by Python 3.9 or newer, and %s is older" % sys.executable)
        from jumak_worker.cgi.spawner import main as spawn

        return spawn()
    from jumak_worker.process.preloader import Preloader

    worker = Preloader(control_fd=_take_input() if sys.argv[1:] == ["control-on-stdin"] else 3).run()
    # Only a worker comes here. The preloader itself leaves by os._exit, so the application's atexit handlers run in workers only.
    return worker.run()


# An application that uses multiprocessing with "spawn" imports this file again, under another name.
if __name__ == "__main__":
    sys.exit(main())
