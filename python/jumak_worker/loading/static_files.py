"""What the settings of a Django project say about static files: which directory belongs to which URL, or why there is none.

Runs where the application was imported, preloader or worker; never with ``--static off``. Invariant: the application notices nothing.
Nothing is imported, and no code of Django or of the settings runs. ``LazySettings`` would keep the value of ``settings.STATIC_URL`` for
good, with the script prefix of that moment, and only a request knows the prefix. So the values are taken out of the objects that
hold them. Not here: serving the files (the gateway, or ``static_finders.py``).
"""

from __future__ import annotations

import inspect
import os
import sys
from typing import Any, Callable, Dict, List, NamedTuple, Optional
from urllib.parse import unquote

STATICFILES = "django.contrib.staticfiles"
#: With this `runserver` leaves static files to the middleware of WhiteNoise.
_NO_STATIC = "whitenoise.runserver_nostatic"
#: `UserSettingsHolder` within `UserSettingsHolder`: one for each `override_settings`.
_MAX_HOLDERS = 20
_MISSING = object()

#: Reads a setting; None where it is not set.
Read = Callable[[str], Any]


class Found(NamedTuple):
    #: ``{"url": "/static/", "directory": "/srv/shop/staticfiles"}``, for the gateway
    mounts: List[Dict[str, str]]
    #: Paths below which the finders of ``django.contrib.staticfiles`` are asked, as ``runserver`` does. Pages have the first one.
    finders: List[str]
    #: Why there is neither: a phrase; empty: there is one.
    none: str

    def describe(self) -> dict:
        """``FoundStatic`` in ``src/control/messages.ts``."""
        return {"mounts": self.mounts, "finders": self.finders, "none": self.none}


def find(root_path: str, is_development: bool) -> Optional[Found]:
    """None where there is no Django, or where it is not set up.

    Never raises: whatever the settings are made of, the application is loaded all the same.
    """
    settings = getattr(sys.modules.get("django.conf"), "settings", None)
    if settings is None:
        return None
    try:
        read = _reader(settings)
        return None if read is None else _find(read, root_path, is_development)
    except Exception:
        return nothing_because("STATIC_URL and STATIC_ROOT could not be read")


def _find(read: Read, root_path: str, is_development: bool) -> Found:
    url, root = read("STATIC_URL"), read("STATIC_ROOT")
    installed = _installed_applications(read)
    if not url and not root and STATICFILES not in installed:
        return nothing_because("%s is not installed" % STATICFILES)
    if not url:
        return nothing_because("STATIC_URL is not set")
    if not isinstance(url, str):
        return nothing_because("STATIC_URL is no string")
    if "://" in url or url.startswith("//"):
        return nothing_because("STATIC_URL is on another host")
    urls = _paths_of(url, read("FORCE_SCRIPT_NAME"), root_path)
    if not urls:
        return nothing_because("STATIC_URL is %s, below which the gateway serves no files" % url)
    if is_development and read("DEBUG") and STATICFILES in installed:
        if _NO_STATIC in installed:
            return nothing_because("%s leaves them to the application" % _NO_STATIC)
        return Found([], urls, "")
    if not root:
        return nothing_because("STATIC_ROOT is not set")
    directory = os.path.abspath(os.fspath(root))
    problem = _problem_with(directory)
    return nothing_because(problem) if problem else Found([{"url": one, "directory": directory} for one in urls], [], "")


def nothing_because(why: str) -> Found:
    """``why``: a phrase for the line at the start."""
    return Found([], [], why)


# -- the settings, without asking them


def _reader(settings: object) -> Optional[Read]:
    """None while they are not configured."""
    wrapped = inspect.getattr_static(settings, "_wrapped", None)
    # Values that the application has read already: its pages have them, so they come first.
    kept = object.__getattribute__(settings, "__dict__")
    if wrapped is None or type(wrapped) is object:  # Django's `empty`
        return None
    # Libraries with settings of their own in Django's place (dynaconf) keep the values in the settings module too.
    module = sys.modules.get(os.environ.get("DJANGO_SETTINGS_MODULE", ""))
    elsewhere = {} if module is None else vars(module)

    def read(name: str) -> Any:
        return kept[name] if name in kept else _read(wrapped, name, elsewhere)

    return read


def _read(holder: object, name: str, elsewhere: Dict[str, Any]) -> Any:
    """``Settings`` has all values itself; a ``UserSettingsHolder`` (``settings.configure``) asks the holder before it."""
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
    """The packages of the applications: from the registry, or, before it is filled, as the settings name them."""
    registry = getattr(sys.modules.get("django.apps"), "apps", None)
    if getattr(registry, "apps_ready", False):
        return [config.name for config in registry.app_configs.values()]  # type: ignore[union-attr]
    return list(read("INSTALLED_APPS") or ())


# -- what they mean


def _paths_of(url: str, forced_prefix: object, root_path: str) -> List[str]:
    """The paths at which browsers ask for the files, as pages name them first; empty for ``/``, which is the application's.

    Django puts the script prefix before a relative URL. The gateway applies ``--root-path`` to each path. It does not know
    FORCE_SCRIPT_NAME, so there is a path with it and one without it: a proxy in front may have taken it away.
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
    """Whether ``inner`` is in ``directory``: such a STATIC_ROOT would publish the project's settings and passwords."""
    outer, inner = os.path.realpath(directory), os.path.realpath(inner)
    return os.path.commonpath([outer, inner]) == outer
