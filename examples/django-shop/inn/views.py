"""Each view shows one thing that a server has to do well. All of it runs under other servers too."""

import os
import platform
import signal
import time

import django
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html
from django.views.decorators.http import require_GET, require_POST

from .forms import ParcelForm, TravellerForm
from .models import Parcel, Traveller


def number(request, name, default, lowest, highest):
    """A number from the query, within bounds: a page that anybody may open must not sleep for a year."""
    try:
        value = float(request.GET.get(name, default))
    except ValueError:
        value = default
    # NaN fails the comparison.
    return min(max(value, lowest), highest) if value == value else default


def render_home(request, traveller_form=None, parcel_form=None, status=200):
    visits = request.session["visits"] = request.session.get("visits", 0) + 1
    context = {
        "server": request.META.get("SERVER_SOFTWARE", "unknown"),
        "pid": os.getpid(),
        "master": request.META.get("jumak.master_pid"),
        "python": platform.python_version(),
        "django": django.get_version(),
        "visits": visits,
        "traveller_form": traveller_form or TravellerForm(),
        "parcel_form": parcel_form or ParcelForm(),
        "travellers": Traveller.objects.all()[:6],
        "parcels": Parcel.objects.all()[:6],
    }
    return render(request, "inn/home.html", context, status=status)


@require_GET
def home(request):
    return render_home(request)


@require_POST
def sign(request):
    """CSRF, a form, SQLite, a redirect after POST and a message kept over it."""
    form = TravellerForm(request.POST)
    if not form.is_valid():
        return render_home(request, traveller_form=form, status=400)
    traveller = form.save()
    messages.success(request, "Welcome, %s. You are in the book." % traveller.name)
    return redirect(reverse("home") + "#guestbook")


@require_POST
def leave_parcel(request):
    """An upload: the server has read it whole before this runs, so a slow sender keeps no worker busy."""
    form = ParcelForm(request.POST, request.FILES)
    if not form.is_valid():
        return render_home(request, parcel_form=form, status=400)
    parcel = form.save()
    messages.success(request, "We keep %s for you (%d bytes)." % (parcel.name, parcel.size))
    return redirect(reverse("home") + "#parcels")


@require_GET
def fetch_parcel(request, pk):
    """FileResponse hands the open file to the server (`wsgi.file_wrapper`), which sends it without this worker."""
    parcel = get_object_or_404(Parcel, pk=pk)
    return FileResponse(parcel.content.open("rb"), as_attachment=True, filename=parcel.name)


@require_POST
@login_required
def delete_parcel(request, pk):
    parcel = get_object_or_404(Parcel, pk=pk)
    parcel.content.delete(save=False)
    parcel.delete()
    messages.success(request, "%s is gone." % parcel.name)
    return redirect(reverse("home") + "#parcels")


@require_GET
def slow(request):
    """A page that waits, as for a database or a remote service."""
    seconds = number(request, "seconds", 3, 0, 20)
    started = time.monotonic()
    time.sleep(seconds)
    result = {"pid": os.getpid(), "seconds": round(time.monotonic() - started, 2)}
    if request.GET.get("format") == "json":
        return JsonResponse(result)
    return render(request, "inn/slow.html", result)


def each_tick(request):
    count = int(number(request, "n", 10, 1, 100))
    delay = number(request, "delay", 0.5, 0, 5)
    for tick in range(1, count + 1):
        if tick > 1:
            time.sleep(delay)
        yield tick, count


@require_GET
def ticks(request):
    """One line a tick, each sent when it is made."""

    def lines():
        for tick, count in each_tick(request):
            yield "tick %d of %d from worker %d\n" % (tick, count, os.getpid())

    response = StreamingHttpResponse(lines(), content_type="text/plain; charset=utf-8")
    response["Cache-Control"] = "no-store"
    return response


@require_GET
def stream(request):
    """A page that builds itself before your eyes, without a line of JavaScript."""
    before, after = render_to_string("inn/stream.html", request=request).split("<!-- ticks -->")

    def parts():
        yield before
        for tick, count in each_tick(request):
            yield format_html("<li><b>{}</b> of {}, worker {}</li>\n", tick, count, os.getpid())
        yield after

    return StreamingHttpResponse(parts())


def show_request(request):
    """What the application is told about the request and the server."""
    environ = request.META
    context = {
        "line": "%s %s %s" % (request.method, request.get_full_path(), environ.get("SERVER_PROTOCOL", "")),
        "headers": sorted(request.headers.items()),
        "server": [
            (name, environ.get(name, ""))
            for name in (
                "REMOTE_ADDR",
                "REMOTE_PORT",
                "SERVER_NAME",
                "SERVER_PORT",
                "SERVER_SOFTWARE",
                "REQUEST_URI",
                "wsgi.url_scheme",
                "wsgi.multithread",
                "wsgi.multiprocess",
                "wsgi.input_terminated",
                "wsgi.file_wrapper",
            )
        ],
        "pid": os.getpid(),
    }
    return render(request, "inn/request.html", context)


@require_GET
def favicon(request):
    """For pages that name no icon, such as the admin's."""
    return redirect(static("inn/seal.svg"))


def crash(request):
    """The application fails: the visitor gets a page without secrets, the log gets the traceback."""
    table_for = {"two": 2, "four": 4}
    return HttpResponse("A table for %d" % table_for["three"])


@require_POST
def crash_worker(request):
    """The worst that can happen to a worker: gone in the middle of a request. POST, so that nobody tries it twice."""
    os.kill(os.getpid(), signal.SIGKILL)
