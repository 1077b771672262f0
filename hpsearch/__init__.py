"""Tightening random search for people who train GANs and classifiers."""
