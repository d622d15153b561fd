#!/usr/bin/env python3
import os

print("Content-Type: text/plain\n")
print("Hello from Python, process", os.getpid())
