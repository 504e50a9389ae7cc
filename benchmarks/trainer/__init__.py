"""The trainer against other code: its loop, its batches, its checkpoints. See `benchmarks`."""
