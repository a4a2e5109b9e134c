"""The parts of a simulation model, by subject."""
