/** A caller, as the model sees it. */
interface ModelCaller {
  readonly id: number;
  readonly deadline: number;
  outcome: string;
}

/** A call that is on its way: for one caller alone, or for several. */
interface ModelFlight {
  readonly key: string;
  readonly number: number;
  /** When its own time is over. */
  readonly end: number;
  readonly leader: ModelCaller | undefined;
  waiting: ModelCaller[];
  isShared: boolean;
}

/**
 * What coalescing of whole answers is to do, in the plainest words: a list of callers, a list of calls on their way, and a look at every
 * one of them at every step.
 */
export class CoalescingModel {
  now = 0;
  sent = 0;
  readonly callers: ModelCaller[] = [];
  /** In the order in which they were sent. */
  flights: ModelFlight[] = [];
  readonly #maxWaiters: number;
  readonly #maxFlights: number;

  constructor(maxWaiters: number, maxFlights: number) {
    this.#maxWaiters = maxWaiters;
    this.#maxFlights = maxFlights;
  }

  call(key: string, timeoutMs: number): void {
    const caller = { id: this.callers.length, deadline: this.now + timeoutMs, outcome: "waits" };
    this.callers.push(caller);
    this.#enter(key, caller);
  }

  cancel(id: number): void {
    const caller = this.callers[id];
    if (caller?.outcome !== "waits") return;
    caller.outcome = `cancelled ${id}`;
    this.#remove(caller);
  }

  answer(number: number, isCookie: boolean): void {
    const flight = this.flights.find((one) => one.number === number);
    if (flight === undefined) return;
    this.#end(flight);
    for (const caller of flight.waiting) {
      if (isCookie && caller !== flight.leader) this.#send("alone", caller, false);
      else caller.outcome = `answer ${number}`;
    }
  }

  fail(number: number): void {
    const flight = this.flights.find((one) => one.number === number);
    if (flight === undefined) return;
    this.#end(flight);
    for (const caller of flight.waiting) caller.outcome = `error ${number}`;
  }

  /** One millisecond at a time; of what ends in the same one the calls on their way come first, in the order they were sent. */
  wait(ms: number): void {
    for (let i = 0; i < ms; i++) {
      this.now++;
      for (const flight of this.flights) if (flight.end === this.now) this.#overdue(flight);
      for (const caller of this.callers) {
        if (caller.outcome !== "waits" || caller.deadline !== this.now) continue;
        caller.outcome = "overdue";
        this.#remove(caller);
      }
    }
  }

  #overdue(flight: ModelFlight): void {
    this.#end(flight);
    for (const caller of flight.waiting) {
      if (caller !== flight.leader && caller.deadline > this.now) this.#enter(flight.key, caller);
      else caller.outcome = "overdue";
    }
  }

  #enter(key: string, caller: ModelCaller): void {
    const flight = this.flights.find((one) => one.isShared && one.key === key);
    if (flight !== undefined && flight.waiting.length < this.#maxWaiters) flight.waiting.push(caller);
    else {
      const shared = this.flights.filter((one) => one.isShared).length;
      this.#send(key, caller, flight === undefined && shared < this.#maxFlights);
    }
  }

  #send(key: string, caller: ModelCaller, isShared: boolean): void {
    const number = this.sent++;
    this.flights.push({ key, number, end: caller.deadline, leader: caller, waiting: [caller], isShared });
  }

  #remove(caller: ModelCaller): void {
    for (const flight of this.flights) {
      if (!flight.waiting.includes(caller)) continue;
      flight.waiting = flight.waiting.filter((one) => one !== caller);
      if (flight.waiting.length === 0) this.#end(flight);
    }
  }

  #end(flight: ModelFlight): void {
    this.flights = this.flights.filter((one) => one !== flight);
  }
}
