"""What `visuomotor ...` does, one module per room; everything heavy is imported when it runs."""
