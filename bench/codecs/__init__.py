"""Codecs: the contract, cards and the catalogue, points and weights; families beneath."""
