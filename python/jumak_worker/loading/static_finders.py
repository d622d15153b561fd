"""While developing: static files of a Django project from where its applications keep them, as ``runserver`` serves them.

Only with ``--reload`` and DEBUG; runs in a worker, around the application. Django's own handler answers, so a file is found as soon as
it exists, whatever finders and storages the project has. Two things differ from Django. The settings are not asked for the URL: they
would keep it with the script prefix of this moment. Paths are compared with that prefix and without it.
"""

from __future__ import annotations

import importlib
from typing import Any, Callable, List, Optional, Sequence

from . import interface
from .static_files import STATICFILES


def wrap(application: Callable[..., Any], kind: str, urls: Sequence[str], root_path: str) -> Callable[..., Any]:
    """``urls``: paths as a request may have them; ``kind``: ``wsgi`` or ``asgi``."""
    # The application has imported Django already. Only development needs these two modules of it.
    handlers: Any = importlib.import_module(STATICFILES + ".handlers")
    views: Any = importlib.import_module(STATICFILES + ".views")
    base = handlers.ASGIStaticFilesHandler if kind == interface.ASGI else handlers.StaticFilesHandler
    prefixes = _with_root_path(urls, root_path)

    class Finders(base):  # type: ignore[misc, valid-type]
        def get_base_url(self) -> str:
            return prefixes[0]

        def _should_handle(self, path: str) -> bool:
            return _below(prefixes, path) is not None

        def serve(self, request: Any) -> Any:
            # The path that `_should_handle` was asked about: the whole path for ASGI, PATH_INFO for WSGI.
            scope = getattr(request, "scope", None)
            path = _below(prefixes, request.path_info if scope is None else scope["path"]) or ""
            if ".." in path.split("/"):
                raise views.Http404("'%s' leads out" % path)  # a finder would raise an error that nothing catches here
            return views.serve(request, path, insecure=True)

    return Finders(application)


def _with_root_path(urls: Sequence[str], root_path: str) -> List[str]:
    """Every URL with the root path and without it, the longest first: an ASGI path has it, PATH_INFO has not."""
    both = set(urls)
    for url in urls:
        both.add(url[len(root_path) :] if url.startswith(root_path + "/") else root_path + url)
    return sorted(both, key=len, reverse=True)


def _below(prefixes: Sequence[str], path: str) -> Optional[str]:
    return next((path[len(prefix) :] for prefix in prefixes if path.startswith(prefix)), None)
