import { describe, expect, it } from "vitest";

import { answerOk } from "../../support/http.ts";
import { meshOf, rejection, server } from "../../support/mesh.ts";

/** A signal as old polyfills make them: it knows that it was aborted, not why. */
class MuteSignal extends EventTarget {
  aborted = false;

  abort(): void {
    this.aborted = true;
    this.dispatchEvent(new Event("abort"));
  }
}

function initWith(signal: unknown): RequestInit {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what a polyfill passes off as one
  return { signal: signal as AbortSignal };
}

describe("a signal that gives no reason", () => {
  it("rejects with an AbortError when it was aborted beforehand", async () => {
    const { mesh } = meshOf(["127.0.0.1:9"]);
    const signal = new MuteSignal();
    signal.abort();
    const error = await rejection(mesh.fetch("http://orders/", initWith(signal)));
    expect(error).toMatchObject({ name: "AbortError" });
  });

  it("rejects with an AbortError while a service or the outside is waited for", async () => {
    for (const host of ["orders", "outside"]) {
      const signal = new MuteSignal();
      const silent = await server(() => {
        signal.abort();
      });
      const { mesh } = meshOf([silent.address], {}, { external: "allow" });
      const url = host === "orders" ? "http://orders/" : `http://${silent.address}/`;
      const error = await rejection(mesh.fetch(url, initWith(signal)));
      expect(error).toMatchObject({ name: "AbortError" });
    }
  });

  it("spoils what was not read with an AbortError", async () => {
    const upstream = await server(answerOk);
    const { mesh } = meshOf([upstream.address]);
    const signal = new MuteSignal();
    const response = await mesh.fetch("http://orders/", initWith(signal));
    await new Promise<void>((resolve) => {
      setTimeout(resolve, 20);
    });
    signal.abort();
    expect(await rejection(response.text())).toMatchObject({ name: "AbortError" });
  });
});
