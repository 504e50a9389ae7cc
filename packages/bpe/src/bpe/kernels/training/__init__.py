"""Training: counting the distinct pieces of a corpus in a hash table, then learning merges from them."""
