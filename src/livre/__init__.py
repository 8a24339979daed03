"""Ce dont seule la construction du livre a besoin : extension Sphinx, export des notebooks."""
