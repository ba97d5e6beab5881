/** The parent's end of a process full of clients. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { FarmAnswer, FarmOrder, FarmReport, FarmSettings } from './client-farm.ts';
import { withDeadline } from '../support/wait.ts';

const answerMsMax = 30_000;

export class FarmProcess {
  readonly recording: string;
  readonly userIds: readonly string[];
  readonly #child: ChildProcess;
  #onAnswer: ((answer: FarmAnswer) => void) | undefined;

  constructor(settings: FarmSettings) {
    this.recording = settings.recording;
    this.userIds = settings.clients.map(({ userId }) => userId);
    this.#child = fork(fileURLToPath(new URL('client-farm.js', import.meta.url)), {
      execArgv: ['--enable-source-maps'],
    });
    this.#child.on('message', (message) => {
      // Nobody else has the other end of the channel.
      this.#onAnswer?.(message as FarmAnswer);
    });
    this.#order({ order: 'start', settings });
  }

  /** These read nothing for a while. */
  pause(userIds: readonly string[], ms: number): void {
    this.#order({ order: 'pause', userIds, ms });
  }

  async report(): Promise<FarmReport> {
    const answer = await this.#ask({ order: 'report' });
    if (answer.answer !== 'report') throw new Error(`a farm answered "${answer.answer}"`);
    return answer.report;
  }

  /** Its clients end, and all that they wrote is in the file. */
  async stop(): Promise<void> {
    await this.#ask({ order: 'stop' });
    await this.kill();
  }

  /** Idempotent. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }

  /** One question at a time. */
  #ask(order: FarmOrder): Promise<FarmAnswer> {
    const answered = new Promise<FarmAnswer>((resolve) => {
      this.#onAnswer = resolve;
      this.#order(order);
    });
    const what = `a process of clients answers to "${order.order}"`;
    return withDeadline(answered, { what, deadlineMs: answerMsMax });
  }

  #order(order: FarmOrder): void {
    if (this.#child.connected) this.#child.send(order);
  }
}
