// Addresses and formulas: what filling down and right makes of a text, and which areas it reads there. The same rules
// as xlparity/formula/relative.py, whose tests hold both to the same results.

const REFERENCE = new RegExp(
  "\"[^\"]*\"|'[^']*'|\\[(?:[^\\[\\]']|'.|\\[(?:[^\\[\\]']|'.)*\\])*\\]" +
  "|(?<![\\p{L}\\p{N}_.\\\\?$])(?:" +
  "(\\$?)([A-Za-z]{1,3})(\\$?)([0-9]{1,7})(?::(\\$?)([A-Za-z]{1,3})(\\$?)([0-9]{1,7}))?(?![\\p{L}\\p{N}_.\\\\?(!\\[])" +
  "|(\\$?)([A-Za-z]{1,3}):(\\$?)([A-Za-z]{1,3})(?![\\p{L}\\p{N}_.\\\\?(!\\[$])" +
  "|(\\$?)([0-9]{1,7}):(\\$?)([0-9]{1,7})(?![\\p{L}\\p{N}_.\\\\?(!\\[])" +
  ")", "gu");
const MOST_ROWS = 1048576;

function columnLetters(column) {
  let letters = "";
  for (let rest = column + 1; rest > 0; rest = Math.floor((rest - 1) / 26)) {
    letters = String.fromCharCode(65 + ((rest - 1) % 26)) + letters;
  }
  return letters;
}

function columnNumber(letters) {
  let number = 0;
  for (const letter of letters.toUpperCase()) number = number * 26 + letter.charCodeAt(0) - 64;
  return number - 1;
}

function moveFormula(text, down, across) {
  if (!down && !across) return text;
  const column = (fixed, letters) => fixed ? columnNumber(letters) : columnNumber(letters) + across;
  const row = (fixed, digits) => fixed ? Number(digits) - 1 : Number(digits) - 1 + down;
  const inside = (place, most) => place >= 0 && place < most;
  const onSheet = (letters, digits) => columnNumber(letters) < COLUMNS && Number(digits) > 0 && Number(digits) <= MOST_ROWS;
  const cell = (columnFixed, letters, rowFixed, digits) => {
    const c = column(columnFixed, letters);
    const r = row(rowFixed, digits);
    return inside(c, COLUMNS) && inside(r, MOST_ROWS) ? `${columnFixed}${columnLetters(c)}${rowFixed}${r + 1}` : null;
  };
  const joined = (first, last) => first === null || last === null ? "#REF!" : `${first}:${last}`;
  return text.replace(REFERENCE, (whole, ...groups) => {
    const g = (at) => groups[at - 1];
    if (g(2) !== undefined) {
      if (!onSheet(g(2), g(4)) || (g(6) !== undefined && !onSheet(g(6), g(8)))) return whole;
      const first = cell(g(1), g(2), g(3), g(4));
      return g(6) === undefined ? first ?? "#REF!" : joined(first, cell(g(5), g(6), g(7), g(8)));
    }
    if (g(10) !== undefined) {
      if (columnNumber(g(10)) >= COLUMNS || columnNumber(g(12)) >= COLUMNS) return whole;
      const word = (fixed, letters) => {
        const c = column(fixed, letters);
        return inside(c, COLUMNS) ? fixed + columnLetters(c) : null;
      };
      return joined(word(g(9), g(10)), word(g(11), g(12)));
    }
    if (g(14) !== undefined) {
      const valid = (digits) => Number(digits) > 0 && Number(digits) <= MOST_ROWS;
      if (!valid(g(14)) || !valid(g(16))) return whole;
      const word = (fixed, digits) => {
        const r = row(fixed, digits);
        return inside(r, MOST_ROWS) ? fixed + (r + 1) : null;
      };
      return joined(word(g(13), g(14)), word(g(15), g(16)));
    }
    return whole;
  });
}

// An area that a fill's first cell reads, as a copy `down` and `across` reads it; `fixed` has a bit for each edge.
function movedArea([sheet, top, left, bottom, right, fixed], down, across) {
  const rows = [top + (fixed & 1 ? 0 : down), bottom + (fixed & 4 ? 0 : down)].sort((a, b) => a - b);
  const columns = [left + (fixed & 2 ? 0 : across), right + (fixed & 8 ? 0 : across)].sort((a, b) => a - b);
  return [sheet, rows[0], columns[0], rows[1], columns[1]];
}

// Which copies of a fill's first cell read the cell (row, column): the first and last row and column of them, or null.
function copiesThatReach(row, column, top, left, bottom, right, fixed, height, width) {
  const rows = stepsThatReach(row, top, bottom, fixed & 1, fixed & 4, height);
  const columns = rows && stepsThatReach(column, left, right, fixed & 2, fixed & 8, width);
  return columns ? [...rows, ...columns] : null;
}

function stepsThatReach(place, first, last, firstFixed, lastFixed, count) {
  let low = 0;
  let high = count - 1;
  if (firstFixed) { if (place < first) return null; } else high = Math.min(high, place - first);
  if (lastFixed) { if (place > last) return null; } else low = Math.max(low, place - last);
  return low <= high ? [low, high] : null;
}

function showSheet(name) {
  const plain = /^[^\P{L}][\p{L}\p{N}_.]*$|^_[\p{L}\p{N}_.]*$/u.test(name);
  const likeACell = /^(?:[A-Za-z]{1,3}\d+|[Rr]\d*(?:[Cc]\d*)?|[Cc]\d*|true|false)$/i.test(name);
  return plain && !likeACell ? name : `'${name.replaceAll("'", "''")}'`;
}

function showAddress(row, column) {
  return columnLetters(column) + (row + 1);
}

function showArea([, top, left, bottom, right]) {
  if (bottom - top >= MOST_ROWS - 1) return `${columnLetters(left)}:${columnLetters(right)}`;
  if (right - left >= COLUMNS - 1) return `${top + 1}:${bottom + 1}`;
  const first = showAddress(top, left);
  return top === bottom && left === right ? first : `${first}:${showAddress(bottom, right)}`;
}

// A sheet's name, if any, and the row and column that a text such as 'Layer 1'!C5 names; null for anything else.
function parseAddress(text) {
  const found = /^\s*(?:(?:'((?:[^']|'')+)'|([^\s'!:]+))!)?\$?([A-Za-z]{1,3})\$?([0-9]{1,7})(?::\S*)?\s*$/.exec(text);
  if (!found) return null;
  const row = Number(found[4]) - 1;
  const column = columnNumber(found[3]);
  if (row < 0 || row >= MOST_ROWS || column >= COLUMNS) return null;
  return { sheet: found[1]?.replaceAll("''", "'") ?? found[2] ?? null, row, column };
}
