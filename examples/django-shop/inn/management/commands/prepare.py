"""`python manage.py prepare`: everything between a fresh checkout and a server that can start."""

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand

from inn.models import Traveller

USER = "admin"
PASSWORD = "jumak"


class Command(BaseCommand):
    help = "Creates the database, collects the static files, and makes the user %r with the password %r." % (
        USER,
        PASSWORD,
    )

    def handle(self, *args, **options):
        self.step("database", "migrate", interactive=False)
        self.step("static files", "collectstatic", interactive=False)
        users = get_user_model().objects
        if not users.filter(username=USER).exists():
            users.create_superuser(USER, "admin@example.com", PASSWORD)
            self.stdout.write("user %s" % USER)
        if not Traveller.objects.exists():
            Traveller.objects.create(name="The innkeeper", message="The floor is warm, the soup is on. Sit down.")

    def step(self, title, command, **options):
        call_command(command, verbosity=0, **options)
        self.stdout.write(title)
