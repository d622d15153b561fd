from django.contrib import admin
from django.urls import path

from notices import views

urlpatterns = [
    path("", views.board),
    path("client/", views.client),
    path("admin/", admin.site.urls),
]
