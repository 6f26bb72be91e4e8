// Where the figures come from.

function drawProvenance() {
  const set = shownSet();
  const codecs = set.codecs.map((codec, number) => [
    named(number, codec.full_name), codec.title || "–", codec.version || "–",
    codec.published ? "–" : element("code", {}, codec.fingerprint),
  ]);
  const made = table("Codecs", ["codec", "what it is", "version", "fingerprint"], codecs);
  made.classList.add("stacked");
  const lines = [...set.provenance, `this page by: ${PAGE.command}`];
  const failed = set.failures.length
    ? [element("h3", {}, "Failures"),
      element("ul", { id: "failures" }, ...set.failures.map((line) => element("li", {}, line)))]
    : [element("p", { id: "failures" }, "No operation failed.")];
  byId("provenance").replaceChildren(
    element("dl", {}, ...lines.flatMap((line) => {
      const [what, ...rest] = line.split(": ");
      return rest.length
        ? [element("dt", {}, what), element("dd", {}, rest.join(": "))]
        : [element("dd", { class: "both" }, line)];
    })),
    ...failed,
    element("h3", {}, "Codecs"),
    made,
  );
}
