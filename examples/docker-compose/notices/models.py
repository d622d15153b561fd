from django.db import models


class Notice(models.Model):
    text = models.CharField(max_length=200)
    picture = models.FileField(upload_to="pictures", blank=True)
