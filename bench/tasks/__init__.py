"""Task networks as measures: what looks at decoded pictures, and how it is scored."""
