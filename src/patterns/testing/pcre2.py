"""Asks the real PCRE2: reads lines of JSON {"pattern", "i", "subjects"} with a character for each byte, and writes a line for each.

A line is {"error": message} if the pattern is refused, else {"matches"}: for each subject null, or the whole match and each group (null if unset).
"""

import ctypes
import json
import sys

CASELESS = 8
# Two optimizations of 10.42 are wrong: the first for "\w+(?:/)?+[^a]1" and "A1", the second for "(?=a)b*a" and "ba".
NO_AUTO_POSSESS = 0x4000
NO_START_OPTIMIZE = 0x10000
NO_MATCH = -1
UNSET = ctypes.c_size_t(-1).value

pcre2 = ctypes.CDLL("libpcre2-8.so.0")
pcre2.pcre2_compile_8.restype = ctypes.c_void_p
pcre2.pcre2_compile_8.argtypes = [
    ctypes.c_char_p,
    ctypes.c_size_t,
    ctypes.c_uint32,
    ctypes.POINTER(ctypes.c_int),
    ctypes.POINTER(ctypes.c_size_t),
    ctypes.c_void_p,
]
pcre2.pcre2_match_data_create_from_pattern_8.restype = ctypes.c_void_p
pcre2.pcre2_match_data_create_from_pattern_8.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
pcre2.pcre2_match_8.argtypes = [
    ctypes.c_void_p,
    ctypes.c_char_p,
    ctypes.c_size_t,
    ctypes.c_size_t,
    ctypes.c_uint32,
    ctypes.c_void_p,
    ctypes.c_void_p,
]
pcre2.pcre2_get_ovector_pointer_8.restype = ctypes.POINTER(ctypes.c_size_t)
pcre2.pcre2_get_ovector_pointer_8.argtypes = [ctypes.c_void_p]
pcre2.pcre2_get_ovector_count_8.argtypes = [ctypes.c_void_p]
pcre2.pcre2_get_error_message_8.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t]
for free in (pcre2.pcre2_code_free_8, pcre2.pcre2_match_data_free_8):
    free.argtypes = [ctypes.c_void_p]


def answer(pattern, ignores_case, subjects):
    code, offset = ctypes.c_int(), ctypes.c_size_t()
    flags = NO_AUTO_POSSESS | NO_START_OPTIMIZE | (CASELESS if ignores_case else 0)
    compiled = pcre2.pcre2_compile_8(
        pattern, len(pattern), flags, ctypes.byref(code), ctypes.byref(offset), None
    )
    if not compiled:
        text = ctypes.create_string_buffer(256)
        pcre2.pcre2_get_error_message_8(code, text, len(text))
        return {"error": text.value.decode()}
    data = pcre2.pcre2_match_data_create_from_pattern_8(compiled, None)
    matches = [match(compiled, data, subject) for subject in subjects]
    pcre2.pcre2_match_data_free_8(data)
    pcre2.pcre2_code_free_8(compiled)
    return {"matches": matches}


def match(compiled, data, subject):
    result = pcre2.pcre2_match_8(compiled, subject, len(subject), 0, 0, data, None)
    if result == NO_MATCH:
        return None
    if result < 0:
        return {"code": result}
    ends = pcre2.pcre2_get_ovector_pointer_8(data)
    groups = range(pcre2.pcre2_get_ovector_count_8(data))
    spans = [(ends[2 * group], ends[2 * group + 1]) for group in groups]
    return [None if start == UNSET else subject[start:end].decode("latin-1") for start, end in spans]


for line in sys.stdin:
    case = json.loads(line)
    subjects = [subject.encode("latin-1") for subject in case["subjects"]]
    print(json.dumps(answer(case["pattern"].encode("latin-1"), case["i"], subjects)))
