// The words beside the pointer, and its shape.

class Tip {
  constructor(app) {
    this.app = app;
    this.box = document.getElementById("tip");
  }

  hide() {
    this.app.view.hovered = null;
    this.write("", 0, 0);
  }

  show(x, y) {
    const { view, painter, canvas } = this.app;
    const { item, bar } = view.hit(x, y, painter);
    const isName = item !== null && x < painter.gutter;
    const isAbove = y < painter.top && x > painter.gutter && x < painter.right;
    view.hovered = bar;
    this.write(bar ? sentence(bar, view).join("\n") : isName ? this.nameOf(item) : isAbove ? this.wordsAbove(x, y) : "", x, y);
    canvas.style.cursor = this.app.isEdge(x) ? "col-resize" : bar || isName ? "pointer" : isAbove ? "crosshair" : "default";
  }

  write(text, x, y) {
    const { box } = this;
    const { painter } = this.app;
    box.hidden = !text;
    box.textContent = text;
    const left = Math.max(4, Math.min(x + 14, painter.width - box.offsetWidth - 6));
    const top = y + 18 + box.offsetHeight < painter.height ? y + 18 : Math.max(4, y - box.offsetHeight - 10);
    box.style.transform = `translate(${left}px, ${top}px)`;
    this.app.invalidate();
  }

  nameOf(item) {
    if (item.type === "group") return item.text;
    const [title, ...rest] = sentence(item.row.span, this.app.view);
    return [item.type === "row" ? title : runName(item.run), ...(item.run.id ? rest : [])].join("\n");
  }

  // Of the strips above the lanes: how many calls are in flight, or which culprit is at work.
  wordsAbove(x, y) {
    const { view, painter } = this.app;
    const culprit = y > AXIS_PX + FLIGHT_PX ? painter.culpritAt(x) : 0;
    if (culprit) {
      const { cause, file, line } = view.report.culprits[culprit - 1];
      return `culprit ${culprit}: ${plain(cause)}${file ? `\n${plain(file)}:${line}` : ""}`;
    }
    const at = view.flight.before(painter.time(x));
    if (at < 0 || y < AXIS_PX) return "";
    const waiting = view.flight.waiting[at];
    return `${count(view.flight.sent[at])} in flight${waiting ? `, ${count(waiting)} waiting` : ""}`;
  }
}
