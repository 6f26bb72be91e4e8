// What a gain costs: CPU seconds an image against BD-rate, by the chosen metric.

function drawTimes() {
  const coding = chosen.cost === "encode_cpu" ? "encoding" : "decoding";
  const set = shownSet();
  const anchor = chosen.anchor === null ? null : set.codecs[chosen.anchor].name;
  byId("times-about").textContent = anchor === null ? "Choose an anchor to compare with."
    : `BD-rate against ${anchor} by ${shownMetric().title}, and CPU seconds of ${coding} an image: `
      + "the mean of a codec’s points, and from its fastest to its slowest. Below and left is better.";
  const all = anchor === null ? [] : set.codecs.flatMap((codec, number) =>
    isShown(number) ? seriesOfTimes(codec, number) : []);
  const chart = {
    label: `BD-rate against ${anchor} by ${shownMetric().title}, and ${coding} time`,
    x: `${coding[0].toUpperCase()}${coding.slice(1)}, CPU s an image`,
    y: "BD-rate, %",
    log: true,
    whiskers: true,
    level: anchor === null ? undefined : { y: 0, text: "" },
    series: all.some((series) => series.codec !== chosen.anchor) ? all : [], // the anchor alone says nothing
  };
  drawChart(byId("times"), chart);
  byId("save-times").replaceChildren(...(chart.series.length
    ? [saveButtons(`${shownMetric().name} ${coding} time`, { chart, rows: timeRows(chart, anchor) })] : []));
}

function timeRows(chart, anchor) {
  const heading = ["dataset", "codec", "anchor", "metric", "method", "bd_rate", "bd_rate_low",
    "bd_rate_high", chosen.cost, `${chosen.cost}_least`, `${chosen.cost}_most`];
  return [heading, ...chart.series.map((series) => {
    const [mark] = series.marks;
    return [shownSet().name, shownSet().codecs[series.codec].full_name, anchor, shownMetric().name,
      chosen.method, mark.y, mark.low, mark.high, mark.x, mark.from, mark.to];
  })];
}

function seriesOfTimes(codec, number) {
  const time = codec.times[chosen.cost], delta = deltaOf(number);
  const isAnchor = number === chosen.anchor;
  if (!time || time.value <= 0 || (!isAnchor && (delta === null || delta.value === null))) return [];
  return [{
    codec: number, name: codec.name, named: true,
    marks: [{
      x: time.value, from: time.low, to: time.high, y: isAnchor ? 0 : delta.value,
      low: isAnchor ? null : delta.low, high: isAnchor ? null : delta.high,
      text: [
        isAnchor ? "the anchor" : `BD-rate ${delta.text.rate}`,
        isAnchor || delta.low === null ? "" : `95 %: ${delta.text.rate_interval}`,
        `${time.text} CPU s an image`,
      ].filter(Boolean),
    }],
  }];
}
