import { instance } from "../../consul/traffic.ts";
import type { AtEnd } from "../../consul/traffic.ts";
import type { RegistryUnderTest } from "../under-test.ts";

/** An instance of a trial, and what it answers: nobody else has that number. */
export interface TrialInstance {
  readonly host: string;
  readonly port: number;
  readonly answer: number;
}

/** Starts one; of those of one port, each has an address of its own that no other server of a test has. */
export async function startInstance(
  { instancePort }: RegistryUnderTest,
  number: number,
  atEnd: AtEnd,
): Promise<TrialInstance> {
  if (instancePort === undefined) {
    const port = await instance(atEnd);
    return { host: "127.0.0.1", port, answer: port };
  }
  const made = { host: `127.0.0.${11 + number}`, port: instancePort, answer: number };
  await instance(atEnd, made);
  return made;
}
