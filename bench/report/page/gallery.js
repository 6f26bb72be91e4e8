// The gallery: an image as two codecs leave it, one wiped over the other.

const GALLERY = PAGE.gallery;
const ORIGINAL = -1; // in place of a codec: the image as it was
const picked = {};
let pickedFirst = null; // what the page opens with

function drawGallery() {
  if (document.readyState === "loading") return; // the pictures are still to come
  const host = byId("pictures"), reason = galleryReason();
  byId("gallery-about").textContent = reason ?? galleryAbout();
  if (reason) {
    host.replaceChildren();
    return;
  }
  keepingFocus(host, () => host.replaceChildren(
    galleryControls(), thumbnails(),
    element("div", { class: "gallery-view" },
      element("div", {}, stage(), classKey()),
      element("div", { class: "wide" }, facts())),
    leftOut()));
  const row = host.querySelector(".thumbnails"), shown = row.querySelector("[aria-pressed=true]");
  row.scrollLeft = shown.offsetLeft - row.offsetLeft - (row.clientWidth - shown.clientWidth) / 2;
  writeView();
}

function galleryReason() {
  if (GALLERY.reason) return `No pictures: ${GALLERY.reason}.`;
  if (chosen.set !== 0) return `The pictures are of ${PAGE.sets[0].name}.`;
  return GALLERY.images.length ? null : "No pictures: none could be decoded.";
}

function galleryAbout() {
  const kind = GALLERY.lossless ? "just as decoded" : "compressed once more to fit the page, lightly";
  const count = GALLERY.images.length;
  const which = count === GALLERY.of ? `All images, first those on which the two differ most; ${kind}. `
    : `The ${count} of ${GALLERY.of} images on which codecs differ most, so these are extremes, and of `
      + `them first those on which the two differ most; ${kind}. `;
  return which + (GALLERY.task === null ? "No task network has looked at them."
    : `Detections of ${GALLERY.task} with a score of ${GALLERY.least_score} or more; true positives `
      + "(TP), false positives (FP) and misses (FN) at an overlap of one half.");
}

/** What a link asks for; else the anchor on the left, and on the right the first other codec. */
function pickPictures(asked, find) {
  if (!GALLERY.images?.length) return;
  const there = GALLERY.images[0].codecs.flatMap((levels, codec) => levels.some(Boolean) ? [codec] : []);
  const anchor = PAGE.sets[0].anchor;
  picked.left = there.includes(anchor) ? anchor : there[0] ?? ORIGINAL;
  picked.right = there.find((codec) => codec !== picked.left) ?? ORIGINAL;
  picked.level = GALLERY.levels.length > 1 ? 1 : 0;
  picked.image = byDifference()[0];
  Object.assign(picked, { found: true, truth: false, labels: false, wiped: 50 });
  pickedFirst = { ...picked };
  const names = ["uncompressed", ...measuredCodecs(PAGE.sets[0]).map((codec) => codec.name)];
  picked.level = find("rate", GALLERY.levels, picked.level);
  picked.left = find("left", names, picked.left + 1) - 1;
  picked.right = find("right", names, picked.right + 1) - 1;
  picked.image = find("image", GALLERY.images.map((image) => image.name), picked.image);
  for (const name of ["found", "truth", "labels"]) {
    if (asked.has(name)) picked[name] = asked.get(name) === "yes";
  }
  const wiped = Number(asked.get("wiper") ?? 50);
  picked.wiped = wiped >= 0 && wiped <= 100 ? wiped : 50;
}

/** What is picked, as a link says it. */
const pickedNames = ({ image, left, right, level, found, truth, labels, wiped }) => Object.entries({
  image: GALLERY.images[image].name, left: nameOf(left), right: nameOf(right), rate: GALLERY.levels[level],
  found: found ? "yes" : "no", truth: truth ? "yes" : "no", labels: labels ? "yes" : "no",
  wiper: String(wiped),
});

/** A codec's picture of an image, or null. */
function pictureOf(image, codec) {
  const entry = GALLERY.images[image];
  return codec === ORIGINAL ? entry.original : entry.codecs[codec][picked.level];
}

/** An image's two pictures. */
const pairOf = (image) => [pictureOf(image, picked.left), pictureOf(image, picked.right)];

/** How far apart the two are, in F1 or without a network in quality; 0 where that cannot be told. */
function difference(image) {
  const merits = pairOf(image).map((picture) => picture?.merit ?? picture?.quality ?? null);
  return merits.includes(null) ? 0 : merits[0] - merits[1];
}

function byDifference() {
  const all = GALLERY.images.map((_, image) => image);
  return all.sort((one, other) =>
    Math.abs(difference(other)) - Math.abs(difference(one)));
}

const nameOf = (codec) => (codec === ORIGINAL ? "uncompressed" : PAGE.sets[0].codecs[codec].name);

function galleryControls() {
  const codecs = [[ORIGINAL, "uncompressed"], ...measuredCodecs(PAGE.sets[0]).flatMap((codec, number) =>
    GALLERY.images.some((image) => image.codecs[number].some(Boolean)) ? [[number, codec.name]] : [])];
  const set = (name) => (value) => { picked[name] = Number(value); drawGallery(); };
  const toggle = (name, said) => element("label", { class: "toggle" }, element("input", {
    type: "checkbox", checked: picked[name],
    onchange: (event) => { picked[name] = event.target.checked; drawGallery(); },
  }), said);
  return element("div", { class: "controls" },
    choice("Left", codecs, picked.left, set("left")),
    choice("Right", codecs, picked.right, set("right")),
    choice("At a rate like", GALLERY.levels.map((level, number) => [number, level]), picked.level,
      set("level")),
    ...(GALLERY.task === null ? [] : [
      toggle("found", "detections"), toggle("truth", "ground truth"), toggle("labels", "labels")]));
}

function thumbnails() {
  return element("div", { class: "thumbnails", role: "group", "aria-label": "Images" },
    ...byDifference().map((image) => {
      const entry = GALLERY.images[image];
      return element("button", {
        type: "button", "aria-pressed": image === picked.image, "data-image": image,
        onclick: () => { picked.image = image; drawGallery(); },
      }, element("img", { src: source(entry.original), alt: "" }),
      element("span", {}, entry.name), element("small", {}, differenceText(image)));
    }));
}

/** How many true positives each has or, without a network, its quality. */
function differenceText(image) {
  const [left, right] = pairOf(image);
  if (left?.counts && right?.counts) return `TP ${left.counts[0]} | ${right.counts[0]}`;
  return GALLERY.task === null && left?.qualities && right?.qualities
    ? `${left.qualities[0]?.[1]} | ${right.qualities[0]?.[1]}` : "";
}

const source = (picture) =>
  `data:${GALLERY.type};base64,${byId(`picture-${picture.picture}`).textContent}`;

function stage() {
  const entry = GALLERY.images[picked.image];
  const { left, right } = picked;
  const layer = (codec, side) => {
    const picture = pictureOf(picked.image, codec);
    const inner = picture
      ? [element("img", { src: source(picture), alt: `${entry.name}, ${nameOf(codec)}` }),
        overlay(entry, picture)]
      : [element("p", { class: "nothing" }, "no picture")];
    return element("div", { class: `layer ${side}` }, ...inner);
  };
  const tag = (codec, side) => {
    const rate = pictureOf(picked.image, codec)?.rate_text;
    return element("span", { class: `tag ${side}` }, nameOf(codec), rate ? ` ${rate} bpp` : "");
  };
  const made = element("div", { class: "stage" }, layer(right, "right"), layer(left, "left"),
    element("div", { class: "edge" }), tag(left, "left"), tag(right, "right"));
  made.append(element("input", {
    type: "range", class: "wiper", min: 0, max: 100, step: 0.5, value: picked.wiped,
    "aria-label": `Wiper: ${nameOf(left)} on the left, ${nameOf(right)} on the right`,
    oninput: (event) => wipe(made, Number(event.target.value)),
    onchange: writeView,
  }));
  made.style.aspectRatio = `${entry.width} / ${entry.height}`;
  wipe(made, picked.wiped);
  return made;
}

function wipe(made, percent) {
  picked.wiped = percent;
  made.style.setProperty("--wiped", `${percent}%`);
}

/** What was found and what is there, over a picture; outlines are in half pixels. */
function overlay(entry, picture) {
  const made = shape("svg", {
    class: "overlay", viewBox: `0 0 ${2 * entry.width} ${2 * entry.height}`, "aria-hidden": "true",
  });
  if (picked.found) {
    for (const found of [...picture.found].reverse()) {
      const colour = GALLERY.colours[found.class];
      made.append(shape("path", { d: outlineOf(found), class: "casing" }),
        shape("path", { d: outlineOf(found), class: "found", stroke: colour, fill: colour }));
    }
  }
  if (picked.truth) {
    made.append(...entry.truth.flatMap((there) => [
      shape("path", { d: outlineOf(there), class: "casing" }),
      shape("path", { d: outlineOf(there), class: "truth" })]));
  }
  if (picked.labels) {
    const size = entry.width / 32;
    made.append(...(picked.found ? picture.found : picked.truth ? entry.truth : []).map((each) => shape("text", {
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
function classKey() {
  const found = pairOf(picked.image).flatMap((picture) => picture?.found.map((each) => each.class) ?? []);
  const classes = Object.keys(GALLERY.colours).filter((name) => found.includes(name));
  const swatch = (colour) => shape("svg", { viewBox: "0 0 12 12", "aria-hidden": "true" },
    shape("rect", { x: 1, y: 1, width: 10, height: 10, rx: 2, fill: colour }));
  return element("p", { class: "classes quiet" }, ...(picked.found ? classes : []).map((name) =>
    element("span", {}, swatch(GALLERY.colours[name]), name)),
  picked.truth ? element("span", { class: "dashed" }, "dashed: ground truth") : null);
}

function facts() {
  const pictures = pairOf(picked.image);
  const row = (said, value) => [said, ...pictures.map((picture) => (picture && value(picture)) ?? "–")];
  const qualities = pictures.find((picture) => picture?.qualities)?.qualities ?? [];
  const rows = [
    row("point", (picture) => picture.point),
    row("bits", (picture) => picture.bits),
    row("bpp", (picture) => picture.rate_text),
    ...qualities.map(([name], number) => row(name, (picture) => picture.qualities?.[number][1])),
    row("TP / FP / FN", (picture) => picture.counts?.join(" / ")),
  ];
  const headings = [GALLERY.images[picked.image].name, nameOf(picked.left), nameOf(picked.right)];
  return table("The two pictures", headings, rows);
}

function leftOut() {
  return element("ul", { class: "quiet" }, ...GALLERY.left_out.map((reason) =>
    element("li", {}, `Left out: ${reason}`)));
}
