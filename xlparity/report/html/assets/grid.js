// The grid: of a sheet only the rows and columns that are in sight stand in the document, and a few around them.

const ROW_HEIGHT = 24;
const HEAD_HEIGHT = 24;
const PIXELS = { character: 7, padding: 5 }; // Excel's column widths in Calibri 11
const SIGN_ROOM = 12; // what a sign needs beside a text
const MOST_RECTANGLES = 400; // of the highlights of one kind
const MOST_WIDTHS = 100000; // runs of columns may overlap in a file that wants to do harm
const AROUND = { rows: 8, columns: 4 };

class Grid {
  // `choose` is told of the chosen cell, `hover` of the cell under the mouse, null where there is none.
  constructor(element, book, { choose, hover }) {
    Object.assign(this, { element, book, choose, hover });
    this.canvas = make("div", "canvas", { role: "presentation" });
    this.heads = make("div", "heads", { role: "row", "aria-rowindex": "1" });
    this.marks = make("div", "marks", { "aria-hidden": "true" });
    this.rules = make("div", "rules", { "aria-hidden": "true" }); // the lines between columns
    // The rows' numbers, for the eye; each cell's label has its address. One element that sticks is cheap, one a row is not.
    this.numbers = make("div", "numbers-column", { "aria-hidden": "true" });
    this.canvas.append(this.heads, this.numbers, this.rules, this.marks);
    element.append(this.canvas);
    this.lines = new Map(); // the rows in the document
    this.places = new Map(); // where each sheet was left: chosen cell and scroll position
    this.letters = new Map();
    this.measure = document.createElement("canvas").getContext("2d");
    element.addEventListener("scroll", () => this.later(), { passive: true });
    element.addEventListener("keydown", (event) => this.key(event));
    element.addEventListener("click", (event) => this.click(event));
    element.addEventListener("pointermove", (event) => this.move(event));
    element.addEventListener("pointerleave", () => this.setHovered(null));
    new ResizeObserver(() => this.resize()).observe(element);
  }

  show(sheet) {
    if (this.sheet) this.places.set(this.sheet, { chosen: this.chosen, top: this.element.scrollTop, left: this.element.scrollLeft });
    this.sheet = sheet;
    const { fontSize, fontFamily } = getComputedStyle(this.element);
    this.font = `${fontSize} ${fontFamily}`;
    this.gutter = Math.max(40, 16 + 8 * String(sheet.rows + 1).length);
    this.element.style.setProperty("--gutter", `${this.gutter}px`);
    const { chosen, top, left } = this.places.get(sheet) ?? { chosen: firstCell(sheet), top: 0, left: 0 };
    this.element.setAttribute("aria-label", `Cells of the sheet ${sheet.name}`);
    this.resize(true);
    this.element.scrollTo(left, top);
    this.select(chosen.row, chosen.column, { reveal: false });
  }

  // Rows and columns to show: what the sheet holds, and blank ones as far as the window reaches.
  resize(force = false) {
    const { clientWidth, clientHeight } = this.element;
    if (!this.sheet || (!force && this.size === `${clientWidth} ${clientHeight}`)) return;
    this.size = `${clientWidth} ${clientHeight}`;
    const sheet = this.sheet;
    this.rows = Math.min(Math.max(sheet.rows + 1, Math.ceil((clientHeight - HEAD_HEIGHT) / ROW_HEIGHT)), MOST_ROWS);
    const widths = new Map();
    const usual = Math.round((sheet.defaultWidth ?? 8.43) * PIXELS.character + PIXELS.padding);
    let budget = MOST_WIDTHS;
    for (const [first, last, width] of sheet.widths) {
      for (let column = first; column <= Math.min(last, sheet.columns + 64) && budget > 0; column++, budget--) {
        widths.set(column, Math.max(Math.round(width * PIXELS.character + PIXELS.padding), 24));
      }
    }
    this.left = [0];
    for (let column = 0; column < Math.min(sheet.columns + 1, COLUMNS) || (this.left.at(-1) < clientWidth - this.gutter && column < COLUMNS); column++) {
      this.left.push(this.left[column] + (widths.get(column) ?? usual));
    }
    this.columns = this.left.length - 1;
    this.canvas.style.width = `${this.gutter + this.left[this.columns]}px`;
    this.canvas.style.height = `${HEAD_HEIGHT + this.rows * ROW_HEIGHT}px`;
    this.element.setAttribute("aria-rowcount", this.rows + 1);
    this.element.setAttribute("aria-colcount", this.columns);
    this.clear();
    this.render();
    this.drawMarks();
  }

  clear() {
    for (const line of this.lines.values()) line.element.remove();
    this.numbers.replaceChildren();
    this.lines.clear();
    this.range = null;
  }

  later() {
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = null;
      this.render();
    });
  }

  columnAt(x) {
    let low = 0;
    let high = this.columns - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.left[middle] <= x) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  window() {
    const { scrollTop, scrollLeft, clientWidth, clientHeight } = this.element;
    const step = AROUND.columns;
    const first = this.columnAt(scrollLeft);
    const last = this.columnAt(scrollLeft + clientWidth - this.gutter);
    return {
      top: Math.max(Math.floor(scrollTop / ROW_HEIGHT) - AROUND.rows, 0),
      bottom: Math.min(Math.ceil((scrollTop + clientHeight) / ROW_HEIGHT) + AROUND.rows, this.rows),
      // In steps, so that a little way sideways does not make every row anew.
      left: Math.max(Math.floor(first / step) * step - step, 0),
      right: Math.min(Math.ceil((last + 1) / step) * step + step, this.columns),
    };
  }

  // Bring the document to what is in sight; `touched` are rows whose cells changed.
  render(touched = []) {
    if (!this.sheet) return;
    const range = this.window();
    const sideways = this.range?.left !== range.left || this.range?.right !== range.right;
    const wanted = new Set();
    for (let row = range.top; row < range.bottom; row++) wanted.add(row);
    // A merged area shows what its corner holds, also where the corner is out of sight.
    for (const [row, column, height, width] of this.sheet.merged) {
      if (row < range.bottom && row + height > range.top && column < range.right && column + width > range.left) wanted.add(row);
    }
    if (this.chosen) wanted.add(this.chosen.row); // which aria-activedescendant names
    for (const [row, line] of this.lines) {
      if (!wanted.has(row)) {
        line.element.remove();
        line.head.remove();
        this.lines.delete(row);
      }
    }
    if (sideways) this.drawHeads(range);
    this.range = range;
    let next = null; // from below upwards, so that the document has the rows in their order
    for (const row of [...wanted].sort((one, other) => other - one)) {
      let line = this.lines.get(row);
      if (!line) {
        line = this.line(row);
        this.lines.set(row, line);
        this.fillLine(line, row);
        this.canvas.insertBefore(line.element, next);
        this.numbers.append(line.head);
      } else if (sideways || touched.includes(row)) {
        this.fillLine(line, row);
      }
      next = line.element;
    }
  }

  drawHeads({ left, right }) {
    const corner = make("div", "corner", { "aria-hidden": "true" });
    const heads = [corner];
    const rules = [];
    for (let column = left; column < right; column++) {
      const head = make("div", "column-head", { role: "columnheader", "aria-colindex": column + 1 }, columnLetters(column));
      head.dataset.column = column;
      head.style.left = `${this.gutter + this.left[column]}px`;
      head.style.width = `${this.left[column + 1] - this.left[column]}px`;
      head.classList.toggle("active", column === this.chosen?.column);
      heads.push(head);
      const rule = make("div", "rule");
      rule.style.left = `${this.gutter + this.left[column + 1] - 1}px`;
      rules.push(rule);
    }
    this.heads.replaceChildren(...heads);
    this.rules.replaceChildren(...rules);
  }

  line(row) {
    const element = make("div", "line");
    element.style.top = `${HEAD_HEIGHT + row * ROW_HEIGHT}px`;
    const head = make("div", "row-head", {}, String(row + 1));
    head.style.top = `${row * ROW_HEIGHT}px`;
    return { element, head, cells: new Map() }; // the cells in the document by their place, a blank one by -1
  }

  // Add the cells of a row that came into sight and take away those that left it.
  fillLine({ element, head, cells }, row) {
    const { sheet } = this;
    const { left, right } = this.range;
    head.classList.toggle("active", row === this.chosen?.row);
    const wanted = new Set();
    let next = null; // from right to left, so that the document has the cells in their order
    const add = (place, column) => {
      wanted.add(place);
      if (!cells.has(place)) {
        const cell = place < 0 ? this.blank(row, column) : this.cell(place);
        if (!cell) return;
        cells.set(place, cell);
        element.insertBefore(cell, next);
      }
      next = cells.get(place);
    };
    cells.get(-1)?.remove();
    cells.delete(-1);
    if (this.chosen?.row === row) add(sheet.at(row, this.chosen.column), this.chosen.column);
    // Texts run on over blank cells, so cells left of the window may reach into it.
    const begin = Math.max(left - 16, 0);
    if (row < sheet.rows) {
      const stop = sheet.start[row + 1];
      let last = sheet.from(row, begin);
      while (last < stop && sheet.column[last] < right) last++;
      for (let place = last - 1; place >= sheet.start[row] && sheet.column[place] >= begin; place--) add(place);
    }
    for (const [top, column, , width] of sheet.merged) {
      if (top === row && column < begin && column + width > left && sheet.at(row, column) >= 0) add(sheet.at(row, column));
    }
    for (const [place, cell] of cells) {
      if (!wanted.has(place)) {
        cell.remove();
        cells.delete(place);
      }
    }
    // A row without cells is none to a screen reader.
    element.setAttribute("role", cells.size ? "row" : "presentation");
    if (cells.size) element.setAttribute("aria-rowindex", row + 2);
    else element.removeAttribute("aria-rowindex");
  }

  blank(row, column) {
    const cell = make("div", "cell blank", { role: "gridcell", "aria-colindex": column + 1, id: this.id(row, column), "aria-label": `${showAddress(row, column)}, empty` });
    this.put(cell, column, column + 1);
    return cell;
  }

  id(row, column) {
    return `cell-${this.sheet.number}-${row}-${column}`;
  }

  put(cell, first, last) {
    cell.style.left = `${this.gutter + this.left[first]}px`;
    cell.style.width = `${this.left[Math.min(last, this.columns)] - this.left[first]}px`;
  }

  // How wide a text is, from the widths of its letters, which are measured once.
  widthOf(text, style) {
    const font = style + this.font;
    if (!this.letters.has(font)) this.letters.set(font, new Map());
    const known = this.letters.get(font);
    let width = 0;
    for (const letter of text) {
      let own = known.get(letter);
      if (own === undefined) {
        this.measure.font = font;
        known.set(letter, (own = this.measure.measureText(letter).width));
      }
      width += own;
    }
    return width;
  }

  // The element of the cell at `place`; null for one under a merged area.
  cell(place) {
    const { sheet, book } = this;
    const row = sheet.row[place];
    const column = sheet.column[place];
    const kind = sheet.kind[place];
    const state = STATES[sheet.state[place]];
    const merged = sheet.covered.get(row * COLUMNS + column);
    const area = merged === undefined ? null : sheet.merged[merged];
    if (area && (area[0] !== row || area[1] !== column)) return null;
    const [code, bold, italic, horizontal] = book.formats[sheet.format[place]];
    let last = column + (area ? area[3] : 1);
    let room = this.left[Math.min(last, this.columns)] - this.left[column] - 8;
    const full = this.shown(place, code);
    let text = full;
    const style = `${italic ? "italic " : ""}${bold || state === "fault" ? "bold " : ""}`;
    let size = this.widthOf(text, style);
    if (kind === KIND.number && size > room) {
      text = fitted(sheet.value[place], code, Math.floor(room / this.widthOf("0", style)));
      size = this.widthOf(text, style);
    }
    const align = horizontal || (kind === KIND.text ? "left" : kind === KIND.number ? "right" : "center");
    const runsOn = kind === KIND.text && align === "left" && !area && size > room && state === "plain";
    if (runsOn) {
      const next = place + 1 < sheet.start[row + 1] ? sheet.column[place + 1] : COLUMNS;
      while (last < next && last < this.columns && this.left[last] - this.left[column] - 8 < size) last++;
      room = this.left[last] - this.left[column] - 8;
    }
    const cell = make("div", `cell ${state} ${align}`, {
      role: "gridcell", "aria-colindex": column + 1, id: this.id(row, column),
      "aria-label": `${showAddress(row, column)}, ${full || "empty"}${WORDS[state] ? `, ${WORDS[state]}` : ""}`,
    });
    if (kind === KIND.error) cell.classList.add("error");
    if (size > room) cell.classList.add("clipped");
    if (bold) cell.classList.add("bold");
    if (italic) cell.classList.add("italic");
    const sign = SIGNS[state];
    if (sign && (size + SIGN_ROOM <= room || !text)) cell.append(make("span", "sign", {}, sign));
    cell.append(make("span", "text", {}, text));
    this.put(cell, column, last);
    if (area && area[2] > 1) {
      cell.style.height = `${Math.min(area[2], this.rows - row) * ROW_HEIGHT - 1}px`;
      cell.classList.add("tall");
    }
    return cell;
  }

  shown(place, code) {
    const { sheet } = this;
    switch (sheet.kind[place]) {
      case KIND.number: return formatNumber(sheet.value[place], code, this.book.date1904);
      case KIND.text: return formatText(sheet.text(place), code);
      default: return sheet.exact(place);
    }
  }

  select(row, column, { reveal = true } = {}) {
    const before = this.chosen;
    const [top, left] = this.areaOf(clamp(row, 0, this.rows - 1), clamp(column, 0, this.columns - 1));
    this.chosen = { row: top, column: left };
    if (reveal) this.reveal(this.chosen.row, this.chosen.column);
    this.canvas.querySelector("[aria-selected]")?.removeAttribute("aria-selected");
    this.render([before?.row, this.chosen.row]);
    for (const head of this.heads.querySelectorAll(".column-head")) {
      head.classList.toggle("active", Number(head.dataset.column) === this.chosen.column);
    }
    const id = this.id(this.chosen.row, this.chosen.column);
    this.element.setAttribute("aria-activedescendant", id);
    document.getElementById(id)?.setAttribute("aria-selected", "true");
    this.choose(this.sheet, this.chosen.row, this.chosen.column);
  }

  // Top, left, height and width of the merged area that a cell belongs to, or of the cell alone.
  areaOf(row, column) {
    const cover = this.sheet.covered.get(row * COLUMNS + column);
    return cover === undefined ? [row, column, 1, 1] : this.sheet.merged[cover];
  }

  // Scroll no further than is needed to see the cell.
  reveal(row, column) {
    const { element } = this;
    const top = row * ROW_HEIGHT;
    const height = element.clientHeight - HEAD_HEIGHT;
    const width = element.clientWidth - this.gutter;
    const [from, to] = [this.left[column], this.left[column + 1]];
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + ROW_HEIGHT > element.scrollTop + height) element.scrollTop = top + ROW_HEIGHT - height;
    if (from < element.scrollLeft) element.scrollLeft = from;
    else if (to > element.scrollLeft + width) element.scrollLeft = Math.min(to - width, from);
  }

  center(row, column) {
    this.element.scrollTop = row * ROW_HEIGHT - (this.element.clientHeight - HEAD_HEIGHT) / 2;
    this.element.scrollLeft = this.left[Math.min(column, this.columns)] - (this.element.clientWidth - this.gutter) / 2;
  }

  // Outlines: `reads` and `readBy` are areas of any sheet.
  highlight(reads, readBy) {
    this.outlined = { reads, "read-by": readBy };
    this.drawMarks();
  }

  drawMarks() {
    if (!this.chosen) return;
    const rectangles = [];
    for (const [name, areas] of Object.entries(this.outlined ?? {})) {
      const here = areas.filter(([sheet]) => sheet === this.sheet.number);
      for (const [, top, left, bottom, right] of here.slice(0, MOST_RECTANGLES)) {
        rectangles.push(this.rectangle(name, top, left, bottom, right));
      }
    }
    const [row, column, height, width] = this.areaOf(this.chosen.row, this.chosen.column);
    rectangles.push(this.rectangle("cursor", row, column, row + height - 1, column + width - 1));
    this.marks.replaceChildren(...rectangles);
  }

  rectangle(name, top, left, bottom, right) {
    const mark = make("div", `mark ${name}`);
    const first = Math.min(left, this.columns);
    mark.style.top = `${HEAD_HEIGHT + Math.min(top, this.rows) * ROW_HEIGHT}px`;
    mark.style.height = `${(Math.min(bottom + 1, this.rows) - Math.min(top, this.rows)) * ROW_HEIGHT}px`;
    mark.style.left = `${this.gutter + this.left[first]}px`;
    mark.style.width = `${this.left[Math.min(right + 1, this.columns)] - this.left[first]}px`;
    return mark;
  }

  cellUnder(event) {
    const box = this.element.getBoundingClientRect();
    const x = event.clientX - box.left - this.element.clientLeft;
    const y = event.clientY - box.top - this.element.clientTop;
    if (x < this.gutter || y < HEAD_HEIGHT || x > this.element.clientWidth || y > this.element.clientHeight) return null;
    const row = Math.floor((y - HEAD_HEIGHT + this.element.scrollTop) / ROW_HEIGHT);
    const column = this.columnAt(x - this.gutter + this.element.scrollLeft);
    return row < this.rows ? { row, column } : null;
  }

  click(event) {
    const cell = this.cellUnder(event);
    if (!cell) return;
    this.element.focus({ preventScroll: true });
    this.select(cell.row, cell.column);
  }

  move(event) {
    if (event.pointerType === "mouse") this.setHovered(this.cellUnder(event));
  }

  setHovered(cell) {
    if (cell?.row === this.hovered?.row && cell?.column === this.hovered?.column) return;
    this.hovered = cell;
    this.hover(this.sheet, cell);
  }

  key(event) {
    if (event.altKey || event.metaKey || !this.chosen) return;
    let { row, column } = this.chosen;
    const [, , height, width] = this.areaOf(row, column);
    const page = Math.max(Math.floor((this.element.clientHeight - HEAD_HEIGHT) / ROW_HEIGHT) - 1, 1);
    const far = event.ctrlKey;
    switch (event.key) {
      case "ArrowUp": row = far ? this.edge(row, column, -1, 0).row : row - 1; break;
      case "ArrowDown": row = far ? this.edge(row, column, 1, 0).row : row + height; break;
      case "ArrowLeft": column = far ? this.edge(row, column, 0, -1).column : column - 1; break;
      case "ArrowRight": column = far ? this.edge(row, column, 0, 1).column : column + width; break;
      case "PageUp": row -= page; break;
      case "PageDown": row += page; break;
      case "Home": column = 0; if (far) row = 0; break;
      case "End":
        if (far) row = Math.max(this.sheet.rows - 1, 0);
        column = far ? Math.max(this.sheet.columns - 1, 0) : this.lastOf(row);
        break;
      default: return;
    }
    event.preventDefault();
    this.select(row, column);
  }

  lastOf(row) {
    const stop = row < this.sheet.rows ? this.sheet.start[row + 1] : 0;
    return stop > (this.sheet.start[row] ?? 0) ? this.sheet.column[stop - 1] : 0;
  }

  // Where Ctrl and an arrow lead: the end of the run of filled cells, or the next filled cell.
  edge(row, column, down, across) {
    const most = { row: this.sheet.rows - 1, column: this.sheet.columns - 1 };
    const inside = (r, c) => r >= 0 && c >= 0 && r <= most.row && c <= most.column;
    const filled = (r, c) => inside(r, c) && this.sheet.at(r, c) >= 0;
    const run = filled(row, column) && filled(row + down, column + across);
    let [r, c] = [row, column];
    while (inside(r + down, c + across) && (!run || filled(r + down, c + across))) {
      r += down;
      c += across;
      if (!run && filled(r, c)) break;
    }
    return { row: r, column: c };
  }
}

// A number in as many characters as there is room for, as Excel shortens General; other formats become ####.
function fitted(number, code, characters) {
  if (code !== "General") return "#".repeat(Math.max(characters, 1));
  for (let digits = 10; digits > 0; digits--) {
    const text = general(Number(number.toPrecision(digits)));
    if (text.length <= characters) return text;
  }
  return "#".repeat(Math.max(characters, 1));
}

function firstCell(sheet) {
  return sheet.row.length ? { row: sheet.row[0], column: sheet.column[0] } : { row: 0, column: 0 };
}

function clamp(value, least, most) {
  return Math.min(Math.max(value, least), Math.max(most, least));
}

// An element; texts go in as texts, never as markup.
function make(tag, className = "", attributes = {}, text = null) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== null) element.textContent = text;
  return element;
}
