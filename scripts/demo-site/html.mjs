// HTML as a template: what is put in is escaped, unless it is HTML of this function itself.

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

/** html`<p>${text}</p>`; an array is its members, nothing is nothing. */
export function html(strings, ...values) {
  return new Html(strings.reduce((text, string, index) => text + put(values[index - 1]) + string));
}

/** Text with its addresses as links; of other schemes than http there are none. */
export function linked(text) {
  return String(text)
    .split(/(https?:\/\/[^\s<>"']+)/)
    .map((part, index) => (index % 2 === 1 ? html`<a href="${part}">${part}</a>` : html`${part}`));
}
