import { churn } from "./churn.ts";
import { datagramCases } from "./datagram-cases.ts";
import { fileCases } from "./file-cases.ts";
import type { Trial } from "./trial.ts";
import type { Ability } from "./under-test.ts";

/** Something that happens to a registry, and what must be true meanwhile and afterwards. */
export interface ChaosCase {
  /** What happens, as the end of a sentence that begins with the registry's name. */
  readonly what: string;
  /** What the registry must be able to do; one that cannot is not asked. */
  readonly needs?: Ability;
  /** It is about how soon a dead connection is noticed. */
  readonly isImpatient?: boolean;
  /** It takes as long as a source waits for an answer, or the machine's whole attention. */
  readonly isLong?: boolean;
  /** Runs with calls going on; `Trial.ends` is called after it. */
  readonly run: (trial: Trial) => Promise<void>;
}

/** How long a fault lasts: long enough for several attempts to reach the registry, and for what times out after a second. */
const faultMs = 1_500;

/** Ten thousand endpoints that change all the time. */
export const churnCase: ChaosCase = {
  what: "exchanges a hundred of ten thousand endpoints a second",
  run: ({ mesh, registry, service }) => churn(registry, mesh, `${service}-many`, 10_000),
};

/** The way to a registry is long. */
export const slowCase: ChaosCase = {
  what: "is far away and slow",
  needs: "link",
  run: async (trial) => {
    trial.proxy.slow(150);
    await trial.followsAgain();
  },
};

/** Somebody watches one service more. */
export const anotherCase: ChaosCase = {
  what: "is asked for another service while nothing can be heard of it",
  needs: "link",
  isImpatient: true,
  run: async (trial) => {
    trial.proxy.set("blackhole");
    const another = trial.asksForAnother();
    await trial.lasts(faultMs);
    trial.proxy.set("pass");
    await another;
    await trial.followsAgain(trial.registry.patienceMs);
  },
};

/** Everything that is done to every registry. */
export const chaosCases: readonly ChaosCase[] = [
  {
    what: "is killed and comes back",
    needs: "kill",
    run: async (trial) => {
      await trial.registry.kill?.();
      await trial.lasts(faultMs);
      await trial.answeredBy([0, 1], 5_000);
      await trial.registry.restart?.();
      await trial.followsAgain();
    },
  },
  {
    what: "comes back without what it knew",
    needs: "restartEmpty",
    run: async (trial) => {
      await trial.registry.restartEmpty?.();
      await trial.lasts(faultMs);
      // Nobody has registered again yet, and both are alive.
      await trial.answeredBy([0, 1], 5_000);
      await trial.followsAgain();
    },
  },
  {
    what: "is frozen, and goes on",
    needs: "pause",
    run: async (trial) => {
      await trial.registry.pause?.();
      await trial.lasts(faultMs);
      await trial.answeredBy([0, 1], 5_000);
      trial.registry.resume?.();
      await trial.followsAgain();
    },
  },
  {
    what: "is cut off, and can be reached again",
    needs: "link",
    run: async (trial) => {
      trial.proxy.set("refuse");
      await trial.lasts(faultMs);
      await trial.answeredBy([0, 1], 5_000);
      trial.proxy.set("pass");
      await trial.followsAgain();
    },
  },
  {
    what: "is not heard of, with every connection open",
    needs: "link",
    run: async (trial) => {
      trial.proxy.set("silence");
      await trial.lasts(faultMs);
      await trial.answeredBy([0, 1], 5_000);
      trial.proxy.set("pass");
      await trial.followsAgain();
    },
  },
  {
    what: "is frozen until nobody waits for it any more, and goes on",
    needs: "pause",
    isImpatient: true,
    isLong: true,
    run: async (trial) => {
      await trial.registry.pause?.();
      await trial.outlastsPatience();
      await trial.answeredBy([0, 1], 5_000);
      trial.registry.resume?.();
      await trial.followsAgain();
    },
  },
  {
    what: "loses connections without a word, as through a NAT that forgot them",
    needs: "link",
    isImpatient: true,
    run: async (trial) => {
      trial.proxy.set("blackhole");
      await trial.list(0, 1, 2);
      await trial.lasts(faultMs);
      trial.assertDeadLinks();
      trial.proxy.set("pass");
      await trial.catchesUp(trial.registry.patienceMs);
      await trial.hasNoDeadLinks();
    },
  },
  {
    what: "is not heard of until nobody waits for it any more, and every connection of that time is dead",
    needs: "link",
    isImpatient: true,
    isLong: true,
    run: async (trial) => {
      trial.proxy.set("blackhole");
      await trial.list(0, 1, 2);
      await trial.outlastsPatience();
      trial.assertDeadLinks();
      await trial.answeredBy([0, 1], 5_000);
      trial.proxy.set("pass");
      await trial.catchesUp();
      await trial.hasNoDeadLinks();
    },
  },
  anotherCase,
  {
    what: "is let go of while nothing can be heard of it",
    needs: "link",
    run: async (trial) => {
      await trial.followsAgain();
      trial.proxy.set("blackhole");
      await trial.lasts(faultMs);
    },
  },
  {
    what: "answers garbage",
    needs: "link",
    run: async (trial) => {
      trial.proxy.set("garbage");
      trial.proxy.cut();
      await trial.meetsSpoiledAnswers();
      await trial.lasts(faultMs);
      await trial.answeredBy([0, 1], 5_000);
      trial.proxy.set("pass");
      trial.proxy.cut();
      await trial.followsAgain();
    },
  },
  {
    what: "breaks its answers off",
    needs: "link",
    run: async (trial) => {
      trial.proxy.set("truncate");
      trial.proxy.cut();
      await trial.meetsSpoiledAnswers();
      await trial.lasts(faultMs);
      await trial.answeredBy([0, 1], 5_000);
      trial.proxy.set("pass");
      await trial.followsAgain();
    },
  },
  slowCase,
  {
    what: "loses its connections again and again",
    needs: "link",
    run: async (trial) => {
      for (let n = 0; n < 20; n++) {
        trial.proxy.cut();
        // eslint-disable-next-line no-await-in-loop -- one after the other
        await trial.lasts(50);
      }
      await trial.followsAgain();
    },
  },
  ...datagramCases,
  ...fileCases,
  {
    what: "forgets the credentials",
    needs: "expireAuth",
    run: async (trial) => {
      await trial.registry.expireAuth?.();
      await trial.lasts(faultMs);
      await trial.followsAgain();
    },
  },
  {
    what: "is asked by a process whose clock jumps",
    run: async (trial) => {
      trial.clock.jump(3_600_000);
      await trial.lasts(300);
      trial.clock.jump(-7_200_000);
      await trial.lasts(300);
      await trial.followsAgain();
    },
  },
];

/** What is done to other ways of using a server that is met with all of the above. */
export const shortChaosCases: readonly ChaosCase[] = chaosCases.filter(({ isLong = false }) => !isLong);
