"""Splitting text into pieces (pre-tokens), by GPT-2's pattern or any with an automaton; finding special tokens."""
