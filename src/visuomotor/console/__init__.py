"""Pages for a browser on this machine: nothing of them comes from outside."""
