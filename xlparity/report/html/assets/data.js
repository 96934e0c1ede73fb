"use strict";

// The workbook and what was found in it, unpacked from the JSON of this page. Cells stand in typed arrays, sorted by
// row and column; objects are made for single cells when they are looked at.

const KIND = { blank: 0, number: 1, text: 2, boolean: 3, error: 4, undecided: 5 };
const STATES = ["plain", "given", "unmapped", "match", "explained", "undecided", "inherited", "fault", "ignored"];
const STATE = Object.fromEntries(STATES.map((name, at) => [name, at]));
const SIGNS = { match: "✓", explained: "≈", undecided: "?", inherited: "↳", fault: "✕" };
const WORDS = {
  given: "given", unmapped: "not checked", match: "match", explained: "explained", undecided: "undecided",
  inherited: "inherited", fault: "wrong", ignored: "left out",
};
const FIRST_VERDICT = STATE.match; // verdicts are numbered from 0 in the order of STATES
const ERRORS = ["", "#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A", "#GETTING_DATA", "#SPILL!",
  "#CONNECT!", "#BLOCKED!", "#UNKNOWN!", "#FIELD!", "#CALC!"];
const COLUMNS = 16384;
const MOST_COVERED = 500000; // cells under merged areas; an area of a whole sheet costs a file nothing

const TYPES = { u1: Uint8Array, i1: Int8Array, u2: Uint16Array, i4: Int32Array, f8: Float64Array };

async function inflate(text) {
  const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// The array that a reference [type, first byte, length] names. All first bytes of the elements come first, and so on.
function unpack(bytes, [type, begin, length]) {
  const array = new TYPES[type](length);
  const size = array.BYTES_PER_ELEMENT;
  const target = new Uint8Array(array.buffer);
  for (let byte = 0; byte < size; byte++) {
    const from = begin + byte * length;
    for (let at = 0; at < length; at++) target[at * size + byte] = bytes[from + at];
  }
  return array;
}

class Sheet {
  constructor(data, bytes, number) {
    this.number = number;
    this.name = data.name;
    this.texts = data.texts;
    this.textAt = data.text ? new Map(data.text.map((at, place) => [at, place])) : null;
    this.fills = data.fills;
    this.merged = data.merged;
    this.widths = data.widths;
    this.defaultWidth = data.width;
    for (const name of ["row", "column", "kind", "number", "format"]) {
      this[name === "number" ? "value" : name] = unpack(bytes, data[name]);
    }
    const count = this.row.length;
    this.rows = count ? this.row[count - 1] + 1 : 0;
    this.columns = 0;
    for (const column of this.column) if (column >= this.columns) this.columns = column + 1;
    this.start = new Int32Array(this.rows + 1); // where each row's cells begin
    for (const row of this.row) this.start[row + 1]++;
    for (let row = 0; row < this.rows; row++) this.start[row + 1] += this.start[row];
    this.state = new Uint8Array(count);
    this.owner = new Int32Array(count).fill(-1); // of the tensors, the judged ones first
    this.fill = new Int32Array(count).fill(-1);
    this.fills.forEach(([row, column, height, width], at) => {
      this.eachRun(row, column, height, width, (first, last) => {
        this.fill.fill(at, first, last);
        this.state.fill(STATE.unmapped, first, last);
      });
    });
    this.covered = new Map(); // cells under a merged area, to its number
    this.merged.forEach(([row, column, height, width], at) => {
      for (let r = row; r < row + height && this.covered.size < MOST_COVERED; r++) {
        for (let c = column; c < column + width && this.covered.size < MOST_COVERED; c++) {
          this.covered.set(r * COLUMNS + c, at);
        }
      }
    });
  }

  // The place in the arrays of the first cell of `row` that does not stand left of `column`.
  from(row, column) {
    if (row < 0 || row >= this.rows) return this.row.length;
    let low = this.start[row];
    let high = this.start[row + 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.column[middle] < column) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  at(row, column) {
    const place = this.from(row, column);
    return place < this.row.length && this.row[place] === row && this.column[place] === column ? place : -1;
  }

  // For each row of an area the run of places of its cells.
  eachRun(row, column, height, width, visit) {
    for (let r = row; r < Math.min(row + height, this.rows); r++) {
      const first = this.from(r, column);
      const stop = this.start[r + 1];
      let last = first;
      if (stop - first >= width && this.column[first + width - 1] === column + width - 1) last = first + width;
      else while (last < stop && this.column[last] < column + width) last++;
      if (last > first) visit(first, last, r);
    }
  }

  text(place) {
    const number = this.value[place];
    return this.texts[this.textAt ? this.textAt.get(number) : number];
  }

  // What stands in a cell, in full.
  exact(place) {
    switch (place < 0 ? KIND.blank : this.kind[place]) {
      case KIND.number: return showNumber(this.value[place]);
      case KIND.text: return this.text(place);
      case KIND.boolean: return this.value[place] ? "TRUE" : "FALSE";
      case KIND.error: return ERRORS[this.value[place]] ?? "#?";
      case KIND.undecided: return "not evaluated";
      default: return "";
    }
  }
}

class Workbook {
  constructor(data, bytes) {
    this.formats = data.formats;
    this.date1904 = data.date1904;
    this.sheets = data.sheets.map((sheet, at) => new Sheet(sheet, bytes, at));
    this.byName = new Map(this.sheets.map((sheet) => [sheet.name.toLowerCase(), sheet]));
    this.because = data.because;
    this.other = data.other; // whose values the sheet's are held against
    this.judged = data.tensors.length;
    this.tensors = [...data.tensors, ...data.given];
    this.tensors.forEach((tensor, at) => this.enter(tensor, at, bytes));
    this.findings = new Map();
    for (const finding of data.findings) {
      const key = this.key(finding[0], finding[1], finding[2]);
      this.findings.set(key, [...(this.findings.get(key) ?? []), finding]);
    }
    this.readers = null;
  }

  enter(tensor, number, bytes) {
    const isJudged = number < this.judged;
    if (isJudged) for (const name of ["verdict", "expected", "bound"]) tensor[name] = unpack(bytes, tensor[name]);
    let offset = 0;
    tensor.offsets = tensor.planes.map(([, , , height, width]) => (offset += height * width) - height * width);
    tensor.planes.forEach(([sheetNumber, row, column, height, width], plane) => {
      const sheet = this.sheets[sheetNumber];
      if (!sheet) return;
      sheet.eachRun(row, column, height, width, (first, last, r) => {
        for (let place = first; place < last; place++) {
          let state = STATE.given;
          if (isJudged) {
            const element = tensor.offsets[plane] + (r - row) * width + sheet.column[place] - column;
            const verdict = tensor.verdict[element];
            state = verdict < 0 ? STATE.ignored : FIRST_VERDICT + verdict;
          }
          const before = sheet.state[place];
          // The worst verdict wins; what is given says nothing of a cell that was judged.
          const weaker = before <= STATE.unmapped || (before === STATE.ignored) || (isJudged && state > before);
          if (weaker && !(state === STATE.given && before === STATE.unmapped)) {
            sheet.state[place] = state;
            sheet.owner[place] = number;
          }
        }
      });
    });
  }

  key(sheet, row, column) {
    return (sheet * 1048576 + row) * COLUMNS + column;
  }

  // Every tensor that holds a cell: the tensor, its number and the element's place, the decisive one first.
  holders(sheet, row, column) {
    const place = sheet.at(row, column);
    const found = [];
    this.tensors.forEach((tensor, number) => {
      tensor.planes.forEach(([on, top, left, height, width], plane) => {
        if (on === sheet.number && row >= top && row < top + height && column >= left && column < left + width) {
          const element = tensor.offsets[plane] + (row - top) * width + column - left;
          found.push({ tensor, number, element, index: indexOf(tensor, plane, row - top, column - left) });
        }
      });
    });
    const owner = place < 0 ? -1 : sheet.owner[place];
    return found.sort((one, other) => (other.number === owner) - (one.number === owner));
  }

  // Torch's value of an element; it is kept as the bits that differ from the number in the cell.
  expected(tensor, element, sheet, place) {
    const bits = new BigUint64Array([0n]);
    const number = new Float64Array(bits.buffer);
    number[0] = place < 0 ? 0 : sheet.value[place];
    bits[0] ^= new BigUint64Array(tensor.expected.buffer, element * 8, 1)[0];
    return number[0];
  }

  formula(sheet, place) {
    const at = place < 0 ? -1 : sheet.fill[place];
    if (at < 0) return null;
    const [row, column, , , kind, text] = sheet.fills[at];
    return kind ? text : moveFormula(text, sheet.row[place] - row, sheet.column[place] - column);
  }

  // The areas that a cell's formula reads: [sheet, top, left, bottom, right], the last included.
  reads(sheet, place) {
    const at = place < 0 ? -1 : sheet.fill[place];
    if (at < 0) return [];
    const [row, column, , , kind, , areas] = sheet.fills[at];
    const down = kind ? 0 : sheet.row[place] - row;
    const across = kind ? 0 : sheet.column[place] - column;
    return areas.map((area) => movedArea(area, down, across));
  }

  // The areas of cells whose formulas read a cell, found by whole fills.
  readBy(sheet, row, column) {
    this.readers ??= this.listReaders();
    const found = [];
    for (const [home, top, left, height, width, kind, first, west, last, east, fixed] of this.readers[sheet.number]) {
      const inside = kind
        ? row >= first && row <= last && column >= west && column <= east ? [0, height - 1, 0, width - 1] : null
        : copiesThatReach(row, column, first, west, last, east, fixed, height, width);
      if (inside) found.push([home, top + inside[0], left + inside[2], top + inside[1], left + inside[3]]);
    }
    return unique(found);
  }

  // For each sheet the fills that read it, once for each area.
  listReaders() {
    const readers = this.sheets.map(() => []);
    for (const home of this.sheets) {
      for (const [top, left, height, width, kind, , areas] of home.fills) {
        for (const [on, ...area] of areas) readers[on].push([home.number, top, left, height, width, kind, ...area]);
      }
    }
    return readers;
  }

  // All cells that do not pass, the worst first, as [sheet, row, column].
  wrong() {
    if (!this.wrongCells) {
      this.wrongCells = [];
      for (const state of [STATE.fault, STATE.undecided, STATE.inherited]) {
        for (const sheet of this.sheets) {
          for (let place = sheet.state.indexOf(state); place >= 0; place = sheet.state.indexOf(state, place + 1)) {
            this.wrongCells.push([sheet.number, sheet.row[place], sheet.column[place]]);
          }
        }
      }
    }
    return this.wrongCells;
  }
}

function indexOf(tensor, plane, down, across) {
  const { shape } = tensor;
  if (shape.length < 2) return shape.length ? [down + across] : [];
  const leading = [];
  let rest = plane;
  for (const size of shape.slice(0, -2).reverse()) {
    leading.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return [...leading, ...(tensor.transposed ? [across, down] : [down, across])];
}

function unique(areas) {
  return [...new Map(areas.map((area) => [area.join(), area])).values()];
}

// A number with the fewest digits that read back as the same; as Python writes it, for people who compare.
function showNumber(number) {
  if (Object.is(number, -0)) return "-0";
  return String(number).replace("e", "E").replace("Infinity", "∞");
}

// A difference or a bound, to three digits.
function showShort(number) {
  if (number === 0) return "0";
  if (!Number.isFinite(number)) return showNumber(number);
  const size = Math.abs(number);
  return size >= 1e-3 && size < 1e5 ? String(Number(number.toPrecision(3))) : number.toExponential(2).replace("e", "E");
}
