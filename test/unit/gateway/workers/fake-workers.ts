/** Workers that are no processes: the test says when they listen, answer and end. */
import type { ForkWorker } from '../../../../gateway/workers/worker-process.ts';
import type { ToParent, ToWorker } from '../../../../gateway/workers/channel.ts';

const deafPort = { post: () => undefined, onMessage: () => undefined, onClose: () => undefined };

export class FakeWorker {
  /** What the parent said. */
  readonly heard: ToWorker[] = [];
  wasKilled = false;
  #onHeard: (message: ToParent) => void = () => undefined;
  #onEnd: (how: string) => void = () => undefined;

  get fork(): ForkWorker {
    return () => ({
      pid: 1,
      channel: {
        say: (message) => void this.heard.push(message),
        onHeard: (listener) => {
          this.#onHeard = listener;
        },
        onClosed: () => undefined,
        port: deafPort,
        streams: deafPort,
      },
      kill: () => {
        this.wasKilled = true;
        this.end('SIGKILL');
      },
      onEnd: (listener) => {
        this.#onEnd = listener;
      },
    });
  }

  say(message: ToParent): void {
    this.#onHeard(message);
  }

  listen(): void {
    this.say({ kind: 'listening', url: 'http://127.0.0.1:1', nodeId: 'n' });
  }

  end(how: string): void {
    this.#onEnd(how);
  }
}

/** Time that passes when the test says so. */
export class FakeClock {
  #nowMs = 0;
  #timers: { readonly atMs: number; readonly callback: () => void }[] = [];

  monotonicMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  get timerCount(): number {
    return this.#timers.length;
  }

  pass(durationMs: number): void {
    this.#nowMs += durationMs;
    const due = this.#timers.filter(({ atMs }) => atMs <= this.#nowMs);
    this.#timers = this.#timers.filter(({ atMs }) => atMs > this.#nowMs);
    for (const { callback } of due) callback();
  }
}
