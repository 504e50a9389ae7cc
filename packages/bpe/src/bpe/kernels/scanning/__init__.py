"""Splitting text into pieces (pre-tokens) by the three named patterns, 64 bytes at a time; finding special tokens."""
