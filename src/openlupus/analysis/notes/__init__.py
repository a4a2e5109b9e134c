"""Method notes: what an analysis did, in words, with every option and default."""
