/**
 * How a node leaves the cluster: not ready any more, its clients sent away, what it was asked to do
 * finished, and stopped; all of it within `drainMs`.
 */
import type { Clock } from './clock.ts';
import { Drain, goingAwayReason, type DrainOptions } from './drain.ts';
import { GatewayError } from './errors.ts';
import { InFlight } from './in-flight.ts';
import type { Limits } from './limits.ts';
import type { Readiness } from './readiness.ts';
import type { Publisher } from './router/ports.ts';
import type { Logger } from './telemetry/log.ts';
import type { HttpResponse, TransportHandlers } from './transport/transport.ts';

export interface DepartureOptions extends Pick<
  DrainOptions,
  'connections' | 'handOver' | 'refuseUpgrades' | 'remaining'
> {
  readonly clock: Clock;
  readonly limits: Pick<Limits, 'drainDelayMs' | 'drainMs' | 'drainSpreadMs'>;
  readonly log: Logger;
  readonly readiness: Readiness;
  /** No TCP connections any more, and those that are left are closed with this reason. */
  readonly closeDoors: (reason: string) => void;
  /** TCP connections by which requests may come: all that are no WebSockets. */
  readonly plainConnections: () => number;
  readonly stop: () => Promise<void>;
}

/**
 * A balancer that keeps connections for its next requests sends one at any moment, also at that of the
 * end. It is given time to let idle ones go; those that are used end with their answer.
 */
const keepAliveMs = 5000;
const pollMs = 50;
/** Part of `drainMs` that is kept for the last steps: closing handshakes, bus and broker. */
const lastStepsMs = 1000;

export class Departure {
  readonly #options: DepartureOptions;
  readonly #inFlight: InFlight;
  readonly #drain: Drain;
  #isUnderWay = false;
  #isCancelled = false;

  constructor(options: DepartureOptions) {
    const { clock, connections, handOver, limits, refuseUpgrades, remaining } = options;
    const { drainDelayMs, drainMs, drainSpreadMs } = limits;
    const delayMs = Math.min(drainDelayMs, drainMs - lastStepsMs);
    const lastMs = drainMs - lastStepsMs - delayMs;
    this.#options = options;
    this.#inFlight = new InFlight(clock);
    this.#drain = new Drain({
      clock,
      random: Math.random,
      delayMs,
      spreadMs: Math.min(drainSpreadMs, lastMs),
      lastMs,
      handOver,
      refuseUpgrades,
      connections,
      remaining,
    });
  }

  /** @throws GatewayError `internal` when the node has not ended after `drainMs`. Call it once. */
  async run(): Promise<void> {
    const { clock, limits, log, readiness, remaining } = this.#options;
    const endsAtMs = clock.monotonicMs() + limits.drainMs;
    this.#isUnderWay = true;
    readiness.close();
    log.info('Draining', { count: remaining(), durationMs: limits.drainMs });
    await this.#drain.run();
    const leftMs = endsAtMs - clock.monotonicMs();
    await inTime(this.#finish(leftMs - lastStepsMs), leftMs, clock);
  }

  /** The node stops now. */
  cancel(): void {
    this.#isCancelled = true;
    this.#drain.cancel();
  }

  /** The same publisher; what goes through it is waited for. */
  publisher(publisher: Publisher): Publisher {
    return { publish: (publication) => this.#inFlight.track(publisher.publish(publication)) };
  }

  /** The same handler; what it does is waited for, and late answers end their connections. */
  onRequest(
    handle: (...request: Parameters<TransportHandlers['onRequest']>) => Promise<HttpResponse>,
  ): TransportHandlers['onRequest'] {
    return async (request) => {
      const answer = await this.#inFlight.track(handle(request));
      return this.#isUnderWay ? lastOfItsConnection(answer) : answer;
    };
  }

  /** What is in flight has so long to end. */
  async #finish(waitMs: number): Promise<void> {
    const { clock, closeDoors, log, stop } = this.#options;
    const endsAtMs = clock.monotonicMs() + waitMs;
    // Who waits at the door has just been let in, so that nobody is shut out who was connected.
    if (!this.#isCancelled) await new Promise<void>((resolve) => clock.afterTurn(resolve));
    closeDoors(goingAwayReason);
    await this.#lastRequests(Math.min(waitMs, keepAliveMs));
    await this.#inFlight.idle(endsAtMs - clock.monotonicMs());
    const { count } = this.#inFlight;
    if (count > 0) log.warn('Stopping before all requests and publishes have ended', { count });
    await stop();
  }

  /** Resolves when no request can come any more, or after `waitMs`. */
  async #lastRequests(waitMs: number): Promise<void> {
    const { clock, plainConnections } = this.#options;
    const endsAtMs = clock.monotonicMs() + waitMs;
    while (!this.#isCancelled && plainConnections() > 0 && clock.monotonicMs() < endsAtMs) {
      await new Promise<void>((resolve) => {
        clock.after(pollMs, resolve);
      });
    }
  }
}

/** The client takes another connection for its next request, and with it another node. */
function lastOfItsConnection(answer: HttpResponse): HttpResponse {
  return { ...answer, headers: { ...answer.headers, connection: 'close' } };
}

function inTime(work: Promise<void>, waitMs: number, clock: Clock): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(Math.max(0, waitMs), () => {
      reject(new GatewayError('internal', 'The node did not end within drainMs; see the log'));
    });
    void work.then(resolve, reject).finally(cancel);
  });
}
