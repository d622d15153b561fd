"""What a Django project's settings say about its static files: below which URLs the gateway serves which directory, or why none.

Invariant: the application notices nothing. Nothing is imported, and no code of Django or of the settings runs: reading
``settings.STATIC_URL`` would keep its value for good, with the script prefix of that moment (``LazySettings`` caches it), and the
prefix is known in a request only. So the values are taken out of the objects that hold them. Runs where the application was
imported, preloader or worker; not at all with ``--static off``.
"""

from __future__ import annotations

import inspect
import os
import sys
from typing import Any, Callable, Dict, List, NamedTuple, Optional
from urllib.parse import unquote

STATICFILES = "django.contrib.staticfiles"
#: Its `runserver` leaves static files to WhiteNoise's middleware.
_NO_STATIC = "whitenoise.runserver_nostatic"
#: `UserSettingsHolder` within `UserSettingsHolder`: one for each `override_settings`.
_MAX_HOLDERS = 20
_MISSING = object()

#: Reads a setting; None where there is none.
Read = Callable[[str], Any]


class Found(NamedTuple):
    #: ``{"url": "/static/", "directory": "/srv/shop/staticfiles"}``, for the gateway
    mounts: List[Dict[str, str]]
    #: Paths below which the finders of ``django.contrib.staticfiles`` are asked, as ``runserver`` does; the first is the pages'.
    finders: List[str]
    #: Why there is neither: a phrase.
    none: str

    def describe(self) -> dict:
        """``FoundStatic`` in ``src/control/messages.ts``."""
        return {"mounts": self.mounts, "finders": self.finders, "none": self.none}


def find(root_path: str, is_development: bool) -> Optional[Found]:
    """Of a project that is set up; None where there is no Django.

    Whatever the settings are made of, the application is loaded all the same.
    """
    settings = getattr(sys.modules.get("django.conf"), "settings", None)
    if settings is None:
        return None
    try:
        read = _reader(settings)
        return None if read is None else _find(read, root_path, is_development)
    except Exception:
        return none("STATIC_URL and STATIC_ROOT could not be read")


def _find(read: Read, root_path: str, is_development: bool) -> Found:
    url, root = read("STATIC_URL"), read("STATIC_ROOT")
    installed = _installed_applications(read)
    if not url and not root and STATICFILES not in installed:
        return none("%s is not installed" % STATICFILES)
    if not url:
        return none("STATIC_URL is not set")
    if not isinstance(url, str):
        return none("STATIC_URL is no string")
    if "://" in url or url.startswith("//"):
        return none("STATIC_URL is on another host")
    urls = _paths_of(url, read("FORCE_SCRIPT_NAME"), root_path)
    if not urls:
        return none("STATIC_URL is %s, below which the gateway serves no files" % url)
    if is_development and read("DEBUG") and STATICFILES in installed:
        if _NO_STATIC in installed:
            return none("%s leaves them to the application" % _NO_STATIC)
        return Found([], urls, "")
    if not root:
        return none("STATIC_ROOT is not set")
    directory = os.path.abspath(os.fspath(root))
    problem = _problem_with(directory)
    return none(problem) if problem else Found([{"url": one, "directory": directory} for one in urls], [], "")


def none(why: str) -> Found:
    """``why``: a phrase for the line at start."""
    return Found([], [], why)


# -- the settings, from the outside


def _reader(settings: object) -> Optional[Read]:
    """None while they are not configured."""
    wrapped = inspect.getattr_static(settings, "_wrapped", None)
    # What the application has read already is what its pages have from then on.
    kept = object.__getattribute__(settings, "__dict__")
    if wrapped is None or type(wrapped) is object:  # Django's `empty`
        return None
    # Libraries that put settings of their own in Django's place (dynaconf) have their values elsewhere, and there too.
    module = sys.modules.get(os.environ.get("DJANGO_SETTINGS_MODULE", ""))
    elsewhere = {} if module is None else vars(module)

    def read(name: str) -> Any:
        return kept[name] if name in kept else _read(wrapped, name, elsewhere)

    return read


def _read(holder: object, name: str, elsewhere: Dict[str, Any]) -> Any:
    """``Settings`` has everything in its instance; ``UserSettingsHolder`` (``settings.configure``) asks the one before it."""
    for _ in range(_MAX_HOLDERS):
        if holder is None:
            break
        value = inspect.getattr_static(holder, name, _MISSING)
        if value is not _MISSING:
            return value
        if name in (inspect.getattr_static(holder, "_deleted", None) or ()):
            return None
        holder = inspect.getattr_static(holder, "default_settings", None)
    return elsewhere.get(name)


def _installed_applications(read: Read) -> List[str]:
    """By the registry, which knows them by their packages; before it is filled, as the settings name them."""
    registry = getattr(sys.modules.get("django.apps"), "apps", None)
    if getattr(registry, "apps_ready", False):
        return [config.name for config in registry.app_configs.values()]  # type: ignore[union-attr]
    return list(read("INSTALLED_APPS") or ())


# -- what they mean


def _paths_of(url: str, forced_prefix: object, root_path: str) -> List[str]:
    """Where browsers ask for the files, first as the pages name it; empty for ``/``, which is the application's.

    Django puts the script prefix before a relative URL. The gateway adds what ``--root-path`` means for each. FORCE_SCRIPT_NAME is
    known to nobody else: a proxy in front has taken it away, or nobody has.
    """
    if "?" in url or "#" in url:
        return []
    try:
        path = "/" + unquote(url, errors="strict").strip("/") + "/"
    except UnicodeDecodeError:
        return []
    if path == "//" or "/../" in path or "/./" in path:
        return []
    if url.startswith("/"):
        return [path]
    if not isinstance(forced_prefix, str):
        return [root_path + path]
    prefix = forced_prefix.strip("/")
    return ["/" + prefix + path, path] if prefix else [path]


def _problem_with(directory: str) -> str:
    try:
        os.stat(directory)
    except FileNotFoundError:
        return "STATIC_ROOT %s does not exist: run manage.py collectstatic" % directory
    except OSError as error:
        return "STATIC_ROOT %s: %s" % (directory, error.strerror)
    if not os.path.isdir(directory):
        return "STATIC_ROOT %s is no directory" % directory
    if _holds(directory, os.getcwd()):
        return "STATIC_ROOT %s holds the project, whose code it would publish" % directory
    return ""


def _holds(directory: str, inner: str) -> bool:
    """A STATIC_ROOT that is the project itself, or above it, is a mistake that would publish settings and passwords."""
    outer, inner = os.path.realpath(directory), os.path.realpath(inner)
    return os.path.commonpath([outer, inner]) == outer
