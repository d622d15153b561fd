"""Environs: each way to make them gives the same."""

from __future__ import annotations

import random
import sys
import threading
import unittest

from jumak_worker.wire import environ_makers
from jumak_worker.wsgi.environ import Environs

BASE = {"wsgi.version": (1, 0), "SCRIPT_NAME": "", "SERVER_SOFTWARE": "x"}
NAMES = ["REQUEST_METHOD", "RAW_URI", "HTTP_ACCEPT", "PATH_INFO"]


def make(environs: Environs, names: list, values: list) -> dict:
    """From the middle of what was received, as a link does it."""
    before, its_names, its_values = (text.encode("latin-1") for text in ("\0RAW", "\0".join(names), "\0".join(values)))
    values_at = len(before) + len(its_names)
    data = before + its_names + its_values + b"\0behind"
    return environs.make(data, len(before), values_at, values_at + len(its_values))


def expected(names: list, values: list) -> dict:
    strings = dict(zip(names, values))
    return {**BASE, **strings, "REQUEST_URI": strings["RAW_URI"]}


class Making(unittest.TestCase):
    def test_the_first_and_the_thousandth_of_one_kind_are_alike(self) -> None:
        environs = Environs(dict(BASE))
        for number in range(1000):
            values = ["GET", "/%d" % number, "\xe9" * (number % 3), "/%d\0\0" % number]
            self.assertEqual(make(environs, NAMES, values), expected(NAMES, values))

    def test_names_that_differ_from_those_before_in_any_way_are_not_taken_for_them(self) -> None:
        environs = Environs(dict(BASE))
        sets = [NAMES, NAMES[1:], [*NAMES, "Z"], ["X", *NAMES], [*NAMES[:-1], "PATH_INFX"], ["HTTP_A", *NAMES[1:]], NAMES]
        for _ in range(environ_makers.WORTH_IT + 1):
            for names in sets:
                make(environs, names, ["v"] * len(names))
        choose = random.Random(7)
        for number in range(1000):
            names = choose.choice(sets)
            values = ["%d-%d" % (number, i) for i in range(len(names))]
            self.assertEqual(make(environs, names, values), expected(names, values))

    def test_no_names_at_all_are_an_error(self) -> None:
        with self.assertRaises(KeyError):
            Environs(dict(BASE)).make(b"", 0, 0, 0)

    def test_threads_share_what_is_remembered(self) -> None:
        environs = Environs(dict(BASE))
        wrong: list = []

        def run(names: list) -> None:
            for number in range(5000):
                values = [names[i] + str(number) for i in range(len(names))]
                if make(environs, names, values) != expected(names, values):
                    wrong.append(values)

        threads = [threading.Thread(target=run, args=(names,)) for names in (NAMES, [*NAMES[:2], "HTTP_OTHER_", "Q"])]
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-5)
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            sys.setswitchinterval(interval)
        self.assertEqual(wrong, [])

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
        self.assertLessEqual(len(environs._makers._seen), environ_makers.MAX_COUNTED)
        for number in range(200):
            for _ in range(environ_makers.WORTH_IT + 2):
                make(environs, ["RAW_URI", "HTTP_%d" % number, "PATH_INFO"], ["/", "1", "/"])
        self.assertEqual(len(environs._makers.made), environ_makers.MAX_MADE)
