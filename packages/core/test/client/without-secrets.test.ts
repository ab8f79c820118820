import fc from "fast-check";
import { expect, it } from "vitest";

import { withoutSecrets } from "../../src/client/without-secrets.ts";

it.each([
  ["http://orders/x?token=secret", "http://orders/x"],
  ["http://orders/x#token=secret\nsecret", "http://orders/x"],
  ["http://me:secret@orders/x", "http://orders/x"],
  ["http://me:sec/ret@orders/x", "http://orders/x"],
  ["http:/me:sec@ret@orders", "http://orders"],
  ["http:\\\\me:secret@orders/x y", "http://orders/x y"],
  ["//me:secret@orders/x", "//orders/x"],
  ["me:secret@orders/x", "me://orders/x"],
  ["/users/@me?token=secret", "/users/@me"],
  ["", ""],
])("what an error may show of %s is %s", (text, shown) => {
  expect(withoutSecrets(text)).toBe(shown);
});

it("no query and no password is ever shown", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "grapheme" }),
      fc.string(),
      fc.constantFrom("?", "#"),
      (user, rest, mark) => {
        const shown = withoutSecrets(
          `http://${user.replaceAll(/[?#]/g, "")}:pass-word@orders/${mark}que-ry${rest}`,
        );
        expect(shown).toBe("http://orders/");
      },
    ),
    { seed: 7, numRuns: 300 },
  );
});
