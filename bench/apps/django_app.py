"""A Django page with middleware, a template and a query through the ORM, in one file and with a database in memory."""

import os

from django.conf import settings

settings.configure(
    SECRET_KEY="only for the bench",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth"],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
    ],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.environ["BENCH_DATABASE"],
            "CONN_MAX_AGE": None,
        }
    },
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {
                "loaders": [
                    (
                        "django.template.loaders.locmem.Loader",
                        {
                            "page.html": "<h1>{{ title }}</h1><ul>{% for g in groups %}<li>{{ g.name }}{% endfor %}</ul>"
                        },
                    )
                ]
            },
        }
    ],
)

import django  # noqa: E402

django.setup()

from django.contrib.auth.models import Group  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.shortcuts import render  # noqa: E402
from django.urls import re_path  # noqa: E402


def page(request):
    groups = list(Group.objects.order_by("name")[:10])
    return render(request, "page.html", {"title": request.path, "groups": groups})


urlpatterns = [re_path("", page)]
application = get_wsgi_application()


def prepare():
    """Makes the database; run once before the servers start."""
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    for number in range(10):
        Group.objects.get_or_create(name=f"group {number}")
