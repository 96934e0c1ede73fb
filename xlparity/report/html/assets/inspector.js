// What is known of one cell, beside the grid.

const MOST_LINKS = 12;

class Inspector {
  constructor(element, book, go) {
    Object.assign(this, { element, book, go });
  }

  show(sheet, row, column) {
    const { book } = this;
    const place = sheet.at(row, column);
    const state = place < 0 ? "plain" : STATES[sheet.state[place]];
    const formula = book.formula(sheet, place);
    const [holder, ...others] = book.holders(sheet, row, column);
    const finding = (book.findings.get(book.key(sheet.number, row, column)) ?? [])[0];
    const parts = [this.head(sheet, row, column, state, holder)];
    const facts = [];
    const add = (name, ...values) => facts.push([name, values]);
    if (finding && book.because[finding[4]]) parts.push(make("p", `because ${state}`, {}, book.because[finding[4]]));
    else if (STATE[state] > STATE.match && STATE[state] < STATE.ignored) {
      parts.push(make("p", `because ${state}`, {}, "one of so many cells that the reason of each is not kept here; the worst ones are listed above"));
    }
    if (formula !== null) add("Formula", make("code", "", {}, `=${formula}`));
    if (place >= 0 && sheet.kind[place] !== KIND.blank) add(formula === null ? "Value" : "Sheet", sheet.exact(place));
    if (holder && holder.number < book.judged) this.numbers(add, sheet, place, holder, finding);
    if (finding?.[9]) add("Origin", this.link(...finding[9]));
    if (finding?.[11]) {
      const [repair, samples, cell] = finding[11];
      const where = cell ? ["in ", this.link(...cell), " "] : [];
      add("Repair", ...where, make("code", "repair", {}, `=${repair}`), ` agrees on all ${samples} samples`);
    }
    if (finding?.[12]) add("To see it", ...this.typed(finding[12]));
    if (holder?.tensor.torch) add("Torch computes", make("code", "", {}, holder.tensor.torch));
    for (const other of others) add("Also", elementName(other), ` (${other.tensor.role})`);
    const reads = book.reads(sheet, place);
    const readBy = book.readBy(sheet, row, column);
    if (reads.length) add("Reads", ...this.links(reads, sheet));
    if (readBy.length) add("Read by", ...this.links(readBy, sheet));
    const list = make("dl", "facts");
    for (const [name, values] of facts) {
      const entry = make("div");
      const value = make("dd");
      value.append(...values);
      entry.append(make("dt", "", {}, name), value);
      list.append(entry);
    }
    parts.push(list);
    this.element.replaceChildren(...parts);
    return { reads, readBy };
  }

  head(sheet, row, column, state, holder) {
    const head = make("header");
    head.append(make("strong", "address", {}, showAddress(row, column)));
    if (WORDS[state]) {
      const chip = make("span", `chip ${state}`);
      if (SIGNS[state]) chip.append(make("span", "", { "aria-hidden": "true" }, SIGNS[state]), " ");
      chip.append(WORDS[state]);
      head.append(chip);
    }
    if (holder) {
      head.append(make("span", "tensor", {}, elementName(holder)), make("span", "quiet", {}, holder.tensor.role));
    }
    return head;
  }

  numbers(add, sheet, place, { tensor, element }, finding) {
    const { book } = this;
    const verdict = tensor.verdict[element];
    if (verdict < 0) return;
    const expected = finding ? finding[6] : book.expected(tensor, element, sheet, place);
    const held = place >= 0 && (sheet.kind[place] === KIND.number || sheet.kind[place] === KIND.boolean);
    const actual = finding ? finding[5] : held ? sheet.value[place] : null;
    const bound = finding ? finding[8] : tensor.bound[element];
    const difference = finding ? finding[7] : actual === null ? null : actual - expected;
    if (finding && typeof actual === "number" && held && actual !== sheet.value[place]) {
      add(`By ${finding[10]}`, showNumber(actual));
    }
    add(book.other.replace(/^the /, "").replace(/^./, (letter) => letter.toUpperCase()), typeof expected === "number" && !Number.isNaN(expected) ? showNumber(expected) : expected ?? "no finite number");
    if (typeof difference === "number" && !Number.isNaN(difference)) add("Difference", showShort(difference));
    if (typeof bound === "number" && !Number.isNaN(bound)) {
      const part = typeof difference === "number" && bound > 0 ? Math.abs(difference) / bound : null;
      add("Allowed", showShort(bound), part === null || Number.isNaN(part) ? "" : make("span", "quiet", {}, ` ${showPart(part)}`));
    }
  }

  typed([changes, actual, expected]) {
    const parts = ["type "];
    changes.forEach(([cell, number], at) => {
      const place = parseAddress(cell);
      const sheet = place && this.book.byName.get(place.sheet?.toLowerCase());
      parts.push(at ? ", " : "", sheet ? this.link(sheet.number, place.row, place.column) : cell, ` = ${number}`);
    });
    return [...parts, `: the sheet gives ${actual ?? "no number"}, ${this.book.other} ${expected}`];
  }

  links(areas, home) {
    const parts = areas.slice(0, MOST_LINKS).flatMap((area, at) => {
      const name = (area[0] === home.number ? "" : `${showSheet(this.book.sheets[area[0]].name)}!`) + showArea(area);
      return [at ? ", " : "", this.link(area[0], area[1], area[2], name)];
    });
    if (areas.length > MOST_LINKS) parts.push(` and ${areas.length - MOST_LINKS} more areas`);
    return parts;
  }

  link(sheet, row, column, text = null) {
    const shown = text ?? `${showSheet(this.book.sheets[sheet]?.name ?? "?")}!${showAddress(row, column)}`;
    const button = make("button", "link", { type: "button" }, shown);
    button.addEventListener("click", () => this.go(this.book.sheets[sheet], row, column));
    return button;
  }
}

function elementName({ tensor, index }) {
  if (tensor.name.includes("!")) return ""; // cells that belong to no named tensor
  return tensor.name + (index.length ? `[${index.join(", ")}]` : "");
}

function showPart(part) {
  if (part === 0) return "none of it used";
  if (part > 1) return `exceeded ${part >= 1e4 ? part.toExponential(1) : Number(part.toPrecision(2))} times`;
  return part < 0.001 ? "less than 0.1 % of it used" : `${Number((100 * part).toPrecision(2))} % of it used`;
}
