// What is chosen, and the controls that choose it. `changed` notifies what draws.

const PAGE = JSON.parse(byId("figures").textContent);

/** The metric, the anchor and the codecs that are hidden are those of the data set shown. */
const chosen = {
  set: 0, metric: 0, anchor: null, method: "akima", axis: "log", cost: "encode_cpu",
  hidden: new Set(),
};

// The first of each is what the page opens with.
const AXES = ["log", "linear"], COSTS = ["encode_cpu", "decode_cpu"];

const shownSet = () => PAGE.sets[chosen.set];
const shownMetric = () => shownSet().metrics[chosen.metric];
/** Those that were measured; published curves, which come last, can be neither anchor nor picture. */
const measuredCodecs = (set) => set.codecs.filter((codec) => !codec.published);
const isShown = (codec) => !chosen.hidden.has(codec);

/** The figures against the chosen anchor: by codec and metric. */
function shownDeltas() {
  if (chosen.anchor === null) return { figures: [], notes: shownSet().notes };
  return shownSet().deltas[chosen.method][chosen.anchor];
}

/** Of a codec by the chosen metric, or null. */
const deltaOf = (codec) => shownDeltas().figures[codec]?.[chosen.metric] ?? null;

/** Go to a data set; what it has of what was chosen stays. */
function chooseSet(number) {
  const before = chosen.set === number ? null : shownSet();
  const metric = before && before.metrics.length ? shownMetric().name : null;
  chosen.set = number;
  const set = shownSet();
  const known = set.metrics.findIndex((each) => each.name === metric);
  chosen.metric = known >= 0 ? known : firstMetric(set);
  chosen.anchor = set.anchor;
  if (!before) chosen.method = set.method;
  chosen.hidden = new Set();
}

/** What a task network says comes first, where it has seen all that a codec made. */
function firstMetric(set) {
  const seen = (number) => set.codecs.some((codec) => codec.curves[number].some(Boolean));
  return Math.max(0, set.metrics.findIndex((metric, number) => metric.task && seen(number)));
}

/** @param {() => void} changed */
function drawChoices(changed) {
  const set = shownSet();
  const choose = (what) => (value) => { what(value); changed(); };
  const codecs = measuredCodecs(set).map((codec, number) => [number, codec.name]);
  byId("choices").replaceChildren(...[
    PAGE.sets.length > 1 && choice("Data set", PAGE.sets.map((each, number) => [number, each.name]),
      chosen.set, choose((value) => chooseSet(Number(value)))),
    choice("Metric", set.metrics.map((metric, number) => [number, metric.title]), chosen.metric,
      choose((value) => { chosen.metric = Number(value); })),
    choice("Anchor", [["", "none"], ...codecs], chosen.anchor ?? "",
      choose((value) => { chosen.anchor = value === "" ? null : Number(value); })),
    choice("BD method", Object.keys(set.deltas).map((method) => [method, method]), chosen.method,
      choose((value) => { chosen.method = value; })),
    choice("Rate axis", [["log", "logarithmic"], ["linear", "linear"]], chosen.axis,
      choose((value) => { chosen.axis = value; })),
    choice("Time", [["encode_cpu", "encoding"], ["decode_cpu", "decoding"]], chosen.cost,
      choose((value) => { chosen.cost = value; })),
  ].filter(Boolean));
}

/** A button for each codec, which is the charts' key, too. */
function drawCodecs(changed) {
  const toggle = (number) => () => {
    if (!chosen.hidden.delete(number)) chosen.hidden.add(number);
    changed();
  };
  byId("codecs").replaceChildren(...shownSet().codecs.map((codec, number) =>
    element("button", {
      type: "button", class: "chip", "aria-pressed": isShown(number), "data-codec": number,
      onclick: toggle(number), title: codec.title,
      onpointerenter: () => light(number), onfocus: () => light(number),
      onpointerleave: () => light(null), onblur: () => light(null),
    }, key(number), element("span", {}, codec.name), traits(codec, number))));
}

/** Show one codec's marks among those of many, or all alike. */
function light(codec) {
  for (const series of document.querySelectorAll(".series")) {
    series.classList.toggle("dim", codec !== null && isShown(codec) && Number(series.dataset.codec) !== codec);
  }
}

/** A codec in a table. */
const named = (number, name = shownSet().codecs[number].name) =>
  element("span", { class: "codec" }, key(number),
    element("span", {}, name, traits(shownSet().codecs[number], number)));

/** What one has to know of a codec wherever it is shown. */
function traits(codec, number) {
  const words = [
    number === chosen.anchor && "anchor", codec.oracle && "oracle", codec.incomplete && "incomplete",
  ].filter(Boolean);
  return words.length ? element("small", {}, words.join(", ")) : "";
}
