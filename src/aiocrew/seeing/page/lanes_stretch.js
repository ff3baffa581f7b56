// The stretch of time that a reader marked: how well its calls overlapped.

function stretchFacts(view) {
  const { from, to } = view.stretch;
  const { overlap, peak, waited } = view.flight.within(from, to);
  const touches = (bar) => bar.from < to && bar.to > from;
  const calls = view.model.bars.filter((bar) => (bar.kind === "model" || bar.kind === "tool") && touches(bar));
  const blocked = view.model.bars.filter((bar) => bar.kind === "blocked" && touches(bar));
  const still = blocked.reduce((total, bar) => total + Math.min(bar.to, to) - Math.max(bar.from, from), 0);
  return new Facts()
    .add("From", `${duration(from - view.model.origin)} to ${duration(to - view.model.origin)}`)
    .add("Overlap", `${trimmed(overlap)}×`)
    .add("Peak", count(peak))
    .add("Calls", `${count(calls.length)}, of ${counted(new Set(calls.map((bar) => bar.run)).size, "run", "runs")}`)
    .add("Waited", waited > 0 ? `${duration(waited)} in all, for limits` : "")
    .add("Loop blocked", still > 0 ? duration(still) : "")
    .list;
}

function stretchWords(view) {
  if (!view.stretch) return "";
  const { from, to } = view.stretch;
  return `marked ${duration(to - from)}, overlap ${trimmed(view.flight.within(from, to).overlap)}`;
}

function showStretch(view) {
  const { stretch } = view;
  const holder = document.getElementById("stretch");
  holder.hidden = !stretch;
  if (!stretch) return;
  holder.querySelector("h2").textContent = `Marked: ${duration(stretch.to - stretch.from)}`;
  holder.querySelector("dl").replaceWith(stretchFacts(view));
}
