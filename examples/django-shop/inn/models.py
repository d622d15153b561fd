from pathlib import PurePath

from django.db import models


class Traveller(models.Model):
    """One line in the guest book."""

    name = models.CharField(max_length=60)
    message = models.CharField(max_length=240)
    arrived = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-arrived", "-id"]

    def __str__(self):
        return self.name


class Parcel(models.Model):
    """A file that a traveller left at the inn."""

    name = models.CharField(max_length=200, editable=False)
    content = models.FileField(upload_to="parcels/", max_length=300)
    size = models.PositiveBigIntegerField(editable=False)
    arrived = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-arrived", "-id"]

    def __str__(self):
        return self.name

    def save(self, *args, **kwargs):
        if self.content and not self.content._committed:
            # The name as it was uploaded; the storage may have to choose another one for the file.
            self.name = PurePath(self.content.name).name[:200]
            self.size = self.content.size
        super().save(*args, **kwargs)
