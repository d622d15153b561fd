#!/bin/sh
# `with-config.ts` as a program, on the project's own Node.
root=$(cd "$(dirname "$0")/../.." && pwd -P)
exec sh "$root/scripts/node" "$root/test/support/with-config.ts" "$@"
