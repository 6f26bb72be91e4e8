"""The sweep: the plan of what is to be coded and measured, and its execution."""
