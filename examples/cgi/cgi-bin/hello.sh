#!/bin/sh
printf 'Content-Type: text/plain\n\n'
echo "Hello from a shell, process $$"
