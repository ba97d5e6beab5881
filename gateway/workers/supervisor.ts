/**
 * Runs several workers on one port: one crashed worker is started again and the others go on. The
 * parent serves no client; it is the broker of workers that have no other.
 */
import type { PortBroker } from '../../backplanes/memory/port-broker.ts';
import { systemClock, type Clock } from '../clock.ts';
import type { GatewayConfig } from '../config.ts';
import type { Logger } from '../telemetry/log.ts';
import type { MetricSource } from '../telemetry/metric-source.ts';
import { Metrics } from '../telemetry/metrics.ts';
import { findSharedPort } from './listening-place.ts';
import { PageCollector } from './page-collector.ts';
import { defaultRestarts, type RestartSettings } from './restarts.ts';
import { forkWorker, type ForkWorker } from './worker-process.ts';
import { WorkerSlot } from './worker-slot.ts';

export interface WorkersOptions {
  readonly log: Logger;
  readonly fork?: ForkWorker;
  readonly clock?: Pick<Clock, 'monotonicMs' | 'after'>;
  readonly restarts?: RestartSettings;
}

export interface RunningWorkers {
  readonly url: string;
  /** Resolves with the reason when a worker was given up; the others run until `stop`. */
  readonly failed: Promise<Error>;
  /**
   * Lets every worker send its clients away; resolves when all have ended. Until then this process is
   * their broker. Idempotent.
   */
  drain(): Promise<void>;
  /** Lets every worker close its connections; resolves when all have ended. Idempotent. */
  stop(): Promise<void>;
  /** Ends every worker at once. */
  kill(): void;
}

const startMsMax = 60_000;
const stopMsMax = 20_000;
const pageMsMax = 1000;

/**
 * Resolves when all workers listen.
 * @throws GatewayError as `startGateway` does; nothing is left running then.
 */
export async function startWorkers(
  config: GatewayConfig,
  options: WorkersOptions,
): Promise<RunningWorkers> {
  const port = await findSharedPort(config.host, config.port);
  const { PortBroker } = await import('../../backplanes/memory/port-broker.ts');
  const supervisor = new Supervisor({ ...config, port }, new PortBroker(), options);
  await supervisor.start();
  return supervisor;
}

class Supervisor implements RunningWorkers {
  readonly failed: Promise<Error>;
  readonly #broker: PortBroker;
  readonly #slots: readonly WorkerSlot[];
  readonly #metrics = new Metrics({ worker: 'parent' });
  readonly #pages: PageCollector;
  #url = '';
  #fail: (error: Error) => void = () => undefined;
  #stopped: Promise<void> | undefined;

  constructor(config: GatewayConfig, broker: PortBroker, options: WorkersOptions) {
    const { clock = systemClock } = options;
    this.#broker = broker;
    this.failed = new Promise((resolve) => {
      this.#fail = resolve;
    });
    this.#pages = new PageCollector({
      workers: () => this.#slots.flatMap(({ channel }) => channel ?? []),
      ownPage: () => this.#metrics.page(),
      clock,
      answerMsMax: pageMsMax,
    });
    this.#slots = Array.from({ length: config.workers }, (_, index) =>
      this.#createSlot(index + 1, config, { ...options, clock }),
    );
    this.#metrics.addAll(this.#sources());
  }

  get url(): string {
    return this.#url;
  }

  async start(): Promise<void> {
    try {
      const [url = ''] = await Promise.all(this.#slots.map((slot) => slot.start()));
      this.#url = url;
    } catch (error) {
      this.kill();
      await this.stop();
      throw error;
    }
  }

  drain(): Promise<void> {
    this.#stopped ??= this.#ended(this.#slots.map((slot) => slot.drain()));
    return this.#stopped;
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#ended(this.#slots.map((slot) => slot.stop()));
    return this.#stopped;
  }

  async #ended(slots: readonly Promise<void>[]): Promise<void> {
    await Promise.all(slots);
    this.#metrics.close();
  }

  kill(): void {
    for (const slot of this.#slots) slot.kill();
  }

  #createSlot(
    worker: number,
    config: GatewayConfig,
    options: WorkersOptions & { readonly clock: Pick<Clock, 'monotonicMs' | 'after'> },
  ): WorkerSlot {
    const { clock, fork = forkWorker, log, restarts = defaultRestarts } = options;
    return new WorkerSlot({
      worker,
      config,
      clock,
      fork,
      log,
      restarts,
      startMsMax,
      stopMsMax,
      drainMsMax: config.limits.drainMs + stopMsMax,
      onProcess: (channel) => {
        this.#broker.attach(channel.port);
        this.#broker.attachStreams(channel.streams);
      },
      onHeard: (message, channel) => {
        const { id, kind } = message;
        if (kind === 'page') this.#pages.receive(id, message.page);
        else {
          void this.#pages.collect().then((pages) => channel.say({ kind: 'pages', id, pages }));
        }
      },
      onGivenUp: (error) => this.#fail(error),
    });
  }

  #sources(): readonly MetricSource[] {
    return [
      {
        name: 'trunkline_workers_listening',
        help: 'Workers that listen now.',
        type: 'gauge',
        read: () => [{ value: this.#slots.filter(({ channel }) => channel !== undefined).length }],
      },
      {
        name: 'trunkline_worker_restarts_total',
        help: 'Starts of workers after one has ended.',
        type: 'counter',
        read: () => [{ value: this.#slots.reduce((sum, slot) => sum + slot.restartCount, 0) }],
      },
      {
        name: 'trunkline_worker_queue_bytes',
        help: 'Bytes of envelopes that wait for workers in their parent.',
        type: 'gauge',
        read: () => [{ value: this.#broker.queuedBytes }],
      },
      {
        name: 'trunkline_worker_stream_bytes',
        help: 'What the entries of streams that the parent keeps cost in memory, about.',
        type: 'gauge',
        read: () => [{ value: this.#broker.streams.bytes }],
      },
      {
        name: 'trunkline_worker_stream_events_total',
        help: 'What the streams that the parent keeps count, by their own name for it.',
        type: 'counter',
        labelNames: ['event'],
        read: () =>
          Object.entries(this.#broker.streams.counters).map(([event, value]) => ({
            labels: { event },
            value,
          })),
      },
      {
        name: 'trunkline_worker_overflows_total',
        help: 'Times that the envelopes waiting for a slow worker were dropped.',
        type: 'counter',
        read: () => [{ value: this.#broker.overflows }],
      },
    ];
  }
}
