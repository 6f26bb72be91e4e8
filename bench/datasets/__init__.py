"""Datasets: Cityscapes, Toyscapes, those of other packages, or any folder of images."""

from bench.datasets.catalog import DATASETS, dataset_kind, dataset_source, open_dataset
from bench.datasets.dataset import Dataset, DatasetSource, Entry

__all__ = [
    "DATASETS",
    "Dataset",
    "DatasetSource",
    "Entry",
    "dataset_kind",
    "dataset_source",
    "open_dataset",
]
