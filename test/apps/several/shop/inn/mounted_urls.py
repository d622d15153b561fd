import os
import sys

from django.http import HttpResponse, JsonResponse
from django.templatetags.static import static
from django.urls import path, reverse

from inn import views


def about(request):
    return JsonResponse(
        {
            "name": "shop",
            "pid": os.getpid(),
            "uid": os.getuid(),
            "directory": os.getcwd(),
            "python": sys.prefix,
            "variables": {key: value for key, value in os.environ.items() if key.startswith("SEVERAL_")},
            "root": request.META["SCRIPT_NAME"],
            "path": request.META["PATH_INFO"],
            "links": {
                "page": reverse("about"),
                "whole": request.build_absolute_uri(reverse("about")),
                "static": static("inn.css"),
            },
        }
    )


def count(request):
    return HttpResponse(str(len(request.body)))


urlpatterns = [
    path("about/", about, name="about"),
    path("count/", count),
    path("weigh/", views.weigh),
    path("rooms/<str:room>/", views.room),
]
