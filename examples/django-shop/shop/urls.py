from django.contrib import admin
from django.urls import include, path

admin.site.site_header = "Jumak example shop"
admin.site.site_title = "Jumak example shop"
admin.site.index_title = "Behind the counter"

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("inn.urls")),
]
