import { fork } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";

const listener = `
  const server = require("node:net").createServer();
  server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => process.send(server.address().port));
`;

/**
 * A loopback address that takes no further connection and refuses none: a stopped process whose listen queue is
 * full, so that the kernel drops what comes, as a black hole in the network would.
 */
export async function startBlackHole(): Promise<{ readonly address: string; close(): Promise<void> }> {
  const child = fork("-e", [listener], { execArgv: [], stdio: "ignore" });
  const [port]: unknown[] = await once(child, "message");
  child.kill("SIGSTOP");
  const fillers: Socket[] = [];
  let answered = true;
  // Fill the queue until a connection gets no answer; a stopped process never accepts one.
  while (answered && fillers.length < 20) {
    const socket = connect(Number(port), "127.0.0.1").on("error", () => {});
    fillers.push(socket);
    answered = await Promise.race([
      once(socket, "connect").then(() => true),
      new Promise<boolean>((resolve) => {
        setTimeout(resolve, 100, false);
      }),
    ]);
  }
  return {
    address: `127.0.0.1:${Number(port)}`,
    async close() {
      for (const socket of fillers) socket.destroy();
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    },
  };
}
