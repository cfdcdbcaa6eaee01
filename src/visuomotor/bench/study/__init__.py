"""Studies: cells of task x method x demonstrations x seed, trained, evaluated and tabulated."""
