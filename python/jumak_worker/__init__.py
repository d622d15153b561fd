"""The Python side of Jumak: imports an application, forks workers, and hosts the application in them.

Standard library only. Nothing here is installed in the user's environment: the master runs this directory by path.
"""

#: The build id that every process says in its hello: package.json's version.
__version__ = "0.1.0"
