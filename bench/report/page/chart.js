// A chart: axes, series of marks, and a word about each mark for the pointer and the keyboard.

/**
 * @typedef {{x: number, y: number, text: string[], low?: number, high?: number, hollow?: boolean,
 *   from?: number, to?: number}} Mark  low to high: whisker along y; from to to: along x
 * @typedef {{codec: number, name: string, marks: Mark[], line?: boolean, named?: boolean}} Series
 * @typedef {{label: string, x: string, y: string, log: boolean, series: Series[],
 *   whiskers: boolean, level?: {y: number, text: string}, least?: number}} Chart
 */

const COLOURS = 7;
// Around the origin, about as large as each other.
const MARKERS = ["M-4-4h8v8h-8z", "M0-5.2 5 4-5 4z", "M0-5.8 5.8 0 0 5.8-5.8 0z", "M0 5.2 5-4-5-4z",
  "M-1.9-5h3.8v3.1h3.1v3.8h-3.1v3.1h-3.8v-3.1h-3.1v-3.8h3.1z",
  "M-3.2-5 0-1.8 3.2-5 5-3.2 1.8 0 5 3.2 3.2 5 0 1.8-3.2 5-5 3.2-1.8 0-5-3.2z",
  "M0-5.6 4.9-2.8v5.6L0 5.6-4.9 2.8v-5.6z"];
const CIRCLE = "M-4.6 0a4.6 4.6 0 1 0 9.2 0 4.6 4.6 0 1 0-9.2 0z";
const DASHES = [null, "7 3", "2 3"];

/** A codec looks alike everywhere; whichever is the anchor is in ink. */
function styleOf(codec) {
  if (codec === chosen.anchor) return { colour: "var(--ink)", marker: CIRCLE, dash: null };
  const round = Math.floor(codec / COLOURS) % DASHES.length;
  return {
    colour: `var(--series-${codec % COLOURS})`,
    marker: MARKERS[(codec + 3 * round) % MARKERS.length],
    dash: DASHES[round],
  };
}

/** A codec's line and marker, small. */
const key = (codec) => shape("svg", { class: "key", viewBox: "-13 -7 26 14", "aria-hidden": "true" },
  ...keyPaths(codec));

function keyPaths(codec) {
  const { colour, marker, dash } = styleOf(codec);
  return [shape("path", { d: "M-13 0H13", stroke: colour, "stroke-width": 2, "stroke-dasharray": dash }),
    shape("path", { d: marker, fill: colour })];
}

/** @param {HTMLElement} host @param {Chart} chart */
function drawChart(host, chart) {
  const marks = chart.series.flatMap((series) => series.marks);
  if (!marks.length) {
    host.replaceChildren(element("p", { class: "nothing" }, "nothing to draw of what is chosen"));
    return;
  }
  const frame = frameOf(host, chart, marks);
  const picture = shape("svg", {
    viewBox: `0 0 ${frame.width} ${frame.height}`, width: frame.width, height: frame.height,
    role: "img", "aria-label": `${chart.label}. The arrow keys go from point to point.`, tabindex: "0",
  }, ...axes(frame, chart), ...chart.series.map((series) => drawSeries(frame, chart, series)));
  picture.append(...names(frame, chart));
  const ring = shape("g", { class: "ring" });
  picture.append(ring);
  const tip = element("div", { class: "tip", role: "status", hidden: true });
  host.replaceChildren(picture, tip);
  listen(picture, frame, chart, (series, mark) => point(host, ring, tip, frame, series, mark));
}

function frameOf(host, chart, marks) {
  const width = Math.max(280, host.clientWidth), height = width < 500 ? 300 : 400;
  const box = { left: 52, right: width - 14, top: 30, bottom: height - 44 };
  const across = marks.flatMap((mark) => [mark.x, mark.from, mark.to].filter((x) => x !== undefined));
  const up = marks.flatMap((mark) => [mark.y, ...(chart.whiskers ? [mark.low, mark.high] : [])]);
  if (chart.level) up.push(chart.level.y);
  const many = Math.max(3, Math.floor(width / 75));
  return {
    width, height, box,
    x: (chart.log ? logScale : linearScale)(across, box.left, box.right, Math.min(many, 8)),
    y: linearScale(up.filter((y) => y !== undefined && y !== null), box.bottom, box.top, 7),
  };
}

function axes({ box, x, y }, chart) {
  const write = (content, at) => shape("text", at, String(content));
  return [
    ...y.ticks.map((tick) => shape("path", {
      class: "grid", d: `M${box.left} ${y.at(tick)}H${box.right}`,
    })),
    ...x.ticks.map((tick) => shape("path", {
      class: "grid", d: `M${x.at(tick)} ${box.top}V${box.bottom}`,
    })),
    shape("path", { class: "axis", d: `M${box.left} ${box.bottom}H${box.right}` }),
    ...y.ticks.map((tick) => write(tick, { x: box.left - 8, y: y.at(tick) + 4, class: "tick end" })),
    ...x.ticks.map((tick) => write(tick, { x: x.at(tick), y: box.bottom + 18, class: "tick middle" })),
    write(chart.x, { x: box.right, y: box.bottom + 37, class: "title end" }),
    write(chart.y, { x: 2, y: 13, class: "title" }),
    ...(chart.level ? [
      shape("path", { class: "level", d: `M${box.left} ${y.at(chart.level.y)}H${box.right}` }),
      write(chart.level.text, { x: box.left + 6, y: y.at(chart.level.y) - 6, class: "tick halo" }),
    ] : []),
  ];
}

function drawSeries({ x, y }, chart, series) {
  const { colour, marker, dash } = styleOf(series.codec);
  const group = shape("g", { class: "series", "data-codec": series.codec });
  const draw = (d, more) => group.append(shape("path", { d, stroke: colour, fill: "none", ...more }));
  for (const mark of series.marks) {
    const [across, up] = [x.at(mark.x), y.at(mark.y)];
    if (chart.whiskers && mark.low !== null && mark.low !== undefined) {
      draw(`M${across} ${y.at(mark.low)}V${y.at(mark.high)}`, { class: "whisker" });
    }
    if (mark.from !== undefined) draw(`M${x.at(mark.from)} ${up}H${x.at(mark.to)}`, { class: "whisker" });
  }
  if (series.line) draw(linePath(x, y, series.marks), { "stroke-width": 2, "stroke-dasharray": dash });
  for (const mark of series.marks) {
    group.append(shape("path", {
      d: marker, class: "mark", transform: `translate(${x.at(mark.x)} ${y.at(mark.y)})`,
      fill: mark.hollow ? "var(--page)" : colour, stroke: mark.hollow ? colour : "var(--page)",
    }));
  }
  return group;
}

/** The line breaks at a point that lacks images. */
function linePath(x, y, marks) {
  const joined = marks.map((mark, at) => {
    const broken = at === 0 || mark.hollow || marks[at - 1].hollow;
    return `${broken ? "M" : "L"}${x.at(mark.x)} ${y.at(mark.y)}`;
  });
  return joined.join("");
}

/** The names of series of one mark beside it, where there is room; else the pointer tells them. */
function names({ box, x, y }, chart) {
  const taken = chart.series.flatMap((series) => series.marks.flatMap((mark) => {
    const [across, up] = [x.at(mark.x), y.at(mark.y)];
    return [[across - 5, up - 5, across + 5, up + 5],
      [x.at(mark.from ?? mark.x), up - 1, x.at(mark.to ?? mark.x), up + 1]];
  }));
  const free = (rectangle) => taken.every((other) => rectangle[0] > other[2] || rectangle[2] < other[0]
    || rectangle[1] > other[3] || rectangle[3] < other[1]);
  return chart.series.filter((series) => series.named).flatMap((series) => {
    const [mark] = series.marks;
    const width = 6.6 * series.name.length, [across, up] = [x.at(mark.x), y.at(mark.y)];
    const places = [[across + 9, up - 7], [across - 9 - width, up - 7],
      [across + 6, up - 20], [across + 6, up + 6], [across - 6 - width, up - 20],
      [across - 6 - width, up + 6]];
    const place = places.find(([left, top]) => left > box.left && left + width < box.right
      && top > box.top && top + 14 < box.bottom && free([left, top, left + width, top + 14]));
    if (!place) return [];
    taken.push([place[0], place[1], place[0] + width, place[1] + 14]);
    return [shape("text", { x: place[0], y: place[1] + 11, class: "name halo" }, series.name)];
  });
}

/** The pointer finds the nearest mark; left and right go along a series, up and down to the next. */
function listen(picture, { x, y }, chart, show) {
  const nearest = (event) => {
    const area = picture.getBoundingClientRect();
    const [left, top] = [event.clientX - area.left, event.clientY - area.top];
    let best = null, least = 40;
    for (const series of chart.series) {
      for (const mark of series.marks) {
        const distance = Math.hypot(x.at(mark.x) - left, y.at(mark.y) - top);
        if (distance < least) [best, least] = [[series, mark], distance];
      }
    }
    show(...(best ?? [null, null]));
  };
  let row = 0, at = -1;
  const step = (event) => {
    const move = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (event.key === "Escape") show(null, null);
    if (!move) return;
    event.preventDefault();
    row = (row + move[0] + chart.series.length) % chart.series.length;
    const { marks } = chart.series[row];
    at = Math.min(Math.max(at + move[1], 0), marks.length - 1);
    show(chart.series[row], marks[at]);
  };
  for (const name of ["pointermove", "pointerdown"]) picture.addEventListener(name, nearest);
  picture.addEventListener("pointerleave", () => show(null, null));
  picture.addEventListener("blur", () => show(null, null));
  picture.addEventListener("keydown", step);
}

/** Tell of a mark, or of none. */
function point(host, ring, tip, { x, y, width }, series, mark) {
  tip.hidden = !mark;
  ring.replaceChildren();
  if (!mark) return;
  const { colour } = styleOf(series.codec);
  const [across, up] = [x.at(mark.x), y.at(mark.y)];
  const paths = [`M${across - 10} ${up}a10 10 0 1 0 20 0 10 10 0 1 0-20 0z`];
  if (mark.low !== null && mark.low !== undefined) {
    const [low, high] = [y.at(mark.low), y.at(mark.high)];
    paths.push(`M${across} ${low}V${high}M${across - 4} ${low}h8M${across - 4} ${high}h8`);
  }
  ring.append(...paths.map((d) => shape("path", { d, stroke: colour })));
  const name = element("strong", {}, key(series.codec), series.name);
  tip.replaceChildren(name, ...mark.text.map((line) => element("span", {}, line)));
  const left = across + 18 + tip.offsetWidth > width ? across - 18 - tip.offsetWidth : across + 18;
  tip.style.left = `${Math.max(0, Math.min(left, width - tip.offsetWidth))}px`;
  tip.style.top = `${Math.max(0, up - tip.offsetHeight / 2)}px`;
}
