"""Training of the models that Troupe ships: straight-line stages, and the formulas they share."""
