"""From text to token ids: pieces are looked up in a cache, and what it does not contain is merged."""
