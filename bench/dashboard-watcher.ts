import { get } from "node:http";
import type { ClientRequest } from "node:http";

// Reads the live page's stream as a browser would, in a process of its own. It is told a URL to begin with, and `end`; it says `open`
// when the stream is there.
let request: ClientRequest | undefined;

process.on("message", (message) => {
  if (message === "end") request?.destroy();
  else if (typeof message === "string") {
    request = get(message, (response) => {
      process.send?.("open");
      response.resume().on("error", () => undefined);
    });
    request.on("error", () => undefined);
  }
});
process.on("disconnect", () => process.exit());
