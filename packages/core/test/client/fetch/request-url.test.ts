import fc from "fast-check";
import { expect, test } from "vitest";

import { parseTarget } from "../../../src/client/fetch/request-url.ts";

function expected(url: string): { origin: string; path: string } {
  const parsed = new URL(url);
  parsed.hash = "";
  return { origin: parsed.origin, path: parsed.href.slice(parsed.origin.length) };
}

const tricky = [
  "/",
  "",
  "?a=1",
  "/a?",
  "/a#f",
  "/a?b#c?d",
  "/a/../b",
  "/a/./b",
  "/%2e%2E/b",
  "/a/%2e",
  "/.well-known/x",
  "/a..b/c.d",
  "/a b",
  "/ä?ö=ü",
  "/a\\b",
  "/a\tb\n",
  "/a|b^c`d{e}",
  `/"<>'`,
  `?q="<>'`,
  "/a;b=c,d/e:f@g!$&()*+~",
  "/%zz",
  "/a//b///c",
  "/a?x=/../y",
  "/a%20b%2Fc",
  "/[x]?[y]=1",
];

test.each(tricky)(
  "a URL ending in %j is parsed as the URL standard says, the first time and from memory",
  (end) => {
    for (const origin of ["http://orders", "http://orders:80", "https://Orders:8443", "http://[::1]:3000"]) {
      const url = origin + end;
      const { origin: want, path } = expected(url);
      for (let i = 0; i < 2; i++) {
        // Makes the origin known, so that the short way is taken.
        parseTarget(`${origin}/known`);
        expect(parseTarget(url)).toMatchObject({ origin: want, path });
      }
    }
  },
);

test("any path and query come out as the URL standard says", () => {
  const part = fc.oneof(
    fc.string(),
    fc.string({ unit: "grapheme" }),
    fc.constantFrom("..", ".", "%2e", "%2E.", "/", "?", "#", "//", "a", "%", "'", "\\", "\t"),
  );
  const paths = fc.array(part, { maxLength: 8 }).map((parts) => `/${parts.join("")}`);
  fc.assert(
    fc.property(paths, (path) => {
      parseTarget("http://orders/");
      const url = `http://orders${path}`;
      expect(parseTarget(url)).toMatchObject(expected(url));
    }),
    { seed: 7, numRuns: 3000 },
  );
});

test("schemes without a network are left to others", () => {
  for (const url of ["data:text/plain,hi", "blob:nodedata:1", "about:blank"])
    expect(parseTarget(url)).toBeNull();
});

test.each([
  "orders",
  "/orders",
  "",
  "http://",
  "http://a b/",
  "http://orders:99999/",
  "ftp://orders/",
  "file:///etc",
])("%j is refused with a clear error", (url) => {
  expect(() => parseTarget(url)).toThrow(
    expect.objectContaining({
      code: "ERR_PROXYLESS_REQUEST",
      message: expect.stringMatching(/URL must (be absolute|begin with http)/),
    }),
  );
});

test("an error about a URL shows neither its query nor its user", () => {
  const read = (url: string): string => {
    try {
      parseTarget(url);
    } catch (error) {
      return `${String(error)} ${JSON.stringify(error)}`;
    }
    return "";
  };
  expect(read("http://user:secret@or ders/?token=secret")).not.toContain("secret");
  expect(read("http://user:secret@orders/")).toContain("includes credentials");
  expect(read("http://user:secret@orders/")).not.toContain("secret");
});
