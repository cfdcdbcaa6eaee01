"""Skills from human videos: tracks, their 3-D states, aligned demonstrations."""
