"""Does this installation compute what it should? Known cases, reference records, a report."""
