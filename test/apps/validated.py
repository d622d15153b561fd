"""plain.application behind wsgiref's validator: whatever the server does against PEP 3333 is an AssertionError."""

from wsgiref.validate import validator

import plain

application = validator(plain.application)
