"""Imaging: what air, optics and instruments make of an image; arrays in, arrays with their exact truth out."""
