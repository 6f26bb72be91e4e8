// The curves: quality against rate, by the chosen metric.

function drawCurves() {
  const metric = shownMetric();
  const unit = metric.unit ? `, ${metric.unit}` : "";
  const what = metric.task ? "Of the whole set at each point, with 95 % intervals."
    : "Means over the images at each point.";
  byId("curves-about").textContent = `${what} ${metric.footnote} Point, touch or use the arrow keys for the figures.`;
  const chart = {
    label: `${metric.title} against rate`,
    x: "Rate, bit/pixel",
    y: `${metric.title}${unit}`,
    log: chosen.axis === "log",
    whiskers: metric.task,
    level: metric.ceiling === null ? undefined
      : { y: metric.ceiling, text: `uncompressed ${metric.ceiling_text}` },
    series: shownSet().codecs.flatMap((codec, number) => isShown(number)
      ? [{ codec: number, name: codec.name, line: true, marks: marksOf(codec) }] : [])
      .filter((series) => series.marks.length),
  };
  drawChart(byId("curves"), chart);
  byId("save-curves").replaceChildren(saveButtons(`${metric.name} curves`, { chart, rows: curveRows(metric) }));
  drawPoints();
}

/** A codec's points by rising rate. */
function marksOf(codec) {
  const { short, unit } = shownMetric();
  return codec.curves[chosen.metric].flatMap((at, number) => at === null ? [] : [{
    x: at.rate, y: at.value, low: at.low, high: at.high, hollow: !at.complete,
    text: [
      `${codec.points[number]}${at.complete ? "" : ", some images missing"}`,
      `${at.rate_text} bpp`,
      `${short} ${at.text} ${unit}`.trim(),
      at.interval ? `95 %: ${at.interval}` : "",
    ].filter(Boolean),
  }]).sort((one, other) => one.x - other.x);
}

/** Every point of the codecs shown: the codec and its place, the point and its place. */
const shownPoints = () => shownSet().codecs.flatMap((codec, number) => !isShown(number) ? []
  : codec.curves[chosen.metric].flatMap((at, point) => at === null ? [] : [{ codec, number, at, point }]));

/** The columns of bench's own table of means, so that 'bench bd' reads them. */
function curveRows(metric) {
  const heading = ["dataset", "codec", "point", "complete", "bpp",
    metric.name, `${metric.name}_low`, `${metric.name}_high`];
  return [heading, ...shownPoints().map(({ codec, at, point }) => [shownSet().name, codec.full_name,
    codec.points[point], at.complete, at.rate, at.value, at.low, at.high])];
}

function drawPoints() {
  const metric = shownMetric();
  const rows = shownPoints().map(({ codec, number, at, point }) => [
    named(number), `${codec.points[point]}${at.complete ? "" : " *"}`,
    at.rate_text, at.text, at.interval ?? "–",
    codec.times.encode_cpu?.points[point] ?? "–", codec.times.decode_cpu?.points[point] ?? "–",
  ]);
  const headings = ["codec", "point", "bpp", `${metric.short} ${metric.unit}`.trim(), "95 %",
    "encode CPU s", "decode CPU s"];
  byId("points").replaceChildren(table("The points of the curves", headings, rows));
}
