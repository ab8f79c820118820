import { createServer } from "node:net";

/**
 * The backend of the benchmarks: one process that listens on as many ports as it is told and answers every GET with
 * the same JSON of some 246 bytes, the port that answered in it. It parses no more of HTTP than the empty line, so that it
 * is not what is measured.
 */
const order = {
  id: "42",
  status: "paid",
  customer: { id: "c-1842", name: "Ada Lovelace", country: "GB" },
  items: [
    { sku: "sku-1", quantity: 2, price: 9.95 },
    { sku: "sku-2", quantity: 1, price: 24.5 },
  ],
  total: 44.4,
  createdAt: "2025-01-31T12:00:00Z",
};

function answerOf(port: number): Buffer {
  const body = JSON.stringify({ ...order, port });
  return Buffer.from(
    `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
}

function listen(): void {
  let answer: Buffer = Buffer.alloc(0);
  const server = createServer({ noDelay: true }, (socket) => {
    let seen = "";
    socket.on("data", (chunk) => {
      seen = seen === "" ? chunk.toString("latin1") : seen + chunk.toString("latin1");
      for (let at = seen.indexOf("\r\n\r\n"); at !== -1; at = seen.indexOf("\r\n\r\n")) {
        seen = seen.slice(at + 4);
        socket.write(answer);
      }
    });
    socket.on("error", () => socket.destroy());
  });
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port to listen on");
    answer = answerOf(address.port);
    process.send?.({ port: address.port });
  });
}

process.on("message", (message) => {
  if (message === "listen") listen();
  if (message === "cpu") process.send?.({ cpu: process.cpuUsage() });
});
process.on("disconnect", () => process.exit());
