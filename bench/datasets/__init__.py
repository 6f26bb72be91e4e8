"""Datasets: Cityscapes, Toyscapes, or any folder of images, opened by name or path."""

from bench.datasets.dataset import Dataset, Entry, dataset_kind, open_dataset

__all__ = ["Dataset", "Entry", "dataset_kind", "open_dataset"]
