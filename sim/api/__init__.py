"""Functions and classes for notebooks and scripts; `import sim` gives all of them, as `sim.run` and so on."""
