"""What ``bench`` does, as Python calls; the command line only parses and prints."""

from bench.bd import Difference, bd
from bench.export import export
from bench.gate.check import check, record
from bench.inventory import codecs, datasets, doctor, metrics, tasks
from bench.predict import Prediction, Predictions, predict
from bench.report.compare import Report
from bench.report.from_store import report, report_by
from bench.run import RESULTS, Watcher, import_streams, run
from bench.score import Score, score
from bench.showing import show
from bench.single import Coded, decode, encode
from bench.train import train, training_folder, zoo

__all__ = [
    "RESULTS",
    "Coded",
    "Difference",
    "Prediction",
    "Predictions",
    "Report",
    "Score",
    "Watcher",
    "bd",
    "check",
    "codecs",
    "datasets",
    "decode",
    "doctor",
    "encode",
    "export",
    "import_streams",
    "metrics",
    "predict",
    "record",
    "report",
    "report_by",
    "run",
    "score",
    "show",
    "tasks",
    "train",
    "training_folder",
    "zoo",
]
