"""Opens the cluster that ``--cluster`` names."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bench.errors import BenchError, UnavailableError
from bench.runtime.text import did_you_mean
from bench.sweep.cluster import Cluster
from bench.sweep.jobs import CodecReference, ScorerReference
from bench.sweep.plan import Plan

SETTINGS = {
    # For the scheduler to answer, also after a connection broke.
    "distributed.comm.timeouts.connect": 10.0,
    # Messages that a scheduler remembers of each worker: ours may hold images.
    "distributed.admin.low-level-log-length": 10,
}
"""Of Dask, where the cluster is started here."""

# The class of dask-jobqueue for each queue, and the program that it submits jobs with.
_QUEUES = {
    "slurm": ("SLURMCluster", "sbatch"),
    "pbs": ("PBSCluster", "qsub"),
    "sge": ("SGECluster", "qsub"),
    "lsf": ("LSFCluster", "bsub"),
    "htcondor": ("HTCondorCluster", "condor_submit"),
}


@contextmanager
def open_cluster(text: str) -> Iterator[Cluster]:
    """The cluster that ``--cluster`` names: an address, ``local:4``, or a queue such as slurm."""
    try:
        import dask
        import dask_jobqueue  # noqa: F401
        import distributed
    except ImportError as error:
        raise UnavailableError("--cluster needs Dask: pip install '.[cluster]'") from error
    with dask.config.set(SETTINGS), _started(text) as address:
        try:
            client = distributed.Client(address, set_as_default=False)
        except OSError as error:
            raise BenchError(f"--cluster {text}: no scheduler answers there") from error
        except ValueError as error:  # of an address
            raise BenchError(f"--cluster {text}: {error}") from error
        with client:
            cluster = Cluster(client)
            cluster.start()
            try:
                yield cluster
            finally:
                cluster.shutdown(wait=False)


def check_portable(plan: Plan) -> None:
    """Refuse a codec or network that was given as an object and cannot be sent to workers."""
    try:
        import cloudpickle
    except ImportError:  # as Dask is, which the cluster tells
        return
    references: list[CodecReference | ScorerReference] = [
        *map(CodecReference.of, plan.points),
        *map(ScorerReference.of, plan.scorers),
    ]
    for reference in references:
        try:
            cloudpickle.dumps(reference)
        except Exception as error:  # whatever an object raises
            raise BenchError(
                f"--cluster: {reference.name} cannot be sent to workers ({error}); without "
                "--cluster, it runs in this process"
            ) from error


@contextmanager
def _started(text: str) -> Iterator[Any]:
    """What a client connects to, started here where it is not an address."""
    kind, _, number = text.partition(":")
    if "://" in text:
        yield text
        return
    if kind not in ("local", *_QUEUES) or not (number or "1").isdecimal() or number == "0":
        known = ("local", *_QUEUES)
        mistaken = "" if kind in known else f"; {did_you_mean(kind, known)}"
        raise BenchError(
            f"--cluster {text}: expected tcp://HOST:PORT, or one of {', '.join(known)}, with a "
            f"number as in slurm:20{mistaken}"
        )
    count = int(number or 1)
    if kind == "local":
        from distributed import LocalCluster

        with LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            dashboard_address=":0",
            silence_logs=logging.CRITICAL,  # on a busy machine, heartbeats may fail at the end
        ) as local:
            yield local
        return
    import dask_jobqueue

    queue_class, program = _QUEUES[kind]
    if shutil.which(program) is None:
        raise UnavailableError(f"--cluster {kind}: no program {program} on PATH")
    try:
        queue = getattr(dask_jobqueue, queue_class)()
    except (TypeError, ValueError, RuntimeError) as error:
        raise BenchError(
            f"--cluster {kind}: {error}; set jobqueue.{kind} in ~/.config/dask/jobqueue.yaml"
        ) from error
    with queue:
        queue.adapt(minimum_jobs=count, maximum_jobs=count)  # one that dies is replaced
        yield queue
