"""Which threads are in a debugger, by their frames; what the log says of frameworks."""

import bdb
import builtins
import io
import sys
import threading
import unittest

from jumak_worker.process import debugger, ignored_signals


class HasTest(unittest.TestCase):
    def test_ordinary_code_is_in_no_debugger(self) -> None:
        self.assertFalse(debugger.is_debugged(sys._getframe()))
        self.assertFalse(debugger.is_debugged(None))

    def test_what_bdb_calls_is(self) -> None:
        seen = []

        class Debugger(bdb.Bdb):
            def user_line(self, frame: object) -> None:
                seen.append(debugger.is_debugged(sys._getframe()))
                self.set_continue()

        one = Debugger()
        one.set_trace()
        sys.settrace(None)
        self.assertEqual(seen[:1], [True])

    def test_who_reads_the_keyboard_is(self) -> None:
        seen = []

        class Slow(io.RawIOBase):
            def readable(self) -> bool:
                return True

            def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
                seen.append(debugger.is_debugged(sys._getframe()))
                buffer[:2] = b"a\n"
                return 2

        keyboard = debugger._Keyboard(io.BufferedReader(Slow()), encoding="utf-8")
        self.assertEqual(keyboard.readline(), "a\n")
        self.assertEqual(next(keyboard), "a\n")
        self.assertEqual(seen, [True] * len(seen))
        self.assertTrue(seen)

    def test_input_is_ours_only_where_it_is_installed(self) -> None:
        self.assertIs(builtins.input, debugger._input)
        self.assertFalse(ignored_signals.is_interruptible(None))

    def test_it_is_told_when_the_first_has_entered_and_the_last_has_left(self) -> None:
        told = []
        changed = threading.Semaphore(0)
        entered, leave = threading.Event(), threading.Event()

        class Debugger(bdb.Bdb):
            def user_line(self, frame: object) -> None:
                entered.set()
                leave.wait(30)
                self.set_continue()

        def debug() -> None:
            Debugger().set_trace()
            sys.settrace(None)

        def tell(is_debugged: bool) -> None:
            told.append(is_debugged)
            changed.release()

        debugger.watch(tell)
        thread = threading.Thread(target=debug)
        thread.start()
        self.assertTrue(entered.wait(30))
        self.assertTrue(changed.acquire(timeout=30))
        leave.set()
        thread.join()
        self.assertTrue(changed.acquire(timeout=30))
        self.assertEqual(told, [True, False])


def of(module: str, **state: object) -> object:
    application = type("Application", (), {"__module__": module})()
    vars(application).update(state)
    return application


class FrameworkNoteTest(unittest.TestCase):
    def test_what_would_help(self) -> None:
        cases = (
            (of("flask.app", config={"DEBUG": True}), "does not run here"),
            (of("flask.app", config={"DEBUG": False}), "FLASK_DEBUG=1"),
            (of("fastapi.applications", debug=False), "debug=True"),
        )
        for application, words in cases:
            self.assertIn(words, debugger.framework_note(application))

    def test_nothing_where_nothing_would(self) -> None:
        for application in (of("fastapi.applications", debug=True), of("shop.app"), len):
            self.assertEqual(debugger.framework_note(application), "")

    def test_an_application_without_the_usual_state_raises_nothing(self) -> None:
        self.assertIn("FLASK_DEBUG=1", debugger.framework_note(of("flask.app", config=None)))
        self.assertEqual(debugger.framework_note(of("fastapi.applications")), "")


if __name__ == "__main__":
    unittest.main()
