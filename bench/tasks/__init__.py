"""Task networks that run on decoded pictures, and their scores."""
