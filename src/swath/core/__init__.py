"""The vocabulary: quantity, band, sensor, legend, geobox, stack, scene, sample, plan, specs, errors."""
