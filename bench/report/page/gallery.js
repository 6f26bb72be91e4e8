// The gallery: an image as two codecs leave it, one wiped over the other.

const ORIGINAL = -1;
const galleryState = { image: 0, level: 0, left: null, right: null, found: true, truth: false, labels: false,
  wiped: 50 };
const MARKS_OVER = ["found", "truth", "labels"];
let opened = null; // what hung at first

function drawGallery() {
  if (document.readyState === "loading") return; // the pictures are still to come
  const gallery = PAGE.gallery, host = byId("pictures");
  const reason = galleryReason(gallery);
  if (reason) {
    byId("gallery-about").textContent = reason;
    host.replaceChildren();
    return;
  }
  if (askedHanging) {
    hangFirst(gallery);
    hangAsked(gallery, askedHanging);
    askedHanging = null;
  }
  byId("gallery-about").textContent = galleryAbout(gallery);
  keepingFocus(host, () => host.replaceChildren(
    galleryControls(gallery), thumbnails(gallery),
    element("div", { class: "gallery-view" },
      element("div", {}, stage(gallery), classKey(gallery)),
      element("div", { class: "wide" }, facts(gallery))),
    leftOut(gallery)));
  const row = host.querySelector(".thumbnails"), shown = row.querySelector("[aria-pressed=true]");
  row.scrollLeft = shown.offsetLeft - row.offsetLeft - (row.clientWidth - shown.clientWidth) / 2;
  writeView();
}

function galleryReason(gallery) {
  if (gallery.reason) return `No pictures: ${gallery.reason}.`;
  if (chosen.set !== 0) return `The pictures are of ${PAGE.sets[0].name}.`;
  return gallery.images.length ? null : "No pictures: none could be decoded.";
}

function galleryAbout(gallery) {
  const kind = gallery.lossless ? "just as decoded" : "compressed once more to fit the page, lightly";
  const count = gallery.images.length;
  const which = count === gallery.of ? `All images, first those on which the two differ most; ${kind}. `
    : `The ${count} of ${gallery.of} images on which codecs differ most, so these are extremes, and of `
      + `them first those on which the two differ most; ${kind}. `;
  return which + (gallery.task === null ? "No task network has looked at them."
    : `Detections of ${gallery.task} with a score of ${gallery.least_score} or more; true positives `
      + "(TP), false positives (FP) and misses (FN) at an overlap of one half.");
}

/** The anchor on the left, and on the right the first other codec that has pictures. */
function hangFirst(gallery) {
  const there = gallery.images[0].codecs.flatMap((levels, codec) => levels.some(Boolean) ? [codec] : []);
  const anchor = PAGE.sets[0].anchor;
  galleryState.left = there.includes(anchor) ? anchor : there[0] ?? ORIGINAL;
  galleryState.right = there.find((codec) => codec !== galleryState.left) ?? ORIGINAL;
  galleryState.level = gallery.levels.length > 1 ? 1 : 0;
  galleryState.image = byDifference(gallery)[0];
  Object.assign(galleryState, { found: true, truth: false, labels: false, wiped: 50 });
  opened = { ...galleryState };
}

/** What a link asks for. */
function hangAsked(gallery, asked) {
  const find = (what, names, fallback) => {
    const at = asked.has(what) ? names.indexOf(asked.get(what)) : -1;
    return at < 0 ? fallback : at;
  };
  const names = ["uncompressed", ...PAGE.sets[0].codecs.map((codec) => codec.name)];
  galleryState.level = find("rate", gallery.levels, galleryState.level);
  galleryState.left = find("left", names, galleryState.left + 1) - 1;
  galleryState.right = find("right", names, galleryState.right + 1) - 1;
  galleryState.image = find("image", gallery.images.map((image) => image.name), galleryState.image);
  for (const name of MARKS_OVER) galleryState[name] = asked.has(name) ? asked.get(name) === "yes" : galleryState[name];
  const wiped = Number(asked.get("wiper") ?? 50);
  galleryState.wiped = wiped >= 0 && wiped <= 100 ? wiped : 50;
}

/** What hangs otherwise than at first, for the address. */
function galleryView() {
  if (opened === null || chosen.set !== 0) return [];
  const { images, levels } = PAGE.gallery, view = [];
  const say = (what, name, value) => {
    if (galleryState[name] !== opened[name]) view.push([what, value(galleryState[name])]);
  };
  say("image", "image", (image) => images[image].name);
  say("left", "left", nameOf);
  say("right", "right", nameOf);
  say("rate", "level", (level) => levels[level]);
  for (const name of MARKS_OVER) say(name, name, (on) => (on ? "yes" : "no"));
  say("wiper", "wiped", String);
  return view;
}

/** A codec's picture of an image, or null. */
function pictureOf(gallery, image, codec) {
  const its = gallery.images[image];
  return codec === ORIGINAL ? its.original : its.codecs[codec][galleryState.level];
}

/** How far apart the two are, in F1 or without a network in quality; 0 where that cannot be told. */
function difference(gallery, image) {
  const merits = [galleryState.left, galleryState.right].map((codec) => {
    const picture = pictureOf(gallery, image, codec);
    return picture?.merit ?? picture?.quality ?? null;
  });
  return merits.includes(null) ? 0 : merits[0] - merits[1];
}

function byDifference(gallery) {
  const all = gallery.images.map((_, image) => image);
  return all.sort((one, other) =>
    Math.abs(difference(gallery, other)) - Math.abs(difference(gallery, one)));
}

const nameOf = (codec) => (codec === ORIGINAL ? "uncompressed" : PAGE.sets[0].codecs[codec].name);

function galleryControls(gallery) {
  const codecs = [[ORIGINAL, "uncompressed"], ...PAGE.sets[0].codecs.flatMap((codec, number) =>
    gallery.images.some((image) => image.codecs[number].some(Boolean)) ? [[number, codec.name]] : [])];
  const set = (name) => (value) => { galleryState[name] = Number(value); drawGallery(); };
  const toggle = (name, said) => element("label", { class: "toggle" }, element("input", {
    type: "checkbox", checked: galleryState[name],
    onchange: (event) => { galleryState[name] = event.target.checked; drawGallery(); },
  }), said);
  return element("div", { class: "controls" },
    choice("Left", codecs, galleryState.left, set("left")),
    choice("Right", codecs, galleryState.right, set("right")),
    choice("At a rate like", gallery.levels.map((level, number) => [number, level]), galleryState.level,
      set("level")),
    ...(gallery.task === null ? [] : [
      toggle("found", "detections"), toggle("truth", "ground truth"), toggle("labels", "labels")]));
}

function thumbnails(gallery) {
  return element("div", { class: "thumbnails", role: "group", "aria-label": "Images" },
    ...byDifference(gallery).map((image) => {
      const its = gallery.images[image];
      return element("button", {
        type: "button", "aria-pressed": image === galleryState.image, "data-image": image,
        onclick: () => { galleryState.image = image; drawGallery(); },
      }, element("img", { src: source(gallery, its.original), alt: "" }),
      element("span", {}, its.name), element("small", {}, differenceSaid(gallery, image)));
    }));
}

/** How many true positives each has or, without a network, its quality. */
function differenceSaid(gallery, image) {
  const [left, right] = [galleryState.left, galleryState.right].map((codec) => pictureOf(gallery, image, codec));
  if (left?.counts && right?.counts) return `TP ${left.counts[0]} | ${right.counts[0]}`;
  return gallery.task === null && left?.qualities && right?.qualities
    ? `${left.qualities[0]?.[1]} | ${right.qualities[0]?.[1]}` : "";
}

const source = (gallery, picture) =>
  `data:${gallery.type};base64,${byId(`picture-${picture.picture}`).textContent}`;

function stage(gallery) {
  const its = gallery.images[galleryState.image];
  const [left, right] = [galleryState.left, galleryState.right];
  const layer = (codec, side) => {
    const picture = pictureOf(gallery, galleryState.image, codec);
    const inner = picture
      ? [element("img", { src: source(gallery, picture), alt: `${its.name}, ${nameOf(codec)}` }),
        overlay(gallery, its, picture)]
      : [element("p", { class: "nothing" }, "no picture")];
    return element("div", { class: `layer ${side}` }, ...inner);
  };
  const tag = (codec, side) => {
    const rate = pictureOf(gallery, galleryState.image, codec)?.rate_said;
    return element("span", { class: `tag ${side}` }, nameOf(codec), rate ? ` ${rate} bpp` : "");
  };
  const made = element("div", { class: "stage" }, layer(right, "right"), layer(left, "left"),
    element("div", { class: "edge" }), tag(left, "left"), tag(right, "right"));
  made.append(element("input", {
    type: "range", class: "wiper", min: 0, max: 100, step: 0.5, value: galleryState.wiped,
    "aria-label": `Wiper: ${nameOf(left)} on the left, ${nameOf(right)} on the right`,
    oninput: (event) => wipe(made, Number(event.target.value)),
    onchange: writeView,
  }));
  made.style.aspectRatio = `${its.width} / ${its.height}`;
  wipe(made, galleryState.wiped);
  return made;
}

function wipe(made, percent) {
  galleryState.wiped = percent;
  made.style.setProperty("--wiped", `${percent}%`);
}

/** What was found and what is there, over a picture; outlines are in half pixels. */
function overlay(gallery, its, picture) {
  const made = shape("svg", {
    class: "overlay", viewBox: `0 0 ${2 * its.width} ${2 * its.height}`, "aria-hidden": "true",
  });
  if (galleryState.found) {
    for (const found of [...picture.found].reverse()) {
      const colour = gallery.colours[found.class];
      made.append(shape("path", { d: outlineOf(found), class: "casing" }),
        shape("path", { d: outlineOf(found), class: "found", stroke: colour, fill: colour }));
    }
  }
  if (galleryState.truth) {
    made.append(...its.truth.flatMap((there) => [
      shape("path", { d: outlineOf(there), class: "casing" }),
      shape("path", { d: outlineOf(there), class: "truth" })]));
  }
  if (galleryState.labels) {
    const size = its.width / 32;
    made.append(...(galleryState.found ? picture.found : galleryState.truth ? its.truth : []).map((each) => shape("text", {
        x: 2 * each.box[0], y: Math.max(size, 2 * each.box[1] - size / 4), "font-size": size,
      }, each.score ? `${each.class} ${each.score}` : each.class)));
  }
  return made;
}

function outlineOf({ outline, box }) {
  if (outline) return outline;
  const [left, top, right, bottom] = box.map((value) => 2 * value);
  return `M${left} ${top}H${right}V${bottom}H${left}z`;
}

/** The colours of the classes that are found in either picture. */
function classKey(gallery) {
  const found = [galleryState.left, galleryState.right].flatMap((codec) =>
    pictureOf(gallery, galleryState.image, codec)?.found.map((each) => each.class) ?? []);
  const classes = Object.keys(gallery.colours).filter((name) => found.includes(name));
  const swatch = (colour) => shape("svg", { viewBox: "0 0 12 12", "aria-hidden": "true" },
    shape("rect", { x: 1, y: 1, width: 10, height: 10, rx: 2, fill: colour }));
  return element("p", { class: "classes quiet" }, ...(galleryState.found ? classes : []).map((name) =>
    element("span", {}, swatch(gallery.colours[name]), name)),
  galleryState.truth ? element("span", { class: "dashed" }, "dashed: ground truth") : null);
}

function facts(gallery) {
  const sides = [galleryState.left, galleryState.right];
  const pictures = sides.map((codec) => pictureOf(gallery, galleryState.image, codec));
  const row = (said, value) => [said, ...pictures.map((picture) => (picture && value(picture)) ?? "–")];
  const qualities = pictures.find((picture) => picture?.qualities)?.qualities ?? [];
  const rows = [
    row("point", (picture) => picture.point),
    row("bits", (picture) => picture.bits),
    row("bpp", (picture) => picture.rate_said),
    ...qualities.map(([name], number) => row(name, (picture) => picture.qualities?.[number][1])),
    row("TP / FP / FN", (picture) => picture.counts?.join(" / ")),
  ];
  return table("The two pictures", [gallery.images[galleryState.image].name, ...sides.map(nameOf)], rows);
}

function leftOut(gallery) {
  return element("ul", { class: "quiet" }, ...gallery.left_out.map((reason) =>
    element("li", {}, `Left out: ${reason}`)));
}
