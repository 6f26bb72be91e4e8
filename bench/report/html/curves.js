// The curves: quality against rate, by the chosen metric.

function drawCurves() {
  const metric = shownMetric();
  const unit = metric.unit ? `, ${metric.unit}` : "";
  const what = metric.task ? "Of the whole set at each point, with 95 % intervals."
    : "Means over the images at each point.";
  byId("curves-about").textContent = `${what} Point, touch or use the arrow keys for the figures.`;
  drawChart(byId("curves"), {
    label: `${metric.title} against rate`,
    x: "Rate, bit/pixel",
    y: `${metric.title}${unit}`,
    log: chosen.axis === "log",
    whiskers: metric.task,
    level: metric.ceiling === null ? undefined
      : { y: metric.ceiling, said: `uncompressed ${metric.ceiling_said}` },
    series: shownSet().codecs.flatMap((codec, number) => isShown(number)
      ? [{ codec: number, name: codec.name, line: true, marks: marksOf(codec) }] : [])
      .filter((series) => series.marks.length),
  });
  drawPoints();
}

/** A codec's points by rising rate. */
function marksOf(codec) {
  const { short, unit } = shownMetric();
  return codec.curves[chosen.metric].flatMap((at, number) => at === null ? [] : [{
    x: at.rate, y: at.value, low: at.low, high: at.high, hollow: !at.complete,
    said: [
      `${codec.points[number]}${at.complete ? "" : ", some images missing"}`,
      `${at.rate_said} bpp`,
      `${short} ${at.said} ${unit}`.trim(),
      at.interval ? `95 %: ${at.interval}` : "",
    ].filter(Boolean),
  }]).sort((one, other) => one.x - other.x);
}

function drawPoints() {
  const metric = shownMetric();
  const rows = shownSet().codecs.flatMap((codec, number) => !isShown(number) ? []
    : codec.curves[chosen.metric].flatMap((at, point) => at === null ? [] : [[
      named(number), `${codec.points[point]}${at.complete ? "" : " *"}`,
      at.rate_said, at.said, at.interval ?? "–",
      codec.times.encode_cpu?.points[point] ?? "–", codec.times.decode_cpu?.points[point] ?? "–",
    ]]));
  const headings = ["codec", "point", "bpp", `${metric.short} ${metric.unit}`.trim(), "95 %",
    "encode CPU s", "decode CPU s"];
  byId("points").replaceChildren(table("The points of the curves", headings, rows));
}
