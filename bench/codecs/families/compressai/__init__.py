"""The codecs of CompressAI's model zoo, by CompressAI's own networks and entropy coder."""
