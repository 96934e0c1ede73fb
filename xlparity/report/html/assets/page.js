// The page: colours, sheets as tabs, ways to a cell.

const GRID_KEYS = { n: 1, p: -1 };

function chooseTheme(name) {
  document.documentElement.dataset.theme = name;
  for (const button of document.querySelectorAll("[data-theme-choice]")) {
    button.setAttribute("aria-pressed", String(button.dataset.themeChoice === name));
  }
}

function prepareThemes() {
  // Where a page may not remember (a notebook's frame, a private window) it asks the system each time.
  let kept = null;
  try { kept = localStorage.getItem("xlparity-theme"); } catch { /* nothing is kept */ }
  chooseTheme(["light", "dark"].includes(kept) ? kept : "auto");
  for (const button of document.querySelectorAll("[data-theme-choice]")) {
    button.addEventListener("click", () => {
      chooseTheme(button.dataset.themeChoice);
      try { localStorage.setItem("xlparity-theme", button.dataset.themeChoice); } catch { /* nothing is kept */ }
    });
  }
}

class Page {
  constructor(book) {
    this.book = book;
    this.formula = document.getElementById("formula");
    this.address = document.getElementById("address");
    this.inspector = new Inspector(document.getElementById("inspector"), book, (sheet, row, column) => this.go(sheet, row, column));
    this.grid = new Grid(document.getElementById("grid"), book, {
      choose: (sheet, row, column) => this.chosen(sheet, row, column),
      hover: (sheet, cell) => this.hovered(sheet, cell),
    });
    this.makeTabs();
    this.listen();
    if (!this.followAddress(anchor(), false)) {
      this.go(...this.opening(), { focus: false });
    }
  }

  // Where the page opens: at the worst cell, else the first that was judged.
  opening() {
    const { sheets } = this.book;
    const [worst] = this.book.wrong();
    if (worst) return [sheets[worst[0]], worst[1], worst[2]];
    for (const sheet of sheets) {
      const place = sheet.state.findIndex((state) => state >= FIRST_VERDICT);
      if (place >= 0) return [sheet, sheet.row[place], sheet.column[place]];
    }
    return [sheets[0], undefined, undefined];
  }

  makeTabs() {
    const list = document.querySelector("[role=tablist]");
    this.tabs = this.book.sheets.map((sheet, at) => {
      const tab = make("button", "tab", { type: "button", role: "tab", "aria-selected": "false", tabindex: "-1", "aria-controls": "panel" }, sheet.name);
      const wrong = this.countOf(sheet, STATE.fault) + this.countOf(sheet, STATE.undecided);
      const inherited = this.countOf(sheet, STATE.inherited);
      if (wrong) tab.append(make("span", "badge fault", {}, `${wrong} wrong`));
      else if (inherited) tab.append(make("span", "badge inherited", {}, `${inherited} inherited`));
      tab.addEventListener("click", () => this.open(this.book.sheets[at]));
      tab.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!step) return;
        event.preventDefault();
        const next = (at + step + this.tabs.length) % this.tabs.length;
        this.open(this.book.sheets[next]);
        this.tabs[next].focus();
      });
      return tab;
    });
    list.replaceChildren(...this.tabs);
  }

  countOf(sheet, state) {
    let count = 0;
    for (const each of sheet.state) if (each === state) count++;
    return count;
  }

  open(sheet) {
    if (this.grid.sheet === sheet) return;
    this.tabs.forEach((tab, at) => {
      const isOpen = at === sheet.number;
      tab.setAttribute("aria-selected", String(isOpen));
      tab.tabIndex = isOpen ? 0 : -1;
      if (isOpen) reveal(tab);
    });
    this.grid.show(sheet);
  }

  go(sheet, row, column, { focus = true } = {}) {
    if (!sheet) return;
    this.open(sheet);
    if (row === undefined) return;
    this.grid.center(row, column);
    this.grid.select(row, column);
    if (focus) {
      this.grid.element.focus({ preventScroll: true });
      this.grid.element.scrollIntoView({ block: "nearest", behavior: "instant" });
    }
  }

  chosen(sheet, row, column) {
    this.at = { sheet, row, column };
    this.show(sheet, row, column);
  }

  hovered(sheet, cell) {
    if (cell) this.show(sheet, cell.row, cell.column);
    else if (this.at) this.show(this.at.sheet, this.at.row, this.at.column);
  }

  show(sheet, row, column) {
    const place = sheet.at(row, column);
    const formula = this.book.formula(sheet, place);
    this.formula.textContent = formula === null ? sheet.exact(place) : `=${formula}`;
    if (document.activeElement !== this.address) this.address.value = showAddress(row, column);
    const { reads, readBy } = this.inspector.show(sheet, row, column);
    this.grid.highlight(reads, readBy);
  }

  listen() {
    document.addEventListener("click", (event) => {
      const link = event.target.closest("a[data-cell]");
      if (link && this.followAddress(link.dataset.cell)) event.preventDefault();
    });
    this.address.addEventListener("keydown", (event) => {
      if (event.key === "Enter") {
        event.preventDefault();
        if (this.followAddress(this.address.value)) return;
        this.address.setAttribute("aria-invalid", "true");
      } else {
        this.address.removeAttribute("aria-invalid");
      }
    });
    this.address.addEventListener("focus", () => this.address.select());
    this.address.addEventListener("blur", () => {
      this.address.removeAttribute("aria-invalid");
      if (this.at) this.address.value = showAddress(this.at.row, this.at.column);
    });
    document.getElementById("next-wrong")?.addEventListener("click", () => this.step(1));
    document.getElementById("previous-wrong")?.addEventListener("click", () => this.step(-1));
    this.grid.element.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      if (GRID_KEYS[event.key] && document.getElementById("next-wrong")) this.step(GRID_KEYS[event.key]);
      if (event.key === "o") {
        const [first] = this.book.reads(this.at.sheet, this.at.sheet.at(this.at.row, this.at.column));
        if (first) this.go(this.book.sheets[first[0]], first[1], first[2]);
      }
    });
    addEventListener("hashchange", () => this.followAddress(anchor()));
  }

  // To the cell that a text such as 'Layer 1'!C5 names; whether there is one.
  followAddress(text, focus = true) {
    const place = parseAddress(text);
    if (!place) return false;
    const sheet = place.sheet === null ? this.at?.sheet : this.book.byName.get(place.sheet.toLowerCase());
    if (!sheet) return false;
    this.go(sheet, place.row, place.column, { focus });
    return true;
  }

  // To the next cell that does not pass, the worst first.
  step(by) {
    const wrong = this.book.wrong();
    if (!wrong.length) return;
    const { sheet, row, column } = this.at;
    const here = wrong.findIndex(([s, r, c]) => s === sheet.number && r === row && c === column);
    const next = here < 0 ? (by > 0 ? 0 : wrong.length - 1) : (here + by + wrong.length) % wrong.length;
    const [s, r, c] = wrong[next];
    this.go(this.book.sheets[s], r, c);
  }
}

// Along the row of tabs alone: scrollIntoView moves the page too, past the verdict as it opens.
function reveal(tab) {
  const list = tab.parentElement;
  const [own, around] = [tab.getBoundingClientRect(), list.getBoundingClientRect()];
  list.scrollLeft += Math.min(own.left - around.left, 0) + Math.max(own.right - around.right, 0);
}

// What stands behind the # of the page's address; an anchor that is not well-formed names nothing.
function anchor() {
  try { return decodeURIComponent(location.hash.slice(1)); } catch { return ""; }
}

async function start() {
  prepareThemes();
  const element = document.getElementById("data");
  if (!element) return;
  try {
    const data = JSON.parse(element.textContent);
    const page = new Page(new Workbook(data, await inflate(data.arrays)));
    globalThis.xlparity = { page }; // for tests and for the curious
  } catch (error) {
    document.getElementById("grid").textContent = `The sheets cannot be drawn (${error.message}); use a browser of 2024 or later.`;
    throw error;
  }
  document.documentElement.dataset.ready = "true";
  performance.mark("first view");
}

start();
