"""Fuzzing: damaged, foreign and malicious input to everything that reads something.

Whatever comes in is used or refused with an error of ours; nothing else may happen.
"""
