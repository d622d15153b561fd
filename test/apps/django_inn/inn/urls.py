from django.urls import path

from inn import views

urlpatterns = [
    path("about/async/", views.about_async),
    path("about/sync/", views.about_sync),
    path("events/", views.events),
    path("go/", views.go),
    path("wait/", views.wait),
    path("weigh/", views.weigh),
    path("crash/", views.crash),
    path("rooms/<str:room>/", views.room),
]
