"""Datasets: Cityscapes, Toyscapes, those of other packages, or any folder of images."""

from bench.datasets.catalog import DATASETS, Data, dataset_kind, dataset_source, open_dataset
from bench.datasets.dataset import Dataset, DatasetSource, Entry

__all__ = [
    "DATASETS",
    "Data",
    "Dataset",
    "DatasetSource",
    "Entry",
    "dataset_kind",
    "dataset_source",
    "open_dataset",
]
