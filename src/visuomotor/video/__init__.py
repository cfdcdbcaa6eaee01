"""Skills from human videos: tracks of hand and objects, their 3-D states, aligned demonstrations."""
