"""What a person looks at: overlays, curves, pages."""
