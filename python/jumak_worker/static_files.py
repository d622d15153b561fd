"""Where a Django project keeps its collected static files, and below which URL it wants them: the gateway serves them."""

from __future__ import annotations

import os
import sys
from typing import Dict, Optional
from urllib.parse import unquote


def find() -> Optional[Dict[str, str]]:
    """STATIC_URL and STATIC_ROOT of a project that is set up; None where they name nothing that can be served here.

    Nothing is imported for it. Whatever the settings do when they are asked, the application is loaded all the same.
    """
    settings = getattr(sys.modules.get("django.conf"), "settings", None)
    try:
        if not settings.configured:  # type: ignore[union-attr]
            return None
        url, root = settings.STATIC_URL, settings.STATIC_ROOT  # type: ignore[union-attr]
        if not url or not root:
            return None
        path, directory = _path_of(str(url)), os.path.abspath(os.fspath(root))
    except Exception:
        return None
    if path is None or not os.path.isdir(directory) or _holds(directory, os.getcwd()):
        return None
    return {"url": path, "directory": directory}


def _path_of(url: str) -> Optional[str]:
    """None for another host, and for ``/``, which is the application's."""
    if "://" in url or url.startswith("//") or "?" in url or "#" in url:
        return None
    path = "/" + unquote(url, errors="strict").strip("/") + "/"
    return None if path == "//" or "/../" in path or "/./" in path else path


def _holds(directory: str, inner: str) -> bool:
    """A STATIC_ROOT that is the project itself, or above it, is a mistake that would publish settings and passwords."""
    outer, inner = os.path.realpath(directory), os.path.realpath(inner)
    return os.path.commonpath([outer, inner]) == outer
