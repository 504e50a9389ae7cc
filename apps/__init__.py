"""The applications: scripts, each run as `uv run apps/NAME.py`."""
