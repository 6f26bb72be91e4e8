"""The full-resolution recurrent codec of Toderici et al. 2017."""
