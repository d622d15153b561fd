"""The Python side of Jumak: imports an application, forks workers, and hosts the application in them.

Standard library only. Nothing of it is installed in the user's environment: the master runs this directory by its path.
"""

import os

#: The build id: package.json's version. It is in the first message on each channel; the reader refuses another build.
__version__ = "0.1.0"

#: The directory of this package, absolute, with a separator at its end. Code below it is ours, not the application's.
DIRECTORY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "")
