"""Les études mesurées que citent les chapitres."""
