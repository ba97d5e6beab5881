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
  readonly stop: () => Promise<void>;
}

/** Part of `drainMs` that is kept for the last steps: closing handshakes, bus and broker. */
const lastStepsMs = 1000;

export class Departure {
  readonly #options: DepartureOptions;
  readonly #inFlight: InFlight;
  readonly #drain: Drain;
  #isUnderWay = false;

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
    const { closeDoors, log, stop } = this.#options;
    closeDoors(goingAwayReason);
    await this.#inFlight.idle(waitMs);
    const { count } = this.#inFlight;
    if (count > 0) log.warn('Stopping before all requests and publishes have ended', { count });
    await stop();
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
