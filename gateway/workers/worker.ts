/** One worker: runs a gateway for its parent until that says stop, or is gone. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Backplane } from '../../backplanes/backplane.ts';
import type { PortStreamStore } from '../../backplanes/memory/port-stream-store.ts';
import { configuredBackplane } from '../configured-backplane.ts';
import { systemClock } from '../clock.ts';
import { secretsOf, type GatewayConfig } from '../config.ts';
import { GatewayError } from '../errors.ts';
import { startGateway, type RunningGateway } from '../gateway.ts';
import { createLogger, type Logger } from '../telemetry/log.ts';
import type { MetricsPage } from '../telemetry/metrics.ts';
import type { ToWorker, WorkerChannel } from './channel.ts';
import { WorkerPages } from './worker-pages.ts';

export interface WorkerOptions {
  readonly channel: WorkerChannel;
  /** Takes complete lines of the log. */
  readonly write: (line: string) => void;
}

type Start = Extract<ToWorker, { readonly kind: 'start' }>;

type End =
  | { readonly kind: 'asked'; readonly reason: string; readonly drains: boolean }
  | { readonly kind: 'crash'; readonly error: unknown };

/** Longer than the parent takes to wait for the other workers. */
const pagesMsMax = 2000;
/** How long a gateway may take to stop after a failure. */
const crashStopMsMax = 5000;

export class Worker {
  readonly #options: WorkerOptions;
  readonly #pages: WorkerPages;
  readonly #started: Promise<Start | undefined>;
  readonly #ended: Promise<End>;
  #onStart: (start: Start | undefined) => void = () => undefined;
  #onEnd: (end: End) => void = () => undefined;
  #gateway: RunningGateway | undefined;

  constructor(options: WorkerOptions) {
    const { channel } = options;
    this.#options = options;
    this.#pages = new WorkerPages({ channel, clock: systemClock, answerMsMax: pagesMsMax });
    this.#started = new Promise((resolve) => {
      this.#onStart = resolve;
    });
    this.#ended = new Promise((resolve) => {
      this.#onEnd = resolve;
    });
    channel.onHeard((message) => this.#hear(message));
    channel.onClosed(() => this.stop('the parent process is gone'));
  }

  /** Resolves with the exit code. */
  async run(): Promise<number> {
    const start = await this.#started;
    if (start === undefined) return 1;
    const { config, worker } = start;
    const { logFormat: format, logLevel: level } = config;
    const secrets = secretsOf(config);
    const root = createLogger({ level, format, secrets, write: this.#options.write });
    const log = root.child({ worker });
    try {
      this.#gateway = await this.#startGateway(start, log);
    } catch (error) {
      await this.#sayFailed(error, log);
      return 1;
    }
    const { nodeId, url } = this.#gateway;
    this.#options.channel.say({ kind: 'listening', url, nodeId });
    return this.#serve(this.#gateway, log);
  }

  /** Ends it in order; before it has started as well. */
  stop(reason: string): void {
    this.#onStart(undefined);
    this.#onEnd({ kind: 'asked', reason, drains: false });
  }

  /** The same after its clients were sent away one after the other. */
  drain(reason: string): void {
    this.#onStart(undefined);
    this.#onEnd({ kind: 'asked', reason, drains: true });
  }

  /** An error that nothing handled. */
  crash(error: unknown): void {
    this.#onStart(undefined);
    this.#onEnd({ kind: 'crash', error });
  }

  async #serve(gateway: RunningGateway, log: Logger): Promise<number> {
    const end = await this.#ended;
    if (end.kind === 'asked') {
      log.info('Worker stops', { reason: end.reason });
      return end.drains ? this.#drain(gateway, log) : this.#stop(gateway);
    }
    log.error('Worker stops after an error that nothing handled', { error: end.error });
    try {
      // After a failure the state is unknown: stopping may never end.
      await Promise.race([gateway.stop(), sleep(crashStopMsMax)]);
    } catch (error) {
      log.error('Stopping failed', { error });
    }
    return 1;
  }

  async #stop(gateway: RunningGateway): Promise<number> {
    await gateway.stop();
    return 0;
  }

  async #drain(gateway: RunningGateway, log: Logger): Promise<number> {
    try {
      await gateway.drain();
      return 0;
    } catch (error) {
      log.error('Draining failed', { error });
      return 1;
    }
  }

  async #startGateway({ config, worker }: Start, log: Logger): Promise<RunningGateway> {
    const { backplane, isOfParent } = await this.#backplaneOf(config);
    return startGateway(config, {
      log,
      backplane,
      store: await this.#storeOf(config, isOfParent),
      worker: { number: worker, pages: (own) => this.#allPages(own) },
    });
  }

  /** The configured one, if it reaches the other workers; else the parent is the broker. */
  async #backplaneOf(
    config: GatewayConfig,
  ): Promise<{ readonly backplane: Backplane; readonly isOfParent: boolean }> {
    const configured = await configuredBackplane(config);
    if (configured.traits.crossesProcesses) return { backplane: configured, isOfParent: false };
    const { PortBackplane } = await import('../../backplanes/memory/port-backplane.ts');
    const answerTimeoutMs = config.limits.publishTimeoutMs;
    const { port } = this.#options.channel;
    return { backplane: new PortBackplane({ port, answerTimeoutMs }), isOfParent: true };
  }

  /** Streams in memory are kept by the parent, so that all workers see the same. */
  async #storeOf(
    config: GatewayConfig,
    publishesLive: boolean,
  ): Promise<PortStreamStore | undefined> {
    const url = config.streamStore ?? config.backplane;
    const hasStreams = Object.values(config.hubs).some(({ streams }) => streams.length > 0);
    if (!hasStreams || !url.toLowerCase().startsWith('memory:')) return undefined;
    const { PortStreamStore } = await import('../../backplanes/memory/port-stream-store.ts');
    const answerTimeoutMs = config.limits.publishTimeoutMs;
    const { streams: port } = this.#options.channel;
    return new PortStreamStore({ port, publishesLive, answerTimeoutMs });
  }

  async #allPages(own: () => Promise<MetricsPage>): Promise<readonly MetricsPage[]> {
    return (await this.#pages.ask()) ?? [await own()];
  }

  #hear(message: ToWorker): void {
    switch (message.kind) {
      case 'start':
        this.#onStart(message);
        break;
      case 'drain':
        this.drain('the parent says so');
        break;
      case 'stop':
        this.stop('the parent says so');
        break;
      case 'page':
        void this.#answerPage(message.id);
        break;
      case 'pages':
        this.#pages.receive(message.id, message.pages);
        break;
    }
  }

  async #answerPage(id: number): Promise<void> {
    const page = await this.#gateway?.metricsPage();
    if (page !== undefined) this.#options.channel.say({ kind: 'page', id, page });
  }

  #sayFailed(error: unknown, log: Logger): Promise<void> {
    const isKnown = error instanceof GatewayError;
    // What is known the parent tells by itself.
    if (!isKnown) log.error('Worker could not start', { error });
    const code = isKnown ? error.code : 'internal';
    const message = isKnown ? error.message : `A worker could not start: ${String(error)}`;
    return new Promise((resolve) => {
      this.#options.channel.say({ kind: 'failed', code, message }, resolve);
    });
  }
}
