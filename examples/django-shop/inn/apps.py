from django.apps import AppConfig


class InnConfig(AppConfig):
    name = "inn"
    verbose_name = "The inn"
