"""Environs: the same whichever way they are made."""

from __future__ import annotations

import random
import unittest

from jumak_worker import makers
from jumak_worker.environ import Environs

BASE = {"wsgi.version": (1, 0), "SCRIPT_NAME": "", "SERVER_SOFTWARE": "x"}
NAMES = ["REQUEST_METHOD", "RAW_URI", "HTTP_ACCEPT", "PATH_INFO"]


def make(environs: Environs, names: list, values: list) -> dict:
    return environs.make("\0".join(names).encode("latin-1"), "\0".join(values).encode("latin-1"))


def expected(names: list, values: list) -> dict:
    strings = dict(zip(names, values))
    return {**BASE, **strings, "REQUEST_URI": strings["RAW_URI"]}


class Making(unittest.TestCase):
    def test_the_first_and_the_thousandth_of_one_kind_are_alike(self) -> None:
        environs = Environs(dict(BASE))
        for number in range(1000):
            values = ["GET", "/%d" % number, "\xe9" * (number % 3), "/%d\0\0" % number]
            self.assertEqual(make(environs, NAMES, values), expected(NAMES, values))

    def test_what_an_application_does_to_an_environ_stays_there(self) -> None:
        environs = Environs(dict(BASE))
        values = ["GET", "/", "", "/"]
        for _ in range(300):
            one = make(environs, NAMES, values)
            self.assertEqual(one, expected(NAMES, values))
            one["REQUEST_METHOD"] = one["added"] = "changed"
            del one["wsgi.version"]

    def test_names_are_data_whatever_they_are(self) -> None:
        environs = Environs(dict(BASE))
        names = ["RAW_URI", "HTTP_'\"\\\n]=0;import os", "HTTP_{}%s", "PATH_INFO"]
        for number in range(300):
            values = ["/", str(number), "x", "/"]
            self.assertEqual(make(environs, names, values), expected(names, values))

    def test_names_and_values_that_do_not_match_are_an_error(self) -> None:
        environs = Environs(dict(BASE))
        for _ in range(300):
            make(environs, NAMES, ["GET", "/", "", "/"])
        for names in (NAMES, NAMES[1:]):
            with self.assertRaises(ValueError):
                make(environs, names, ["GET", "/"])

    def test_strangers_cannot_fill_the_memory(self) -> None:
        environs = Environs(dict(BASE))
        choose = random.Random(7)
        for _ in range(20_000):
            names = ["RAW_URI", "HTTP_%d" % choose.randrange(5000), "PATH_INFO"]
            self.assertEqual(make(environs, names, ["/", "1", "/"]), expected(names, ["/", "1", "/"]))
        self.assertLessEqual(len(environs._makers._seen), makers.MAX_COUNTED)
        for number in range(200):
            for _ in range(makers.WORTH_IT + 2):
                make(environs, ["RAW_URI", "HTTP_%d" % number, "PATH_INFO"], ["/", "1", "/"])
        self.assertEqual(len(environs._makers.made), makers.MAX_MADE)
