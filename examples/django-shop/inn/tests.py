"""`python manage.py test`: the project by itself, without a server."""

import tempfile

from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import RequestFactory, TestCase, override_settings
from django.urls import reverse

from .models import Parcel, Traveller
from .views import number


class InnTests(TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        override = override_settings(MEDIA_ROOT=directory.name)
        override.enable()
        self.addCleanup(override.disable)

    def test_the_greeting_page_counts_the_visits_of_a_session(self):
        self.assertEqual(self.client.get("/").context["visits"], 1)
        self.assertEqual(self.client.get("/").context["visits"], 2)

    def test_a_traveller_signs_the_guest_book(self):
        response = self.client.post(reverse("sign"), {"name": "Hwang", "message": "Snow <on> the pass"}, follow=True)
        self.assertContains(response, "Snow &lt;on&gt; the pass")
        self.assertContains(response, "Welcome, Hwang.")

    def test_an_empty_name_is_refused_and_what_was_written_stays(self):
        response = self.client.post(reverse("sign"), {"name": "", "message": "nameless"})
        self.assertContains(response, "nameless", status_code=400)
        self.assertFalse(Traveller.objects.exists())

    def test_a_parcel_comes_back_as_it_was_under_its_own_name(self):
        content = bytes(range(256)) * 4096
        self.client.post(reverse("leave-parcel"), {"content": SimpleUploadedFile("소포 1.bin", content)})
        parcel = Parcel.objects.get()
        self.assertEqual((parcel.name, parcel.size), ("소포 1.bin", len(content)))
        response = self.client.get(reverse("fetch-parcel", args=[parcel.pk]))
        self.assertEqual(b"".join(response.streaming_content), content)
        self.assertEqual(response["Content-Length"], str(len(content)))
        self.assertIn("attachment", response["Content-Disposition"])

    def test_only_who_is_logged_in_deletes_a_parcel(self):
        self.client.post(reverse("leave-parcel"), {"content": SimpleUploadedFile("a.txt", b"a")})
        url = reverse("delete-parcel", args=[Parcel.objects.get().pk])
        self.assertRedirects(self.client.post(url), "%s?next=%s" % (reverse("login"), url))
        self.client.force_login(get_user_model().objects.create_superuser("admin", password="jumak"))
        self.client.post(url)
        self.assertFalse(Parcel.objects.exists())

    def test_ticks_are_made_one_by_one(self):
        response = self.client.get(reverse("ticks"), {"n": 3, "delay": 0})
        self.assertEqual(len(list(response.streaming_content)), 3)

    def test_a_page_streams_between_the_halves_of_its_template(self):
        page = self.client.get(reverse("stream"), {"n": 2, "delay": 0}).getvalue().decode()
        self.assertIn("<li><b>2</b> of 2", page)
        self.assertTrue(page.rstrip().endswith("</html>"))

    def test_numbers_in_the_query_stay_within_bounds(self):
        for text, value in (("-5", 0), ("7", 7), ("1e9", 20), ("nan", 3), ("words", 3), ("", 3)):
            request = RequestFactory().get("/", {"seconds": text})
            self.assertEqual(number(request, "seconds", 3, 0, 20), value, text)

    def test_an_error_shows_no_secrets(self):
        self.client.raise_request_exception = False
        with self.assertLogs("django.request", "ERROR"):
            response = self.client.get(reverse("crash"))
        self.assertContains(response, "Something broke", status_code=500)
        self.assertNotContains(response, "KeyError", status_code=500)

    def test_the_request_page_hides_the_session(self):
        self.client.get("/")
        response = self.client.get(reverse("request"))
        self.assertNotContains(response, self.client.cookies["sessionid"].value)

    def test_killing_the_worker_wants_a_post(self):
        with self.assertLogs("django.request", "WARNING"):
            self.assertEqual(self.client.get(reverse("crash-worker")).status_code, 405)

    def test_the_log_in_page_leads_to_the_page_that_was_asked_for(self):
        get_user_model().objects.create_superuser("admin", password="jumak")
        response = self.client.post(reverse("login"), {"username": "admin", "password": "jumak", "next": "/request/"})
        self.assertRedirects(response, "/request/")
