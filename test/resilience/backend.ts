// A small HTTP service that runs as a process of its own, so that tests can kill it.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

let received = 0;
const server = createServer((request, response) => {
  request.resume().on("end", () => {
    received++;
    process.send?.({ received, method: request.method });
    if (request.url === "/die") {
      process.kill(process.pid, "SIGKILL");
      return;
    }
    setTimeout(() => {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ pid: process.pid }));
    }, 5);
  });
});
server.listen(0, "127.0.0.1", () => {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a listening TCP server has an AddressInfo
  process.send?.({ port: (server.address() as AddressInfo).port });
});
process.on("disconnect", () => process.exit());
