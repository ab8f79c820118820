import { connect, createServer } from "node:net";

import { joined } from "./joined-sockets.ts";

// The far end of a link: node link-gate.ts PORT PATH, in a network namespace of its own. Whatever calls the port is passed on to a
// socket of the file system, which namespaces do not part.
const [port, path = ""] = process.argv.slice(2);

createServer((socket) => {
  joined(socket, connect(path));
}).listen(Number(port), "0.0.0.0", () => {
  process.stdout.write("ready");
});
