import { createHash } from "node:crypto";
import { Script } from "node:vm";

import { describe, expect, it } from "vitest";

import { linkScript } from "../src/link-script.ts";
import { serve } from "./support/served.ts";

describe("the page as it is sent", () => {
  it("needs nothing but itself, and may run nothing else", async () => {
    await using served = await serve();
    const { body, headers } = await served.ask("");
    const policy = String(headers["content-security-policy"]);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
    const inline = [...body.matchAll(/<(script|style)[^>]*>([\s\S]*?)<\/\1>/g)];
    expect(inline.map(([, tag]) => tag)).toEqual(["style", "script", "script"]);
    for (const [, tag, text = ""] of inline) {
      const hash = createHash("sha256").update(text).digest("base64");
      const [, sources = ""] = new RegExp(`${tag}-src ([^;]*)`).exec(policy) ?? [];
      expect(sources.split(" ")).toContain(`'sha256-${hash}'`);
    }
    const names = /http:\/\/www\.w3\.org\/(?:2000\/svg|1999\/xhtml)/g;
    const library = inline[1]?.[2] ?? "";
    expect(body.replace(library, "").replaceAll(names, "")).not.toMatch(
      /(?:https?:)?\/\/[a-z]+\.|src=|@import/,
    );
    expect(headers).toMatchObject({
      "cache-control": "no-store",
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-resource-policy": "same-origin",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
    });
  });

  it("is linked out of modules whose names do not clash", () => {
    const script = linkScript("main");
    expect(script).not.toMatch(/^\s*(?:import|export)\b/m);
    // In a strict block, as in a module, a name that is there twice is an error.
    expect(() => new Script(`"use strict"; {${script}\n}`)).not.toThrow();
    expect(() => new Script(`"use strict"; {${script}\nfunction formatMs() {}\n}`)).toThrow(SyntaxError);
  });

  it("stands at its path alone", async () => {
    await using served = await serve({ path: "/internal/mesh" });
    const moved = await served.ask("/internal/mesh");
    expect([moved.status, moved.headers.location]).toEqual([308, "mesh/"]);
    expect((await served.ask("/internal/mesh/?x=1")).status).toBe(200);
    expect((await served.ask("/internal/mesh/", { method: "HEAD" })).body).toBe("");
    expect((await served.ask("/internal/mesh/nothing")).status).toBe(404);
    for (const path of ["/", "/internal", "/internal/meshes", "/internal/mesh2/events"]) {
      expect((await served.ask(path)).body).toBe("not the page's");
    }
    await served.dashboard.close();
    expect((await served.ask("/internal/mesh/")).status).toBe(503);
  });
});
