import type { Choice } from "../state.ts";
import { formatCount } from "./format.ts";

/**
 * What there was beside the endpoint that was called. The call was over before the look: it may itself have closed what it called, so
 * nothing is said about what was open when it was chosen.
 */
export function lookText(choice: Choice): string {
  return `At the look after the call ${othersText(choice)}${calledText(choice)}.`;
}

/** What stands over the others that were closed: in a panic they may be chosen all the same. */
export function closedText({ panic }: Choice): string {
  return panic ? "Others that were closed:" : "Not to be chosen:";
}

function othersText({ othersOpen, panic }: Choice): string {
  if (panic) return "so few endpoints were open that closed ones were picked as well";
  if (othersOpen === 0) return "no other endpoint was open";
  return othersOpen === 1
    ? "one other endpoint was open"
    : `${formatCount(othersOpen)} other endpoints were open`;
}

function calledText({ chosen, closedFor }: Choice): string {
  if (chosen === undefined) return ", and the called one was gone";
  return closedFor === undefined ? "" : `, and the called one was closed: ${closedFor}`;
}
