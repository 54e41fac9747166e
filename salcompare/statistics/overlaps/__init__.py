"""Overlap of people's maps and a classifier's: values, pairings with their tests, baselines and contrasts."""
