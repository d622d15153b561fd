"""Settings of the example: as close to a real deployment as a project on one machine can be.

DEBUG is off, so that what you see is what a server in production does: no tracebacks in the browser, errors in the log,
static files collected into STATIC_ROOT with hashes in their names. Jumak serves them from there; WhiteNoise, which
compresses them when they are collected, does so under servers that do not.
"""

import os
import secrets
import sys
from pathlib import Path

import django

BASE_DIR = Path(__file__).resolve().parent.parent
# Where the project keeps all that it writes; tests give each server a directory of its own.
DATA_DIR = Path(os.environ.get("SHOP_DATA", BASE_DIR))
DATA_DIR.mkdir(parents=True, exist_ok=True)


def read_or_make_secret_key(path):
    """One key for all processes and restarts, else every log-in would end with the server."""
    if not path.exists():
        # Written aside and linked into place: a process that starts at the same moment never reads half a key.
        draft = path.with_name("%s.%d" % (path.name, os.getpid()))
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(50))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text()


SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY") or read_or_make_secret_key(DATA_DIR / "secret-key.txt")
DEBUG = os.environ.get("DJANGO_DEBUG") == "1"
# The example's password is known to everybody: answer this machine only.
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]

INSTALLED_APPS = [
    "inn",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "shop.urls"
WSGI_APPLICATION = "shop.wsgi.application"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "home"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATA_DIR / "db.sqlite3",
        "OPTIONS": {"timeout": 20},
    },
}
if django.VERSION >= (5, 1):
    # Several workers write to one file: take the write lock at the start of a transaction, and let readers go on.
    DATABASES["default"]["OPTIONS"].update(
        transaction_mode="IMMEDIATE",
        init_command="PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
    )
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "staticfiles"
MEDIA_ROOT = DATA_DIR / "media"
# Collected files have a hash in their name and are cached for ever. Before `manage.py prepare` has collected them they
# are served from the applications' own folders.
COLLECTED = "collectstatic" in sys.argv or "prepare" in sys.argv or (STATIC_ROOT / "staticfiles.json").exists()
WHITENOISE_USE_FINDERS = not COLLECTED
# WhiteNoise warns when there is none.
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if COLLECTED
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

# Without DEBUG Django mails tracebacks and prints none. What goes to standard error, Jumak writes into its own log.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"short": {"format": "%(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "short"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {"django": {"handlers": ["console"], "level": "WARNING", "propagate": False}},
}
