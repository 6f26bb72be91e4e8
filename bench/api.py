"""The commands of ``bench`` as Python calls; the command line only parses and prints."""

from bench.codecs.functions import as_codec, from_compressai
from bench.commands.bd import Difference, bd
from bench.commands.check import check, record
from bench.commands.doctor import doctor
from bench.commands.export import export
from bench.commands.gc import gc
from bench.commands.inventory import codecs, datasets, measures, metrics, tasks
from bench.commands.merge import merge
from bench.commands.new import New, new
from bench.commands.plan import plan
from bench.commands.predict import Prediction, Predictions, predict
from bench.commands.report import report, report_by
from bench.commands.run import RESULTS, import_streams, run
from bench.commands.score import Score, score
from bench.commands.show import show
from bench.commands.single import Coded, decode, encode
from bench.commands.train import train, training_folder, zoo
from bench.report.compare import Report
from bench.sweep.outcome import Watcher

__all__ = [
    "RESULTS",
    "Coded",
    "Difference",
    "New",
    "Prediction",
    "Predictions",
    "Report",
    "Score",
    "Watcher",
    "as_codec",
    "bd",
    "check",
    "codecs",
    "datasets",
    "decode",
    "doctor",
    "encode",
    "export",
    "from_compressai",
    "gc",
    "import_streams",
    "measures",
    "merge",
    "metrics",
    "new",
    "plan",
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
