const queryOrFragment = /[?#].*$/s;
const path = /^\/(?![/\\])/;
const authority = /^([a-z][a-z0-9+.-]*:)?.*@/is;

/**
 * What an error may show of a URL, an origin or a path: no user name, no password, no query, no fragment. Works on what
 * is no URL as well, since that is what errors are about; there, everything before the last `@` counts as a secret.
 */
export function withoutSecrets(text: string): string {
  const visible = text.replace(queryOrFragment, "");
  return path.test(visible) ? visible : visible.replace(authority, "$1//");
}
