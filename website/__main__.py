"""Put the pages of the website together: `python -m website`, and then `zensical build` or `zensical serve`."""

import sys
from pathlib import Path

from website.pages import write_pages

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "build" / "website" / "pages"
"""The folder from which Zensical makes the website, as `zensical.toml` says."""

if __name__ == "__main__":
    try:
        write_pages(ROOT, PAGES)
    except ValueError as error:
        sys.exit(f"error: {error}")
