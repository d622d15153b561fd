from django import forms
from django.http import JsonResponse
from django.shortcuts import redirect, render

from .models import Notice


class NoticeForm(forms.ModelForm):
    class Meta:
        model = Notice
        fields = ["text", "picture"]


def board(request):
    form = NoticeForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        form.save()
        return redirect("/")
    notices = Notice.objects.order_by("-pk")[:20]
    return render(request, "notices/board.html", {"form": form, "notices": notices})


def client(request):
    """What the application is told of its client, behind nginx and without."""
    forwarded = request.headers.get("X-Forwarded-For", "")
    return JsonResponse(
        {
            "address": forwarded.split(",")[-1].strip() or request.META["REMOTE_ADDR"],
            "host": request.get_host(),
            "scheme": request.scheme,
        }
    )
