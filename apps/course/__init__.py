"""These packages under the names of a course's adapters, so that its public tests can be run with them.

The course is Stanford's CS336, "Language Modeling from Scratch", whose first assignment has the same subject. Its
tests call functions of one file, `tests/adapters.py`, which students write. `course.adapters` is that file for the
editions of 2025 and 2026, `course.adapters_2024` for the edition of 2024.
"""
