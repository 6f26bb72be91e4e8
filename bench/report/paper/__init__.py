"""Reports by a spec: figures, tables and pictures for print."""
