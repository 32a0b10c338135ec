"""Fuzzing of everything that parses bytes from outside: one table of targets, two drivers.

`test_fuzz_properties.py` mutates the corpora in CI; `python -m tests.fuzz` drives atheris, guided by
coverage. See docs/fuzzing.md.
"""
