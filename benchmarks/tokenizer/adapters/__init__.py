"""Every library through the same calls: ours and its peers. All calls to the libraries are in here."""
