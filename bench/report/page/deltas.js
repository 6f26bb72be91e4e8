// Bjøntegaard deltas: each codec by the chosen metric, and BD-rate by every metric.

function drawDeltas() {
  const set = shownSet();
  const none = chosen.anchor === null;
  byId("deltas-about").textContent = none ? "No anchor: curves only. Choose one to compare with."
    : `Against ${set.codecs[chosen.anchor].name} by ${shownMetric().title}, ${chosen.method}; less `
      + `rate is better. BD-rate is that of the ${shownMetric().task ? "set’s curve"
        : "set’s mean curve; beside it the mean of the images’ own"}. Intervals hold 95 %, by `
      + "resampling the images.";
  byId("deltas").replaceChildren(...(none ? [] : [deltaTable(set)]));
  byId("matrix-title").hidden = none;
  byId("matrix").hidden = none;
  byId("matrix").replaceChildren(...(none ? [] : [matrix(set)]));
  byId("save-deltas").replaceChildren(...(none ? []
    : [saveButtons(`deltas against ${set.codecs[chosen.anchor].name}`, { rows: deltaRows(set) })]));
  byId("notes").replaceChildren(...shownDeltas().notes.map((note) => element("li", {}, note)));
}

const compared = (set) => set.codecs.map((codec, number) => number)
  .filter((number) => number !== chosen.anchor && isShown(number));

const whyNone = (codec) => (codec.published ? "not in its file" : "images are missing");

function deltaTable(set) {
  const numbers = compared(set);
  const scale = forestScale(numbers.map(deltaOf));
  const ofImages = !shownMetric().task; // which only the set has
  const headings = ["codec", "BD-rate", "95 %", "", "BD-quality", "95 %", "over qualities", "overlap",
    ...(ofImages ? ["mean of images", "95 %"] : [])];
  const rows = numbers.map((number) => {
    const delta = deltaOf(number), codec = set.codecs[number];
    const name = named(number);
    if (delta === null || (delta.value === null && delta.text.gain === "–")) {
      const why = delta === null ? whyNone(codec) : "no figure: see below";
      return [name, "–", why, ...headings.slice(3).map(() => "")];
    }
    return [name, figure(delta), delta.text.rate_interval, scale ? [forest(delta, number, scale)] : "",
      delta.text.gain, delta.text.gain_interval, delta.text.qualities, overlap(delta),
      ...(ofImages ? [delta.text.images, delta.text.images_interval] : [])];
  });
  const made = table("Bjøntegaard deltas", headings, rows);
  made.classList.add("stacked");
  return made;
}

/** By every metric; the columns are those of bench's own table. */
function deltaRows(set) {
  const heading = ["dataset", "codec", "anchor", "metric", "method", "bd_rate", "bd_rate_low",
    "bd_rate_high", "bd_rate_overlap", "reason"];
  return [heading, ...compared(set).flatMap((codec) => set.metrics.map((metric, number) => {
    const delta = shownDeltas().figures[codec][number];
    return [set.name, set.codecs[codec].full_name, set.codecs[chosen.anchor].full_name, metric.name,
      chosen.method, delta?.value, delta?.low, delta?.high, delta?.overlap,
      delta ? delta.reason : whyNone(set.codecs[codec])];
  }))];
}

/** Green for a saving and red for a loss, where the interval leaves no doubt. */
function figure(delta) {
  const sure = delta.low === null ? null : delta.high < 0 ? "less" : delta.low > 0 ? "more" : null;
  return [element("span", { class: sure, title: delta.reason || null }, delta.text.rate)];
}

function overlap(delta) {
  return [element("span", { class: delta.overlap !== null && delta.overlap < 0.5 ? "little" : null },
    delta.text.overlap)];
}

const FOREST = { width: 220, height: 22 };

function forestScale(deltas) {
  const values = deltas.flatMap((delta) => delta ? [delta.value, delta.low, delta.high] : [])
    .filter((value) => value !== null);
  return values.length ? linearScale([0, ...values], 4, FOREST.width - 4, 4) : null;
}

/** A figure and its interval, on one scale for all rows; the line is the anchor. */
function forest(delta, number, scale) {
  const { colour } = styleOf(number), middle = FOREST.height / 2;
  const made = shape("svg", {
    class: "forest", viewBox: `0 0 ${FOREST.width} ${FOREST.height}`, "aria-hidden": "true",
  }, shape("path", { class: "axis", d: `M${scale.at(0)} 0V${FOREST.height}` }));
  if (delta.value === null) return made;
  if (delta.low !== null) {
    made.append(shape("path", {
      d: `M${scale.at(delta.low)} ${middle}H${scale.at(delta.high)}`, stroke: colour, "stroke-width": 3,
      "stroke-linecap": "round", opacity: 0.45,
    }));
  }
  made.append(shape("circle", { cx: scale.at(delta.value), cy: middle, r: 4.5, fill: colour }));
  return made;
}

/** BD-rate of every codec by every metric; a heading chooses its metric. */
function matrix(set) {
  const heading = (metric, number) => element("button", {
    type: "button", class: "link", "aria-pressed": number === chosen.metric,
    onclick: () => { chosen.metric = number; changed(); },
  }, metric.task ? metric.title : metric.short);
  const rows = compared(set).map((codec) => [
    named(codec),
    ...set.metrics.map((metric, number) => {
      const delta = shownDeltas().figures[codec][number];
      if (!delta || delta.value === null) return "–";
      return [...figure(delta), element("small", {}, delta.text.rate_interval)];
    }),
  ]);
  const made = table("BD-rate by every metric", ["codec", ...set.metrics.map(heading)], rows);
  made.classList.add("stacked");
  return made;
}
