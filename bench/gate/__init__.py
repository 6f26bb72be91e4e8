"""The gate: has a codec's coding performance regressed since it was recorded?"""
