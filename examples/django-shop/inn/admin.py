from django.contrib import admin

from .models import Parcel, Traveller


@admin.register(Traveller)
class TravellerAdmin(admin.ModelAdmin):
    list_display = ["name", "message", "arrived"]
    search_fields = ["name", "message"]
    date_hierarchy = "arrived"


@admin.register(Parcel)
class ParcelAdmin(admin.ModelAdmin):
    list_display = ["name", "size", "arrived"]
    readonly_fields = ["name", "size", "arrived"]
    search_fields = ["name"]
