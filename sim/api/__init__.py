"""Functions and classes for notebooks and scripts, which `import sim` provides as `sim.run` and so on."""
