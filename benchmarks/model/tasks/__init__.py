"""What is timed, in the worker process."""
