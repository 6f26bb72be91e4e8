import json
from pathlib import Path

import pytest

from bench.errors import DataError
from bench.metrics.bjontegaard import bd_rate
from bench.report.curve_files import CurveTable, FileCurve, read_pair

COMPRESSAI = {
    "name": "mbt2018-mean",
    "description": "Inference (ans)",
    "results": {
        "q": ["mbt2018-mean-1", "mbt2018-mean-2", "mbt2018-mean-3"],
        "psnr-rgb": [29.71, 31.34, 32.98],
        "mse-rgb": [39.4, 29.6, 21.6],
        "ms-ssim-rgb": [0.9368, 0.9554, 0.9684],
        "bpp": [0.1028, 0.1577, 0.2352],
        "encoding_time": [6.16, 6.19, 6.22],
    },
}
SEVERAL = """codec,point,bpp,psnr_y,ms-ssim,encode_seconds
x265,37,0.1,30.1,0.91,1
x265,32,0.2,33.2,0.93,1
ncn-lsm:toyscapes,1,0.08,30.5,0.92,2
ncn-lsm:toyscapes,2,0.19,33.0,0.95,2
"""
PLAIN = "bpp,psnr\n0.1,30\n0.2,33\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name: str, content: object) -> str:
    Path(name).write_text(content if isinstance(content, str) else json.dumps(content))
    return name


def read_curve(spec: str, metric: str | None = None, rate: str | None = None) -> FileCurve:
    return CurveTable.open(spec).curve(metric, rate)


@pytest.mark.usefixtures("folder")
class TestReading:
    def test_compressai_results(self) -> None:
        file = write("mbt.json", COMPRESSAI)
        read = read_curve(file, metric="PSNR_RGB")
        assert read.curve.name == "mbt2018-mean"
        assert read.curve.rate.tolist() == [0.1028, 0.1577, 0.2352]
        assert read.curve.quality.tolist() == [29.71, 31.34, 32.98]
        assert (read.rate, read.metric) == ("bpp", "psnr-rgb")

    def test_old_compressai_results(self) -> None:
        results = {"psnr": [28.1, 30.7], "bpp": [0.05, 0.13], "decoding_time": [1.1, 1.3]}
        read = read_curve(write("bpg.json", {"name": "BPG 444", "results": results}))
        assert (read.curve.name, read.metric) == ("BPG 444", "psnr")
        assert read.curve.quality.tolist() == [28.1, 30.7]

    @pytest.mark.parametrize(
        "content",
        [
            {"bpp": [0.1, 0.2], "psnr": [30, 33]},
            [{"bpp": 0.1, "psnr": 30}, {"bpp": 0.2, "psnr": 33}],
            {
                "made": {"by": "bench"},
                "points": [{"bpp": 0.2, "psnr": 33}, {"bpp": 0.1, "psnr": 30}],
            },
            PLAIN,
            "# of the paper\nBPP;PSNR\n\n0.2 ; 33\n0.1 ; 30\n",
            "\ufeffQP\tbits per pixel\tPSNR\n22\t0.2\t33\n27\t0.1\t30\n",
            ",bpp,psnr\n0,0.1,30\n1,0.2,33\n",
            "lambda,q,bpp,kbps,psnr,mse,lpips,enc_time\n1,1,.1,5,30,9,1,1\n2,2,.2,9,33,7,1,1\n",
        ],
    )
    def test_shapes_of_one_curve(self, content: object) -> None:
        curve = read_curve(write("any.file", content)).curve
        assert curve.rate.tolist() == [0.1, 0.2]
        assert curve.quality.tolist() == [30, 33]
        assert curve.name == "any"

    @pytest.mark.parametrize(
        "content",
        [
            [
                {"name": "a", "results": {"bpp": [9, 8], "psnr": [1, 2]}},
                {**COMPRESSAI, "name": "b"},
            ],
            {"a": {"bpp": [9, 8], "psnr": [1, 2]}, "b": COMPRESSAI["results"]},
            "bpp,codec,psnr-rgb\n9,a,1\n.1028,b,29.71\n.1577,b,31.34\n.2352,b,32.98\n8,a,2\n",
            {"rows": [
                {"codec": "b", "bpp": b, "psnr-rgb": p}
                for b, p in [(0.1028, 29.71), (0.1577, 31.34), (0.2352, 32.98)]
            ] + [{"codec": "a", "bpp": 1, "psnr-rgb": 2}]},
        ],
    )  # fmt: skip
    def test_shapes_of_several_curves(self, content: object) -> None:
        read = read_curve(write("two.x", content) + ":b", metric="psnr-rgb")
        assert read.curve.name == "b"
        assert read.curve.quality.tolist() == [29.71, 31.34, 32.98]

    def test_a_codec_may_hold_a_colon(self) -> None:
        file = write("means.csv", SEVERAL)
        read = read_curve(f"{file}:ncn-lsm:toyscapes", metric="psnr_y")
        assert read.curve.name == "ncn-lsm:toyscapes"
        assert read.curve.rate.tolist() == [0.08, 0.19]

    def test_a_file_may_hold_a_colon(self) -> None:
        write("a", PLAIN)
        assert read_curve(write("a:b", "bpp,psnr\n1,2\n3,4\n")).curve.rate.tolist() == [1, 3]

    def test_rate_by_name(self) -> None:
        file = write("two.csv", "bpp,kbps,size,psnr\n0.1,50,7,30\n0.2,90,8,33\n")
        assert read_curve(file).rate == "bpp"
        assert read_curve(file, rate="KBPS").curve.rate.tolist() == [50, 90]
        assert read_curve(file, metric="psnr", rate="size").curve.rate.tolist() == [7, 8]


@pytest.mark.usefixtures("folder")
class TestPairs:
    def test_what_both_files_share(self) -> None:
        anchor = write("a.csv", "bitrate,bpp,psnr,vmaf\n10,0.1,30,50\n20,0.2,33,60\n")
        test = write("t.csv", "bits_per_pixel,PSNR,ssim\n0.05,30,0.9\n0.1,33,0.95\n")
        one, other = read_pair(anchor, test)
        assert (one.rate, one.metric) == ("bpp", "psnr")
        assert (other.rate, other.metric) == ("bits_per_pixel", "PSNR")
        assert bd_rate(one.curve, other.curve).value == pytest.approx(-50)

    def test_two_codecs_of_one_file(self) -> None:
        file = write("means.csv", SEVERAL)
        one, other = read_pair(f"{file}:x265", f"{file}:ncn-lsm:toyscapes", metric="ms_ssim")
        assert (one.curve.name, other.curve.name) == ("x265", "ncn-lsm:toyscapes")
        assert other.curve.quality.tolist() == [0.92, 0.95]

    def test_one_codec_of_two_files_goes_by_file(self) -> None:
        old, new = write("old.json", COMPRESSAI), write("new.json", COMPRESSAI)
        one, other = read_pair(old, new, metric="psnr-rgb")
        assert (one.curve.name, other.curve.name) == (old, new)

    def test_names_that_differ_are_given_apart(self) -> None:
        anchor = write("a.csv", PLAIN)
        test = write("t.json", COMPRESSAI)
        one, other = read_pair(anchor, test, metric="psnr", test_metric="psnr-rgb")
        assert (one.metric, other.metric) == ("psnr", "psnr-rgb")
        size = write("s.csv", "rate,psnr\n0.1,30\n0.2,33\n")
        assert read_pair(anchor, size, rate="bpp", test_rate="rate")[1].rate == "rate"

    @pytest.mark.parametrize(
        ("test", "options", "message"),
        [
            (
                "bpp,psnr-rgb\n0.1,30\n0.2,33\n",
                {},
                (
                    "a.csv has the metric psnr and t.csv has psnr-rgb: "
                    "if they mean the same, name them as --metric and --test-metric"
                ),
            ),
            (
                "kbps,psnr\n1,30\n2,33\n",
                {},
                (
                    "a.csv has the rate bpp and t.csv has kbps: "
                    "if they mean the same, name them as --rate and --test-rate"
                ),
            ),
            (
                "kbps,psnr\n1,30\n2,33\n",
                {"rate": "bpp"},
                "t.csv has no column bpp: name one of kbps, psnr as --rate",
            ),
        ],
    )
    def test_curves_that_cannot_be_compared(
        self, test: str, options: dict[str, str], message: str
    ) -> None:
        write("a.csv", PLAIN)
        write("t.csv", test)
        with pytest.raises(DataError) as caught:
            read_pair("a.csv", "t.csv", **options)
        assert str(caught.value) == message

    def test_several_shared_metrics(self) -> None:
        file = write("means.csv", SEVERAL)
        with pytest.raises(DataError, match=r"share psnr_y, ms-ssim: name one as --metric"):
            read_pair(f"{file}:x265", f"{file}:ncn-lsm:toyscapes")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("bpp,psnr\n0.1,30\n0.2,high\n", "f.csv, line 3: psnr is not a number: high"),
        ("bpp,psnr\n# note\n0.1,30\n0.2,\n", "f.csv, line 4: psnr is empty"),
        ("bpp,psnr\n0.1,30\n0.2\n", "f.csv, line 3: psnr is empty"),
        ("bpp,psnr\n0.1,30\n0.2,nan\n", "f.csv, line 3: psnr is nan"),
        ("bpp,psnr\n0.1,30\ninf,33\n", "f.csv, line 3: bpp is inf"),
        ("bpp;psnr\n0,1;30\n0,2;33\n", "f.csv, line 2: bpp is not a number: 0,1"),
        ("bpp,psnr\n0.1,30\n0,33\n", "f.csv, line 3: the rate bpp is 0, not above 0"),
        ("bpp,psnr\n-0.1,30\n1,33\n", "f.csv, line 2: the rate bpp is -0.1, not above 0"),
        ("", "f.csv holds no points"),
        ("bpp,psnr\n", "f.csv holds no points"),
        ("{}", "f.csv holds no points"),
        ("bpp,psnr\n0.1,30\n", "f.csv holds one point of f; a curve needs two"),
        ("0.1,30\n0.2,33\n", "f.csv, line 1: a number where a heading names the columns"),
        ("bpp,psnr\n0.1,30,7\n", "f.csv, line 2: more cells than the heading has columns"),
        ("bpp,psnr,psnr\n0.1,3,3\n", "f.csv, line 1: two columns called psnr"),
        ("bpp,PSNR_Y,psnr-y\n1,2,3\n2,3,4\n", "f.csv has two columns called psnr-y"),
        (
            "bpp,psnr,vmaf\n0.1,30,50\n0.2,33,60\n",
            "f.csv has several columns that may be the metric: name one of psnr, vmaf as --metric",
        ),
        (
            "qp,psnr,size\n22,30,50\n27,33,60\n",
            "f.csv has no column that may be the rate: name one of qp, psnr, size as --rate",
        ),
        (
            "image,bpp,psnr\na,0.1,30\nb,0.2,33\n",
            "f.csv has a row per image; a curve needs a row per point, "
                "as 'bench export --means' writes them",
        ),
        (
            "codec,bpp,psnr\na,0.1,30\nb,0.2,33\n",
            "f.csv holds 2 codecs: a, b; name one, as in f.csv:a",
        ),
        ('{"bpp": [0.1, 0.2], "psnr": [30]}', "f.csv, point 2: psnr is empty"),
        ('{"bpp": [0.1, 0.2], "psnr": [30, NaN]}', "f.csv, point 2: psnr is nan"),
        (
            '[{"bpp": 1, "psnr": 2}, {"bpp": 2, "psnr": true}]',
            "f.csv, point 2: psnr is not a number: True",
        ),
        ('{"bpp": [0.1,\n 0.2', "f.csv, line 2: not JSON: Expecting ',' delimiter"),
    ],
)  # fmt: skip
def test_one_clear_line_for_a_bad_file(content: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        read_curve(write("f.csv", content))
    assert str(caught.value) == message


@pytest.mark.usefixtures("folder")
def test_one_clear_line_for_a_bad_request() -> None:
    file = write("means.csv", SEVERAL)
    for spec, metric, message in [
        ("none.csv", None, "no such file: none.csv"),
        ("none.csv:x265", None, "no such file: none.csv:x265"),
        (
            f"{file}:x264",
            None,
            "means.csv has no codec x264; it has x265, ncn-lsm:toyscapes",
        ),
        (
            f"{file}:x265",
            "vmaf",
            (
                "means.csv has no column vmaf: name one of "
                "codec, point, bpp, psnr_y, ms-ssim, encode_seconds as --metric"
            ),
        ),
        (f"{file}:x265", "codec", "means.csv, line 2: codec is not a number: x265"),
    ]:
        with pytest.raises(DataError) as caught:
            read_curve(spec, metric=metric)
        assert str(caught.value) == message
    with pytest.raises(DataError, match="mse-rgb is better when lower"):
        read_curve(write("mbt.json", COMPRESSAI), metric="mse-rgb")
    Path("binary.csv").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(DataError, match=r"binary\.csv is not a text file"):
        read_curve("binary.csv")
