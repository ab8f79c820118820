import type { ChaosCase } from "./chaos-cases.ts";
import type { Harm } from "./under-test.ts";

/** Long enough for several looks at the file. */
const faultMs = 1_500;

const harms: Readonly<Record<Harm, string>> = {
  nonsense: "is overwritten with nonsense",
  half: "is half written for a while",
  folder: "goes with its folder",
  link: "is a link to nothing for a while",
};

/** What is done to files alone. */
export const fileCases: readonly ChaosCase[] = (["nonsense", "half", "folder", "link"] as const).map(
  (how) => ({
    what: harms[how],
    needs: "files",
    run: async (trial) => {
      const heal = await trial.registry.harm?.(how);
      await trial.lasts(faultMs);
      await trial.isInTrouble();
      await trial.answeredBy([0, 1], 5_000);
      await heal?.();
      await trial.followsAgain();
    },
  }),
);
