"""Stacks in the log: what the application's author sees first."""

import os
import traceback
import unittest

from jumak_worker.output import stacks

LIBRARY = "/venv/lib/python3.13/site-packages/%s/x.py"


def frame(path: str, name: str) -> traceback.FrameSummary:
    return traceback.FrameSummary(path, 1, name, line="pass")


def folded(*frames: traceback.FrameSummary) -> list:
    """The function of each frame that is shown, and the lines that stand for others."""
    return [line.split(" in ")[-1].split("\n")[0].strip() for line in stacks.fold(list(frames))]


class FoldTest(unittest.TestCase):
    def test_own_frames_first_and_libraries_in_one_line(self) -> None:
        django = [frame(LIBRARY % "django", "inner")] * 4
        shown = folded(
            *django,
            frame(LIBRARY % "whitenoise", "call"),
            frame("/srv/shop/middleware.py", "middleware"),
            *django,
            frame("/srv/shop/views.py", "slow"),
            frame(LIBRARY % "requests", "get"),
            frame(os.__file__, "read"),
        )
        self.assertEqual(
            shown,
            [
                "middleware",
                "... 4 frames of django",
                "slow",
                "get",
                "read",
                "called by 5 frames of django, whitenoise",
            ],
        )

    def test_where_it_stands_is_shown_although_it_is_a_librarys(self) -> None:
        library = [frame(LIBRARY % "boto", "call")] * 5
        self.assertEqual(
            folded(frame("/srv/views.py", "view"), *library, frame(LIBRARY % "urllib3", "wait")),
            ["view", "... 5 frames of boto", "wait"],
        )

    def test_without_own_frames_all_are_shown(self) -> None:
        library = [frame(LIBRARY % "shop", "view")] * 3
        self.assertEqual(folded(*library), ["view"] * 3)

    def test_a_frame_alone_is_not_folded(self) -> None:
        self.assertEqual(
            folded(frame(LIBRARY % "flask", "app"), frame("/srv/app.py", "view")),
            ["app", "view"],
        )


if __name__ == "__main__":
    unittest.main()
