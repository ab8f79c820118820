import { describe, expect, it } from "vitest";

import { seededRandom } from "../../../src/random.ts";
import { ModelledServer } from "../../../src/testing/simulator/modelled-server.ts";
import { constantTime } from "../../../src/testing/simulator/service-time.ts";
import { VirtualClock } from "../../../src/testing/simulator/virtual-clock.ts";

const nobody = { refused() {}, accepted() {}, answered() {}, reset() {} };

describe("what a modelled server says of its load", () => {
  it("is the average of the last second, as a real one reports it, not how busy it is at this instant", async () => {
    const clock = new VirtualClock();
    const model = { id: "s0", serviceTime: constantTime(50), workers: 4 };
    const server = new ModelledServer(model, clock, seededRandom(1), () => 0);
    // Two of the four are busy half of the time.
    const said: number[] = [];
    for (let at = 0; at < 10_000; at += 100) {
      clock.at(at, () => {
        said.push(server.load.utilisation);
        server.take(nobody);
        server.take(nobody);
        said.push(server.load.utilisation);
      });
    }
    await clock.run(() => said.length === 200);
    for (const utilisation of said.slice(100)) expect(Math.abs(utilisation - 0.25)).toBeLessThan(0.02);
    let isLater = false;
    clock.at(clock.now() + 4_000, () => {
      isLater = true;
    });
    await clock.run(() => isLater);
    expect(server.load.utilisation).toBeLessThan(0.02);
  });
});
