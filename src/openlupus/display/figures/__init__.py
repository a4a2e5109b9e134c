"""Figures, drawn from values that name everything they show."""
