// HTML templates: inserted values are escaped unless they are the result of this function.

class Html {
  constructor(text) {
    this.text = text;
  }
  toString() {
    return this.text;
  }
}

export const escape = (text) =>
  String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;").replaceAll("'", "&#39;");

function put(value) {
  if (value === undefined || value === null || value === false) return "";
  if (Array.isArray(value)) return value.map(put).join("");
  return value instanceof Html ? value.text : escape(value);
}

/** html`<p>${text}</p>`. An array is rendered as its items, and null as nothing. */
export function html(strings, ...values) {
  return new Html(strings.reduce((text, string, index) => text + put(values[index - 1]) + string));
}

/** Text with its URLs as links. Only http and https URLs become links. */
export function linked(text) {
  return String(text)
    .split(/(https?:\/\/[^\s<>"']+)/)
    .map((part, index) => (index % 2 === 1 ? html`<a href="${part}">${part}</a>` : html`${part}`));
}
