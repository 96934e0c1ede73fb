// A number in one of Excel's number formats (English, United States), for the cells that are on the screen. The same
// rules as xlparity/functions/number_format.py; the tests hold both to the same texts. Formats that are not understood
// (fractions, other calendars) show the number as General does.

const TOKEN = new RegExp(
  '(?<quoted>"[^"]*"?)|(?<escaped>\\\\.)|(?<space>_.)|(?<fill>\\*.)|(?<bracket>\\[[^\\]]*\\])|(?<general>General)' +
  "|(?<ampm>AM/PM|A/P)|(?<exponent>E[+-])|(?<date>y+|m+|d+|h+|s+)|(?<digit>[0#?])|(?<point>\\.)|(?<comma>,)" +
  "|(?<percent>%)|(?<text>@)|(?<slash>/)|(?<plain>.)", "gisu");
const CONDITION = /^\[(<=|>=|<>|=|<|>)(-?[\d.]+(?:E[+-]?\d+)?)\]$/i;
const COLOUR = /^\[(black|blue|cyan|green|magenta|red|white|yellow|color *\d+)\]$/i;
const CURRENCY = /^\[\$([^\]-]*)(?:-[^\]]*)?\]$/;
const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
  "November", "December"];
const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const COMPARE = {
  "<": (a, b) => a < b, "<=": (a, b) => a <= b, ">": (a, b) => a > b, ">=": (a, b) => a >= b, "=": (a, b) => a === b,
  "<>": (a, b) => a !== b,
};

const sectionsOf = new Map();

function formatSections(code) {
  if (!sectionsOf.has(code)) sectionsOf.set(code, parseSections(code));
  return sectionsOf.get(code);
}

// The sections of a format: tokens and condition; null for a format that is not understood.
function parseSections(code) {
  const sections = [];
  let tokens = [];
  let condition = null;
  for (const found of code.matchAll(TOKEN)) {
    const [kind] = Object.entries(found.groups).find(([, text]) => text !== undefined);
    const text = found[0];
    if (kind === "plain" && text === ";") {
      sections.push({ tokens: withMinutes(tokens), condition });
      tokens = [];
      condition = null;
    } else if (kind === "bracket") {
      const inner = text.slice(1, -1).toLowerCase();
      const limit = CONDITION.exec(text);
      const currency = CURRENCY.exec(text);
      if (limit) condition = [limit[1], Number(limit[2])];
      else if (currency) tokens.push({ kind: "literal", text: currency[1] });
      else if (/^(h+|m+|s+)$/.test(inner)) tokens.push({ kind: "elapsed", text: inner });
      else if (!COLOUR.test(text)) return null;
    } else if (kind === "plain" && text.charCodeAt(0) < 128 && !"$-+(): !^&'~{}<>= \n".includes(text)) {
      return null;
    } else {
      const literal = { quoted: text.replace(/^"|"$/g, ""), escaped: text.slice(1), space: " ", fill: "", plain: text };
      tokens.push(kind in literal ? { kind: "literal", text: literal[kind] } : { kind, text });
    }
  }
  sections.push({ tokens: withMinutes(tokens), condition });
  return sections;
}

// `m` after hours or before seconds means minutes.
function withMinutes(tokens) {
  const clock = tokens.filter((token) => token.kind === "date" || token.kind === "elapsed");
  const minutes = new Set(clock.filter((token, at) => {
    if (token.kind !== "date" || token.text[0].toLowerCase() !== "m" || token.text.length > 2) return false;
    return clock[at - 1]?.text[0].toLowerCase() === "h" || clock[at + 1]?.text[0].toLowerCase() === "s";
  }));
  return tokens.map((token) => minutes.has(token) ? { kind: "minute", text: token.text } : token);
}

function formatNumber(number, code, date1904 = false) {
  if (code === "General") return general(number);
  const sections = formatSections(code);
  if (!sections) return general(number);
  const [section, signed] = chooseSection(number, sections);
  const has = (...kinds) => section.tokens.some((token) => kinds.includes(token.kind));
  if (has("date", "elapsed", "minute", "ampm")) return formatDate(number, section.tokens, date1904) ?? "########";
  if (has("slash") && has("digit")) return general(number);
  if (has("general") || (has("text") && !has("digit"))) {
    const body = general(Math.abs(number));
    const words = section.tokens.map((token) => token.kind === "general" || token.kind === "text" ? body : token.text);
    return (signed ? "-" : "") + words.join("");
  }
  if (!has("digit")) {
    return (signed && section.tokens.length ? "-" : "") + section.tokens.map((token) => token.text).join("");
  }
  return formatDigits(number, section.tokens, signed);
}

function formatText(text, code) {
  const sections = code === "General" ? null : formatSections(code);
  if (!sections) return text;
  const section = sections[3] ?? sections.at(-1);
  if (!section.tokens.some((token) => token.kind === "text")) {
    return sections.length > 3 ? section.tokens.map((token) => token.text).join("") : text;
  }
  return section.tokens.map((token) => token.kind === "text" ? text : token.text).join("");
}

// The section for a number, and whether a minus sign must stand before it.
function chooseSection(number, sections) {
  const numeric = sections.length > 3 ? sections.slice(0, 3) : sections;
  if (numeric.some((section) => section.condition)) {
    const fits = ({ condition }) => !condition || COMPARE[condition[0]](number, condition[1]);
    return [numeric.find(fits) ?? numeric.at(-1), number < 0];
  }
  if (numeric.length === 1 || number > 0 || (number === 0 && numeric.length === 2)) return [numeric[0], number < 0];
  return number < 0 ? [numeric[1], false] : [numeric[2], false];
}

// The 15 significant digits that Excel shows, and the power of ten of the first: 1.5e3 is ["150...", 3].
function digits15(size) {
  const [mantissa, exponent] = size.toExponential(14).split("e");
  return [mantissa.replace(".", ""), Number(exponent)];
}

// Digits and the first one's power, rounded half up to `decimals`: the digits before the point and those after.
function fixedDigits(digits, power, decimals) {
  const keep = power + 1 + decimals; // how many of the digits stay
  let kept = keep >= 0 ? digits.slice(0, keep).padEnd(keep, "0") : "";
  if (keep >= 0 && keep < digits.length && digits[keep] >= "5") kept = String(BigInt(kept || "0") + 1n).padStart(keep, "0");
  kept = kept.padStart(decimals + 1, "0");
  return [kept.slice(0, kept.length - decimals), kept.slice(kept.length - decimals)];
}

function stripped(text) {
  return text.includes(".") ? text.replace(/0+$/, "").replace(/\.$/, "") : text;
}

// General, at most 11 characters, sign aside.
function general(number) {
  const size = Math.abs(number);
  if (size === 0) return "0";
  const sign = number < 0 ? "-" : "";
  const [digits, power] = digits15(size);
  if (power < 11) {
    if (power >= -4) {
      const [whole, part] = fixedDigits(digits, power, power < 0 ? 9 : Math.max(9 - power, 0));
      return sign + stripped(part ? `${whole.replace(/^0+(?=.)/, "")}.${part}` : whole.replace(/^0+(?=.)/, ""));
    }
    const plain = `0.${"0".repeat(-power - 1)}${digits.replace(/0+$/, "")}`;
    if (plain.length <= 11) return sign + plain;
  }
  const [mantissa, exponent] = size.toExponential(5).split("e");
  return `${sign}${stripped(mantissa)}E${exponent[0]}${exponent.slice(1).padStart(2, "0")}`;
}

function formatDigits(number, tokens, signed) {
  const exponentAt = indexOrEnd(tokens, (token) => token.kind === "exponent", tokens.length);
  const pointAt = indexOrEnd(tokens, (token) => token.kind === "point", exponentAt);
  const places = (from, to) => tokens.flatMap((token, at) => token.kind === "digit" && at > from && at < to ? [at] : []);
  const whole = places(-1, pointAt);
  const part = places(pointAt, exponentAt);
  const power = places(exponentAt, tokens.length);
  const lastWhole = whole.length ? whole.at(-1) : -1;
  const ends = [lastWhole, ...part.slice(-1)]; // commas right after these scale by thousands
  let grouped = false;
  let scale = 2 * tokens.filter((token) => token.kind === "percent").length;
  tokens.forEach((token, at) => {
    if (token.kind !== "comma") return;
    if (whole.length && whole[0] < at && at < lastWhole) grouped = true;
    else if (ends.some((end) => at > end && tokens.slice(end + 1, at).every((one) => one.kind === "comma"))) scale -= 3;
  });
  let [digits, first] = digits15(Math.abs(number));
  const isZero = number === 0;
  first = isZero ? 0 : first + scale;
  let exponent = 0;
  if (exponentAt < tokens.length && !isZero) {
    const width = Math.max(whole.length, 1);
    exponent = width > 1 ? first - (((first % width) + width) % width) : first;
    if (fixedDigits(digits, first - exponent, part.length)[0].replace(/^0+/, "").length > width) exponent += width;
    first -= exponent;
  }
  const [before, after] = fixedDigits(digits, first, part.length);
  const leading = before.replace(/^0+/, "");
  const out = new Map();
  wholeDigits(tokens, whole, leading, grouped, out);
  partDigits(tokens, part, after, out);
  if (exponentAt < tokens.length) {
    const sign = exponent < 0 ? "-" : tokens[exponentAt].text.endsWith("+") ? "+" : "";
    out.set(exponentAt, tokens[exponentAt].text[0] + sign);
    const zeros = power.filter((at) => tokens[at].text === "0").length;
    power.forEach((at, rank) => out.set(at, rank ? "" : String(Math.abs(exponent)).padStart(zeros, "0")));
  }
  if (!whole.length && leading) out.set(pointAt, `${leading}.`);
  const shown = tokens.map((token, at) => out.get(at) ?? (token.kind === "comma" ? "" : token.text)).join("");
  const zero = !leading && !/[1-9]/.test(after);
  return (signed && !zero ? "-" : "") + shown;
}

function indexOrEnd(tokens, test, end) {
  const at = tokens.findIndex(test);
  return at < 0 ? end : at;
}

function wholeDigits(tokens, places, digits, grouped, out) {
  [...places].reverse().forEach((at, rank) => {
    let shown = digits[digits.length - 1 - rank] ?? { 0: "0", "?": " ", "#": "" }[tokens[at].text];
    if (grouped && rank && rank % 3 === 0 && shown.trim()) shown += ",";
    if (at === places[0]) {
      const more = digits.slice(0, Math.max(digits.length - 1 - rank, 0));
      [...more].reverse().forEach((digit, index) => {
        shown = digit + (grouped && (rank + 1 + index) % 3 === 0 ? "," : "") + shown;
      });
    }
    out.set(at, shown);
  });
}

function partDigits(tokens, places, digits, out) {
  let needed = false;
  for (let rank = places.length - 1; rank >= 0; rank--) {
    const sign = tokens[places[rank]].text;
    needed ||= sign === "0" || digits[rank] !== "0";
    out.set(places[rank], needed ? digits[rank] : { "#": "", "?": " " }[sign]);
  }
}

// Year, month and day of a serial number as Excel counts, with its 29 February 1900.
function dateOfSerial(days) {
  if (days < 0 || days > 2958465) return null;
  if (days === 0) return [1900, 1, 0];
  if (days === 60) return [1900, 2, 29];
  const date = new Date(Date.UTC(1899, 11, days < 60 ? 31 : 30) + days * 86400000);
  return [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()];
}

function formatDate(number, tokens, date1904) {
  if (number < 0 || tokens.some((token) => ["exponent", "percent", "general", "text"].includes(token.kind))) return null;
  const decimals = tokens.filter((token) => token.kind === "digit").length;
  const unit = 10 ** decimals;
  const hasSeconds = tokens.some((token) => /^s/i.test(token.text) && ["date", "elapsed"].includes(token.kind));
  const ticks = Number(number.toPrecision(15)) * 86400 * unit;
  const total = hasSeconds ? Math.round(Number(ticks.toPrecision(15))) : Math.floor(ticks + 0.0001);
  const seconds = Math.floor(total / unit);
  const days = Math.floor(seconds / 86400) + (date1904 ? 1462 : 0);
  const found = dateOfSerial(days);
  if (!found) return null;
  const [year, month, day] = found;
  const weekday = DAYS[(((days - 1) % 7) + 7) % 7];
  const clock = ((seconds % 86400) + 86400) % 86400;
  const hour = Math.floor(clock / 3600);
  const padded = (value, size) => String(value).padStart(Math.min(size, 2), "0");
  const half = tokens.some((token) => token.kind === "ampm");
  const fraction = decimals ? String(total % unit).padStart(decimals, "0") : "";
  let used = 0;
  return tokens.map((token) => {
    const size = token.text.length;
    switch (token.kind) {
      case "minute": return padded(Math.floor(clock / 60) % 60, size);
      case "ampm": return (size > 3 ? ["AM", "PM"] : ["A", "P"])[hour >= 12 ? 1 : 0];
      case "elapsed": {
        const amount = { h: Math.floor(seconds / 3600), m: Math.floor(seconds / 60), s: seconds }[token.text[0]];
        return String(amount).padStart(size, "0");
      }
      case "digit": return fraction[used++];
      case "date": switch (token.text[0].toLowerCase()) {
        case "y": return size < 3 ? String(year % 100).padStart(2, "0") : String(year).padStart(4, "0");
        case "m": return named(MONTHS[month - 1], month, size, true);
        case "d": return named(weekday, day, size, false);
        case "h": return padded(half ? ((hour + 11) % 12) + 1 : hour, size);
        default: return padded(clock % 60, size);
      }
      default: return token.text;
    }
  }).join("");
}

function named(name, value, size, isMonth) {
  if (size <= 2) return String(value).padStart(size, "0");
  if (size === 3) return name.slice(0, 3);
  return size === 5 && isMonth ? name[0] : name;
}
