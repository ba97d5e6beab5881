/** One of several workers through all its processes: starts it, and again when it ended. */
import type { Clock } from '../clock.ts';
import type { GatewayConfig } from '../config.ts';
import { errorTable, GatewayError, type ErrorCode } from '../errors.ts';
import type { Logger } from '../telemetry/log.ts';
import type { ParentChannel, ToParent } from './channel.ts';
import { Restarts, type RestartSettings } from './restarts.ts';
import type { ForkWorker, WorkerProcess } from './worker-process.ts';

export interface WorkerSlotOptions {
  /** Counted from 1. */
  readonly worker: number;
  readonly config: GatewayConfig;
  readonly fork: ForkWorker;
  readonly clock: Pick<Clock, 'monotonicMs' | 'after'>;
  readonly log: Logger;
  readonly restarts: RestartSettings;
  /** How long a worker may take to listen, to stop and to drain, in ms; then it is killed. */
  readonly startMsMax: number;
  readonly stopMsMax: number;
  readonly drainMsMax: number;
  /** A new process runs; nothing was heard from it yet. */
  readonly onProcess: (channel: ParentChannel) => void;
  /** It asks for the pages of all workers, or has answered with its own. */
  readonly onHeard: (message: PageMessage, channel: ParentChannel) => void;
  /** It ended again and again, and is not started any more. */
  readonly onGivenUp: (error: Error) => void;
}

export type PageMessage = Extract<ToParent, { readonly kind: 'page' | 'pages' }>;

interface Life {
  readonly process: WorkerProcess;
  listeningSinceMs: number | undefined;
  failure: { readonly code: ErrorCode; readonly message: string } | undefined;
  cancelDeadline: () => void;
}

export class WorkerSlot {
  readonly #options: WorkerSlotOptions;
  readonly #log: Logger;
  readonly #restarts: Restarts;
  #life: Life | undefined;
  #cancelRestart: () => void = () => undefined;
  #isStopping = false;
  #onStopped: () => void = () => undefined;
  #onFirst:
    | { readonly resolve: (url: string) => void; readonly reject: (error: Error) => void }
    | undefined;
  /** Starts after the first one. */
  restartCount = 0;

  constructor(options: WorkerSlotOptions) {
    this.#options = options;
    this.#log = options.log.child({ worker: options.worker });
    this.#restarts = new Restarts(options.restarts);
  }

  /**
   * Resolves with the URL once the first process listens.
   * @throws GatewayError why it does not; it is not tried again then.
   */
  start(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#onFirst = { resolve, reject };
      this.#spawn();
    });
  }

  /** The channel to the worker while it listens. */
  get channel(): ParentChannel | undefined {
    return this.#life?.listeningSinceMs === undefined ? undefined : this.#life.process.channel;
  }

  /** Resolves when the process has ended, killed if it takes too long. */
  stop(): Promise<void> {
    return this.#end('stop', this.#options.stopMsMax);
  }

  /** The same after its clients were sent away one after the other. */
  drain(): Promise<void> {
    return this.#end('drain', this.#options.drainMsMax);
  }

  #end(kind: 'stop' | 'drain', msMax: number): Promise<void> {
    const life = this.#prepareStop();
    if (life === undefined) return Promise.resolve();
    const stopped = new Promise<void>((resolve) => {
      this.#onStopped = resolve;
    });
    life.cancelDeadline();
    life.cancelDeadline = this.#killAfter(life, msMax, kind);
    life.process.channel.say({ kind });
    return stopped;
  }

  /** Ends the process at once, and starts none any more. */
  kill(): void {
    this.#prepareStop()?.process.kill();
  }

  #prepareStop(): Life | undefined {
    this.#isStopping = true;
    this.#cancelRestart();
    return this.#life;
  }

  #spawn(): void {
    const { config, fork, onProcess, startMsMax, worker } = this.#options;
    const process = fork();
    const life: Life = {
      process,
      listeningSinceMs: undefined,
      failure: undefined,
      cancelDeadline: () => undefined,
    };
    life.cancelDeadline = this.#killAfter(life, startMsMax, 'start');
    this.#life = life;
    process.channel.onHeard((message) => this.#hear(message, life));
    process.onEnd((how) => this.#ended(life, how));
    onProcess(process.channel);
    process.channel.say({ kind: 'start', worker, config });
  }

  #killAfter(life: Life, delayMs: number, what: 'start' | 'stop' | 'drain'): () => void {
    return this.#options.clock.after(delayMs, () => {
      const reason = `it did not ${what} in time`;
      this.#log.error('Killing a worker', { reason, durationMs: delayMs, pid: life.process.pid });
      life.process.kill();
    });
  }

  #hear(message: ToParent, life: Life): void {
    switch (message.kind) {
      case 'listening':
        life.listeningSinceMs = this.#options.clock.monotonicMs();
        if (!this.#isStopping) life.cancelDeadline();
        this.#log.info('Worker listens', { nodeId: message.nodeId, pid: life.process.pid });
        this.#onFirst?.resolve(message.url);
        this.#onFirst = undefined;
        break;
      case 'failed':
        life.failure = message;
        break;
      case 'page':
      case 'pages':
        this.#options.onHeard(message, life.process.channel);
        break;
    }
  }

  #ended(life: Life, how: string): void {
    life.cancelDeadline();
    this.#life = undefined;
    const first = this.#onFirst;
    this.#onFirst = undefined;
    first?.reject(failureOf(life, this.#options.worker, how));
    if (this.#isStopping) this.#onStopped();
    else if (first === undefined) this.#restart(life, how);
  }

  #restart(life: Life, how: string): void {
    const { clock, onGivenUp, worker } = this.#options;
    const { failure, listeningSinceMs } = life;
    const delayMs = this.#restarts.next({
      listenedMs: listeningSinceMs === undefined ? 0 : clock.monotonicMs() - listeningSinceMs,
      isPassing: failure !== undefined && errorTable[failure.code].retry,
    });
    const fields = { pid: life.process.pid, reason: failure?.message ?? how };
    if (delayMs === undefined) {
      this.#log.error('Worker ended too often', fields);
      onGivenUp(failureOf(life, worker, `${how}, again and again`));
      return;
    }
    this.#log.error('Worker ended; starting it again', { ...fields, durationMs: delayMs });
    this.#cancelRestart = clock.after(delayMs, () => {
      this.restartCount += 1;
      this.#spawn();
    });
  }
}

function failureOf({ failure }: Life, worker: number, how: string): GatewayError {
  if (failure !== undefined) return new GatewayError(failure.code, failure.message);
  return new GatewayError('internal', `Worker ${worker} ended (${how}); see the log`);
}
