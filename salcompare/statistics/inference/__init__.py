"""What every test and interval is made of: permutations, resampling, multiplicity, and means over actors."""
