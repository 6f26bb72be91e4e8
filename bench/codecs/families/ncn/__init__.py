"""The neural compression network (NCN) of Fischer, Brand and Kaup 2022, and its LSMnet."""
