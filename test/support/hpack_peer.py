"""
The package `hpack`, for test/e2e/13-hpack.test.ts. Standard input has a JSON array of connections: `["encode", steps]` or
`["decode", steps]`. A step is `[sizes, block]`: new limits of the table, then the fields of a block, as
`[name, value, is sensitive]`, or its bytes in hexadecimal. Standard output gets the same arrays with the answers in place
of the steps: bytes, or fields, or null for an error, which ends the connection. Texts are Latin-1.
"""

import json
import sys

from hpack import Decoder, Encoder, HPACKError


def encode(steps):
    encoder = Encoder()
    blocks = []
    for number, (sizes, fields) in enumerate(steps):
        for size in sizes:
            encoder.header_table_size = size
        fields = [(name.encode("latin-1"), value.encode("latin-1"), sensitive) for name, value, sensitive in fields]
        blocks.append(encoder.encode(fields, huffman=number % 2 == 0).hex())
    return blocks


def decode(steps):
    decoder = Decoder(max_header_list_size=10**9)
    answers = []
    for sizes, block in steps:
        for size in sizes:
            decoder.max_allowed_table_size = size
        try:
            fields = decoder.decode(bytes.fromhex(block), raw=True)
        except HPACKError:
            answers.append(None)
            break
        answers.append([[name.decode("latin-1"), value.decode("latin-1"), not field.indexable]
                        for field in fields for name, value in [field]])
    return answers


ways = {"encode": encode, "decode": decode}
json.dump([ways[way](steps) for way, steps in json.load(sys.stdin)], sys.stdout)
