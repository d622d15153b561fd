from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from . import views

urlpatterns = [
    path("", views.home, name="home"),
    path("guestbook/", views.sign, name="sign"),
    path("parcels/", views.leave_parcel, name="leave-parcel"),
    path("parcels/<int:pk>/", views.fetch_parcel, name="fetch-parcel"),
    path("parcels/<int:pk>/delete/", views.delete_parcel, name="delete-parcel"),
    path("slow/", views.slow, name="slow"),
    path("stream/", views.stream, name="stream"),
    path("ticks/", views.ticks, name="ticks"),
    path("request/", views.show_request, name="request"),
    path("crash/", views.crash, name="crash"),
    path("crash/worker/", views.crash_worker, name="crash-worker"),
    path("favicon.ico", views.favicon),
    path("login/", LoginView.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
]
