import { Readable } from "node:stream";

/** Whether a web stream was read from or cancelled, which the stream itself does not tell. */
export function isDisturbed(stream: object): boolean {
  // eslint-disable-next-line typescript/unbound-method -- it takes web streams, which its type does not say
  return Reflect.apply(Readable.isDisturbed, Readable, [stream]) === true;
}
