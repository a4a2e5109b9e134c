"""Times to an event: curves, tests, regression, competing risks. One file a method."""
