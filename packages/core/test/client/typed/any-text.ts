import fc from "fast-check";

/** Any text a program can hold: control characters often, lone surrogates too. */
export const anyText: fc.Arbitrary<string> = fc.string({
  unit: fc
    .oneof({ weight: 3, arbitrary: fc.integer({ min: 0, max: 0xff }) }, fc.integer({ min: 0, max: 0xffff }))
    .map((code) => String.fromCharCode(code)),
});

/** The same without lone surrogates, which no encoding can carry. */
export const wellFormedText: fc.Arbitrary<string> = anyText.map((text) => text.toWellFormed());
