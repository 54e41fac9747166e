"""What a network loses with parts of the photographs: drops at equal area, and areas under curves."""
