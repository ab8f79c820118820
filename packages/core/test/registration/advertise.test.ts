import { isIP } from "node:net";

import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { advertisedHost } from "../../src/registration/advertise.ts";

describe("the address an instance advertises", () => {
  it("is the one that is given, before the pod's", async () => {
    expect(await advertisedHost("10.0.0.1", "10.0.0.2")).toBe("10.0.0.1");
    expect(await advertisedHost("127.0.0.1", undefined)).toBe("127.0.0.1");
    expect(await advertisedHost("[fd00::1]", undefined)).toBe("fd00::1");
  });

  it("is the pod's when none is given", async () => {
    expect(await advertisedHost(undefined, "10.0.0.2")).toBe("10.0.0.2");
  });

  it("is never a wildcard, however it is written", async () => {
    for (const any of ["0.0.0.0", "::", "0:0:0:0:0:0:0:0", "::0.0.0.0", "[::]"]) {
      // eslint-disable-next-line no-await-in-loop -- a handful
      await expect(advertisedHost(any, undefined)).rejects.toMatchObject({ field: "host" });
      // eslint-disable-next-line no-await-in-loop -- a handful
      await expect(advertisedHost(undefined, any)).rejects.toMatchObject({ field: "POD_IP" });
    }
  });

  it("is an address of this machine otherwise, or a clear error", async () => {
    const found = await advertisedHost(undefined, "").catch((error: unknown) => error);
    const isUsable = typeof found === "string" && isIP(found) !== 0 && !found.startsWith("127.");
    const isClear = found instanceof Error && found.message.startsWith("host must be given");
    expect(isUsable || isClear).toBe(true);
  });

  it("is nothing that could break out of a header or a URL", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), async (given) => {
        const found = await advertisedHost(given, undefined).catch(() => "refused");
        expect(found).toMatch(/^[\w.:-]+(%\w+)?$/);
      }),
      { seed: 9 },
    );
  });
});
