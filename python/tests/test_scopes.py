"""Scopes: each way to make them gives the same."""

from __future__ import annotations

import random
import unittest

from jumak_worker.wire import environ_makers
from jumak_worker.asgi import scopes
from jumak_worker.asgi.scopes import Scopes

from .asgi_harness import head, scope, websocket

EXPECTED = {"asgi": {"version": "3.0", "spec_version": "2.5"}, "root_path": "/shop"}


def made(its_scopes: Scopes, its_scope: dict) -> dict:
    return make(its_scopes, *head(its_scope))


def make(its_scopes: Scopes, names: bytes, values: bytes) -> dict:
    """From the middle of what was received, as a link does it."""
    values_at = 3 + len(names)
    end = values_at + len(values)
    return its_scopes.make(b"\0\0\1" + names + values + b"body", 3, values_at, end)


class Making(unittest.TestCase):
    def test_the_first_and_the_thousandth_of_one_kind_are_alike(self) -> None:
        for state in (None, {"pool": 1}):
            its_scopes = Scopes("/shop", state)
            more = {} if state is None else {"state": state}
            for number in range(3 * environ_makers.WORTH_IT):
                headers = [(b"x-request-id", b"r-%d" % number), (b"cookie", b"a"), (b"cookie", b"\xe9")]
                given = scope(("GET", "PUT", "BREW")[number % 3], "/caf\u00e9/\0%d" % number, headers=headers)
                given.update(raw_path=b"/raw", query_string=b"n=%d" % number, client=("::1", number + 1))
                expected = {**given, **EXPECTED, **more, "extensions": scopes.HTTP_EXTENSIONS}
                self.assertEqual(made(its_scopes, given), expected)
            self.assertEqual(len(its_scopes._makers.made), 1)

    def test_a_root_path_of_its_own_counts_for_this_request_only(self) -> None:
        its_scopes = Scopes("/shop", None)
        names, values = head(scope())
        own = values.replace(b"  ", b" /caf\xc3\xa9 ", 1)
        for _ in range(2 * environ_makers.WORTH_IT):
            self.assertEqual(make(its_scopes, names, own)["root_path"], "/caf\u00e9")
            self.assertEqual(make(its_scopes, names, own)["server"], scope()["server"])
            self.assertEqual(make(its_scopes, names, values)["root_path"], "/shop")

    def test_what_an_application_does_to_a_scope_stays_there(self) -> None:
        its_scopes = Scopes("", {"pool": 1})
        first = made(its_scopes, scope())
        for _ in range(2 * environ_makers.WORTH_IT):
            one = made(its_scopes, scope())
            self.assertEqual(one, first)
            for value in one.values():
                if isinstance(value, (dict, list)):
                    value.clear()
            one["type"] = one["path"] = "changed"

    def test_names_that_alternate_are_not_taken_for_each_other(self) -> None:
        its_scopes = Scopes("", None)
        names = (b"a", b"b", b"aa", b"b")
        for number in range(8 * environ_makers.WORTH_IT):
            headers = [(b"x-request-id", b"r-%d" % number), (names[number % 4], b"1")]
            self.assertEqual(made(its_scopes, scope(headers=headers))["headers"], headers)
        self.assertEqual(len(its_scopes._makers.made), 3)

    def test_requests_of_one_connection_share_nothing_that_can_change(self) -> None:
        its_scopes = Scopes("", {"pool": 1})
        for _ in range(2 * environ_makers.WORTH_IT):
            first, second = made(its_scopes, scope()), made(its_scopes, scope())
            shared = [key for key in first if first[key] is second[key] and isinstance(first[key], (dict, list))]
            self.assertEqual(shared, [])
            first.clear()
            self.assertEqual(second, made(its_scopes, scope()))
            web = made(its_scopes, dict(websocket(), scheme="http"))
            self.assertEqual((web["type"], "method" in web), ("websocket", False))

    def test_a_websocket_has_no_method_and_its_subprotocols(self) -> None:
        its_scopes = Scopes("/shop", None)
        for _ in range(2 * environ_makers.WORTH_IT):
            one = made(its_scopes, websocket("/", "chat, v2.chat", "x", ""))
            self.assertEqual(one["subprotocols"], ["chat", "v2.chat", "x"])
            self.assertNotIn("method", one)
            self.assertEqual(one["extensions"], {"websocket.http.response": {}})

    def test_the_extension_tls_is_there_for_tls_connections_only(self) -> None:
        its_scopes = Scopes("", None)
        tls = {
            "server_cert": None,
            "client_cert_chain": (),
            "client_cert_name": None,
            "client_cert_error": None,
            "tls_version": 0x0304,
            "cipher_suite": 0x1301,
        }
        secure = scope(scheme="https", extensions={"tls": tls})
        socket = dict(websocket(), scheme="wss", extensions={"tls": tls})
        for _ in range(2 * environ_makers.WORTH_IT):
            one = made(its_scopes, secure)
            self.assertEqual(one["extensions"], {**scopes.HTTP_EXTENSIONS, "tls": tls})
            self.assertEqual(one["scheme"], "https")
            one["extensions"]["tls"].clear()
            self.assertEqual(made(its_scopes, socket)["extensions"], {**scopes.WEBSOCKET_EXTENSIONS, "tls": tls})
            # A proxy's word makes the scheme, and no TLS connection.
            self.assertNotIn("tls", made(its_scopes, scope(scheme="https"))["extensions"])
        self.assertEqual(len(its_scopes._makers.made), 1)

    def test_the_certificate_of_a_client(self) -> None:
        its_scopes = Scopes("", None)
        names, values = head(scope(scheme="https", extensions={"tls": {"tls_version": 0x0303, "cipher_suite": 0xC02F}}))
        start, end = values.rsplit(b"\0", 3)[0], b"\0".join(values.rsplit(b"\0", 3)[1:])

        def tls(error: str, name: str, pem: str) -> dict:
            certificate = "\0".join((error, name, pem)).encode()
            one = make(its_scopes, names.replace(b"http", b"http+client", 1), b"\0".join((start, certificate, end)))
            self.assertEqual((one["type"], one["headers"], one["path"]), ("http", scope()["headers"], "/"))
            return one["extensions"]["tls"]

        for _ in range(2 * environ_makers.WORTH_IT):
            right = tls("", "CN=\uae40", "PEM")
            self.assertEqual((right["tls_version"], right["cipher_suite"]), (0x0303, 0xC02F))
            shown = [right["client_cert_chain"], right["client_cert_name"], right["client_cert_error"]]
            self.assertEqual(shown, [("PEM",), "CN=\uae40", None])
            self.assertEqual(tls("expired", "CN=x", "PEM")["client_cert_error"], "expired")
            self.assertEqual([tls("", "", "")[key] for key in ("client_cert_chain", "client_cert_name")], [(), None])

    def test_the_user_that_the_gateway_knows(self) -> None:
        its_scopes = Scopes("", None)
        names, values = head(scope())
        start, end = values.rsplit(b"\0", 3)[0], b"\0".join(values.rsplit(b"\0", 3)[1:])
        for kind, more in ((b"http+user", b""), (b"http+client+user", b"\0\0CN=x\0PEM")):
            user = b"\0" + "\uae40".encode()
            one = make(its_scopes, names.replace(b"http", kind, 1), start + more + user + b"\0" + end)
            self.assertEqual((one["headers"], one["path"]), (scope()["headers"], "/"))
            self.assertEqual(one["extensions"]["jumak.user"], {"name": "\uae40"})
        self.assertNotIn("jumak.user", made(its_scopes, scope())["extensions"])

    def test_a_path_that_is_no_utf8(self) -> None:
        names, values = head(scope())
        for _ in range(2 * environ_makers.WORTH_IT):
            one = make(Scopes("", None), names, values + b"\xff\xc3\xa9")
            self.assertEqual(one["path"], "/\ufffd\u00e9")

    def test_a_unix_socket_has_no_client_and_a_path_for_a_server(self) -> None:
        names, values = head(scope(client=None, server=("/run/my app.sock", None)))
        one = make(Scopes("", None), names, values)
        self.assertEqual((one["client"], one["server"]), (None, ("/run/my app.sock", None)))

    def test_names_are_data_whatever_they_are(self) -> None:
        its_scopes = Scopes("", None)
        headers = [(b"x-request-id", b""), (b"'\"\\\n]=0;import os", b"1"), (b"{}%s%(x)d", b"2")]
        for _ in range(2 * environ_makers.WORTH_IT):
            self.assertEqual(made(its_scopes, scope(headers=headers))["headers"], headers)
        self.assertEqual(len(its_scopes._makers.made), 1)

    def test_names_and_values_that_do_not_match_are_an_error(self) -> None:
        its_scopes = Scopes("", None)
        names, values = head(scope())
        for _ in range(2 * environ_makers.WORTH_IT):
            make(its_scopes, names, values)
        for wrong in (b"", b"GET\0/", values.replace(b"4711", b"x"), values.replace(b"1.1 http ", b""), values.replace(b"http ", b"http;x;1 ")):
            for some in (names, names + b"\0more"):
                with self.assertRaises(ValueError):
                    make(its_scopes, some, wrong)

    def test_strangers_cannot_fill_the_memory(self) -> None:
        its_scopes = Scopes("", None)
        choose = random.Random(7)
        for number in range(20_000):
            given = scope("M%d" % number, headers=[(b"x-request-id", b"r"), (b"x-%d" % choose.randrange(5000), b"1")])
            given["client"] = ("127.0.0.1", number + 1)
            self.assertEqual(made(its_scopes, given)["client"], given["client"])
        self.assertLessEqual(len(its_scopes._makers._seen), environ_makers.MAX_COUNTED)
        self.assertLessEqual(len(its_scopes._makers.made), environ_makers.MAX_MADE)
        self.assertLessEqual(len(its_scopes._copiers), scopes._MAX_CONNECTIONS)
        self.assertLessEqual(len(scopes._methods), scopes._MAX_METHODS)


if __name__ == "__main__":
    unittest.main()
