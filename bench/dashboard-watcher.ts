import { get } from "node:http";
import type { ClientRequest } from "node:http";

// Reads the live page's stream as a browser would, in a process of its own. It is told a URL to look at, and `away`; it says `open` when the
// stream is there, and `closed`. Asked for `bytes`, it says how many came so far.
let request: ClientRequest | undefined;
let bytes = 0;

process.on("message", (message) => {
  if (message === "away") request?.destroy();
  else if (message === "bytes") process.send?.(bytes);
  else if (typeof message === "string") {
    request = get(message, (response) => {
      process.send?.("open");
      response.on("data", (chunk: Buffer) => (bytes += chunk.length)).on("error", () => undefined);
    });
    request.on("error", () => undefined);
    request.on("close", () => process.send?.("closed"));
  }
});
process.on("disconnect", () => process.exit());
