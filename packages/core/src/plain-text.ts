/** A header that holds a credential, up to the end of its value. */
const headers =
  /\b((?:proxy-)?authorization|(?:set-)?cookie|x-[\w-]{1,40}-token|x-api-key)(["']?\s*[:=]\s*)[^\r\n,;}]+/gi;
/** A field that holds a secret, as in a form, a query, JSON or a line of options. */
const fields =
  /\b((?:access_|refresh_|id_|api_|auth_)?token|password|passwd|pwd|(?:client_)?secret|api_?key)(["']?\s*[:=]\s*["']?)[^\s&"',;})]+/gi;
const bearer = /\b(bearer)\s+[\w.~+/-]+=*/gi;
/** User and password of a URL. */
const user = /(:\/\/)[^\s/@?#]+@/g;
/** The query of a URL or a path. It looks back from each `?`: a look ahead from each `/` would be slow where there are many. */
const query = /(?<=\/[^\s?"']{0,500})\?[^\s"')]+/g;
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const controls = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g;

/**
 * Text of somebody else's making (a registry's complaint, an error's message) as an event or a log may have it: one line, of
 * bounded length, without what looks like a credential and without queries. The mesh has no secrets of its own to tell; this
 * is for what others put into their texts.
 * @param maxChars a longer text is cut, and ends in `…`; default 2,000
 */
export function plainText(text: string, maxChars = 2000): string {
  const bounded = text.length > maxChars ? `${text.slice(0, maxChars)}…` : text;
  return bounded
    .replaceAll(controls, " ")
    .replaceAll(headers, "$1$2…")
    .replaceAll(fields, "$1$2…")
    .replaceAll(bearer, "$1 …")
    .replaceAll(user, "$1…@")
    .replaceAll(query, "?…");
}
