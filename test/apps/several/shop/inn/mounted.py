"""The project of test/apps/django_inn below a prefix, as WSGI: a relative STATIC_URL, and addresses that say where they lead."""

from pathlib import Path

from inn.settings import *  # noqa: F403

INSTALLED_APPS = ["django.contrib.staticfiles"]
ROOT_URLCONF = "inn.mounted_urls"
STATIC_URL = "static/"
STATIC_ROOT = Path(__file__).parent.parent / "collected"
# Without this the browser sends the session to every application of the host.
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = "/shop"
